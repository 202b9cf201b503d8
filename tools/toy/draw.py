#!/usr/bin/env python3
"""Draws the network of docs/toy.md once for each method, neurons in the colours of their relevance.

    tools/toy/draw.py FOLDER FILE.svg

FOLDER: what `relprop explain examples/toy/toy.onnx examples/toy/input.npy --at hidden --at output --save npy` wrote.
"""
import ast
import pathlib
import struct
import sys

import toy

PANELS = (("input", "activations"), ("lrp-epsilon", "LRP, ε"), ("lrp-alpha2beta1", "LRP, α = 2, β = 1"),
          ("lrp-alpha1beta0", "LRP, α = 1, β = 0"), ("rap-first-none", "RAP"))
WIDTH, HEIGHT, RADIUS = 330, 250, 21
COLUMNS = 3
PLACES = ([(55, 55 + 55 * i) for i in range(4)], [(170, 95), (170, 180)], [(285, 137)])


def colour(value, most):
    """White at 0, red above, blue below."""
    share = min(abs(value) / most, 1) if most else 0
    faded = round(255 - 165 * share)
    return f"rgb(255,{faded},{faded})" if value > 0 else f"rgb({faded},{faded},255)"


def text_of(value):
    rounded = round(value, 2) + 0.0  # no −0
    return f"{rounded:g}".replace("-", "−")


def edges(left, right, weights):
    for j, row in enumerate(weights):
        for i, weight in enumerate(row):
            if weight == 0:
                continue
            (x1, y1), (x2, y2) = left[i], right[j]
            along = 0.3 + 0.35 * j if len(weights) > 1 else 0.4  # where no lines cross
            x, y = x1 + along * (x2 - x1), y1 + along * (y2 - y1)
            dashes = ' stroke-dasharray="5 3"' if weight < 0 else ""
            yield f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#666"{dashes}/>'
            yield f'<rect x="{x - 9:.1f}" y="{y - 8:.1f}" width="18" height="15" fill="white"/>'
            yield f'<text x="{x:.1f}" y="{y + 4:.1f}" class="small">{text_of(weight)}</text>'


def neurons(places, values, coloured):
    most = max(abs(v) for v in values)
    for (x, y), value in zip(places, values):
        fill = colour(value, most) if coloured else "white"
        yield f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="{fill}" stroke="black"/>'
        yield f'<text x="{x}" y="{y + 5}">{text_of(value)}</text>'


def panel(title, layers, coloured):
    yield f'<text x="{WIDTH / 2:g}" y="22" class="title">{title}</text>'
    yield from edges(PLACES[0], PLACES[1], toy.HIDDEN)
    yield from edges(PLACES[1], PLACES[2], toy.OUTPUT)
    for places, values in zip(PLACES, layers):
        yield from neurons(places, values, coloured)
    for i, (_, y) in enumerate(PLACES[0]):
        yield f'<text x="16" y="{y + 5}" class="small">x{"₁₂₃₄"[i]}</text>'


def read_npy(path):
    """The numbers of a file of float32 in version 1 of the format."""
    data = path.read_bytes()
    (size,) = struct.unpack("<H", data[8:10])
    assert data[:8] == b"\x93NUMPY\x01\0" and ast.literal_eval(data[10:10 + size].decode())["descr"] == "<f4"
    return [value for (value,) in struct.iter_unpack("<f", data[10 + size:])]


def relevance(folder, method):
    """Of inputs, hidden neurons and the output, as the program wrote it, without what the stabiliser takes."""
    files = [folder / f"input.{method}{part}.npy" for part in ("", ".hidden", ".output")]
    return [[round(value, 4) for value in read_npy(file)] for file in files]


def main():
    folder, target = map(pathlib.Path, sys.argv[1:3])
    rows = -(-len(PANELS) // COLUMNS)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * COLUMNS}" height="{HEIGHT * rows}" '
             'font-family="sans-serif" font-size="14" text-anchor="middle">',
             "<style>.small{font-size:12px;fill:#333}.title{font-weight:bold}</style>",
             '<rect width="100%" height="100%" fill="white"/>']
    for number, (method, title) in enumerate(PANELS):
        first = method == "input"
        layers = toy.activations() if first else relevance(folder, method)
        lines.append(f'<g transform="translate({number % COLUMNS * WIDTH} {number // COLUMNS * HEIGHT})">')
        lines += panel(title, layers, not first)
        lines.append("</g>")
    target.write_text("\n".join(lines + ["</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
