#!/usr/bin/python3
"""Writes the network of docs/toy.md, small enough to be redone by hand, and its input.

    tools/toy/make.py [-o examples/toy]

Four inputs, two hidden neurons with a ReLU, one output; no bias. Needs numpy and onnx.
"""
import argparse
import pathlib

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper

import toy

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/toy"


def network():
    weights = [onnx.numpy_helper.from_array(np.array(values, np.float32), name)
               for name, values in (("hidden.weight", toy.HIDDEN), ("output.weight", toy.OUTPUT))]
    nodes = [onnx.helper.make_node("Gemm", ["input", "hidden.weight"], ["z"], name="hidden", transB=1),
             onnx.helper.make_node("Relu", ["z"], ["h"], name="relu"),
             onnx.helper.make_node("Gemm", ["h", "output.weight"], ["f"], name="output", transB=1)]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", size])
            for name, size in (("input", 4), ("f", 1))]
    graph = onnx.helper.make_graph(nodes, "toy", ends[:1], ends[1:], weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8,
                                  producer_name="tools/toy")


def main():
    parser = argparse.ArgumentParser(description="the network of docs/toy.md")
    parser.add_argument("-o", "--out", type=pathlib.Path, default=EXAMPLES)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = network()
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(args.out / "toy.onnx"))
    np.save(args.out / "input.npy", np.array([toy.INPUT], np.float32))


if __name__ == "__main__":
    main()
