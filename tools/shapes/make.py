#!/usr/bin/python3
"""Makes the "shapes" data set: one coloured, textured shape on a cluttered background, in Pascal VOC layout.

    tools/shapes/make.py -o DIR [--train N] [--val N] [--seed N]

Only the outline decides the class. Colours and textures of object, background and clutter are drawn from the same
distributions, and the clutter holds no complete shape of an object's size, so what a network can go by lies on the
object.
A picture depends on (seed, split, index) alone. Needs numpy and Pillow.
"""
import argparse
import pathlib

import numpy as np
from PIL import Image, ImageDraw

SIDE = 96
OVERSAMPLE = 4  # masks are drawn this much larger and averaged down
SPLITS = ("train", "val")
CLASSES = ("circle", "triangle", "square", "star", "ring", "cross", "crescent", "heart", "arrow", "hourglass")


# --- outlines: lists of (polygon, is it solid), about the origin, within radius 1 -----------------------------------

def arc(radius=1.0, centre=(0.0, 0.0), start=0.0, stop=2 * np.pi, steps=96):
    angles = np.linspace(start, stop, steps)
    return np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1)


def regular(corners):
    return arc(steps=corners + 1)[:-1]


def star():
    points = regular(10)
    points[1::2] *= 0.42
    return points


def cross(half=0.30, reach=0.95):
    arm = [(half, half), (reach, half), (reach, -half), (half, -half)]
    turn = np.array([[0, -1], [1, 0]])
    points, arms = np.array(arm), []
    for _ in range(4):
        arms.append(points[1:])
        points = points @ turn
    return np.concatenate(arms)


def crescent():
    # From one horn along the outside to the other, back along a circle of radius 0.8 moved to the right.
    shift, inner = 0.45, 0.80
    x = (1 - inner**2 + shift**2) / (2 * shift)
    outside = np.arctan2(np.sqrt(1 - x * x), x)
    inside = np.arctan2(np.sqrt(1 - x * x), x - shift)
    back = arc(inner, (shift, 0), 2 * np.pi - inside, inside)
    return np.concatenate([arc(1, (0, 0), outside, 2 * np.pi - outside), back])


def heart():
    t = np.linspace(0, 2 * np.pi, 96)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, -y - 2.5], axis=1) / 16.5


def arrow():
    upper = [(1.0, 0.0), (0.15, 0.68), (0.15, 0.24), (-0.95, 0.24)]
    return np.array(upper + [(x, -y) for x, y in reversed(upper[1:])])


def hourglass():
    return np.array([(-0.8, -0.6), (0.8, 0.6), (0.8, -0.6), (-0.8, 0.6)])


OUTLINES = {
    "circle": [(arc(), True)],
    "triangle": [(regular(3), True)],
    "square": [(regular(4), True)],
    "star": [(star(), True)],
    "ring": [(arc(), True), (arc(0.58), False)],
    "cross": [(cross(), True)],
    "crescent": [(crescent(), True)],
    "heart": [(heart(), True)],
    "arrow": [(arrow(), True)],
    "hourglass": [(hourglass(), True)],
}


def coverage(name, radius, centre, angle, squeeze):
    """How much of each pixel the shape covers, 0..1."""
    big = Image.new("L", (SIDE * OVERSAMPLE, SIDE * OVERSAMPLE))
    draw = ImageDraw.Draw(big)
    cos, sin = np.cos(angle), np.sin(angle)
    for points, solid in OUTLINES[name]:
        placed = (points * (radius, radius * squeeze)) @ np.array([[cos, sin], [-sin, cos]]) + centre
        draw.polygon([tuple(p) for p in placed * OVERSAMPLE], fill=255 if solid else 0)
    cells = np.asarray(big, np.float32).reshape(SIDE, OVERSAMPLE, SIDE, OVERSAMPLE)
    return cells.mean(axis=(1, 3)) / 255


# --- surfaces: SIDE×SIDE×3 colours in 0..255 ------------------------------------------------------------------------

def smooth_noise(rng, cells):
    """Noise of that many cells a side, brought up to SIDE, within 0..1."""
    coarse = Image.fromarray(rng.random((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.BICUBIC)).clip(0, 1)


def ramp(rng):
    """A coordinate across the picture in a random direction, in pixels."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def pattern(rng):
    """A grey pattern in 0..1: how the two colours of a surface mix."""
    along, across = ramp(rng)
    period = rng.uniform(5, 14)
    kind = rng.integers(6)
    if kind == 0:
        return np.zeros((SIDE, SIDE), np.float32)
    if kind == 1:
        return (along - along.min()) / np.ptp(along)
    if kind == 2:
        return 0.5 + 0.5 * np.clip(3 * np.sin(2 * np.pi * along / period), -1, 1)
    if kind == 3:
        waves = np.sin(2 * np.pi * along / period) * np.sin(2 * np.pi * across / period)
        return 0.5 + 0.5 * np.clip(4 * waves, -1, 1)
    if kind == 4:
        waves = np.sin(2 * np.pi * along / period) + np.sin(2 * np.pi * across / period)
        return np.clip(waves - 0.6, 0, 1)
    return smooth_noise(rng, int(rng.integers(5, 24)))


def surface(rng, base, spread):
    other = np.clip(base + rng.uniform(-spread, spread, 3), 0, 255)
    mix = pattern(rng)[..., None]
    return base * (1 - mix) + other * mix


def distinct_colour(rng, other, least=95):
    while True:
        colour = rng.uniform(0, 255, 3)
        if np.linalg.norm(colour - other) >= least:
            return colour


# --- pictures -------------------------------------------------------------------------------------------------------

def paint(picture, colours, alpha):
    picture += (colours - picture) * alpha[..., None]


def add_lines(rng, picture):
    for _ in range(rng.integers(0, 5)):
        big = Image.new("L", (2 * SIDE, 2 * SIDE))
        ends = rng.uniform(-20, 2 * SIDE + 20, 4)
        ImageDraw.Draw(big).line([tuple(ends[:2]), tuple(ends[2:])], fill=255, width=int(rng.integers(1, 6)))
        alpha = np.asarray(big.resize((SIDE, SIDE), Image.BOX), np.float32) / 255
        paint(picture, rng.uniform(0, 255, 3), alpha * rng.uniform(0.5, 1))


def add_blobs(rng, picture):
    """Soft-edged patches of no particular outline."""
    for _ in range(rng.integers(0, 3)):
        level = smooth_noise(rng, int(rng.integers(4, 9)))
        alpha = np.clip((level - rng.uniform(0.6, 0.8)) * 8, 0, 1)
        colour = rng.uniform(0, 255, 3)
        paint(picture, surface(rng, colour, 60), alpha * rng.uniform(0.4, 0.9))


def fragment(rng, keep_out):
    """Less than half of a small shape, clear of keep_out; None where the drawn place is taken."""
    centre, radius = rng.uniform(0, SIDE, 2), rng.uniform(7, 14)
    name = CLASSES[rng.integers(len(CLASSES))]
    alpha = coverage(name, radius, centre, rng.uniform(0, 2 * np.pi), 1)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    angle = rng.uniform(0, 2 * np.pi)
    alpha = alpha * ((x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle) > rng.uniform(0.1, 0.4) * radius)
    return None if (alpha * keep_out).any() else alpha


def add_fragments(rng, picture, keep_out):
    for _ in range(rng.integers(0, 6)):
        alpha = fragment(rng, keep_out)
        colour = rng.uniform(0, 255, 3)
        if alpha is not None:
            paint(picture, surface(rng, colour, 90), alpha)


def place(rng, name):
    """The shape's coverage, wholly inside the picture."""
    while True:
        radius = rng.uniform(16, 37)
        centre = rng.uniform(12, SIDE - 12, 2)
        alpha = coverage(name, radius, centre, rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1))
        rim = max(alpha[:2].max(), alpha[-2:].max(), alpha[:, :2].max(), alpha[:, -2:].max())
        if rim == 0:
            return alpha


def make_picture(seed, split, index):
    """(RGB picture, mask of 0 and 1, class name)."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    name = CLASSES[index % len(CLASSES)]
    alpha = place(rng, name)
    ground = rng.uniform(0, 255, 3)
    picture = surface(rng, ground, 70)
    add_blobs(rng, picture)
    add_lines(rng, picture)
    top, left, bottom, right = box_of(alpha > 0)
    keep_out = np.zeros((SIDE, SIDE), np.float32)
    keep_out[max(top - 2, 0):bottom + 2, max(left - 2, 0):right + 2] = 1
    add_fragments(rng, picture, keep_out)
    around = picture[alpha > 0].mean(axis=0)
    paint(picture, surface(rng, distinct_colour(rng, around), 90), alpha)
    picture += rng.normal(0, rng.uniform(0, 7), picture.shape)
    return picture.clip(0, 255).round().astype(np.uint8), (alpha >= 0.5).astype(np.uint8), name


def box_of(mask):
    """top, left, bottom, right; the last two exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


# --- Pascal VOC layout ----------------------------------------------------------------------------------------------

ANNOTATION = """\
<annotation>
  <folder>{folder}</folder>
  <filename>{stem}.jpg</filename>
  <size><width>{side}</width><height>{side}</height><depth>3</depth></size>
  <segmented>1</segmented>
  <object>
    <name>{name}</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>
  </object>
</annotation>
"""


def voc_palette():
    """VOC's own colours: the bits of the index, dealt in turn to the high bits of red, green and blue."""
    palette = []
    for index in range(256):
        colour = [0, 0, 0]
        for bit in range(8):
            colour[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
        palette += colour
    return palette


def annotation(folder, stem, name, mask):
    # VOC counts pixels from 1 and includes the last one.
    top, left, bottom, right = box_of(mask)
    return ANNOTATION.format(folder=folder, stem=stem, side=SIDE, name=name,
                             xmin=left + 1, ymin=top + 1, xmax=right, ymax=bottom)


def make_folders(root):
    for folder in ("JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Main", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True, exist_ok=True)


def write_sets(root, split, stems):
    text = "".join(stem + "\n" for stem in stems)
    for kind in ("Main", "Segmentation"):
        (root / "ImageSets" / kind / f"{split}.txt").write_text(text)


def write_picture(root, stem, picture, mask, name):
    Image.fromarray(picture).save(root / "JPEGImages" / f"{stem}.jpg", quality=95)
    indexed = Image.fromarray(mask * np.uint8(1 + CLASSES.index(name)), mode="P")
    indexed.putpalette(voc_palette())
    indexed.save(root / "SegmentationClass" / f"{stem}.png", optimize=True)
    (root / "Annotations" / f"{stem}.xml").write_text(annotation("shapes", stem, name, mask))


def make_split(root, seed, split, count):
    stems = [f"{split}_{index:05d}" for index in range(count)]
    for index, stem in enumerate(stems):
        write_picture(root, stem, *make_picture(seed, split, index))
    write_sets(root, split, stems)


def main():
    parser = argparse.ArgumentParser(description="the shapes data set, in Pascal VOC layout")
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True)
    parser.add_argument("--train", type=int, default=10000)
    parser.add_argument("--val", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    make_folders(args.out)
    make_split(args.out, args.seed, "train", args.train)
    make_split(args.out, args.seed, "val", args.val)


if __name__ == "__main__":
    main()
