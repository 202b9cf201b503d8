"""Importing takes no time and nothing along; what is there is named; types are right."""
import os
import shutil
import subprocess
import unittest

import support

support.needs("numpy")
import relprop

LIMIT = 0.15  # seconds


class Importing(unittest.TestCase):
    def test_takes_next_to_no_time(self):
        code = "import time; a = time.perf_counter(); import relprop; print(time.perf_counter() - a)"
        best = min(float(support.python(code).stdout) for _ in range(5))
        self.assertLess(best, LIMIT)

    def test_brings_nothing_along_until_it_is_used(self):
        code = (
            "import sys, relprop; print([name for name in ('numpy', 'torch', 'h5py', 'tqdm') if name in sys.modules])"
        )
        self.assertEqual(support.python(code).stdout.strip(), "[]")
        code = (
            "import sys, relprop; relprop.load(sys.argv[1]).explain(sys.argv[2], 'gradient')._repr_html_();"
            "print([name for name in ('PIL', 'torch', 'h5py', 'tqdm', 'pandas', 'matplotlib') if name in sys.modules])"
        )
        done = support.python(code, support.MODEL, support.PICTURE)
        self.assertEqual(done.stdout.strip(), "[]", done.stderr)

    def test_the_library_outlives_whoever_closes_it(self):
        code = (
            "import _ctypes, ctypes, os\n"
            "for _ in range(3): _ctypes.dlclose(ctypes.CDLL(os.environ['RELPROP_LIBRARY'])._handle)\n"
            "import relprop; print(len(relprop.methods()) > 0)"
        )
        done = support.python(code)
        self.assertEqual(done.stdout.strip(), "True", done.stderr)

    def test_all_names_are_there_and_documented(self):
        self.assertEqual(len(set(relprop.__all__)), len(relprop.__all__))
        for name in relprop.__all__:
            self.assertTrue(getattr(relprop, name).__doc__, name)
        self.assertTrue(set(relprop.__all__) <= set(dir(relprop)))
        with self.assertRaises(AttributeError):
            relprop.no_such_name

    def test_public_methods_are_documented(self):
        for kind in (
            relprop.Model,
            relprop.Explanation,
            relprop.Explanations,
            relprop.Store,
            relprop.Table,
            relprop.Picture,
        ):
            for name, value in vars(kind).items():
                if not name.startswith("_") and (callable(value) or hasattr(value, "__get__")):
                    self.assertTrue(value.__doc__, f"{kind.__name__}.{name}")


class Library(support.TemporaryFolderTest):
    def without(self, **environment):
        shutil.copytree(
            support.ROOT / "python/relprop", self.folder / "relprop", ignore=shutil.ignore_patterns("*.so*")
        )
        environment = {**os.environ, "PYTHONPATH": str(self.folder), **environment}
        return environment

    def test_that_is_not_there_is_told_with_what_to_do(self):
        done = support.python("import relprop; relprop.methods()", env=self.without(RELPROP_LIBRARY="/no/such.so"))
        self.assertIn("ImportError", done.stderr)
        self.assertIn("RELPROP_LIBRARY", done.stderr)
        self.assertIn("/no/such.so", done.stderr)

    def test_that_is_another_one(self):
        done = support.python("import relprop; relprop.methods()", env=self.without(RELPROP_LIBRARY="libc.so.6"))
        self.assertIn("no relprop that this package can use", done.stderr)

    def test_beside_the_package(self):
        environment = self.without()
        os.symlink(environment.pop("RELPROP_LIBRARY"), self.folder / "relprop/librelprop.so.0")
        done = support.python("import relprop; print(len(relprop.methods()) > 20, relprop.__file__)", env=environment)
        self.assertEqual(done.stdout.split(), ["True", str(self.folder / "relprop/__init__.py")], done.stderr)


class Types(support.TemporaryFolderTest):
    def mypy(self, *arguments, **environment):
        if shutil.which("mypy") is None:
            self.skipTest("no mypy")
        cache = os.environ.get("RELPROP_MYPY_CACHE", os.devnull)
        done = subprocess.run(
            ["mypy", "--config-file", "mypy.ini", "--cache-dir", cache, *arguments],
            cwd=support.ROOT / "python",
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    def test_mypy_finds_nothing(self):
        self.assertEqual(self.mypy()[0], 0, self.mypy()[1])

    def test_users_have_types(self):
        user = self.folder / "user.py"
        user.write_text(
            "import relprop\n"
            "from relprop import Error, load\n"
            "net: relprop.Model = load('a.onnx')\n"
            "names: relprop.Table = net.methods()\n"
            "number: int = relprop.__version__\n"
        )
        code, said = self.mypy(str(user), MYPYPATH=str(support.ROOT / "python"))
        self.assertEqual((code, said.count("error:")), (1, 1), said)  # the one in the last line
        self.assertIn("user.py:5", said)
