#!/usr/bin/python3
"""Exports torchvision networks with seeded random weights to ONNX, for tests and benchmarks that need real
architectures but no trained weights.

    tools/export/torchvision.py vgg16 resnet50 inception_v3 -o DIR [--batchnorm keep|fold] [--side N] [--reference]

Writes DIR/X.onnx (symbolic batch "N") and DIR/X.preprocess.json; with --reference also what torch computes in double
precision for two pictures of noise: DIR/X.input.npy, X.logits.npy, X.gradient.npy (of the largest logit by the input)
and X.kinks.npy (by how much rounding errors alone change each picture's gradient). "all" as a name stands for the whole catalogue. Needs torch, torchvision and onnx.
"""
import sys

# This file is called torchvision.py: with its own folder on the path, `import torchvision` would find this file.
sys.path.pop(0)

import argparse
import copy
import json
import pathlib

import numpy
import onnx
import torch
import torchvision

PREPROCESS = {
    "channels": "RGB",
    "scale": 1 / 255,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


CATALOGUE = (
    "alexnet vgg11 vgg11_bn vgg16 resnet18 resnet50 resnext50_32x4d wide_resnet50_2 densenet121 googlenet inception_v3 "
    "squeezenet1_0 squeezenet1_1 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small shufflenet_v2_x1_0 mnasnet1_0 "
    "efficientnet_b0 efficientnet_v2_s regnet_y_400mf regnet_x_400mf convnext_tiny vit_b_16").split()
SMALLEST_SIDE = {"inception_v3": 96}


def input_side(name, wanted):
    if wanted is None:
        return 299 if name == "inception_v3" else 224
    return max(wanted, SMALLEST_SIDE.get(name, 1))


def build(name, side):
    extra = {}
    if name in ("inception_v3", "googlenet"):  # one plain output; their own initialisation takes minutes
        extra = dict(aux_logits=False, transform_input=False, init_weights=False)
    if name.startswith("vit_"):
        extra = dict(image_size=side)
    model = getattr(torchvision.models, name)(weights=None, **extra)
    if name == "alexnet" or name.startswith("vgg"):
        fit_classifier(model, side)
    return model


def fit_classifier(model, side):
    """AlexNet and VGG spread smaller maps over their classifier's window, for which ONNX has no operator: their first
    dense layer is made to fit instead."""
    with torch.no_grad():
        features = model.features(torch.zeros(1, 3, side, side)).numel()
    index = next(i for i, m in enumerate(model.classifier) if isinstance(m, torch.nn.Linear))
    if model.classifier[index].in_features != features:
        model.avgpool = torch.nn.Identity()
        model.classifier[index] = torch.nn.Linear(features, model.classifier[index].out_features)


def noise_pictures(count, side, generator):
    """Noise on several scales, roughly standardised: closer to a normalised photograph than white noise."""
    total = torch.zeros(count, 3, side, side)
    for cells in (2, 6, 20, 70):
        coarse = torch.randn(count, 3, cells, cells, generator=generator)
        total += torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)
    return total / 1.5


def noise(like, generator):
    return torch.randn(like.shape, generator=generator)


def perturb(model, generator):
    """Biases start at 0, norms and LayerScales at values that no trained network has: move them off those. Linear
    weights get a scale that keeps the signal's; some start so small that the biases would decide."""
    norms = (torch.nn.BatchNorm2d, torch.nn.LayerNorm)
    linear = (torch.nn.Conv2d, torch.nn.Linear)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, linear):
                module.weight.copy_((2 / module.weight[0].numel()) ** 0.5 * noise(module.weight, generator))
                if module.bias is not None:
                    module.bias.copy_(0.05 * noise(module.bias, generator))
            elif isinstance(module, norms):
                module.weight.copy_(0.5 + torch.rand(module.weight.shape, generator=generator))
                module.bias.copy_(0.1 * noise(module.bias, generator))
        for name, parameter in model.named_parameters():
            if name.endswith("layer_scale"):
                parameter.copy_(0.2 + 0.3 * torch.rand(parameter.shape, generator=generator))
            elif name.endswith("in_proj_weight"):  # attention that prefers some tokens
                parameter.copy_(1.5 / parameter.shape[1] ** 0.5 * noise(parameter, generator))
            elif name.endswith("in_proj_bias"):
                parameter.copy_(0.05 * noise(parameter, generator))
            elif name.endswith(("class_token", "pos_embedding")):
                parameter.copy_(0.3 * noise(parameter, generator))


def settle_batchnorm(model, side, generator):
    """Running statistics from a few batches, so that activations keep a healthy scale in eval mode."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    model.eval()
    for norm in norms:
        norm.momentum = None  # plain average over the batches
        norm.train()
    if norms:
        with torch.no_grad():
            for _ in range(3):
                model(noise_pictures(16 if side < 150 else 4, side, generator))
    model.eval()


def avoid_fused_attention(model):
    """In eval mode torch runs attention as one operator that has no ONNX form; without dropout, training mode computes
    the same."""
    for module in model.modules():
        if isinstance(module, torch.nn.MultiheadAttention):
            assert module.dropout == 0
            module.training = True


def export(model, side, path, keep_batchnorm, opset):
    # TrainingMode.EVAL merges every BatchNorm into the convolution before it; PRESERVE leaves them, and as the
    # model is in eval mode they are exported as inference nodes all the same.
    mode = torch.onnx.TrainingMode.PRESERVE if keep_batchnorm else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(
        model, torch.zeros(1, 3, side, side), str(path), training=mode, opset_version=opset,
        do_constant_folding=not keep_batchnorm, input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    onnx.checker.check_model(str(path))


def summary(path):
    ops = [node.op_type for node in onnx.load(str(path)).graph.node]
    counts = ", ".join(f"{op} {ops.count(op)}" for op in sorted(set(ops)))
    return f"{path.name}: {path.stat().st_size / 1e6:.1f} MB; {counts}"


def save(path, tensor):
    numpy.save(str(path), tensor.detach().to(torch.float32).numpy())


def gradient_of(model, pictures):
    pictures = pictures.detach().clone().requires_grad_()
    gradient, = torch.autograd.grad(model(pictures).max(1).values.sum(), pictures)
    return gradient.double()


def rounded(model, generator):
    """The model in double precision with weights as far off as single precision's rounding errors add up to."""
    model = copy.deepcopy(model).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + 1e-6 * noise(parameter, generator))
    return model


def kinks(models, pictures):
    """How much rounding changes each picture's gradient: a ReLU whose input is 0 but for rounding has one derivative
    here and another there. Of the models the first is exact."""
    gradient, *others = [gradient_of(model, pictures.double()).flatten(1) for model in models]
    return torch.stack([(other - gradient).norm(dim=1) / gradient.norm(dim=1) for other in others]).max(0).values


def least_kinked(model, side, count, generator, enough=5e-5, tries=4):
    """Pictures whose gradient means the same in single and in double precision, as far as there are any."""
    models = [copy.deepcopy(model).double()] + [rounded(model, generator) for _ in range(3)]
    pictures, changes = torch.zeros(0, 3, side, side), torch.zeros(0, dtype=torch.float64)
    while len(pictures) < 4 * tries and (changes < enough).sum() < count:
        more = noise_pictures(4, side, generator)
        pictures = torch.cat([pictures, more])
        changes = torch.cat([changes, kinks(models, more)])
    best = changes.argsort()[:count]
    return pictures[best], changes[best]


def write_reference(model, pictures, changes, out, name):
    """In double precision: what is compared with it computes in single precision."""
    save(out / f"{name}.kinks.npy", changes)
    pictures = pictures.double()
    model.double()
    with torch.no_grad():
        logits = model(pictures)
    save(out / f"{name}.input.npy", pictures)
    save(out / f"{name}.logits.npy", logits)
    save(out / f"{name}.gradient.npy", gradient_of(model, pictures))


def run(name, args):
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    side = input_side(name, args.side)
    model = build(name, side)
    perturb(model, generator)
    settle_batchnorm(model, side, generator)
    avoid_fused_attention(model)
    pictures, changes = noise_pictures(2, side, generator), None
    if args.reference:
        pictures, changes = least_kinked(model, side, 2, generator)
    with torch.no_grad():
        logits = model(pictures)
    path = args.out / f"{name}.onnx"
    export(model, side, path, args.batchnorm == "keep", args.opset)
    (args.out / f"{name}.preprocess.json").write_text(json.dumps(PREPROCESS) + "\n")
    if args.reference:
        write_reference(model, pictures, changes, args.out, name)
    print(f"{summary(path)}; logits of noise: std {logits.std():.3g}, classes {logits.argmax(1).tolist()}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="torchvision networks with random weights, as ONNX")
    parser.add_argument("models", nargs="+", help="torchvision.models names, e.g. vgg16 resnet50 inception_v3; or all")
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True)
    parser.add_argument("--batchnorm", choices=("keep", "fold"), default="keep")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, help="height and width of the input, or as little as the network takes")
    parser.add_argument("--opset", type=int, default=13)
    parser.add_argument("--reference", action="store_true", help="write input, logits and gradient as .npy")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in CATALOGUE if args.models == ["all"] else args.models:
        run(name, args)


if __name__ == "__main__":
    main()
