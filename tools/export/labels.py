#!/usr/bin/python3
"""Writes the 1000 ImageNet class names, as torchvision has them, as C++ string literals.

    tools/export/labels.py [FILE]        (default: src/explainer/imagenet_labels.inc of this repository)
"""
import sys

# Beside this file lies another one called torchvision.py, which would be imported instead.
sys.path.pop(0)

import json
import pathlib

from torchvision.models._meta import _IMAGENET_CATEGORIES

HEADER = """\
// Written by tools/export/labels.py: the ImageNet-1k class names in class order, one a line.
// Origin: torchvision (torchvision/models/_meta.py), licence BSD-3-Clause,
// Copyright (c) Soumith Chintala 2016.
"""


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "src/explainer/imagenet_labels.inc"
    assert len(_IMAGENET_CATEGORIES) == 1000
    # A JSON string of printable ASCII is a C++ string literal too.
    lines = [json.dumps(name) + ",\n" for name in _IMAGENET_CATEGORIES]
    path.write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main()
