"""Every error is an exception of its own, with all parts."""
import ctypes
import pickle
import re
import unittest

import support

support.needs("numpy")
import numpy as np
import relprop
from relprop import _library, errors


class Codes(unittest.TestCase):
    def test_each_code_of_the_library_has_its_exception(self):
        header = (support.ROOT / "include/relprop/error.h").read_text()
        codes = {int(number): name for name, number in re.findall(r"^  (\w+) = (\d+),", header, re.M)}
        self.assertGreater(len(codes), 25)
        for code, name in codes.items():
            self.assertEqual(errors.of_code(code).__name__, name)
            self.assertIs(getattr(relprop, name), errors.of_code(code))
            self.assertEqual(_library.library().relprop_error_name(code).decode(), name)
        self.assertEqual(len(relprop.Error.__subclasses__()), len(codes))

    def test_a_code_of_a_later_version_is_an_error_too(self):
        self.assertIs(errors.of_code(4711), relprop.Error)

    def test_pythons_own_exceptions_catch_them(self):
        with self.assertRaises(FileNotFoundError):
            relprop.load("there/is/none.onnx")
        with self.assertRaises(ValueError):
            relprop.load(b"no network at all")
        with self.assertRaises(ValueError):
            relprop.load(support.MODEL).explain(support.PICTURE, "no-such-method")
        with self.assertRaises(LookupError):
            relprop.load(support.MODEL).explain(support.PICTURE, target=4711)


class Parts(unittest.TestCase):
    def test_the_librarys_parts_arrive(self):
        with self.assertRaises(relprop.UnknownMethod) as caught:
            relprop.load(support.MODEL).explain(support.PICTURE, "lrp-gama")
        error = caught.exception
        self.assertEqual(error.code, 14)
        self.assertIn("lrp-gama", error.where + error.got)
        self.assertIn("lrp-gamma", error.expected + error.hint)
        for part in (error.where, error.got, error.expected, error.hint):
            self.assertIn(part, str(error))

    def test_the_message_is_the_librarys(self):
        with self.assertRaises(relprop.FileNotFound) as caught:
            relprop.load("there/is/none.onnx")
        parts = _library.ErrorParts(size=ctypes.sizeof(_library.ErrorParts))
        library = _library.library()
        handle = ctypes.c_void_p()
        self.assertEqual(library.relprop_model_load(b"there/is/none.onnx", None, ctypes.byref(handle)), 2)
        self.assertEqual(library.relprop_last_error(ctypes.byref(parts)), 0)
        self.assertEqual(parts.code, 2)
        self.assertEqual(str(caught.exception), parts.message.decode())

    def test_their_text_can_be_printed_whatever_the_path(self):
        net = relprop.load(support.MODEL)
        maps = net.explain(np.zeros((1, 3, 96, 96), np.float32), "gradient")
        for path in ("a\ud800", "a\udcff"):  # no text at all, and a file name that is not UTF-8
            for ask in (
                lambda: relprop.load(path + ".onnx"),
                lambda: net.explain(path + ".jpg"),
                lambda: net.explain(path + ".npy"),
                lambda: net.explain(np.zeros((1, 3, 96, 96), np.float32), path),
                lambda: relprop.Store(path + ".db").table(),
                lambda: maps[0].picture().save(f"no/such/folder/{path}.png"),
                lambda: maps.at(**{path: 0}),
            ):
                with self.assertRaises(relprop.Error) as caught:
                    ask()
                error = caught.exception
                for text in (str(error), repr(error), error.where, error.got, error.expected, error.hint):
                    text.encode("utf-8")
        self.assertIn("a\\ud800", str(relprop.Error("a\ud800", "this")))
        self.assertEqual(relprop.Error("ä→😀", "this").where, "ä→😀")

    def test_they_can_be_sent_to_another_process(self):
        for kind in relprop.Error.__subclasses__():
            error = kind("here", "this", "that", "do so")
            again = pickle.loads(pickle.dumps(error))
            self.assertIs(type(again), kind)
            self.assertEqual(str(again), "here: this (expected that); do so")
            self.assertEqual((again.where, again.got, again.expected, again.hint), ("here", "this", "that", "do so"))
