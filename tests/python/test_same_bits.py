"""Python's results are the command line's, to the last bit."""
import json
import unittest

import support

support.needs("numpy")
import numpy as np
import relprop

FIXTURES = ["cifar10_resnet20", "cifar10_thin_resnet50", "cifar10_thin_vgg16"]


class Shapes(unittest.TestCase):
    def compare(self, python, options):
        _, by_program = support.explained_by_program(support.MODEL, support.PICTURE, *options)
        maps = [python] if isinstance(python, relprop.Explanation) else list(python)
        self.assertEqual(len(maps), len(by_program))
        for one, (said, relevance) in zip(maps, by_program):
            self.assertEqual(one.relevance.tobytes(), np.asarray(relevance).tobytes(), said["method"])
            for name in ("prediction", "top5", "target", "seed", "sum", "conservation", "facts", "warnings"):
                self.assertEqual(one.said.get(name), said.get(name), name)

    def test_all_methods_of_the_bundled_network(self):
        net = relprop.load(support.MODEL)
        attention = {method["name"] for method in net.methods() if method["needsAttention"]}
        for method in net.methods().column("name"):
            if not method.startswith("pattern-") and method not in attention:
                with self.subTest(method):
                    self.compare(net.explain(support.PICTURE, method), ["-m", method])

    def test_targets_contrasts_and_options(self):
        net = relprop.load(support.MODEL)
        explain = lambda **how: net.explain(support.PICTURE, "lrp-gamma", **how)
        self.compare(explain(target=[1, 5]), ["-m", "lrp-gamma", "--target", "1,5"])
        self.compare(explain(target="top:3"), ["-m", "lrp-gamma", "--target", "top:3"])
        self.compare(
            explain(target="star", contrast="arrow"), ["-m", "lrp-gamma", "--target", "star", "--contrast", "arrow"]
        )
        self.compare(explain(contrast=True), ["-m", "lrp-gamma", "--contrast"])
        self.compare(explain(rule=["/stem*=epsilon"]), ["-m", "lrp-gamma", "--rule", "/stem*=epsilon"])
        self.compare(explain(noise=0.1, samples=3), ["-m", "lrp-gamma", "--noise", "0.1", "--samples", "3"])
        self.compare(explain(normalize=True), ["-m", "lrp-gamma", "--normalize"])
        self.compare(explain(preprocess="unit"), ["-m", "lrp-gamma", "--preprocess", "unit"])
        self.compare(explain(from_="/stem/conv/Conv:1"), ["-m", "lrp-gamma", "--from", "/stem/conv/Conv:1"])

    def test_the_ledger(self):
        report, _ = support.explained_by_program(support.MODEL, support.PICTURE, "-m", "lrp-epsilon")
        ledger = relprop.load(support.MODEL).explain(support.PICTURE, "lrp-epsilon").ledger
        self.assertEqual(list(ledger), report["layers"])


class Fixtures(unittest.TestCase):
    def test_all_references(self):
        for case in FIXTURES:
            folder = support.shared("fixtures/" + case)
            refs = json.loads((folder / "manifest.json").read_text())
            net = relprop.load(folder / "model.onnx")
            specs = sorted({ref["spec"] for ref in refs["refs"]})[:: 5 if support.SANITIZED else 1]
            batch = np.load(folder / refs["input"])
            for spec in specs:
                with self.subTest(f"{case} {spec}"):
                    r = net.explain(batch, spec)
                    _, maps = support.explained_by_program(folder / "model.onnx", folder / refs["input"], "-m", spec)
                    self.assertEqual(r.relevance.tobytes(), np.stack([one for _, one in maps]).tobytes())


class Wild(unittest.TestCase):
    """Networks of other kinds: channels last, an open size, rows of a table, half floats, integers."""

    def test_each(self):
        for name in ("keras_cifar10_nhwc", "ppocr_direction", "mnist_dense", "squeezenet_fp16", "tinycnn_esp_int8"):
            folder = support.shared("wild/" + name)
            model, given = folder / "model.onnx", folder / "input.npy"
            with self.subTest(name):
                r = relprop.load(model).explain(np.load(given), "gradient")
                _, maps = support.explained_by_program(model, given, "-m", "gradient")
                self.assertEqual(r.relevance.tobytes(), np.stack([one for _, one in maps]).tobytes())
                self.assertEqual(r[0].picture().pixels.ndim, 3)

    def test_channels_last_and_pictures(self):
        net = relprop.load(support.shared("wild/keras_cifar10_nhwc") / "model.onnx", preprocess="unit")
        self.assertEqual((net.layout, net.input_shape), ("nhwc", (None, 32, 32, 3)))
        r = net.explain(np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3), "gradient")
        self.assertEqual((r.relevance.shape, r.map.shape, r.photo.shape), ((32, 32, 3), (32, 32), (32, 32, 3)))
        np.testing.assert_allclose(r.map, r.relevance.sum(axis=2), rtol=1e-4, atol=1e-6)
        cam = net.attribute(r.input[np.newaxis], method="occlusion:window=8,stride=8")
        self.assertEqual(cam.shape, (1, 32, 32, 3))

    def test_sizes_that_are_left_open(self):
        net = relprop.load(support.shared("wild/ppocr_direction") / "model.onnx", preprocess="unit")
        for height, width in ((48, 192), (48, 96)):
            x = np.random.default_rng(0).normal(size=(2, 3, height, width)).astype(np.float32)
            self.assertEqual(net.explain(x, "gradient").relevance.shape, x.shape)
            self.assertEqual(net.forward(x[0]).shape, (2,))
        with self.assertRaises(relprop.ShapeMismatch):
            net.explain([x[0], np.zeros((3, 48, 192), np.float32)], "gradient")
        sizes = net.explain_many([x[0], np.zeros((3, 48, 192), np.float32), x[1]], "gradient")
        self.assertEqual([one.relevance.shape for one in sizes], [(3, 48, 96), (3, 48, 192), (3, 48, 96)])
        given = net.explain(np.zeros((48, 80, 3), np.uint8), "gradient", shape="48x80")
        self.assertEqual(given.map.shape, (48, 80))

    def test_a_batch_that_the_network_fixes(self):
        folder = support.shared("wild/tinycnn_esp")
        net, x = relprop.load(folder / "model.onnx"), np.load(folder / "input.npy")
        self.assertEqual(net.input_shape[0], 1)
        r = net.explain(np.concatenate([x, x * 0, x]), "gradient")
        self.assertEqual(r[2].relevance.tobytes(), net.explain(x[0], "gradient").relevance.tobytes())
        self.assertNotEqual(r[1].relevance.tobytes(), r[0].relevance.tobytes())
        self.assertIn("batch is fixed to 1 by the model", r.warnings)
