"""Whatever is given: the named exception, never a crash."""
import os
import unittest
from unittest import mock

import support

support.needs("numpy")
import numpy as np
import relprop
from relprop import _library


class Arrays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)

    def refused(self, kind, value, *parts, **how):
        for call in (self.net.explain, self.net.forward):
            with self.assertRaises(kind) as caught:
                call(value, **how)
            for part in parts:
                self.assertIn(part, str(caught.exception))

    def test_numbers_that_are_no_floats(self):
        for dtype in (np.int64, np.int8, np.uint16, bool, complex, "S4", "U4", "M8[s]", [("a", "f4")]):
            self.refused(relprop.InvalidArgument, np.zeros((1, 3, 96, 96), dtype), "floats")

    def test_objects_and_ragged_lists(self):
        self.refused(relprop.InvalidArgument, np.array([{}, None], object), "Python objects")
        self.refused(relprop.InvalidArgument, [[[1.0, 2.0], [3.0]]])
        self.refused(relprop.InvalidArgument, [None])
        for value in (None, 3, object(), {"a": 1}, {1.0}, lambda: 0):
            self.refused(relprop.InvalidArgument, value)

    def test_masked_values(self):
        masked = np.ma.masked_array(np.zeros((1, 3, 96, 96), np.float32), mask=False)
        self.assertEqual(self.net.forward(masked).shape[0], 1)
        masked[0, 0, 0, 0] = np.ma.masked
        self.refused(relprop.InvalidArgument, masked, "values that are masked", "filled")

    def test_shapes_that_do_not_fit(self):
        for shape in (
            (1, 3, 96, 95),
            (1, 4, 96, 96),
            (1, 96, 96, 3),
            (3, 96),
            (96,),
            (),
            (1, 1, 3, 96, 96),
            (1,) * 9,
            (0, 3, 96, 96),
            (1, 0, 96, 96),
        ):
            self.refused(relprop.ShapeMismatch, np.zeros(shape, np.float32))
        self.refused(relprop.ShapeMismatch, np.zeros((96, 96), np.uint8), "H×W×3")
        self.refused(relprop.ShapeMismatch, np.zeros((96, 96, 4), np.uint8), "H×W×3")
        self.refused(relprop.ShapeMismatch, [np.zeros((3, 96, 96), np.float32), np.zeros((3, 64, 64), np.float32)])

    def test_pictures_without_pixels(self):
        for shape in ((0, 96, 3), (96, 0, 3), (0, 96, 96, 3)):
            with self.assertRaises(relprop.Error):
                self.net.explain(np.zeros(shape, np.uint8))

    def test_values_that_are_not_finite(self):
        for value in (np.nan, np.inf, -np.inf):
            x = np.zeros((2, 3, 96, 96), np.float32)
            x[1, 2, 3, 4] = value
            self.refused(relprop.NonFiniteInput, x)
        self.refused(relprop.NonFiniteInput, np.full((1, 3, 96, 96), 1e300))

    def test_empty_lists(self):
        self.refused(relprop.InvalidArgument, [], "empty")
        x = np.zeros((1, 3, 96, 96), np.float32)
        for how in ({"target": []}, {"method": []}, {"target": [[]]}):
            with self.assertRaises(relprop.InvalidArgument):
                self.net.explain(x, **how)

    def test_targets_that_are_none(self):
        x = np.zeros((1, 3, 96, 96), np.float32)
        for target in (1.5, True, [None], {"from": 3}):
            with self.subTest(target), self.assertRaises(relprop.InvalidArgument) as caught:
                self.net.explain(x, "gradient", target=target)
            self.assertIn("a class by number, a text", caught.exception.expected)

    def test_odd_strides_are_read_as_they_say(self):
        x = np.random.default_rng(0).normal(size=(1, 3, 96, 96)).astype(np.float32)
        expected = self.net.forward(x).tobytes()
        raw = np.zeros(x.nbytes + 1, np.uint8)
        shifted = raw[1:].view(np.float32).reshape(x.shape)  # at an odd address
        shifted[:] = x
        self.assertEqual(self.net.forward(shifted).tobytes(), expected)
        self.assertEqual(self.net.forward(np.array(x[:, ::-1, ::-1])[:, ::-1, ::-1]).tobytes(), expected)
        flat = np.broadcast_to(np.float32(0.5), x.shape)
        self.assertEqual(
            self.net.forward(flat).tobytes(), self.net.forward(np.full(x.shape, 0.5, np.float32)).tobytes()
        )
        frozen = x.copy()
        frozen.flags.writeable = False
        self.assertEqual(self.net.forward(frozen).tobytes(), expected)


class Files(support.TemporaryFolderTest):
    def test_models(self):
        for value, kind in (
            (self.folder / "none.onnx", relprop.FileNotFound),
            (self.folder, relprop.FileUnreadable),
            (b"", relprop.MalformedModel),
            (b"\0" * 100, relprop.MalformedModel),
            (support.MODEL.read_bytes()[:1000], relprop.MalformedModel),
            ("a\0b", relprop.InvalidArgument),
            ("a\ud800.onnx", relprop.InvalidArgument),
            (3, relprop.InvalidArgument),
            (None, relprop.InvalidArgument),
        ):
            with self.subTest(repr(value)[:40]), self.assertRaises(kind):
                relprop.load(value)

    def test_pictures(self):
        net = relprop.load(support.MODEL)
        broken = {
            "text.jpg": b"this is no picture",
            "half.jpg": support.PICTURE.read_bytes()[:500],
            "empty.png": b"",
            "odd.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
        }
        for name, data in broken.items():
            (self.folder / name).write_bytes(data)
            with self.subTest(name), self.assertRaises((relprop.MalformedImage, relprop.UnsupportedImage)) as caught:
                net.explain(self.folder / name)
            self.assertIn(name, caught.exception.where)
        for path, kind in (
            (self.folder / "none.jpg", relprop.FileNotFound),
            (self.folder, relprop.FileUnreadable),
            ("a\0b", relprop.FileUnreadable),
            (b"", relprop.Error),
        ):
            with self.subTest(path), self.assertRaises(kind):
                net.explain(path)

    def test_arrays_in_files(self):
        net = relprop.load(support.MODEL)
        np.save(self.folder / "objects.npy", np.array([{}], object), allow_pickle=True)
        np.save(self.folder / "ints.npy", np.zeros((1, 3, 96, 96), int))
        (self.folder / "text.npy").write_text("no array")
        (self.folder / "empty.npy").write_bytes(b"")
        for name, kind in (
            ("objects", relprop.MalformedTensor),
            ("text", relprop.MalformedTensor),
            ("empty", relprop.MalformedTensor),
            ("ints", relprop.InvalidArgument),
        ):
            with self.subTest(name), self.assertRaises(kind):
                net.explain(self.folder / (name + ".npy"))

    def test_stores(self):
        (self.folder / "text.db").write_text("no store")
        with self.assertRaises(relprop.StoreUnusable):
            relprop.Store(self.folder / "text.db").table()
        with self.assertRaises(relprop.Error):
            relprop.Store(self.folder / "none.db").table()
        for path in ("a\0b.db", "\ud800.db", 3, None):  # a zero byte would end the name before its end
            with self.subTest(path), self.assertRaises(relprop.InvalidArgument) as caught:
                relprop.Store(path)
            self.assertEqual(caught.exception.where, "store")

    def test_pictures_that_are_saved(self):
        picture = relprop.load(support.MODEL).explain(support.PICTURE, "gradient").picture()
        for name in ("a\0b.png", "\ud800.png"):
            with self.subTest(name), self.assertRaises(relprop.InvalidArgument) as caught:
                picture.save(f"{self.folder}/{name}")
            self.assertEqual(caught.exception.where, "path")
        self.assertEqual(os.listdir(self.folder), [])


class Options(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)
        cls.x = np.zeros((1, 3, 96, 96), np.float32)

    def refused(self, kind, part="", **options):
        with self.assertRaises(kind) as caught:
            self.net.explain(self.x, **options)
        self.assertIn(part, caught.exception.where + caught.exception.got)

    def test_those_that_are_not_there_and_wrong_values(self):
        self.refused(relprop.InvalidArgument, "colour", colour=3)
        self.refused(relprop.InvalidArgument, "batch", batch=0)
        self.refused(relprop.InvalidArgument, "threads", threads="many")
        self.refused(relprop.InvalidArgument, "memory", memory="512M")
        self.refused(relprop.InvalidArgument, "precision", precision="f16")
        self.refused(relprop.InvalidMethodParameter, "", method="lrp-gamma:gamma=x")
        self.refused(relprop.UnknownMethod, "", method="")
        self.refused(relprop.UnknownTarget, "", target=10)
        self.refused(relprop.UnknownTarget, "", target="zebra")
        self.refused(relprop.UnknownNode, "", from_="no/such/node")

    def test_values_that_are_no_options(self):
        self.refused(relprop.InvalidArgument, "noise", noise=float("nan"))
        self.refused(relprop.InvalidArgument, "rule", rule=object())
        self.refused(relprop.InvalidArgument, "labels", labels="\udcff")
        self.refused(relprop.InvalidArgument, "target", target=b"star")
        self.refused(relprop.InvalidArgument, "method", method=3)
        self.refused(relprop.InvalidArgument, "target", target=float("inf"))

    def test_lists_and_objects_that_hold_themselves(self):
        around, holds, array = [], {}, np.zeros(1, object)
        around.append(around)
        holds["one"] = holds
        array[0] = array
        deep = 1
        for _ in range(65):
            deep = [deep]
        for value in (around, holds, array, deep, {"one": (around,)}):
            with self.subTest(f"{value!r:.30}"), self.assertRaises(relprop.InvalidArgument) as caught:
                self.net.explain(self.x, target=value)
            self.assertEqual(
                str(caught.exception), "target: lists within lists (expected 64 within one another at most)"
            )
        with self.assertRaises(relprop.InvalidArgument) as caught:
            self.net.explain(self.x, target={1: 2, "1": 3})
        self.assertEqual(str(caught.exception), "target: key '1' twice (expected every key once)")

    def test_arrays_that_no_memory_holds(self):
        huge = np.broadcast_to(np.float32(1), (1 << 20, 1 << 20))
        small = np.zeros((4, 4), np.float32)
        for where, ask in {
            "map": lambda: relprop.render(huge),
            "photo": lambda: relprop.render(small, huge),
        }.items():
            with self.subTest(where), self.assertRaises(relprop.OutOfMemory) as caught:
                ask()
            self.assertEqual(caught.exception.where, where)
        with self.assertRaises(relprop.OutOfMemory) as caught:
            relprop.render(small, np.broadcast_to(np.uint8(1), (1 << 20, 1 << 20, 3)))
        self.assertEqual(caught.exception.where, "photo")

    def test_batches_that_no_memory_holds(self):
        one, full = self.x[0], MemoryError("no room")
        with mock.patch.object(np, "concatenate", side_effect=full):
            with self.assertRaises(relprop.OutOfMemory) as caught:
                self.net.explain([one, one])
            self.assertEqual(str(caught.exception), "input 0 and others: no room (expected enough memory)")
            maps = list(self.net.explain_many([one, one], "gradient"))  # one by one they fit
        self.assertEqual([type(one) for one in maps], [relprop.Explanation] * 2)
        maps = self.net.explain([one, one], "gradient")
        with mock.patch.object(np, "stack", side_effect=full), self.assertRaises(relprop.OutOfMemory) as caught:
            maps.relevance
        self.assertEqual(caught.exception.where, "relevance")

    def test_whole_numbers_without_end(self):
        """Python has no text of a number with more than 4300 digits."""
        huge, x = 10**5000, np.zeros((1, 3, 96, 96), np.float32)
        for value in (huge, -huge, 1 << 64):
            for name in ("memory", "target", "noise", "shape", "contrast", "labels", "preprocess", "method", "from_"):
                for many in (value, [1, value], {"one": value}, {value: "one"}):
                    with self.subTest(name), self.assertRaises(relprop.InvalidArgument) as caught:
                        self.net.explain(x, **{name: many})
                    self.assertEqual(caught.exception.where, name)
        self.assertEqual(str(caught.exception), "from_: a whole number of 65 bits (expected one of at most 64)")
        for name, ask in {
            "pixels": lambda: relprop.set_budgets(pixels=huge),
            "shape": lambda: self.net.explain(support.PICTURE, shape="9" * 5000 + "x1"),
            "batch": lambda: self.net.explain_many([x], batch=huge),
            "errors": lambda: self.net.explain_many([x], errors=huge),
            "progress": lambda: self.net.explain(x, progress=huge),
            "limit": lambda: self.net.evaluate("voc:none", limit=huge),
            "zoom": lambda: relprop.render(x[0], zoom=huge),
            "column": lambda: relprop.methods().column(huge),
        }.items():
            with self.subTest(name), self.assertRaises(relprop.InvalidArgument) as caught:
                ask()
            self.assertEqual(caught.exception.where, name)
            self.assertLess(len(str(caught.exception)), 500)

    def test_pictures_of_maps(self):
        for map, photo, kind in (
            (np.zeros((4, 4), int), None, relprop.InvalidArgument),
            (np.zeros((4,), np.float32), None, relprop.Error),
            (np.zeros((0, 4), np.float32), None, relprop.Error),
            (np.full((4, 4), np.nan, np.float32), None, relprop.Error),
            (np.zeros((4, 4), np.float32), np.zeros((4, 4, 3)), relprop.InvalidArgument),
            (np.zeros((4, 4), np.float32), np.zeros((4, 4), np.uint8), relprop.Error),
            ("map", None, relprop.InvalidArgument),
            (None, None, relprop.InvalidArgument),
        ):
            with self.subTest(f"{map!r:.30} {photo!r:.30}"), self.assertRaises(kind):
                relprop.render(map, photo)
        with self.assertRaises(relprop.InvalidArgument):
            relprop.render(np.zeros((4, 4), np.float32), view="sideways")
        with self.assertRaises(relprop.Error):
            relprop.render(np.zeros((4, 4), np.float32), view="overlay")


class Handles(unittest.TestCase):
    def test_those_that_are_freed_already(self):
        handle = _library.handle_of("model_load", os.fsencode(support.TOY), None)
        free = _library.library().relprop_model_free
        self.assertEqual(free(handle), 0)
        self.assertEqual(free(handle), relprop.InvalidArgument.code)
        with self.assertRaises(relprop.InvalidArgument):
            _library.text_of("model_describe", handle, None)

    def test_results_whose_memory_was_given_back(self):
        r = relprop.load(support.TOY).explain(np.ones((1, 4), np.float32), "lrp-0")[0]
        r._result.close()
        for ask in (lambda: r.relevance, lambda: r.ledger, lambda: r.prediction, lambda: r.picture()):
            with self.assertRaises(relprop.InvalidArgument):
                ask()
