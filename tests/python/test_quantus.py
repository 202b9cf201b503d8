"""quantus_explain with a model of relprop's own: Quantus's contract of arrays."""
import unittest

import support

support.needs("numpy")
import numpy as np
import relprop


class Quantus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)
        cls.x = np.random.default_rng(0).normal(size=(3, 3, 96, 96)).astype(np.float32)

    def explained(self, targets, inputs=None):
        inputs = self.x if inputs is None else inputs
        return relprop.quantus_explain(model=self.net, inputs=inputs, targets=targets, method="lrp-zplus")

    def test_one_channel_of_sums_for_each_input(self):
        y = np.array([4, 0, 7])
        a = relprop.quantus_explain(self.net, self.x, y, method="lrp-zplus", device=None)
        self.assertEqual((a.shape, a.dtype), ((3, 1, 96, 96), np.float32))
        own = self.net.explain(self.x, "lrp-zplus", target=[[4], [0], [7]]).at(target=0)
        np.testing.assert_allclose(a[:, 0], own.map, rtol=1e-4, atol=1e-5)
        with self.assertRaises(relprop.InvalidArgument):
            relprop.quantus_explain("network", self.x, y)

    def test_no_target_is_the_highest_class_of_each_input(self):
        highest = self.net.forward(self.x).argmax(axis=1)
        self.assertGreater(len(set(highest)), 1)
        np.testing.assert_array_equal(self.explained(None), self.explained(highest))

    def test_classes_of_any_type_that_are_whole(self):
        expected = self.explained([1, 0, 1])
        for targets in (np.array([1.0, 0.0, 1.0]), np.array([[1], [0], [1]]), np.array([True, False, True])):
            np.testing.assert_array_equal(self.explained(targets), expected)
        for target in (np.array(1.0), np.int64(1), True, "1"):
            np.testing.assert_array_equal(self.explained(target), self.explained(1))
        for targets in ([1.5, 0, 1], [None, 0, 1], [np.nan, 0, 1], [1, 0], 1.5):
            with self.subTest(targets), self.assertRaises(relprop.InvalidArgument):
                self.explained(targets)

    def test_inputs_that_are_no_normalised_batch(self):
        with self.assertRaises(relprop.ShapeMismatch):
            self.explained(1, self.x[0])
        with self.assertRaises(relprop.InvalidArgument):
            self.explained(1, np.zeros((2, 96, 96, 3), np.uint8))
