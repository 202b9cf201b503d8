"""Every method of the program as docs/methods defines it, computed one picture at a time in the network's precision."""
import math

import numpy as np

import rules
import segments
from walks import Case, seed, softmax, walk, walked


# --- LRP, RAP ---------------------------------------------------------------------------------------------------------

def node_rules(p, residual="proportional", eps=1e-6, batchnorm="fold"):
    """Rows of everything without weights, and whether BatchNormalization is folded."""
    pool = p.pop("maxpool", "winner")
    if pool == "winner":
        pooling = rules.winner
    else:
        pooling = rules.average(int(pool.split(":")[1]) if ":" in pool else None, eps)
    adding = rules.residual(p.pop("residual", residual), eps)
    if p.pop("identity_skip", "on") == "off":
        adding = without_identity(adding)
    table = {"Relu": rules.unchanged, "BatchNormalization": rules.unchanged, "MaxPool": pooling, "Add": adding,
             "GlobalAveragePool": rules.mean_shares(eps), "Flatten": rules.reshaped}
    return table, p.pop("batchnorm", batchnorm) == "fold"


def without_identity(rule):
    """In this network a path without a layer is the output of the pool itself."""
    def chosen(node, inputs, output, r):
        skip = [name.startswith("/stem_pool") for name in node.inputs]
        return [r * (not s) for s in skip] if any(skip) else rule(node, inputs, output, r)
    return chosen


def first_rule(case, p, fallback, bounds, eps, mode):
    where = p.pop("bounds", bounds)
    low, high = (case.low, case.high) if where == "range" else (case.image.min(), case.image.max())
    table = {"zbox": lambda: rules.zbox(low, high, eps), "flat": lambda: rules.flat(eps),
             "wsquare": lambda: rules.wsquare(eps, mode), "none": None}
    made = table[p.pop("first", fallback)]
    return {"first": made()} if made else {}


def lrp(conv, dense=None, first="none"):
    """conv, dense: (p, eps, mode) → rule."""
    def method(case, p):
        eps, mode = p.pop("stabilizer", 1e-6), p.pop("bias", "keep")
        nodes, fold = node_rules(p, eps=eps)
        rule = conv(p, eps, mode)
        rows = {"Conv": rule, "Gemm": dense(p, eps, mode) if dense else rule}
        rows.update(first_rule(case, p, first, "range", eps, mode))
        return walked(case, {**nodes, **rows}, p.pop("seed", "logit"), fold)
    return method


def epsilon_row(p, eps, mode):
    return rules.epsilon(p.pop("epsilon", 1e-6), mode)


def zero_row(p, eps, mode):
    return rules.epsilon(0, mode)


def zplus_row(p, eps, mode):
    return rules.zplus(eps, mode)


def alpha_beta_row(p, eps, mode):
    alpha = p.pop("alpha", 2.0)
    return rules.alpha_beta(alpha, p.pop("beta", alpha - 1), eps, mode)


def gamma_row(p, eps, mode):
    return rules.gamma(p.pop("gamma", 0.25), mode)


def lrp_resnet(case, p):
    eps = p.pop("stabilizer", 1e-5)
    nodes, fold = node_rules(p, "ratio", eps, "pass")
    table = {**nodes, "Conv": rules.wplus(eps), "Gemm": rules.wplus(eps), "first": rules.ones(eps)}
    r = walked(case, table, p.pop("seed", "probability"), fold)
    levels = int(p.pop("quantize", 8))
    return quantised(r.sum(0, keepdims=True), levels) if levels else r


def quantised(heat, levels):
    edges = np.linspace(heat.min(), heat.max(), levels)
    return edges[np.searchsorted(edges, heat, "right") - 1].astype(heat.dtype)


def attn_lrp(case, p):
    """Without attention in the network: epsilon everywhere, or gamma at convolutions."""
    eps, g = p.pop("epsilon", 1e-6), p.pop("gamma", 0.0)
    nodes, fold = node_rules(p, eps=eps)
    rows = {"Conv": rules.gamma(g) if g else rules.epsilon(eps), "Gemm": rules.epsilon(eps)}
    rows.update(first_rule(case, p, "none", "range", eps, "keep"))
    return walked(case, {**nodes, **rows}, p.pop("seed", "logit"), fold)


def rap(conv, dense, top, first="zbox", stabilizer=0.0):
    def method(case, p):
        eps = p.pop("stabilizer", stabilizer)
        nodes, fold = node_rules(p, "ratio", eps)
        rows = {"Conv": conv(eps), "Gemm": dense(eps), "top": top()}
        rows.update(first_rule(case, p, first, "image", eps, "keep"))
        return walked(case, {**nodes, **rows}, p.pop("seed", "logit"), fold)
    return method


# --- gradients --------------------------------------------------------------------------------------------------------

def derivatives(linear=rules.gradient(), relu=rules.relu_gradient):
    return {"Conv": linear, "Gemm": linear, "Relu": relu, "BatchNormalization": rules.scaled, "MaxPool": rules.winner,
            "Add": rules.to_both, "GlobalAveragePool": rules.mean_gradient, "Flatten": rules.reshaped}


def gradient_like(table, finish=lambda case, g: g):
    def method(case, p):
        fold = p.pop("batchnorm", "fold") == "fold"
        rows = {**table, "Relu": rules.relu_smooth(p.pop("beta_smooth"))} if "beta_smooth" in p else table
        return finish(case, walked(case, rows, p.pop("seed", "one"), fold))
    return method


def slope(case, image):
    return walked(case.at(image.astype(case.dtype)), derivatives(), "one")


def through_patterns(times_weight):
    def method(case, p):
        def weights(node):
            a = case.patterns[node.name].astype(case.dtype)
            return node.layer.weight * a if times_weight else a
        return walked(case, derivatives(rules.gradient(weights)), p.pop("seed", "logit"))
    return method


def baseline_of(case, word):
    return {"zero": np.zeros_like(case.image), "black": np.broadcast_to(case.low, case.image.shape),
            "mean": np.broadcast_to(case.image.mean((1, 2), keepdims=True), case.image.shape)}[word].astype(case.dtype)


def points(rule, steps):
    if rule == "gauss-legendre":
        x, w = np.polynomial.legendre.leggauss(steps)
        return (1 + x) / 2, w / 2
    if rule == "trapezoid":
        w = np.full(steps, 1 / (steps - 1))
        w[[0, -1]] /= 2
        return np.arange(steps) / (steps - 1), w
    return np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)


def integrated_gradients(case, p):
    base = baseline_of(case, p.pop("baseline", "zero"))
    alphas, weights = points(p.pop("rule", "gauss-legendre"), int(p.pop("steps", 50)))
    mean = sum(w * slope(case, base + a * (case.image - base)) for a, w in zip(alphas, weights))
    return (case.image - base) * mean


def blurred(image, sigma):
    return segments.blurred(image, sigma, (1, 2), "constant") if sigma else image


def blur_ig(case, p):
    steps, sigma = int(p.pop("steps", 50)), p.pop("sigma", 50.0)
    pictures = [blurred(case.image.astype(np.float64), sigma * (steps - k) / steps) for k in range(steps + 1)]
    slopes = [slope(case, picture) for picture in pictures]
    return sum((a + b) / 2 * (y - x) for x, y, a, b in zip(pictures, pictures[1:], slopes, slopes[1:]))


def guided_ig(case, p):
    base = baseline_of(case, p.pop("baseline", "zero")).astype(np.float64)
    steps, fraction, anchor = int(p.pop("steps", 200)), p.pop("fraction", 0.25), p.pop("anchor", 0.02)
    end, x = case.image.astype(np.float64), base.copy()
    whole, total = abs(end - base).sum(), np.zeros_like(base)
    for k in range(1, steps + 1):
        g, before = slope(case, x), x.copy()
        nearest, farthest = (base + a * (end - base) for a in (max(k / steps - anchor, 0), min(k / steps + anchor, 1)))
        behind = abs(x - base) < abs(nearest - base)
        x[behind] = nearest[behind]
        left = abs(end - x).sum() - whole * (1 - k / steps)
        while left > 1e-9 * whole and (x != farthest).any():
            sizes = np.where(x != farthest, abs(g), np.inf)
            movable = np.sort(sizes[np.isfinite(sizes)])
            chosen = sizes <= movable[int(fraction * (len(movable) - 1))]
            reach = abs(farthest - x)[chosen].sum()
            x[chosen] = farthest[chosen] if reach <= left else (x + left / reach * (farthest - x))[chosen]
            left -= min(reach, left)
        total += (x - before) * g
    return total


def taylor(case, p):
    root = baseline_of(case, p.pop("baseline", "zero"))
    return (case.image - root) * slope(case, root)


def deeplift(case, p):
    base = baseline_of(case, p.pop("baseline", "zero"))
    values = case.network().run(base)
    table = {**derivatives(relu=rules.relu_rescale(values)), "MaxPool": rules.pool_rescale(values)}
    return (case.image - base) * walked(case, table, p.pop("seed", "one"))


# --- random numbers ---------------------------------------------------------------------------------------------------

class Random:
    """Uniform numbers in (0, 1). RandomState(n) starts its generator as std::mt19937(n) does."""

    def __init__(self, seed, sample):
        self.bits = np.random.RandomState((int(seed) * 1000003 + sample) % 2**32)._bit_generator

    def uniform(self, count):
        return (self.bits.random_raw(count).astype(np.float64) + 0.5) / 2**32

    def normal(self, count):
        """Box and Muller: two of a pair."""
        u = self.uniform(count + count % 2).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log(u[:, 0])), 2 * np.pi * u[:, 1]
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:count]


def noisy(image, noise, random):
    return image + noise * (image.max() - image.min()) * random.normal(image.size).reshape(image.shape)


def copies(case, p):
    noise, samples, seed = p.pop("noise", 0.1), int(p.pop("samples", 20)), p.pop("rng", 0)
    return [noisy(case.image, noise, Random(seed, k)).astype(case.dtype) for k in range(samples)]


def smoothgrad(case, p):
    return np.mean([slope(case, c) for c in copies(case, p)], 0)


def vargrad(case, p):
    return np.var([slope(case, c) for c in copies(case, p)], 0)


def gradient_shap(case, p):
    base = baseline_of(case, p.pop("baseline", "zero"))
    noise, samples, seed = p.pop("noise", 0.1), int(p.pop("samples", 20)), p.pop("rng", 0)
    total = 0
    for k in range(samples):
        random = Random(seed, k)
        alpha = random.uniform(1)[0]
        way = noisy(case.image, noise, random) - base
        total = total + way * slope(case, base + alpha * way)
    return total / samples


def expected_gradients(case, p):
    """Without pictures: noise in the range of a pixel."""
    samples, seed, total = int(p.pop("samples", 100)), p.pop("rng", 0), 0
    for k in range(samples):
        numbers = Random(seed, k).uniform(1 + case.image.size)
        base = (case.low + numbers[1:].reshape(case.image.shape) * (case.high - case.low)).astype(case.dtype)
        total = total + (case.image - base) * slope(case, base + numbers[0] * (case.image - base))
    return total / samples


def xrai(case, p):
    steps, scales, radius = int(p.pop("steps", 50)), int(p.pop("scales", 6)), int(p.pop("dilate", 5))
    least, slic = p.pop("least", 50), p.pop("regions", "felzenszwalb") == "slic"
    height, width = case.image.shape[1:]
    size, rgb = height * width / 224**2, segments.colours(case)
    attribution = 0
    for edge in (case.low, case.high):
        base = np.broadcast_to(edge, case.image.shape).astype(case.dtype)
        alphas, weights = points("gauss-legendre", steps)
        mean = sum(w * slope(case, base + a * (case.image - base)) for a, w in zip(alphas, weights))
        attribution = attribution + ((case.image - base) * mean).astype(np.float64).sum(0) / 2
    masks = []
    for scale in range(scales):
        labels = segments.superpixels(rgb, 8 << scale) if slic else segments.merged(
            rgb, (50, 100, 150, 250, 500, 1200)[scale] / 2 * size, max(1, math.floor(150 * size + 0.5)))
        for s in range(labels.max() + 1):
            mask = np.pad(labels == s, radius)
            masks.append(np.any([mask[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
                                 for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)
                                 if dy * dy + dx * dx <= radius * radius], 0))
    result, left = np.zeros((height, width)), np.ones((height, width), bool)
    while left.any():
        masks = [m & left for m in masks if (m & left).sum() >= least] or [left]
        gains = [attribution[m].mean() for m in masks]
        best = int(np.argmax(gains))
        result[masks[best]] = gains[best]
        left = left & ~masks[best]
    return result[None]


# --- class activation maps --------------------------------------------------------------------------------------------

def enlarged(plane, height, width):
    """Bilinear, half-pixel centres."""
    def taps(size, to):
        x = np.maximum((np.arange(to) + 0.5) * size / to - 0.5, 0)
        low = np.minimum(x.astype(int), size - 1)
        weights = np.zeros((to, size))
        weights[np.arange(to), low] += 1 - (x - low)
        weights[np.arange(to), np.minimum(low + 1, size - 1)] += x - low
        return weights
    return taps(plane.shape[0], height) @ plane @ taps(plane.shape[1], width).T


def layer_of(case, p):
    """The named node's output; by default the last feature map."""
    name = p.pop("layer", "last")
    if name == "last":
        return "/block3/out/Relu_output_0"
    return next(n.output for n in case.network().nodes if n.name == name)


def drawn(case, plane):
    return enlarged(rules.positive(plane), *case.image.shape[1:])[None]


def cam(weights):
    """weights(A, g): C×h×w or C×1×1."""
    def method(case, p):
        network, layer = case.network(), layer_of(case, p)
        values = network.run(case.image)
        g = walk(network, values, derivatives(), seed(case, values[network.output], "one"))[layer]
        return drawn(case, (weights(values[layer], g) * values[layer]).sum(0))
    return method


def guided_grad_cam(case, p):
    """The gradient at the layer is not guided."""
    plane = cam(lambda a, g: g.mean((1, 2), keepdims=True))(case, p)
    return plane * walked(case, derivatives(relu=rules.relu_guided), "one", p.pop("batchnorm", "fold") == "fold")


def full_grad(case, p):
    network, rescale = case.network(p.pop("batchnorm", "fold") == "fold"), p.pop("rescale", "on") == "on"
    values = network.run(case.image)
    g = walk(network, values, derivatives(), seed(case, values[network.output], "one"))
    biases = {n.output: n.layer.bias if n.layer else n.shift for n in network.nodes if n.layer or n.op == "BatchNormalization"}
    terms = [case.image * g[network.input]] + [bias * g[name] for name, bias in biases.items()]
    f = values[network.output][case.target]
    assert abs(sum(t.sum() for t in terms) - f) < (1e-9 if case.dtype == np.float64 else 1e-3), "complete"
    total = 0
    for term in (t for t in terms if t.ndim == 3):
        size = abs(term)
        if rescale and size.any():
            size = (size - size.min()) / (size.max() - size.min())
        total = total + sum(enlarged(channel, *case.image.shape[1:]) for channel in size)
    return total[None]


def plus_plus(a, g):
    alpha = rules.quotient(g**2, 2 * g**2 + g**3 * a.sum((1, 2), keepdims=True))
    return (alpha * rules.positive(g)).sum((1, 2), keepdims=True)


def eigen_cam(case, p):
    """numpy's own singular vectors; of both signs the one with the larger sum."""
    activation = case.network().run(case.image)[layer_of(case, p)].astype(np.float64)
    o = activation.reshape(len(activation), -1).T
    plane = o @ np.linalg.svd(o, full_matrices=False)[2][0]
    plane = plane if plane.sum() >= 0 else -plane
    return drawn(case, plane.reshape(activation.shape[1:]))


def excitation_backprop(case, p, top=None):
    layer = layer_of(case, p)
    nodes, fold = node_rules(p, "ratio", 0)
    network = case.network(fold)
    values = network.run(case.image)
    rule = rules.zplus(0, "drop")
    r = walk(network, values, {**nodes, "Conv": rule, "Gemm": rule, "top": top or rule}, seed(case, values[network.output], "one"))[layer]
    return drawn(case, r.sum(0))


def score_cam(case, p):
    values = case.network().run(case.image)
    channels = [c for c in values[layer_of(case, p)] if c.min() < c.max()]
    scores = []
    for channel in channels:
        mask = enlarged(channel, *case.image.shape[1:])
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        scores.append(case.score(case.image * mask))
    return drawn(case, np.tensordot(softmax(np.array(scores)), np.array(channels), 1))


def ablation_cam(case, p):
    """From the layer on, the network runs anew with each channel set to 0."""
    network, layer = case.network(), layer_of(case, p)
    values = network.run(case.image)
    y, weights = values[network.output][case.target], []
    for k in range(len(values[layer])):
        without = values[layer].copy()
        without[k] = 0
        weights.append((y - network.run(case.image, {layer: without})[network.output][case.target]) / abs(y))
    return drawn(case, np.tensordot(np.array(weights), values[layer], 1))


# --- perturbation -----------------------------------------------------------------------------------------------------

def occlusion(case, p):
    height, width = case.image.shape[1:]
    side = int(p.pop("window", min(height, width) // 8))
    stride = int(p.pop("stride", side // 2))
    cover = baseline_of(case, p.pop("fill", "zero"))
    fall, count = np.zeros((1, height, width)), np.zeros((1, height, width))
    whole = case.score(case.image)
    for y in [*range(0, height - side, stride), height - side]:
        for x in [*range(0, width - side, stride), width - side]:
            at = np.s_[:, y : y + side, x : x + side]
            covered = case.image.copy()
            covered[at] = cover[at]
            fall[at] += whole - case.score(covered)
            count[at] += 1
    return fall / count


def covering(case):
    """What covers superpixels, by its word."""
    sigma = min(case.image.shape[1:]) / 16
    return lambda word: (blurred(case.image.astype(np.float64), sigma).astype(case.dtype) if word == "blur"
                         else baseline_of(case, word))


def rise(case, p):
    samples, cells, share, seed = int(p.pop("samples", 4000)), int(p.pop("cells", 7)), p.pop("p", 0.5), p.pop("rng", 0)
    height, width = case.image.shape[1:]
    cell = -(-height // cells), -(-width // cells)
    total = 0
    for k in range(samples):
        random = Random(seed, k)
        grid = (random.uniform(cells * cells) < share).astype(np.float64).reshape(cells, cells)
        top, left = (random.uniform(2) * cell).astype(int)
        large = enlarged(grid, (cells + 1) * cell[0], (cells + 1) * cell[1])
        mask = large[None, top : top + height, left : left + width]
        scores = case.network().scores((case.image * mask).astype(case.dtype))
        total = total + softmax(scores)[case.target] * mask
    return total / (samples * share)


def random_map(case, p):
    picture = 2166136261
    for byte in case.image.astype("<f4").tobytes():
        picture = (picture ^ byte) * 16777619 % 2**32
    height, width = case.image.shape[1:]
    return 2 * Random(p.pop("rng", 0), picture).uniform(height * width).reshape(1, height, width) - 1


# --- patterns ---------------------------------------------------------------------------------------------------------

def patterns(network, images):
    """By node, for each output: (E₊[xy] − E₊[x]E₊[y]) / wᵀ(E₊[xy] − E₊[x]E₊[y]), means where the output is positive; 0
    where it never was, or did not vary. Means are taken in double precision."""
    runs = [network.run(image) for image in images]
    result = {}
    for node in network.nodes:
        if not node.layer:
            continue
        w = node.layer.weight.reshape(len(node.layer.weight), -1).astype(np.float64)
        x = np.concatenate([node.layer.taps(run[node.inputs[0]]) for run in runs]).astype(np.float64)
        y = np.concatenate([run[node.output].reshape(len(w), -1).T for run in runs]).astype(np.float64)
        on = y > 0
        n = np.maximum(on.sum(0), 1)[:, None]
        mean_x, mean_y, mean_xy = on.T.astype(np.float64) @ x / n, (y * on).sum(0)[:, None] / n, (y * on).T @ x / n
        covariance = mean_xy - mean_x * mean_y
        size = (abs(w) * (abs(mean_xy) + abs(mean_x * mean_y))).sum(1, keepdims=True)
        below = (w * covariance).sum(1, keepdims=True)
        varies = abs(below) > 1e-6 * size
        result[node.name] = np.where(varies, rules.quotient(covariance, below), 0).reshape(node.layer.weight.shape)
    return result


# --- all of them ------------------------------------------------------------------------------------------------------

METHODS = {
    "rap": rap(lambda eps: rules.rap(False), lambda eps: rules.rap(False), rules.rap_top),
    "rap-signed": rap(lambda eps: rules.rap(True), lambda eps: rules.rap(False), rules.rap_top),
    "rap-summary": rap(rules.rap_summary, rules.rap_summary, rules.rap_summary_top, "none", 1e-6),
    "lrp-0": lrp(zero_row),
    "lrp-epsilon": lrp(epsilon_row),
    "lrp-zplus": lrp(zplus_row),
    "lrp-alpha1beta0": lrp(lambda p, eps, mode: rules.alpha_beta(1, 0, eps, mode)),
    "lrp-alpha2beta1": lrp(alpha_beta_row),
    "lrp-gamma": lrp(gamma_row),
    "epsilon-plus": lrp(zplus_row, epsilon_row),
    "epsilon-plus-flat": lrp(zplus_row, epsilon_row, "flat"),
    "epsilon-alpha2beta1": lrp(alpha_beta_row, epsilon_row),
    "epsilon-alpha2beta1-flat": lrp(alpha_beta_row, epsilon_row, "flat"),
    "epsilon-gamma-box": lrp(gamma_row, epsilon_row, "zbox"),
    "lrp-resnet": lrp_resnet,
    "attn-lrp": attn_lrp,
    "deep-taylor": lrp(zplus_row, first="zbox"),
    "taylor": taylor,
    "sensitivity": gradient_like(derivatives(), lambda case, g: g**2),
    "gradient": gradient_like(derivatives()),
    "input-x-gradient": gradient_like(derivatives(), lambda case, g: case.image * g),
    "guided-backprop": gradient_like(derivatives(relu=rules.relu_guided)),
    "deconvnet": gradient_like(derivatives(relu=rules.relu_deconv)),
    "integrated-gradients": integrated_gradients,
    "guided-ig": guided_ig,
    "blur-ig": blur_ig,
    "smoothgrad": smoothgrad,
    "vargrad": vargrad,
    "deeplift": deeplift,
    "gradient-shap": gradient_shap,
    "expected-gradients": expected_gradients,
    "xrai": xrai,
    "pattern-net": through_patterns(False),
    "pattern-attribution": through_patterns(True),
    "grad-cam": cam(lambda a, g: g.mean((1, 2), keepdims=True)),
    "guided-grad-cam": guided_grad_cam,
    "fullgrad": full_grad,
    "grad-cam++": cam(plus_plus),
    "layer-cam": cam(lambda a, g: rules.positive(g)),
    "hires-cam": cam(lambda a, g: g),
    "xgrad-cam": cam(lambda a, g: rules.quotient((g * a).sum((1, 2), keepdims=True), a.sum((1, 2), keepdims=True))),
    "eigen-cam": eigen_cam,
    "excitation-backprop": excitation_backprop,
    "contrastive-excitation-backprop": lambda case, p: excitation_backprop(case, p, rules.contrast(0, "drop")),
    "score-cam": score_cam,
    "ablation-cam": ablation_cam,
    "occlusion": occlusion,
    "rise": rise,
    "lime": lambda case, p: segments.lime(case, p, covering(case), Random),
    "kernel-shap": lambda case, p: segments.kernel_shap(case, p, covering(case), Random),
    "random": random_map,
}
OWN_NOISE = ("smoothgrad", "vargrad", "gradient-shap")


def parsed(text):
    name, _, rest = text.partition(":")
    keys = dict(part.split("=") for part in rest.split(",")) if rest else {}
    return name, {key: number(value) for key, value in keys.items()}


def number(word):
    try:
        return float(word)
    except ValueError:
        return word


def finished(result, p):
    sign, scale = p.pop("sign", None), p.pop("normalize", "off")
    if sign:
        result = {"abs": abs, "positive": rules.positive, "negative": rules.negative}[sign](result)
    return result / abs(result).max() if scale == "on" else result


STRIDE = 16  # pixels a position of the last feature map


def moved(picture, y, x):
    """Down and to the right; the border is repeated."""
    rows, columns = (np.clip(np.arange(n) - d, 0, n - 1) for n, d in zip(picture.shape[1:], (y, x)))
    return picture[:, rows][:, :, columns]


def mean_over_shifts(case, name, p):
    """Pixels that left the picture are NaN in the map that is moved back."""
    n = int(p.pop("shifts")**0.5)
    step = int(p.pop("shift", (STRIDE // n - 1) | 1))
    places = [k * step - (n - 1) * step // 2 for k in range(n)]
    maps = []
    for y in places:
        for x in places:
            result = explained(case.at(moved(case.image, y, x)), name, dict(p))
            wide = np.pad(result, ((0, 0), (abs(y), abs(y)), (abs(x), abs(x))), constant_values=np.nan)
            height, width = result.shape[1:]
            maps.append(wide[:, abs(y) + y :, abs(x) + x :][:, :height, :width])
    return np.nanmean(maps, 0)


def explain(case, text):
    """text: as the program writes methods. Every key has to be used."""
    name, p = parsed(text)
    return mean_over_shifts(case, name, p) if "shifts" in p else explained(case, name, p)


def explained(case, name, p):
    if "noise" in p and name not in OWN_NOISE:
        cases = [case.at(copy) for copy in copies(case, p)]
    else:
        cases = [case]
    results = []
    for one in cases:
        rest = dict(p)
        result = METHODS[name](one, rest)
        results.append(finished(result, rest))
        assert not rest, f"{name}: {rest} means nothing here"
    return np.mean(results, 0)
