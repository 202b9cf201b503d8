"""How much a file may cause: just under what one needs is the library's error, what it needs is read."""
import os
import struct
import threading
import unittest
import warnings

import support

support.needs("numpy")
import numpy as np
import relprop


def webp_that_says(side):
    """A lossless WebP that says its sides and has nothing behind them."""
    return (b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f" + struct.pack("<I", (side - 1) | (side - 1) << 14)).ljust(34, b"\0")


class Budgets(support.TemporaryFolderTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(relprop.set_budgets)
        self.net = relprop.load(support.MODEL)

    def test_are_what_was_asked_or_usual(self):
        usual = {"pixels": 1 << 24, "model": 64 << 20, "archive": 1 << 30, "stream": 1 << 30}
        self.assertEqual(relprop.budgets(), usual)
        relprop.set_budgets(model=5, pixels=np.int64(7), stream=None)
        self.assertEqual(relprop.budgets(), {**usual, "model": 5, "pixels": 7})
        relprop.set_budgets(archive=9)
        self.assertEqual(relprop.budgets(), {**usual, "archive": 9})
        relprop.set_budgets()
        self.assertEqual(relprop.budgets(), usual)
        self.assertEqual(set(relprop.options()["set_budgets"]), set(usual))

    def test_wrong_ones_are_refused_and_change_nothing(self):
        before = relprop.budgets()
        for value in (-1, "1G", 1.5, 1 << 63, [1], True):
            with self.subTest(value), self.assertRaises(relprop.InvalidArgument) as caught:
                relprop.set_budgets(pixels=3, archive=value)
            self.assertEqual(caught.exception.where, "archive")
            self.assertEqual(caught.exception.expected, "a whole number from 0 to 9223372036854775807")
        with self.assertRaises(TypeError):
            relprop.set_budgets(memory=3)
        self.assertEqual(relprop.budgets(), before)

    def test_of_a_picture_at_the_edge(self):
        picture, side = webp_that_says(6000), 6000
        needed = side * side - 1100 * len(picture)
        relprop.set_budgets(pixels=needed - 1)
        with self.assertRaises(relprop.UnsupportedImage) as caught:
            self.net.explain(picture, "gradient")
        error = caught.exception
        self.assertEqual(error.got, "6000×6000 pixels in 34 bytes")
        self.assertEqual(error.expected, "at most 35999999 pixels in a file of this size")
        self.assertIn("set_budgets: pixels=N", error.hint)
        relprop.set_budgets(pixels=needed)
        with self.assertRaises(relprop.MalformedImage):  # it is believed, and cut short
            self.net.explain(picture, "gradient")

    def test_of_a_model_below_its_edge(self):
        nodes = 64
        graph = b"\x0a\x00" * nodes  # a graph of empty nodes, each 16 times what it takes in the file and more
        network = b"\x3a" + struct.pack("BB", len(graph) & 127 | 128, len(graph) >> 7) + graph
        relprop.set_budgets(model=1)
        with self.assertRaises(relprop.MalformedModel) as caught:
            relprop.load(network)
        self.assertIn("tiny parts", caught.exception.got)
        self.assertIn("set_budgets: model=SIZE", caught.exception.hint)
        relprop.set_budgets()
        with self.assertRaises(relprop.Error) as caught:
            relprop.load(network)
        self.assertNotIn("tiny parts", str(caught.exception))

    def test_of_an_archive_at_the_edge(self):
        path = self.folder / "p.npz"
        np.savez_compressed(path, a=np.zeros(60_000, np.float32))
        needed = 128 + 4 * 60_000 - 16 * path.stat().st_size
        self.assertGreater(needed, 1)
        for budget, said in ((needed - 1, True), (needed, False)):
            relprop.set_budgets(archive=budget)
            with self.subTest(budget), self.assertRaises(relprop.Error) as caught:
                self.net.explain(support.PICTURE, "pattern-attribution", patterns=path)
            self.assertEqual("240128 bytes, unpacked" in caught.exception.got, said, str(caught.exception))

    def test_of_a_stream_at_the_edge(self):
        """Pictures and arrays, which Python reads, as well as what the library reads."""
        picture = support.PICTURE.read_bytes()
        array = self.folder / "a.npy"
        np.save(array, np.zeros((3, 96, 96), np.float32))
        for name, data in (("pipe.jpg", picture), ("pipe.npy", array.read_bytes())):
            relprop.set_budgets(stream=len(data) - 1)
            with self.subTest(name), self.assertRaises(relprop.FileUnreadable) as caught:
                self.through_a_pipe(name, data)
            error = caught.exception
            self.assertEqual(error.where, str(self.folder / name))
            self.assertEqual(error.got, f"a stream of more than {len(data) - 1} bytes")
            self.assertEqual(error.hint, "give a file, or allow more of a stream (set_budgets: stream=SIZE)")
            relprop.set_budgets(stream=len(data))
            self.through_a_pipe(name, data)
        relprop.set_budgets(stream=1)
        self.net.explain(support.PICTURE, "gradient")  # a file is no stream

    def through_a_pipe(self, name, data):
        os.mkfifo(self.folder / name)
        writer = threading.Thread(target=(self.folder / name).write_bytes, args=(data,))
        writer.start()
        try:
            self.net.explain(self.folder / name, "gradient")
        finally:
            writer.join()
            (self.folder / name).unlink()

    def test_what_never_ends_is_refused(self):
        relprop.set_budgets(stream=1_000_000)
        for name in ("zero.jpg", "zero.npy"):
            (self.folder / name).symlink_to("/dev/zero")
            with self.subTest(name), self.assertRaises(relprop.FileUnreadable):
                self.net.explain(self.folder / name, "gradient")
        with self.assertRaises(relprop.FileUnreadable):
            self.net.explain(support.PICTURE, "gradient", labels="/dev/zero")


class Arrays(support.TemporaryFolderTest):
    def test_a_header_that_promises_more_than_there_is(self):
        net = relprop.load(support.MODEL)
        for shape in ("(4000000000000,)", "(99999999999999999999999,)", "(3, -1)", "(" + "1," * 200 + ")"):
            header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(1000) + b"\n"
            path = self.folder / "huge.npy"
            path.write_bytes(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + b"\0" * 64)
            with self.subTest(shape[:20]), self.assertRaises(relprop.MalformedTensor), warnings.catch_warnings():
                warnings.simplefilter("error")
                net.explain(path)


if __name__ == "__main__":
    unittest.main()
