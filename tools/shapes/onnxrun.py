"""Runs the few ONNX operators that train.py's network exports to, with torch's functions, attribute by attribute as
the file has them: an export that lost or changed something gives other logits."""
import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as F


def symmetric(pads):
    half = len(pads) // 2
    assert pads[:half] == pads[half:], "asymmetric padding"
    return pads[:half]


def conv(a, x, weight, bias=None):
    return F.conv2d(x, weight, bias, a["strides"], symmetric(a["pads"]), a["dilations"], a["group"])


def batch_norm(a, x, scale, shift, mean, variance):
    assert not a.get("training_mode", 0)
    return F.batch_norm(x, mean, variance, scale, shift, False, 0, a["epsilon"])


def max_pool(a, x):
    return F.max_pool2d(x, a["kernel_shape"], a["strides"], symmetric(a["pads"]), ceil_mode=bool(a.get("ceil_mode", 0)))


def gemm(a, x, weight, bias):
    assert a["alpha"] == a["beta"] == 1 and not a.get("transA", 0)
    return x @ (weight.T if a["transB"] else weight) + bias


OPERATORS = {
    "Conv": conv,
    "BatchNormalization": batch_norm,
    "Relu": lambda a, x: F.relu(x),
    "MaxPool": max_pool,
    "Add": lambda a, x, y: x + y,
    "GlobalAveragePool": lambda a, x: x.mean(dim=(2, 3), keepdim=True),
    "Flatten": lambda a, x: x.flatten(a["axis"]),
    "Gemm": gemm,
}


def run(path, images):
    graph = onnx.load(str(path)).graph
    values = {t.name: torch.from_numpy(np.array(onnx.numpy_helper.to_array(t))) for t in graph.initializer}
    values[graph.input[0].name] = images
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        inputs = [values[name] for name in node.input]
        values[node.output[0]] = OPERATORS[node.op_type](attributes, *inputs)
    return values[graph.output[0].name]
