"""Layers with their derivatives, enough to train a small network of convolutions, max pools and dense layers."""
import numpy as np


class Dense:
    def __init__(self, rng, inputs, outputs):
        self.weight = (rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x):
        self.x = x.reshape(len(x), -1)
        self.shape = x.shape
        return self.x @ self.weight.T + self.bias

    def backward(self, gradient):
        self.gradients = (gradient.T @ self.x, gradient.sum(axis=0))
        return (gradient @ self.weight).reshape(self.shape)


class Conv:
    """Stride 1, no padding."""

    def __init__(self, rng, inputs, outputs, kernel):
        scale = np.sqrt(2 / (inputs * kernel * kernel))
        self.weight = (rng.standard_normal((outputs, inputs, kernel, kernel)) * scale).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def forward(self, x):
        outputs, inputs, kernel, _ = self.weight.shape
        patches = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
        n, _, height, width = patches.shape[:4]
        self.shape = x.shape
        self.columns = patches.transpose(0, 2, 3, 1, 4, 5).reshape(n * height * width, inputs * kernel * kernel)
        z = self.columns @ self.weight.reshape(outputs, -1).T + self.bias
        return z.reshape(n, height, width, outputs).transpose(0, 3, 1, 2)

    def backward(self, gradient):
        outputs, inputs, kernel, _ = self.weight.shape
        n, _, height, width = gradient.shape
        rows = gradient.transpose(0, 2, 3, 1).reshape(-1, outputs)
        self.gradients = ((rows.T @ self.columns).reshape(self.weight.shape), rows.sum(axis=0))
        columns = (rows @ self.weight.reshape(outputs, -1)).reshape(n, height, width, inputs, kernel, kernel)
        back = np.zeros(self.shape, np.float32)
        for dy in range(kernel):
            for dx in range(kernel):
                back[:, :, dy:dy + height, dx:dx + width] += columns[..., dy, dx].transpose(0, 3, 1, 2)
        return back


class Relu:
    def forward(self, x):
        self.open = x > 0
        return x * self.open

    def backward(self, gradient):
        return gradient * self.open


class MaxPool:
    """Windows of 2×2, stride 2; the first of equals wins."""

    def forward(self, x):
        n, channels, height, width = x.shape
        cells = x.reshape(n, channels, height // 2, 2, width // 2, 2).transpose(0, 1, 2, 4, 3, 5)
        self.cells = cells.reshape(n, channels, height // 2, width // 2, 4)
        self.winner = self.cells.argmax(axis=-1)[..., None]
        return np.take_along_axis(self.cells, self.winner, axis=-1)[..., 0]

    def backward(self, gradient):
        n, channels, height, width = gradient.shape
        cells = np.zeros_like(self.cells)
        np.put_along_axis(cells, self.winner, gradient[..., None], axis=-1)
        cells = cells.reshape(n, channels, height, width, 2, 2).transpose(0, 1, 2, 4, 3, 5)
        return cells.reshape(n, channels, height * 2, width * 2)


def lenet(rng):
    return [("conv1", Conv(rng, 1, 10, 5)), ("relu1", Relu()), ("pool1", MaxPool()),
            ("conv2", Conv(rng, 10, 24, 5)), ("relu2", Relu()), ("pool2", MaxPool()),
            ("dense1", Dense(rng, 24 * 4 * 4, 80)), ("relu3", Relu()), ("dense2", Dense(rng, 80, 10))]


def dense(rng):
    return [("dense1", Dense(rng, 28 * 28, 80)), ("relu1", Relu()), ("dense2", Dense(rng, 80, 60)), ("relu2", Relu()),
            ("dense3", Dense(rng, 60, 10))]


def forward(layers, x):
    for _, layer in layers:
        x = layer.forward(x)
    return x


def backward(layers, gradient):
    for _, layer in reversed(layers):
        gradient = layer.backward(gradient)


def with_weights(layers):
    return [layer for _, layer in layers if hasattr(layer, "weight")]


class Adam:
    def __init__(self, layers, decay=0.001):
        self.parameters = [p for layer in with_weights(layers) for p in (layer.weight, layer.bias)]
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.steps, self.decay = 0, decay

    def step(self, gradients, rate):
        self.steps += 1
        correction = np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for p, (mean, square), g in zip(self.parameters, self.moments, gradients):
            mean += 0.1 * (g - mean)
            square += 0.001 * (g * g - square)
            p -= np.float32(rate) * (np.float32(correction) * mean / (np.sqrt(square) + 1e-8) + self.decay * p)
