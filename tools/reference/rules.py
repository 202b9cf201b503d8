"""What each node hands on to its inputs: a rule takes (node, inputs, output, R) and returns one R for each input.

z_ij = x_i w_ij; a⁺ = max(a, 0), a⁻ = min(a, 0); stab(z) = z + ε·sign z with sign 0 = +1. With ε = 0, a/b is 0 where b
is. docs/methods has the formulas and their sources."""
import numpy as np

from network import Window, windows


def positive(a):
    return np.maximum(a, 0)


def negative(a):
    return np.minimum(a, 0)


def quotient(a, b, epsilon=0.0):
    if epsilon:
        return a / (b + np.where(b >= 0, epsilon, -epsilon).astype(b.dtype))
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape, b.dtype), where=b != 0)


# --- layers with weights: sums over pairs (part of the input, part of the weights) ------------------------------------

def contributions(layer, pairs):
    return sum(layer.apply(x, w) for x, w in pairs)


def returned(layer, s, pairs):
    return sum(x * layer.back(s, w, x.shape) for x, w in pairs)


def crossed(layer, x):
    """Pairs that make z⁺ and pairs that make z⁻, for inputs of either sign."""
    w = layer.weight
    return ([(positive(x), positive(w)), (negative(x), negative(w))],
            [(positive(x), negative(w)), (negative(x), positive(w))])


def shares(layer, pairs, r, epsilon=0.0, bias=None, mode="keep"):
    """Shares of R in proportion to the pairs' contributions. bias: what is in the denominators beside them; `drop`
    leaves it out, `spread` hands its share to all inputs in reach in equal parts."""
    z = contributions(layer, pairs)
    if bias is None or mode == "drop":
        return returned(layer, quotient(r, z, epsilon), pairs)
    s = quotient(r, z + bias, epsilon)
    result = returned(layer, s, pairs)
    if mode == "spread":
        x, ones = np.ones_like(pairs[0][0]), np.ones_like(layer.weight)
        result += layer.back(s * bias / layer.apply(x, ones), ones, x.shape)
    return result


def linear(rule):
    """rule(layer, x, z, R), z with bias."""
    return lambda node, inputs, output, r: [rule(node.layer, inputs[0], output, r)]


def epsilon(eps=1e-6, mode="keep"):
    return linear(lambda l, x, z, r: shares(l, [(x, l.weight)], r, eps, l.bias, mode))


def zplus(eps=1e-6, mode="keep"):
    return linear(lambda l, x, z, r: shares(l, crossed(l, x)[0], r, eps, positive(l.bias), mode))


def alpha_beta(alpha, beta, eps=1e-6, mode="keep"):
    def rule(l, x, z, r):
        up, down = crossed(l, x)
        return (alpha * shares(l, up, r, eps, positive(l.bias), mode)
                - beta * shares(l, down, r, eps, negative(l.bias), mode))
    return linear(rule)


def contrast(eps=1e-6, mode="keep"):
    def rule(l, x, z, r):
        up, down = crossed(l, x)
        return shares(l, up, r, eps, positive(l.bias), mode) - shares(l, down, r, eps, negative(l.bias), mode)
    return linear(rule)


def gamma(g=0.25, mode="keep"):
    def rule(l, x, z, r):
        up, down = (l.weight + g * part(l.weight) for part in (positive, negative))
        bias_up, bias_down = (l.bias + g * part(l.bias) for part in (positive, negative))
        return (shares(l, [(positive(x), up), (negative(x), down)], r * (z > 0), 0, bias_up, mode)
                + shares(l, [(positive(x), down), (negative(x), up)], r * (z < 0), 0, bias_down, mode))
    return linear(rule)


def zbox(low, high, eps=1e-6):
    def rule(l, x, z, r):
        pairs = [(x - low, positive(l.weight)), (x - high, negative(l.weight))]
        return shares(l, pairs, r, eps) if eps else shifted(shares(l, pairs, r), r)
    return linear(rule)


def wsquare(eps=1e-6, mode="keep"):
    return linear(lambda l, x, z, r: shares(l, [(np.ones_like(x), l.weight**2)], r, eps, l.bias**2, mode))


def flat(eps=1e-6):
    return linear(lambda l, x, z, r: shares(l, [(np.ones_like(x), np.ones_like(l.weight))], r, eps))


def wplus(eps=1e-5):
    return linear(lambda l, x, z, r: shares(l, [(x, positive(l.weight))], r, eps))


def ones(eps=1e-5):
    return linear(lambda l, x, z, r: shares(l, [(np.ones_like(x), positive(l.weight))], r, eps))


# --- relative attributing propagation ---------------------------------------------------------------------------------

def shifted(raw, r):
    """The sum of R again, by the same amount from every R_i that is not 0."""
    active = raw != 0
    return np.where(active, raw - (raw.sum() - r.sum()) / max(active.sum(), 1), 0).astype(raw.dtype)


def rap(signed):
    def rule(l, x, z, r):
        up, down = crossed(l, x)
        p, n = contributions(l, up), -contributions(l, down)
        v = quotient(r * n, p + n)
        to_up, to_down = (positive(r), negative(r) + v) if signed else (r, v)
        return shifted(returned(l, quotient(to_up, p), up) - returned(l, quotient(to_down, n), down), r)
    return linear(rule)


def rap_top():
    def rule(l, x, z, r):
        share = shares(l, [(x, l.weight)], r)
        return abs(share) * share.sum() / abs(share).sum()
    return linear(rule)


def rap_summary(eps=1e-6):
    def rule(l, x, z, r):
        up, down = crossed(l, x)
        p, n = contributions(l, up), contributions(l, down)
        return returned(l, positive(r) / (p + eps), up) + returned(l, negative(r) / (n - eps), down)
    return linear(rule)


def rap_summary_top():
    def rule(l, x, z, r):
        share = shares(l, [(abs(x), abs(l.weight))], r)
        return share + (r.sum() - share.sum()) / share.size
    return linear(rule)


# --- derivatives ------------------------------------------------------------------------------------------------------

def gradient(weights=lambda node: node.layer.weight):
    return lambda node, inputs, output, r: [node.layer.back(r, weights(node), inputs[0].shape)]


def relu_gradient(node, inputs, output, r):
    return [r * (inputs[0] > 0)]


def relu_smooth(beta):
    """softplus' derivative, in the form of tanh, which does not overflow."""
    def rule(node, inputs, output, r):
        return [r * (1 + np.tanh(beta * inputs[0] / 2)) / 2]
    return rule


def relu_guided(node, inputs, output, r):
    return [positive(r) * (inputs[0] > 0)]


def relu_deconv(node, inputs, output, r):
    return [positive(r)]


def scaled(node, inputs, output, r):
    return [r * node.scale]


def to_both(node, inputs, output, r):
    return [r, r]


def mean_gradient(node, inputs, output, r):
    return [np.broadcast_to(r / inputs[0][0].size, inputs[0].shape)]


# --- nodes without weights --------------------------------------------------------------------------------------------

def unchanged(node, inputs, output, r):
    return [r]


def reshaped(node, inputs, output, r):
    return [r.reshape(inputs[0].shape)]


def winner(node, inputs, output, r):
    """All to the maximum, the first of equals."""
    return [to_winner(node.window, inputs[0], r)]


def to_winner(window, x, r):
    best = windows(x, window, -np.inf).reshape(*r.shape, -1).argmax(-1)
    channel, row, column = np.indices(r.shape)
    row, column = (i * window.stride - window.pad for i in (row, column))
    result = np.zeros(x.shape, r.dtype)
    np.add.at(result, (channel, row + best // window.size, column + best % window.size), r)
    return result


def average(size=None, eps=1e-6):
    """As an average pool of the same window, or of size×size."""
    def rule(node, inputs, output, r):
        x, window = inputs[0], Window(size, node.window.stride, 0) if size else node.window
        count = windows(np.ones_like(x), window, 0).sum((3, 4))
        s = quotient(r, windows(x, window, 0).sum((3, 4)) / count, eps) / count
        result = np.zeros((x.shape[0], x.shape[1] + 2 * window.pad, x.shape[2] + 2 * window.pad), x.dtype)
        for y in range(window.size):
            for k in range(window.size):
                result[:, y : y + window.stride * s.shape[1] : window.stride,
                       k : k + window.stride * s.shape[2] : window.stride] += s
        return [x * result[:, window.pad : window.pad + x.shape[1], window.pad : window.pad + x.shape[2]]]
    return rule


def mean_shares(eps=1e-6):
    return lambda node, inputs, output, r: [inputs[0] / inputs[0][0].size * quotient(r, output, eps)]


def residual(kind, eps=1e-6):
    def rule(node, inputs, output, r):
        a, b = inputs
        if kind == "symmetric":
            return [r / 2, r / 2]
        if kind == "proportional":
            return [a * quotient(r, a + b, eps), b * quotient(r, a + b, eps)]
        if kind.startswith("gamma:"):
            gamma = float(kind.split(":")[1])
            shares = [h * (1 + gamma * (h * (a + b) > 0)) for h in (a, b)]
            return [quotient(share * r, shares[0] + shares[1]) for share in shares]
        size = abs(a) + abs(b)
        return [np.where(size == 0, r / 2, quotient(abs(h) * r, size)) for h in (a, b)]
    return rule


# --- DeepLIFT: multipliers against the values `base` of the network at the baseline -----------------------------------

def relu_rescale(base):
    def rule(node, inputs, output, r):
        dx, dy = inputs[0] - base[node.inputs[0]], output - base[node.output]
        return [r * np.where(abs(dx) > 1e-6, quotient(dy, dx), inputs[0] > 0)]
    return rule


def pool_rescale(base):
    def rule(node, inputs, output, r):
        x, x0 = inputs[0], base[node.inputs[0]]
        dy = output - base[node.output]
        moved = to_winner(node.window, x, r * positive(dy)) + to_winner(node.window, x0, r * negative(dy))
        return [quotient(moved, x - x0)]
    return rule
