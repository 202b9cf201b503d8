"""Networks of PyTorch: exported and explained in one call, results as tensors."""
import unittest

import support

support.needs("numpy", "torch")
import numpy as np
import relprop
import torch


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(8, 5),
    )


class Torch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.module = network().eval()
        cls.x = torch.randn(3, 3, 16, 16)
        cls.net = relprop.from_torch(cls.module, cls.x)

    def test_the_scores_are_the_modules(self):
        with torch.no_grad():
            expected = self.module(self.x).numpy()
        np.testing.assert_allclose(self.net.forward(self.x), expected, rtol=1e-4, atol=1e-5)
        self.assertIn("Sequential", repr(self.net))

    def test_the_gradient_is_the_modules(self):
        x = self.x.clone().requires_grad_()
        self.module(x)[:, 2].sum().backward()
        mine = self.net.attribute(self.x, 2, "gradient")
        self.assertIsInstance(mine, torch.Tensor)
        self.assertEqual((mine.shape, mine.dtype), (self.x.shape, self.x.dtype))
        torch.testing.assert_close(mine, x.grad, rtol=1e-4, atol=1e-6)
        each = self.net.attribute(self.x, torch.tensor([2, 0, 2]), "gradient")
        torch.testing.assert_close(each[0], x.grad[0], rtol=1e-4, atol=1e-6)
        self.assertEqual(self.net.attribute(self.x.double(), 2, "gradient").dtype, torch.float64)
        for target in (torch.tensor(2), torch.tensor([2, 2, 2]), [torch.tensor(2)] * 3):
            torch.testing.assert_close(self.net.attribute(self.x, target, "gradient"), mine)
        shared = self.net.attribute(self.x[0], 2, "grad-cam")
        self.assertEqual((type(shared), shared.shape), (torch.Tensor, self.x[0].shape))

    def test_tensors_that_attributions_cannot_be_like(self):
        for tensor in (self.x.to(torch.uint8), torch.zeros(16, 16, 3, dtype=torch.uint8), self.x.long()):
            with self.assertRaises(relprop.InvalidArgument):
                self.net.attribute(tensor, 2, "gradient")
        with self.assertRaises(relprop.InvalidArgument):
            self.net.attribute(self.x, "top:2", "gradient")

    def test_results_as_tensors_are_not_copied(self):
        r = self.net.explain(self.x[0], "gradient")
        self.assertEqual(r.torch().data_ptr(), r.relevance.ctypes.data)
        many = self.net.explain(self.x, "gradient")
        self.assertEqual(many.torch().shape, self.x.shape)

    def test_the_modules_modes_are_as_before(self):
        module = network().train()
        module[1].eval()
        relprop.from_torch(module, self.x)
        self.assertEqual([part.training for part in module], [True, False, True, True, True, True, True])

    def test_other_batches_and_arrays_as_examples(self):
        net = relprop.from_torch(self.module, np.zeros((1, 3, 16, 16), np.float32), labels=None)
        self.assertEqual(net.input_shape, (None, 3, 16, 16))
        self.assertEqual(net.explain(torch.randn(7, 3, 16, 16), "lrp-zplus").shape, (7,))

    def test_what_cannot_be_exported_is_named(self):
        class Odd(torch.nn.Module):
            def forward(self, x):
                return torch.linalg.eigh(x @ x.transpose(-1, -2))[0].sum((1, 2))[:, None]

        with self.assertRaises(relprop.UnsupportedModel) as caught:
            relprop.from_torch(Odd(), self.x)
        self.assertIn("Odd", caught.exception.where)


class Quantus(unittest.TestCase):
    """As quantus.Metric calls an explain_func, with the network that it has."""

    def call(self, module, x, y, **kwargs):
        return relprop.quantus_explain(model=module, inputs=x, targets=y, **kwargs)

    def test_the_contract(self):
        module, x, y = network().eval(), np.random.default_rng(0).normal(size=(4, 3, 16, 16)), np.array([0, 4, 2, 1])
        a = self.call(module, x, y, method="gradient", device="cpu")
        self.assertEqual((a.shape, a.dtype), ((4, 1, 16, 16), np.float32))
        tensor = torch.tensor(x, dtype=torch.float32, requires_grad=True)
        module(tensor)[np.arange(4), y].sum().backward()
        np.testing.assert_allclose(a[:, 0], tensor.grad.sum(1).numpy(), rtol=1e-3, atol=1e-6)

    def test_randomised_weights_are_noticed(self):
        module, x = network().eval(), np.random.default_rng(0).normal(size=(2, 3, 16, 16))
        before = self.call(module, x, np.array([0, 1]), method="gradient")
        np.testing.assert_array_equal(self.call(module, x, np.array([0, 1]), method="gradient"), before)
        with torch.no_grad():
            module[0].weight.data.normal_()
        after = self.call(module, x, np.array([0, 1]), method="gradient")
        self.assertGreater(np.abs(after - before).max(), 0)
