#!/usr/bin/env python3
"""Records what Pillow's Image.resize(BILINEAR) makes of synthetic pictures, as a C++ include file for the resize tests.

Usage: record.py OUTPUT.inc      (needs Pillow; written with 9.4, whose filter is the same since 2.7)

Pictures come from a linear congruential generator that the test runs too, so that only results are recorded.
"""

import sys

import PIL
from PIL import Image

# (seed, width, height, two_tone, [(result width, result height), ...])
CASES = [
    (1, 16, 12, False, [(5, 3), (31, 23), (16, 5), (7, 12), (1, 1), (16, 12)]),
    (2, 64, 48, False, [(20, 15), (33, 7), (63, 9)]),
    (3, 1, 1, False, [(4, 3)]),
    (4, 50, 37, False, [(13, 41), (50, 10)]),
    (5, 23, 17, True, [(9, 9), (40, 11), (22, 16)]),
    (6, 100, 2, True, [(3, 5)]),
    (7, 2, 200, False, [(3, 3)]),
]


def picture(seed, width, height, two_tone):
    """Noise; two-tone noise is 0 or 255 only, which makes rounding and clipping show."""
    state = seed
    pixels = bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        byte = state >> 24
        pixels.append((255 if byte >= 128 else 0) if two_tone else byte)
    return Image.frombytes("RGB", (width, height), bytes(pixels))


def rows():
    for seed, width, height, two_tone, sizes in CASES:
        image = picture(seed, width, height, two_tone)
        for size in sizes:
            result = image.resize(size, Image.Resampling.BILINEAR).tobytes().hex()
            text = "\n     ".join(f'"{result[i:i + 108]}"' for i in range(0, len(result), 108))
            tone = "true" if two_tone else "false"
            yield f"    {{{seed}, {width}, {height}, {tone}, {size[0]}, {size[1]},\n     {text}}},\n"


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write(f"// Made by tools/pillow/record.py with Pillow {PIL.__version__}; see there.\n")
        out.write("// seed, width, height, two-tone, result width, result height, result as hexadecimal RGB\n")
        out.writelines(rows())


if __name__ == "__main__":
    main()
