#!/usr/bin/python3
"""Writes the attributions of the bundled network that the tests hold every method to, computed in float64 by numpy.

    tools/reference/shapes.py [-o tests/reference]

OUT/shapes.npz: the picture as the network takes it, its logits, and each map; OUT/shapes.json: what each map is of, and
how far from it float32 may be. Needs numpy, onnx and Pillow; takes half a minute.

A map of all pixels is large, so it is stored as 1009 sums: element i is added, with a random sign, to sum i mod 1009.
Norms stay what they are on average: the relative error of the sums is that of the maps, and no element is left out.
"""
import argparse
import json
import pathlib

import numpy as np
from PIL import Image

import methods
from network import Network

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
REFERENCE = EXAMPLES.parent / "tests/reference"
PICTURE = "val_00006"
SUMS = 1009
# The pictures that patterns are estimated from: the one picture, times these.
PATTERN_FACTORS = [1, 0.75, 0.5, -1]

# Every method, with few samples, steps, channels and windows because the plain loops are held to it too; and what its
# keys can do.
ASKED = [
    "rap", "rap:bounds=range", "rap:batchnorm=pass", "rap:residual=symmetric,maxpool=average:2",
    "rap:identity_skip=off", "rap-signed", "rap-signed:batchnorm=pass", "rap-summary", "rap-summary:first=zbox",
    "rap:residual=gamma:0.25",
    "lrp-0", "lrp-0:residual=ratio", "lrp-epsilon", "lrp-epsilon:residual=ratio,epsilon=0.1,bias=spread",
    "lrp-zplus", "lrp-zplus:residual=ratio,bias=drop", "lrp-zplus:residual=ratio,bias=spread",
    "lrp-zplus:batchnorm=pass", "lrp-zplus:residual=symmetric,maxpool=average:2",
    "lrp-zplus:maxpool=average,first=wsquare", "lrp-zplus:maxpool=proportional,first=zbox,bounds=image",
    "lrp-zplus:identity_skip=off,seed=probability", "lrp-zplus:stabilizer=0.01",
    "lrp-zplus:noise=0.1,samples=2,rng=2",
    "lrp-alpha1beta0", "lrp-alpha2beta1", "lrp-alpha2beta1:alpha=3,residual=ratio",
    "lrp-gamma", "lrp-gamma:gamma=0.5,residual=ratio,seed=one",
    "epsilon-plus", "epsilon-plus-flat", "epsilon-alpha2beta1", "epsilon-alpha2beta1-flat", "epsilon-gamma-box",
    "lrp-resnet", "lrp-resnet:quantize=0", "lrp-resnet:quantize=0,residual=symmetric,identity_skip=off",
    "lrp-resnet:quantize=0,batchnorm=fold,maxpool=average:2",
    "attn-lrp", "attn-lrp:gamma=0.25,residual=ratio",
    "deep-taylor", "deep-taylor:bounds=image,residual=ratio", "taylor", "taylor:baseline=black", "sensitivity",
    "gradient", "gradient:batchnorm=pass,seed=probability", "gradient:sign=positive,normalize=on",
    "gradient:beta_smooth=10", "lrp-zplus:shifts=9,shift=5,maxpool=average", "grad-cam:shifts=4",
    "input-x-gradient", "guided-backprop", "deconvnet",
    "integrated-gradients:steps=8", "integrated-gradients:steps=5,rule=trapezoid,baseline=mean",
    "integrated-gradients:steps=4,rule=right,baseline=black",
    "smoothgrad:samples=4", "vargrad:samples=4,noise=0.05,rng=5",
    "deeplift", "deeplift:baseline=black", "gradient-shap:samples=4",
    "pattern-net", "pattern-attribution",
    "grad-cam", "grad-cam:layer=/block2/out/Relu", "guided-grad-cam",
    "guided-grad-cam:layer=/block2/out/Relu", "fullgrad", "fullgrad:rescale=off", "fullgrad:batchnorm=pass",
    "grad-cam++", "layer-cam", "layer-cam:layer=/block1/out/Relu",
    "hires-cam", "hires-cam:layer=/block1/out/Relu", "xgrad-cam", "xgrad-cam:layer=/block2/out/Relu", "eigen-cam",
    "eigen-cam:layer=/block1/out/Relu", "excitation-backprop", "excitation-backprop:layer=/block1/out/Relu",
    "contrastive-excitation-backprop", "guided-ig:steps=1", "guided-ig:steps=3,anchor=0", "blur-ig:steps=4", "blur-ig:steps=3,sigma=5",
    "score-cam:layer=/block1/out/Relu", "ablation-cam", "ablation-cam:layer=/block1/out/Relu",
    "occlusion:stride=12", "occlusion:window=32,stride=20,fill=mean", "occlusion:window=24,stride=24,fill=black",
    "rise:samples=8", "rise:samples=6,cells=5,p=0.25,rng=3",
    "lime:segments=20,samples=60", "lime:segments=9,samples=40,fill=blur,value=score,width=0.5,ridge=0.1,rng=2",
    "kernel-shap:segments=6,samples=70", "kernel-shap:segments=25,samples=90,fill=segment,compactness=20",
    "expected-gradients:samples=4", "xrai:steps=4,dilate=2", "xrai:regions=slic,steps=3,scales=3,least=1",
    "random", "random:rng=3",
]
# Of the class that comes second.
ASKED_OF_SECOND = ["rap", "lrp-zplus", "lrp-gamma", "gradient", "grad-cam", "rise:samples=8"]


def read_picture():
    """The network's input, and the lowest and highest value of each channel."""
    preprocess = json.loads((EXAMPLES / "model/shapes.preprocess.json").read_text())
    mean, std = (np.array(preprocess[key]).reshape(3, 1, 1) for key in ("mean", "std"))
    pixels = np.asarray(Image.open(EXAMPLES / f"pictures/JPEGImages/{PICTURE}.jpg")).transpose(2, 0, 1)
    normalised = [(v * preprocess["scale"] - mean) / std for v in (pixels, 0, 255)]
    return normalised[0].astype(np.float32), normalised[1:]


def case_in(dtype, image, bounds, target):
    networks = {name: Network(EXAMPLES / "model/shapes.onnx", name == "fold", dtype) for name in ("fold", "pass")}
    image = image.astype(dtype)
    patterns = methods.patterns(networks["fold"], [(image * f).astype(dtype) for f in PATTERN_FACTORS])
    return methods.Case(networks, image, target, [b.astype(dtype) for b in bounds], patterns)


def signed_sums(values):
    """RandomState(5489) draws what a std::mt19937 without a seed does."""
    signs = 1 - 2.0 * (np.random.RandomState(5489)._bit_generator.random_raw(values.size) >> 31)
    return np.bincount(np.arange(values.size) % SUMS, values.ravel() * signs, SUMS)


# --- is it right? -----------------------------------------------------------------------------------------------------

def check_conservation(case, maps):
    f, zero = case.score(case.image), case.score(np.zeros_like(case.image))
    black = case.score(methods.baseline_of(case, "black"))
    for text, total in [("rap", f), ("rap:bounds=range", f), ("rap:batchnorm=pass", f), ("rap-signed", f),
                        ("rap-signed:batchnorm=pass", f), ("rap:identity_skip=off", f),
                        ("deeplift", f - zero), ("deeplift:baseline=black", f - black)]:
        assert abs(maps[text].sum() - total) < 1e-9, (text, maps[text].sum(), total)
    for text in ("lrp-zplus:residual=ratio,bias=spread", "lrp-zplus:residual=ratio,bias=drop"):
        # Outputs whose inputs are all 0 have nobody to hand R on to.
        assert abs(maps[text].sum() / f - 1) < 1e-2, (text, maps[text].sum(), f)


def check_derivative(case, maps):
    """By differences of the score, along the gradient and along a random direction."""
    for direction in (maps["gradient"], methods.Random(0, 0).normal(case.image.size).reshape(case.image.shape)):
        step = 1e-6 * direction / np.linalg.norm(direction)
        slope = (case.score(case.image + step) - case.score(case.image - step)) / 2
        assert abs(slope - (maps["gradient"] * step).sum()) < 1e-6 * abs(slope) + 1e-13, slope


# --- the files --------------------------------------------------------------------------------------------------------

def tolerance(exact, rounded):
    """Ten times what this program itself strays when it computes in float32, at least 1e-5; two digits."""
    error = np.linalg.norm(rounded.astype(np.float64) - exact) / np.linalg.norm(exact)
    return float(f"{max(1e-5, 10 * error):.1e}")


def computed(cases, asked):
    """Maps of the first case by method, and entries of the list."""
    maps, entries = {}, []
    for text in asked:
        exact, rounded = (methods.explain(case, text) for case in cases)
        assert np.isfinite(exact).all() and exact.any(), text
        maps[text] = exact
        entries.append({"method": text, "target": int(cases[0].target), "sum": float(exact.sum()),
                        "tolerance": tolerance(exact, rounded)})
        print(f"{text}: tolerance {entries[-1]['tolerance']}", flush=True)
    return maps, entries


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=pathlib.Path, default=REFERENCE)
    out = parser.parse_args().out
    image, bounds = read_picture()
    logits = Network(EXAMPLES / "model/shapes.onnx", True).scores(image)
    arrays, entries = {"input": image[None], "logits": logits[None]}, []
    order = np.argsort(-logits)
    for target, asked in ((order[0], ASKED), (order[1], ASKED_OF_SECOND)):
        cases = [case_in(dtype, image, bounds, target) for dtype in (np.float64, np.float32)]
        maps, described = computed(cases, asked)
        if target == order[0]:
            check_conservation(cases[0], maps)
        check_derivative(cases[0], maps)
        for entry in described:
            entry["map"] = f"{len(entries):03}"
            arrays[entry["map"]] = signed_sums(maps[entry["method"]]).astype(np.float32)
            entries.append(entry)
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "shapes.npz", **arrays)
    lines = ",\n    ".join(json.dumps(e) for e in entries)
    (out / "shapes.json").write_text(f'{{"pattern_factors": {PATTERN_FACTORS}, "maps": [\n    {lines}]}}\n')


if __name__ == "__main__":
    main()
