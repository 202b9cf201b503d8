"""quantus_explain with a model of relprop's own: Quantus's contract of arrays."""
import unittest

import support

support.needs("numpy")
import numpy as np
import relprop


class Quantus(unittest.TestCase):
    def test_one_channel_of_sums_for_each_input(self):
        net = relprop.load(support.MODEL)
        x, y = np.random.default_rng(0).normal(size=(3, 3, 96, 96)).astype(np.float32), np.array([4, 0, 7])
        a = relprop.quantus_explain(net, x, y, method="lrp-zplus", device=None)
        self.assertEqual((a.shape, a.dtype), ((3, 1, 96, 96), np.float32))
        own = net.explain(x, "lrp-zplus", target=[[4], [0], [7]]).at(target=0)
        np.testing.assert_allclose(a[:, 0], own.map, rtol=1e-4, atol=1e-5)
        with self.assertRaises(relprop.InvalidArgument):
            relprop.quantus_explain("network", x, y)
