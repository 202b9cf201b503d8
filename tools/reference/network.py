"""A network like examples/model/shapes.onnx in any precision: one picture at a time, C×H×W, without a batch axis."""
import collections

import numpy as np
import onnx
import onnx.numpy_helper

# layer: of Conv and Gemm; window: of MaxPool; scale, shift: of BatchNormalization.
Node = collections.namedtuple("Node", "op name inputs output layer window scale shift")
Window = collections.namedtuple("Window", "size stride pad")


class Conv:
    def __init__(self, weight, bias, window):
        self.weight, self.bias, self.window = weight, bias.reshape(-1, 1, 1), window

    def apply(self, x, weight):
        """Σ_i x_i w_ij, without bias."""
        taps = windows(x, self.window, 0)
        return np.einsum("oikl,iyxkl->oyx", weight, taps, optimize=True)

    def back(self, s, weight, shape):
        """Σ_j w_ij s_j."""
        k, stride, pad = self.window
        padded = np.zeros((shape[0], shape[1] + 2 * pad, shape[2] + 2 * pad), s.dtype)
        for y in range(k):
            for x in range(k):
                reached = padded[:, y : y + stride * s.shape[1] : stride, x : x + stride * s.shape[2] : stride]
                reached += np.tensordot(weight[:, :, y, x].T, s, 1)
        return padded[:, pad : pad + shape[1], pad : pad + shape[2]]

    def taps(self, x):
        """What the weights meet: a row for every position of the output."""
        t = windows(x, self.window, 0)
        return t.transpose(1, 2, 0, 3, 4).reshape(t.shape[1] * t.shape[2], -1)


class Dense:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def apply(self, x, weight):
        return weight @ x

    def back(self, s, weight, shape):
        return weight.T @ s

    def taps(self, x):
        return x[None]


def windows(x, window, fill):
    """C×h×w×k×k: what a window sees at each of its places; `fill` lies around the picture."""
    k, stride, pad = window
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, (k, k), (1, 2))[:, ::stride, ::stride]


class Network:
    """fold: BatchNormalization becomes part of the convolution before it."""

    def __init__(self, path, fold, dtype=np.float64):
        graph = onnx.load(str(path)).graph
        constants = {t.name: onnx.numpy_helper.to_array(t).astype(np.float64) for t in graph.initializer}
        self.dtype, self.input, self.output = dtype, graph.input[0].name, graph.output[0].name
        self.nodes = [read(node, constants) for node in graph.node]
        if fold:
            self.nodes = folded(self.nodes)
        self.nodes = [rounded(node, dtype) for node in self.nodes]

    def run(self, image, given={}):
        """Every value by name; those that are given stand in for what would be computed."""
        values = {self.input: image.astype(self.dtype)}
        for node in self.nodes:
            values[node.output] = given.get(node.output)
            if values[node.output] is None:
                values[node.output] = forward(node, *[values[name] for name in node.inputs])
        return values

    def scores(self, image):
        return self.run(image)[self.output]


def forward(node, x, y=None):
    if node.op in ("Conv", "Gemm"):
        return node.layer.apply(x, node.layer.weight) + node.layer.bias
    if node.op == "BatchNormalization":
        return x * node.scale + node.shift
    if node.op == "Relu":
        return np.maximum(x, 0)
    if node.op == "MaxPool":
        return windows(x, node.window, -np.inf).max((3, 4))
    if node.op == "Add":
        return x + y
    if node.op == "GlobalAveragePool":
        return x.mean((1, 2), keepdims=True)
    assert node.op == "Flatten"
    return x.ravel()


def read(node, constants):
    a = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    c = [constants[name] for name in node.input if name in constants]
    inputs = [name for name in node.input if name not in constants]
    layer = window = scale = shift = None
    if node.op_type in ("Conv", "MaxPool"):
        window = Window(a["kernel_shape"][0], a["strides"][0], a["pads"][0])
        assert [list(a["kernel_shape"]), list(a["strides"])] == [[window.size] * 2, [window.stride] * 2]
        assert a["pads"] == [window.pad] * 4 and not a.get("ceil_mode", 0)
    if node.op_type == "Conv":
        assert a["group"] == 1 and a["dilations"] == [1, 1]
        layer = Conv(c[0], c[1] if len(c) > 1 else np.zeros(len(c[0])), window)
    if node.op_type == "Gemm":
        assert a["transB"] == a["alpha"] == a["beta"] == 1
        layer = Dense(*c)
    if node.op_type == "BatchNormalization":
        gain, offset, mean, variance = c
        scale = (gain / np.sqrt(variance + a["epsilon"])).reshape(-1, 1, 1)
        shift = offset.reshape(-1, 1, 1) - mean.reshape(-1, 1, 1) * scale
    return Node(node.op_type, node.name, inputs, node.output[0], layer, window, scale, shift)


def rounded(node, dtype):
    if node.layer:
        node.layer.weight, node.layer.bias = node.layer.weight.astype(dtype), node.layer.bias.astype(dtype)
    if node.op == "BatchNormalization":
        return node._replace(scale=node.scale.astype(dtype), shift=node.shift.astype(dtype))
    return node


def folded(nodes):
    result = []
    for node in nodes:
        if node.op != "BatchNormalization":
            result.append(node)
            continue
        conv = next(n for n in result if n.output == node.inputs[0])
        layer = Conv(conv.layer.weight * node.scale[..., None], conv.layer.bias * node.scale + node.shift, conv.window)
        result[result.index(conv)] = conv._replace(output=node.output, layer=layer)
    return result
