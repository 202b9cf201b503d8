#!/usr/bin/python3
"""Trains a LeNet-like and a dense network on handwritten digits and writes the bundled examples.

    tools/digits/train.py [-o examples/digits] [--only lenet|dense] [--seed N]

Writes OUT/lenet.onnx and OUT/dense.onnx, each with its preprocessing and labels, and OUT/pictures, held-out digits. One
thread, so that the sums, and with them the files, are the same each time. Needs numpy, scikit-learn, Pillow and onnx.
"""
import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is there

import argparse
import json
import pathlib
import time

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
from PIL import Image

import data
import network

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/digits"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Black is −1, so that what is missing can speak: with black at 0 a pixel without ink has no share in any product.
PREPROCESS = {"channels": "RGB", "scale": 1 / 255, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
# What it is, how many times it sees each digit, and how far those are distorted.
NETWORKS = {"lenet": (network.lenet, 80, 1.0), "dense": (network.dense, 300, 0.7)}


# --- training -------------------------------------------------------------------------------------------------------

def probabilities(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def train(layers, pictures, classes, epochs, strength, args):
    rng = np.random.default_rng(args.seed)
    optimizer = network.Adam(layers)
    batches = -(-len(pictures) // args.batch)
    for epoch in range(epochs):
        start, loss = time.time(), 0.0
        for batch, chosen in enumerate(np.array_split(rng.permutation(len(pictures)), batches)):
            x = data.normalise(data.distort(rng, pictures[chosen], strength), PREPROCESS)
            p = probabilities(network.forward(layers, x))
            loss -= np.log(p[np.arange(len(p)), classes[chosen]]).sum()
            p[np.arange(len(p)), classes[chosen]] -= 1
            network.backward(layers, p / len(p))
            gradients = [g for layer in network.with_weights(layers) for g in layer.gradients]
            done = (epoch + batch / batches) / epochs
            optimizer.step(gradients, args.rate * 0.5 * (1 + np.cos(np.pi * done)))
        if epoch % 20 == 19:
            print(f"  epoch {epoch + 1}/{epochs}: loss {loss / len(pictures):.4f}, {time.time() - start:.1f} s", flush=True)


def quieten(layers, pictures):
    """A dense first layer starts from small weights where pictures hardly differ. The black around the digits would
    keep its random ones, which say nothing but show in a heatmap."""
    if isinstance(layers[0][1], network.Dense):
        spread = pictures.reshape(len(pictures), -1).std(axis=0).astype(np.float32)
        layers[0][1].weight *= spread / spread.max()


# --- the files ------------------------------------------------------------------------------------------------------

def node_of(name, layer, x, y):
    """The ONNX nodes of a layer and their weights."""
    weights = []
    if hasattr(layer, "weight"):
        weights = [onnx.numpy_helper.from_array(value, f"{name}.{part}")
                   for part, value in (("weight", layer.weight), ("bias", layer.bias))]
    inputs = [x] + [w.name for w in weights]
    if isinstance(layer, network.Conv):
        return onnx.helper.make_node("Conv", inputs, [y], name=name, kernel_shape=layer.weight.shape[2:]), weights
    if isinstance(layer, network.Dense):
        return onnx.helper.make_node("Gemm", inputs, [y], name=name, transB=1), weights
    if isinstance(layer, network.MaxPool):
        return onnx.helper.make_node("MaxPool", inputs, [y], name=name, kernel_shape=[2, 2], strides=[2, 2]), weights
    return onnx.helper.make_node("Relu", inputs, [y], name=name), weights


def graph_of(layers):
    nodes, weights, x, flat = [], [], "input", False
    for name, layer in layers:
        if isinstance(layer, network.Dense) and not flat:
            nodes.append(onnx.helper.make_node("Flatten", [x], ["flat"], name="flatten"))
            x, flat = "flat", True
        y = "logits" if (name, layer) == layers[-1] else name + ".out"
        node, values = node_of(name, layer, x, y)
        nodes.append(node)
        weights += values
        x = y
    shapes = [("input", ["N", 1, data.SIDE, data.SIDE]), ("logits", ["N", len(NAMES)])]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes]
    return onnx.helper.make_graph(nodes, "digits", ends[:1], ends[1:], weights)


def write_model(layers, path, wrong, count):
    model = onnx.helper.make_model(graph_of(layers), opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8,
                                   producer_name="tools/digits")
    onnx.helper.set_model_props(model, {
        "classes": str(len(NAMES)), "held_out_accuracy": f"{1 - len(wrong) / count:.4f}",
        "held_out_wrong": " ".join(f"{i:03d}" for i in wrong),
        "relprop.preprocess": json.dumps(PREPROCESS), "relprop.labels": "\n".join(NAMES)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    assert path.stat().st_size <= 300_000
    path.with_suffix(".preprocess.json").write_text(json.dumps(PREPROCESS) + "\n")
    path.with_suffix(".labels.txt").write_text("\n".join(NAMES) + "\n")


def layer_of(node, weights):
    """The layer that a node of the file is."""
    kind = {"Conv": network.Conv, "Gemm": network.Dense, "Relu": network.Relu, "MaxPool": network.MaxPool}[node.op_type]
    layer = kind.__new__(kind)
    if len(node.input) > 1:
        layer.weight, layer.bias = (weights[name] for name in node.input[1:])
    return layer


def verify(path, x, logits):
    """The network as the file has it gives the trained network's logits."""
    graph = onnx.load(str(path)).graph
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    layers = [(node.name, layer_of(node, weights)) for node in graph.node if node.op_type != "Flatten"]
    difference = np.abs(network.forward(layers, x) - logits).max()
    assert difference < 1e-4, difference
    print(f"  {path}: {path.stat().st_size} bytes, logits within {difference:.1e} of the trained network's")


def report(logits, classes):
    """Which are named wrongly."""
    named = logits.argmax(axis=1)
    wrong = np.flatnonzero(named != classes)
    count = len(classes)
    print(f"  held out: {count - len(wrong)} of {count} right, {1 - len(wrong) / count:.4f}; wrong: "
          + ", ".join(f"{i} ({classes[i]} taken for {named[i]})" for i in wrong))
    return wrong


def write_pictures(folder, pictures, classes):
    """The first three held-out digits of each class, whatever the networks say. Names: what it is, and its place."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for digit in range(len(NAMES)):
        for index in np.flatnonzero(classes == digit)[:3]:
            Image.fromarray(pictures[index]).save(folder / f"{digit}_{index:03d}.png", optimize=True)


def main():
    parser = argparse.ArgumentParser(description="trains the bundled networks for digits")
    parser.add_argument("-o", "--out", type=pathlib.Path, default=EXAMPLES)
    parser.add_argument("--only", choices=NETWORKS, help="one of the two, and no pictures")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    (pictures, classes), (others, wanted) = data.load()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, (build, epochs, strength) in NETWORKS.items():
        if args.only not in (None, name):
            continue
        print(f"{name}: {len(pictures)} digits for training, {len(others)} held out", flush=True)
        layers = build(np.random.default_rng(args.seed))
        quieten(layers, pictures)
        train(layers, pictures, classes, epochs, strength, args)
        x = data.normalise(others, PREPROCESS)
        logits = network.forward(layers, x)
        wrong = report(logits, wanted)
        path = args.out / f"{name}.onnx"
        write_model(layers, path, wrong, len(wanted))
        verify(path, x[:20], network.forward(layers, x[:20]))
    if args.only is None:
        write_pictures(args.out / "pictures", others, wanted)


if __name__ == "__main__":
    main()
