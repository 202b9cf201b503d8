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
        for method in net.methods().column("name"):
            if not method.startswith("pattern-"):
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
