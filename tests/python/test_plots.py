"""Drawing with matplotlib, and pictures of Pillow as input."""
import unittest

import support

support.needs("numpy", "matplotlib", "PIL")
import matplotlib

matplotlib.use("Agg")
import numpy as np
import relprop
from PIL import Image


class Plots(unittest.TestCase):
    def test_one_and_many(self):
        net = relprop.load(support.MODEL)
        axes = net.explain(support.PICTURE, "gradient").plot()
        self.assertIn("gradient", axes.get_title())
        self.assertEqual(len(axes.images), 1)
        figure = net.explain(support.PICTURE, ["gradient", "lrp-zplus"], target=[1, 2, 3]).plot()
        self.assertEqual(len(figure.axes), 6)
        self.assertIn("3 star", figure.axes[2].get_title())


class Pillow(unittest.TestCase):
    def test_its_pictures(self):
        net = relprop.load(support.MODEL)
        picture = Image.fromarray(np.array(net.explain(support.PICTURE, "gradient").photo))
        expected = net.explain(np.asarray(picture), "gradient").relevance.tobytes()
        self.assertEqual(net.explain(picture, "gradient").relevance.tobytes(), expected)
        clear = picture.convert("RGBA")
        clear.putalpha(10)  # transparency is dropped, as the program does
        self.assertEqual(net.explain(clear, "gradient").relevance.tobytes(), expected)
        grey = picture.convert("L")
        same = np.repeat(np.asarray(grey)[..., np.newaxis], 3, 2)
        self.assertEqual(
            net.explain([grey], "gradient")[0].relevance.tobytes(), net.explain(same, "gradient").relevance.tobytes()
        )
        self.assertEqual(relprop.render(np.ones((96, 96), np.float32), picture).pixels.shape, (96, 96, 3))
