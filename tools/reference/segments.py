"""Superpixels (SLIC, Achanta et al. 2012) and the methods that cover them: LIME and Kernel SHAP. Segments are always
found in double precision, so that both precisions of the networks speak of the same ones."""
import itertools
import math

import numpy as np


def lab(rgb):
    """sRGB bytes, H×W×3, to CIELAB, white D65."""
    v = rgb / 255
    v = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    t = v @ to_xyz.T / np.array([0.95047, 1, 1.08883])
    x, y, z = np.moveaxis(np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def colours(case):
    """The picture's bytes, H×W×3."""
    low, high = (np.asarray(b, np.float64).reshape(-1, 1, 1) for b in (case.low, case.high))
    share = np.clip((case.image.astype(np.float64) - low) / (high - low), 0, 1)
    return np.floor(share * 255 + 0.5).transpose(1, 2, 0)


def superpixels(rgb, count, compactness=10.0):
    """Labels H×W, numbered by their first pixels."""
    height, width = rgb.shape[:2]
    colour, (ys, xs) = lab(rgb), np.mgrid[:height, :width]
    step = max(1.0, math.sqrt(height * width / count))
    ratio = (compactness / step) ** 2
    across, down = (max(1, math.floor(size / step + 0.5)) for size in (width, height))
    centres = []
    for j, i in itertools.product(range(down), range(across)):
        at = (2 * j + 1) * height // (2 * down), (2 * i + 1) * width // (2 * across)
        centres.append([*colour[at], (i + 0.5) * width / across - 0.5, (j + 0.5) * height / down - 0.5])
    labels, reach = np.full((height, width), -1), math.ceil(2 * step)
    for _ in range(10):
        nearest = np.full((height, width), np.inf)
        for k, (l, a, b, x, y) in enumerate(centres):
            box = np.s_[max(0, int(y) - reach) : int(y) + reach + 1, max(0, int(x) - reach) : int(x) + reach + 1]
            apart = ((colour[box] - [l, a, b]) ** 2).sum(-1) + ratio * ((xs[box] - x) ** 2 + (ys[box] - y) ** 2)
            closer = apart < nearest[box]
            nearest[box][closer] = apart[closer]
            labels[box][closer] = k
        for k in range(len(centres)):
            own = labels == k
            if own.any():
                centres[k] = [*colour[own].mean(0), xs[own].mean(), ys[own].mean()]
    return connected(labels, int(step * step / 4))


def connected(labels, least):
    """Parts that hang together; smaller ones join what lies left of, or above, their first pixel."""
    height, width = labels.shape
    part, count = np.full(labels.shape, -1), 0
    for y, x in itertools.product(range(height), range(width)):
        if part[y, x] >= 0:
            continue
        before = part[y, x - 1] if x > 0 else part[y - 1, x] if y > 0 else -1
        members = [(y, x)]
        part[y, x] = count
        for v, u in members:
            for at in ((v, u + 1), (v, u - 1), (v + 1, u), (v - 1, u)):
                inside = 0 <= at[0] < height and 0 <= at[1] < width
                if inside and part[at] < 0 and labels[at] == labels[y, x]:
                    part[at] = count
                    members.append(at)
        if len(members) >= least or before < 0:
            count += 1
        else:
            for at in members:
                part[at] = before
    return part


def blurred(values, sigma, axes, beyond):
    """A Gaussian cut off at 4σ along these axes; beyond: of numpy.pad, what lies there."""
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    for axis in axes:
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        values = np.apply_along_axis(np.convolve, axis, np.pad(values, pad, beyond), weights / weights.sum(), "valid")
    return values


def merged(rgb, scale, least, sigma=0.8):
    """Felzenszwalb & Huttenlocher, IJCV 2004: labels H×W, numbered by their first pixels."""
    height, width = rgb.shape[:2]
    values = blurred(rgb.astype(np.float64), sigma, (0, 1), "symmetric")
    numbers = np.arange(height * width).reshape(height, width)
    pairs, costs = [], []
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]), (np.s_[:-1, :-1], np.s_[1:, 1:]),
                       (np.s_[1:, :-1], np.s_[:-1, 1:])):
        pairs.append(np.column_stack([numbers[one].ravel(), numbers[other].ravel()]))
        costs.append(np.sqrt(((values[one] - values[other]) ** 2).sum(-1)).ravel())
    pairs, costs = np.concatenate(pairs), np.concatenate(costs)
    order = np.argsort(costs, kind="stable")
    labels, members = numbers.ravel().copy(), {i: [i] for i in range(height * width)}
    inside = np.zeros(height * width)

    def join(a, b):
        members[a] += members.pop(b)
        labels[members[a]] = a

    for (one, other), cost in zip(pairs[order], costs[order]):
        a, b = labels[one], labels[other]
        if a != b and cost < min(inside[s] + scale / len(members[s]) for s in (a, b)):
            join(a, b)
            inside[a] = cost
    for one, other in pairs[order]:
        a, b = labels[one], labels[other]
        if a != b and min(len(members[a]), len(members[b])) < least:
            join(a, b)
    names, first = np.unique(labels, return_index=True)
    place = {names[k]: n for n, k in enumerate(np.argsort(first))}
    return np.vectorize(place.get)(labels).reshape(height, width)


def game(case, p, fill, value, cover_of):
    """Labels, and f of a coalition: a list of booleans, segment by segment."""
    labels = superpixels(colours(case), p.pop("segments", 50), p.pop("compactness", 10.0))
    word = p.pop("fill", fill)
    if word == "segment":
        cover = np.empty_like(case.image)
        for s in range(labels.max() + 1):
            cover[:, labels == s] = case.image[:, labels == s].mean(1, keepdims=True)
    else:
        cover = cover_of(word)
    probability = p.pop("value", value) == "probability"

    def f(coalition):
        scores = case.network().scores(np.where(np.array(coalition)[labels], case.image, cover)).astype(np.float64)
        return (np.exp(scores) / np.exp(scores).sum() if probability else scores)[case.target]
    return labels, f


def lime(case, p, cover_of, random):
    labels, f = game(case, p, "segment", "probability", cover_of)
    players, samples, seed = labels.max() + 1, int(p.pop("samples", 1000)), p.pop("rng", 0)
    width, ridge = p.pop("width", 0.25), p.pop("ridge", 1.0)
    z = np.array([np.ones(players)] + [random(seed, k).uniform(players) < 0.5 for k in range(1, samples)], float)
    pi = np.exp(-((1 - np.sqrt(z.mean(1))) / width) ** 2)
    # Least squares over rows scaled by √π, the ridge as rows of its own.
    rows = np.vstack([np.sqrt(pi)[:, None] * np.column_stack([z, np.ones(samples)]),
                      math.sqrt(ridge) * np.eye(players, players + 1)])
    sides = np.concatenate([np.sqrt(pi) * [f(row > 0) for row in z], np.zeros(players)])
    return np.linalg.lstsq(rows, sides, rcond=None)[0][:-1][labels][None]


def drawn_coalition(draw, players):
    sizes = np.arange(1, players)
    share = 1 / (sizes * (players - sizes))
    size = sizes[min(np.searchsorted(np.cumsum(share / share.sum()), draw(), "right"), players - 2)]
    order, z = list(range(players)), np.zeros(players, bool)
    for k in range(size):
        other = k + int(draw() * (players - k))
        order[k], order[other] = order[other], order[k]
        z[order[k]] = True
    return z


def kernel_shap(case, p, cover_of, random):
    labels, f = game(case, p, "zero", "score", cover_of)
    players, samples, seed = labels.max() + 1, int(p.pop("samples", 1000)), p.pop("rng", 0)
    if 2**players - 2 <= samples:
        z = np.array([c for c in itertools.product((False, True), repeat=players) if 0 < sum(c) < players])
        pi = np.array([(players - 1) / (math.comb(players, s) * s * (players - s)) for s in z.sum(1)])
    else:
        z, pi = [], np.ones(samples)
        for k in range(samples):
            numbers = iter(random(seed, k // 2).uniform(players + 1))
            z.append(~z[-1] if k % 2 else drawn_coalition(lambda: next(numbers), players))
        z = np.array(z)
    nobody, everybody = f(np.zeros(players, bool)), f(np.ones(players, bool))
    # The last share is what the others leave, which makes it least squares without a condition.
    rest = z[:, :-1].astype(float) - z[:, -1:]
    sides = np.array([f(row) for row in z]) - nobody - z[:, -1] * (everybody - nobody)
    shares = np.linalg.lstsq(np.sqrt(pi)[:, None] * rest, np.sqrt(pi) * sides, rcond=None)[0]
    shares = np.append(shares, everybody - nobody - shares.sum())
    return (shares / np.bincount(labels.ravel()))[labels][None]
