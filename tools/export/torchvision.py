#!/usr/bin/python3
"""Exports torchvision networks with seeded random weights to ONNX, for tests and benchmarks that need real
architectures but no trained weights.

    tools/export/torchvision.py vgg16 resnet50 inception_v3 -o DIR [--batchnorm keep|fold] [--seed N]

Writes DIR/X.onnx (opset 13, symbolic batch "N") and DIR/X.preprocess.json. Needs torch, torchvision and onnx.
"""
import sys

# This file is called torchvision.py: with its own folder on the path, `import torchvision` would find this file.
sys.path.pop(0)

import argparse
import json
import pathlib

import onnx
import torch
import torchvision

PREPROCESS = {
    "channels": "RGB",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def input_side(name):
    return 299 if name == "inception_v3" else 224


def build(name):
    extra = {}
    if name in ("inception_v3", "googlenet"):  # one plain output; their own initialisation takes minutes
        extra = dict(aux_logits=False, transform_input=False, init_weights=False)
    return getattr(torchvision.models, name)(weights=None, **extra)


def noise_pictures(count, side, generator):
    """Noise on several scales, roughly standardised: closer to a normalised photograph than white noise."""
    total = torch.zeros(count, 3, side, side)
    for cells in (2, 6, 20, 70):
        coarse = torch.randn(count, 3, cells, cells, generator=generator)
        total += torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)
    return total / 1.5


def perturb(model, generator):
    """Biases start at 0 and BatchNorm scales at 1; trained networks have neither, so move them off those values.
    Linear weights start so small that the biases would decide; they get a scale that keeps the signal's."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                scale = (2 / module.in_features) ** 0.5
                module.weight.copy_(scale * torch.randn(module.weight.shape, generator=generator))
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.copy_(0.5 + torch.rand(module.weight.shape, generator=generator))
                module.bias.copy_(0.1 * torch.randn(module.bias.shape, generator=generator))
            elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)) and module.bias is not None:
                module.bias.copy_(0.05 * torch.randn(module.bias.shape, generator=generator))


def settle_batchnorm(model, side, generator):
    """Running statistics from a few batches, so that activations keep a healthy scale in eval mode."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # plain average over the batches
    if norms:
        model.train()
        with torch.no_grad():
            for _ in range(3):
                model(noise_pictures(4, side, generator))


def export(model, side, path, keep_batchnorm):
    # TrainingMode.EVAL merges every BatchNorm into the convolution before it; PRESERVE leaves them, and as the
    # model is in eval mode they are exported as inference nodes all the same.
    mode = torch.onnx.TrainingMode.PRESERVE if keep_batchnorm else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(
        model, torch.zeros(1, 3, side, side), str(path), training=mode, opset_version=13,
        do_constant_folding=not keep_batchnorm, input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    onnx.checker.check_model(str(path))


def summary(path):
    ops = [node.op_type for node in onnx.load(str(path)).graph.node]
    counts = ", ".join(f"{op} {ops.count(op)}" for op in sorted(set(ops)))
    return f"{path.name}: {path.stat().st_size / 1e6:.1f} MB; {counts}"


def run(name, out, keep_batchnorm, seed):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    side = input_side(name)
    model = build(name)
    perturb(model, generator)
    settle_batchnorm(model, side, generator)
    model.eval()
    with torch.no_grad():
        logits = model(noise_pictures(2, side, generator))
    path = out / f"{name}.onnx"
    export(model, side, path, keep_batchnorm)
    (out / f"{name}.preprocess.json").write_text(json.dumps(PREPROCESS) + "\n")
    print(f"{summary(path)}; logits of noise: std {logits.std():.3g}, classes {logits.argmax(1).tolist()}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="torchvision networks with random weights, as ONNX")
    parser.add_argument("models", nargs="+", help="torchvision.models names, e.g. vgg16 resnet50 inception_v3")
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True)
    parser.add_argument("--batchnorm", choices=("keep", "fold"), default="keep")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.models:
        run(name, args.out, args.batchnorm == "keep", args.seed)


if __name__ == "__main__":
    main()
