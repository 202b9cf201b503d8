#!/usr/bin/env python3
"""Records the class activation and perturbation maps of a tiny network, by autograd in double precision, as a C++ include
file for the tests.

Usage: record.py OUTPUT.inc      (needs torch and numpy; written with 1.13 and 1.24)

Weights and image come from a linear congruential generator that the test runs too, so that only results are recorded.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

STATE = 1


def draw(*shape, scale):
    """Numbers k/128 in [-1, 1), times a power of two: exact in float."""
    global STATE
    values = []
    for _ in range(int(np.prod(shape))):
        STATE = (STATE * 1664525 + 1013904223) % 2**32
        values.append(((STATE >> 24) - 128) / 128 * scale)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


IMAGE = draw(3, 12, 10, scale=1)
W1, B1 = draw(4, 3, 3, 3, scale=0.5), draw(4, scale=0.25)
W2, B2 = draw(6, 4, 3, 3, scale=0.5), draw(6, scale=0.25)
W2[3], B2[3] = 0, 0.25  # a constant channel
W3 = draw(3, 180, scale=0.25)
# What is asked: one class, and one class rather than another.
QUESTIONS = torch.tensor([[0, 1, 0], [-1, 0, 1]], dtype=torch.float64)


def features(x):
    return F.relu(F.conv2d(F.relu(F.conv2d(x, W1, B1, padding=1)), W2, B2, stride=2, padding=1))


def head(a):
    return a.flatten(1) @ W3.T


def scores(x):
    with torch.no_grad():
        return head(features(x[None]))[0]


def enlarged(a, size):
    return F.interpolate(a[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]


def layer(question):
    a = features(IMAGE[None]).detach().requires_grad_()
    (head(a)[0] @ question).backward()
    return a.detach()[0], a.grad[0]


def drawn(sum_over_channels):
    return enlarged(F.relu(sum_over_channels), (12, 10))


def grad_cam(question):
    a, g = layer(question)
    return drawn((g.mean((1, 2), keepdim=True) * a).sum(0))


def grad_cam_plus_plus(question):
    a, g = layer(question)
    denominator = 2 * g**2 + a.sum((1, 2), keepdim=True) * g**3
    alpha = torch.where(denominator != 0, g**2 / denominator, torch.zeros_like(g))
    return drawn(((alpha * F.relu(g)).sum((1, 2), keepdim=True) * a).sum(0))


def layer_cam(question):
    a, g = layer(question)
    return drawn((F.relu(g) * a).sum(0))


def score_cam(question):
    a, _ = layer(question)
    kept, weights = [], []
    for channel in a:
        if channel.min() == channel.max():
            continue
        mask = enlarged(channel, (12, 10))
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        kept.append(channel)
        weights.append(scores(IMAGE * mask) @ question)
    weights = torch.softmax(torch.stack(weights), 0)
    return drawn((weights[:, None, None] * torch.stack(kept)).sum(0))


def starts(extent, window, stride):
    return [*range(0, extent - window, stride), extent - window]


def occlusion(question, window, stride, cover):
    fall, count = torch.zeros(12, 10, dtype=torch.float64), torch.zeros(12, 10, dtype=torch.float64)
    for y in starts(12, window, stride):
        for x in starts(10, window, stride):
            covered = IMAGE.clone()
            covered[:, y : y + window, x : x + window] = cover
            fall[y : y + window, x : x + window] += (scores(IMAGE) - scores(covered)) @ question
            count[y : y + window, x : x + window] += 1
    return fall / count


def rise(question, samples, cells, p, seed):
    total = torch.zeros(12, 10, dtype=torch.float64)
    h, w = -(-12 // cells), -(-10 // cells)
    for sample in range(samples):
        # RandomState(n) starts the generator as std::mt19937(n) does.
        raw = np.random.RandomState((seed * 1000003 + sample) % 2**32)._bit_generator.random_raw(cells * cells + 2)
        uniform = (raw.astype(np.float64) + 0.5) / 2**32
        grid = torch.tensor((uniform[: cells * cells] < p).astype(np.float64)).reshape(cells, cells)
        top, left = int(uniform[-2] * h), int(uniform[-1] * w)
        mask = enlarged(grid, ((cells + 1) * h, (cells + 1) * w))[top : top + 12, left : left + 10]
        total += torch.softmax(scores(IMAGE * mask), 0) @ question * mask
    return total / (samples * p)


COVERS = {
    "zero": torch.zeros(3, 1, 1, dtype=torch.float64),
    "mean": IMAGE.mean((1, 2), keepdim=True),
    "black": torch.tensor([-1, -0.5, -2], dtype=torch.float64).reshape(3, 1, 1),
}
METHODS = {
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "layer-cam": layer_cam,
    "score-cam": score_cam,
    "occlusion": lambda q: occlusion(q, 1, 1, COVERS["zero"]),
    "occlusion:window=5,stride=3": lambda q: occlusion(q, 5, 3, COVERS["zero"]),
    "occlusion:window=4,fill=mean": lambda q: occlusion(q, 4, 2, COVERS["mean"]),
    "occlusion:window=3,stride=3,fill=black": lambda q: occlusion(q, 3, 3, COVERS["black"]),
    "rise:samples=5,cells=3,rng=7": lambda q: rise(q, 5, 3, 0.5, 7),
    "rise:samples=3,cells=5,p=0.25,rng=1": lambda q: rise(q, 3, 5, 0.25, 1),
}
SIZES = [((2, 3), (7, 5)), ((3, 2), (12, 10)), ((1, 1), (3, 2)), ((5, 4), (5, 4)), ((6, 5), (3, 2)), ((4, 1), (9, 3))]


def numbers(values):
    text = [f"{v:.8g}" for v in values.flatten().tolist()]
    return "\n     ".join(", ".join(text[i : i + 10]) + "," for i in range(0, len(text), 10)).rstrip(",")


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write(f"// Made by tools/cam/record.py with torch {torch.__version__}, numpy {np.__version__}; see there.\n")
        out.write("#ifdef RECORDED_MAPS  // method, question, map of 12x10\n")
        for name, method in METHODS.items():
            for k, question in enumerate(QUESTIONS):
                out.write(f'    {{"{name}", {k},\n    {{{numbers(method(question))}}}}},\n')
        out.write("#else  // h, w, H, W, values, the same enlarged\n")
        for small, large in SIZES:
            a = draw(*small, scale=1)
            out.write(f"    {{{small[0]}, {small[1]}, {large[0]}, {large[1]},\n    {{{numbers(a)}}},\n")
            out.write(f"    {{{numbers(enlarged(a, large))}}}}},\n")
        out.write("#endif\n")


if __name__ == "__main__":
    main()
