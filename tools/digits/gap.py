#!/usr/bin/python3
"""How often the gap of a 3 speaks for the 3 and against a 9, over all held-out threes: the table of docs/digits.md.

    tools/digits/gap.py [--relprop PROGRAM]

The gap: left and above the middle, where the mean of the training nines is bright and the picture is dark. Needs numpy,
scikit-learn and Pillow.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
from PIL import Image

import data

TOP = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("lrp-epsilon", "lrp-gamma", "lrp-alpha2beta1", "epsilon-plus", "lrp-zplus", "rap")


def shares(program, network, method, threes, work):
    """Of each three the gap's share of Σ|R|, explained as 3 and as 9."""
    out = work / network / method
    subprocess.run([program, "explain", TOP / f"examples/digits/{network}.onnx", work / "threes", "-m", method,
                    "--target", "3,9", "--save", "npy", "--quiet", "--out", out], check=True)
    maps = [np.load(out / f"{i}.{method}.npy")[:, 0].astype(float) for i, _ in threes]
    return np.array([[r[gap].sum() / np.abs(r).sum() for r in pair] for pair, (_, gap) in zip(maps, threes)])


def main():
    parser = argparse.ArgumentParser(description="how often the gap of a 3 speaks against a 9")
    parser.add_argument("--relprop", default=str(TOP / "build/release/relprop"))
    args = parser.parse_args()
    (pictures, classes), (others, wanted) = data.load()
    bright = pictures[classes == 9].mean(axis=0) > 110
    bright[15:], bright[:, 14:] = False, False
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        (work / "threes").mkdir()
        threes = [(i, bright & (others[i] < 64)) for i in np.flatnonzero(wanted == 3)]
        for i, _ in threes:
            Image.fromarray(others[i]).save(work / f"threes/{i}.png")
        print(f"{len(threes)} threes, gaps of {np.mean([gap.sum() for _, gap in threes]):.1f} pixels on average")
        for network in ("dense", "lenet"):
            for method in METHODS:
                s = shares(args.relprop, network, method, threes, work)
                print(f"| {network} | `{method}` | {(s[:, 0] > 0).sum()} | {(s[:, 1] < 0).sum()} |", flush=True)


if __name__ == "__main__":
    main()
