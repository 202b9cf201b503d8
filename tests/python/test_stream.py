"""explain_many: the same maps as one by one, in order, with bounded memory."""
import unittest

import support

support.needs("numpy")
import numpy as np
import relprop


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = relprop.load(support.MODEL)

    def test_one_result_for_each_input_in_order(self):
        pictures = support.PICTURES[:5]
        maps = list(self.net.explain_many(pictures, "gradient", batch=2))
        self.assertEqual([one.name for one in maps], [str(one) for one in pictures])
        for one, picture in zip(maps, pictures):
            self.assertIsInstance(one, relprop.Explanation)
            alone = self.net.explain(picture, "gradient")
            np.testing.assert_allclose(one.relevance, alone.relevance, rtol=1e-4, atol=1e-6)
            self.assertEqual(one.photo.tobytes(), alone.photo.tobytes())

    def test_methods_and_targets_of_each(self):
        maps = list(self.net.explain_many(support.PICTURES[:3], ["gradient", "lrp-zplus"], target=[3, 9], batch=2))
        self.assertEqual([one.shape for one in maps], [(2, 2)] * 3)
        self.assertEqual([one.index for one in maps[2].target], [3, 9, 3, 9])
        self.assertEqual({one.name for one in maps[1]}, {str(support.PICTURES[1])})

    def test_no_more_is_taken_than_two_batches(self):
        taken = []

        def source():
            for i in range(100):
                taken.append(i)
                yield np.full((3, 96, 96), i / 100, np.float32)

        stream = self.net.explain_many(source(), "gradient", batch=4)
        for done in range(1, 20):
            next(stream)
            self.assertLessEqual(len(taken), done + 8)
        stream.close()
        self.assertLess(len(taken), 100)

    def test_an_input_that_fails_ends_it_or_takes_its_place(self):
        inputs = [
            support.PICTURE,
            "no/such.jpg",
            support.PICTURE,
            np.full((3, 96, 96), np.nan, np.float32),
            support.PICTURE,
        ]
        with self.assertRaises(relprop.FileNotFound):
            list(self.net.explain_many(inputs, "gradient"))
        maps = list(self.net.explain_many(inputs, "gradient", errors="return"))
        kinds = [type(one) for one in maps]
        self.assertEqual(
            kinds,
            [
                relprop.Explanation,
                relprop.FileNotFound,
                relprop.Explanation,
                relprop.NonFiniteInput,
                relprop.Explanation,
            ],
        )
        self.assertEqual(maps[0].relevance.tobytes(), maps[4].relevance.tobytes())
        with self.assertRaises(relprop.InvalidArgument):
            self.net.explain_many(inputs, errors="hide")

    def test_an_input_that_raises_takes_its_place(self):
        class Raises:
            def __init__(self, error):
                self.error = error

            def __array__(self, *_how, **_more):
                raise self.error

        class Pillows(Raises):
            """As a picture of Pillow whose file is cut short: it is read only now."""

            def getbands(self):
                return "RGB"

            def convert(self, mode):
                raise self.error

        good, cut = np.zeros((3, 96, 96), np.float32), Pillows(OSError("image file is truncated"))
        inputs = {
            Raises(RuntimeError("mine")): relprop.InvalidArgument,
            Raises(relprop.UnknownNode("my node", "lost")): relprop.UnknownNode,
            Raises(MemoryError()): relprop.OutOfMemory,
            cut: relprop.MalformedImage,
            Pillows(SyntaxError("broken PNG file")): relprop.MalformedImage,
        }
        for batch in (1, 16):
            maps = list(self.net.explain_many([good, *inputs, good], "gradient", batch=batch, errors="return"))
            self.assertEqual([type(one) for one in maps[1:-1]], list(inputs.values()))
            self.assertEqual(maps[0].relevance.tobytes(), maps[-1].relevance.tobytes())
            self.assertEqual([one.where for one in maps[1:-1]], ["input 1", "my node", *(f"input {i}" for i in (3, 4, 5))])
        self.assertEqual(str(maps[4]), "input 4: OSError: image file is truncated (expected a picture that Pillow can read)")
        self.assertIs(maps[4].__cause__, cut.error)
        for call in (self.net.explain, self.net.forward):
            with self.assertRaisesRegex(relprop.InvalidArgument, "^input: no array, RuntimeError: mine") as caught:
                call(next(iter(inputs)))
            self.assertIs(type(caught.exception.__cause__), RuntimeError)
        with self.assertRaisesRegex(relprop.MalformedImage, "^photo: .*truncated"):
            relprop.render(np.zeros((4, 4), np.float32), cut)

    def test_inputs_without_a_path_are_numbered_by_their_place(self):
        good = np.zeros((3, 96, 96), np.float32)
        inputs = [good] * 3 + [support.PICTURE.read_bytes(), good[None], support.PICTURE, good]
        for batch in (2, 16):
            names = [one.name for one in self.net.explain_many(iter(inputs), "gradient", batch=batch)]
            self.assertEqual(names, [*(f"input {i}" for i in range(5)), str(support.PICTURE), "input 6"])

    def test_an_error_names_the_input_by_its_place(self):
        good = np.zeros((3, 96, 96), np.float32)
        bad = {
            relprop.NonFiniteInput: np.full_like(good, np.nan),  # found by the library, which sees a batch of one
            relprop.UnsupportedImage: b"no picture",
            relprop.InvalidArgument: np.zeros((3, 96, 96), int),
            relprop.ShapeMismatch: np.stack([good, good]),
        }
        for kind, value in bad.items():
            for batch in (1, 2, 16):
                with self.subTest(kind), self.assertRaises(kind) as caught:
                    list(self.net.explain_many([good] * 5 + [value, good], "gradient", batch=batch))
                self.assertEqual(caught.exception.where, "input 5")
                self.assertIn("input 5: ", str(caught.exception))
        with self.assertRaises(relprop.NumericFailure) as caught:
            list(self.net.explain_many([good, good, np.full_like(good, 1e38)], "gradient"))
        self.assertTrue(caught.exception.where.startswith("input 2, "), caught.exception)
        with self.assertRaises(relprop.UnknownTarget) as caught:  # of no input in particular
            list(self.net.explain_many([good, good], "gradient", target=4711))
        self.assertEqual(caught.exception.where, "target")

    def test_a_batch_is_a_whole_number_in_its_range(self):
        for batch in (0, -1, 1.5, "x", None, True, 4097):
            with self.subTest(batch), self.assertRaises(relprop.InvalidArgument) as caught:
                self.net.explain_many([support.PICTURE], "gradient", batch=batch)
            self.assertEqual((caught.exception.where, caught.exception.got), ("batch", repr(batch)))
        self.assertEqual(len(list(self.net.explain_many([support.PICTURE], "gradient", batch=np.int64(2)))), 1)

    def test_an_empty_stream_and_batches_in_one(self):
        self.assertEqual(list(self.net.explain_many([])), [])
        with self.assertRaises(relprop.ShapeMismatch):
            list(self.net.explain_many([np.zeros((2, 3, 96, 96), np.float32)]))

    def test_progress_is_told_of_each_and_may_stop(self):
        told = []
        stream = self.net.explain_many(
            support.PICTURES[:3], "gradient", batch=2, progress=lambda *how: told.append(how)
        )
        list(stream)
        self.assertEqual(told, [(1, 3), (2, 3), (3, 3)])
        with self.assertRaises(relprop.Cancelled):
            list(self.net.explain_many(support.PICTURES[:3], "gradient", progress=lambda done, total: done == 2))
