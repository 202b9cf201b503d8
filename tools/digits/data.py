"""Handwritten digits of 28×28 pixels, white on black, from the 8×8 ones that scikit-learn brings along."""
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE = 28
INNER = 20  # the digit itself, as in MNIST
HELD_OUT = 500


def enlarge(small):
    """8×8 values of 0..1, as bytes of SIDE×SIDE: enlarged smoothly, strokes made crisp again, black around."""
    smooth = np.asarray(Image.fromarray(small).resize((INNER, INNER), Image.BICUBIC))
    crisp = np.clip((smooth - 0.5) * 2.2 + 0.5, 0, 1)
    around = (SIDE - INNER) // 2
    return np.pad((crisp * 255).round().astype(np.uint8), around)


def load():
    """(pictures, classes) for training, and those held out, drawn by lot: hands are the same in both (13 people wrote
    all of them)."""
    digits = load_digits()
    pictures = np.stack([enlarge(small.astype(np.float32) / 16) for small in digits.images])
    held_out = np.zeros(len(pictures), bool)
    held_out[np.random.default_rng(1).permutation(len(pictures))[:HELD_OUT]] = True
    return (pictures[~held_out], digits.target[~held_out]), (pictures[held_out], digits.target[held_out])


def normalise(pictures, preprocess):
    values = pictures.astype(np.float32) * np.float32(preprocess["scale"])
    return ((values - np.float32(preprocess["mean"][0])) / np.float32(preprocess["std"][0]))[:, None]


def smooth_field(rng, count, cells, reach):
    """Random displacements of up to about `reach` pixels that change slowly over the picture, count×2×SIDE×SIDE."""
    coarse = rng.uniform(-reach, reach, (count, 2, cells, cells)).astype(np.float32)
    at = np.linspace(0, cells - 1, SIDE)
    low = np.minimum(at.astype(int), cells - 2)
    mix = np.zeros((SIDE, cells), np.float32)
    mix[np.arange(SIDE), low] = 1 - (at - low)
    mix[np.arange(SIDE), low + 1] = at - low
    return mix @ coarse @ mix.T


def sample(pictures, y, x):
    """Bilinear, black outside."""
    wide = SIDE + 3
    padded = np.pad(pictures.astype(np.float32), ((0, 0), (1, 2), (1, 2))).reshape(-1)
    y, x = np.clip(y + 1, 0, SIDE + 1), np.clip(x + 1, 0, SIDE + 1)
    top, left = y.astype(np.int32), x.astype(np.int32)
    down, right = y - np.floor(y), x - np.floor(x)
    at = top * wide + left + (np.arange(len(pictures), dtype=np.int32) * wide * wide)[:, None, None]
    upper = padded[at] * (1 - right) + padded[at + 1] * right
    lower = padded[at + wide] * (1 - right) + padded[at + wide + 1] * right
    return upper * (1 - down) + lower * down


def distort(rng, pictures, strength):
    """Each turned, slanted, resized, moved and bent a little, by numbers of its own."""
    count = len(pictures)
    turn, slant = 0.22 * strength * rng.uniform(-1, 1, (2, count)).astype(np.float32)
    tall, wide = np.exp(0.16 * strength * rng.uniform(-1, 1, (2, count))).astype(np.float32)
    move = 2 * strength * rng.uniform(-1, 1, (2, count)).astype(np.float32)
    centre = np.float32((SIDE - 1) / 2)
    grid = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) - centre
    cos, sin = np.cos(turn), np.sin(turn)

    def across(numbers):
        return numbers[:, None, None]

    y = across(tall * cos) * grid[0] + across(wide * (sin + slant)) * grid[1] + across(move[0]) + centre
    x = across(-tall * sin) * grid[0] + across(wide * cos) * grid[1] + across(move[1]) + centre
    bend = smooth_field(rng, count, 5, 1.6)
    return sample(pictures, y + bend[:, 0], x + bend[:, 1])
