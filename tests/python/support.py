"""What the tests share: where things are, and the command line program to compare with."""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MODEL = EXAMPLES / "model/shapes.onnx"
PICTURES = sorted((EXAMPLES / "pictures/JPEGImages").glob("*.jpg"))
PICTURE = PICTURES[0]
TOY = EXAMPLES / "toy/toy.onnx"
SANITIZED = bool(os.environ.get("RELPROP_SANITIZED"))


def needs(*modules):
    """Skips the test file where one of these is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise unittest.SkipTest(f"python3-{module} is not installed")


def shared(name):
    """A file of the folder of reference networks; skips without it."""
    folder = Path(os.environ.get("RELPROP_SHARED") or ROOT.parent / "shared")
    if not (folder / name).exists():
        if os.environ.get("RELPROP_REQUIRE_SHARED", "0") not in ("", "0"):
            raise AssertionError(f"no {folder / name}")
        raise unittest.SkipTest(f"no {name} in the folder of reference networks")
    return folder / name


def _multiplies_bf16():
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return True
    return "avx512_bf16" in flags or "amx_bf16" in flags


MULTIPLIES_BF16 = _multiplies_bf16()


def program(*arguments):
    """The output of the command line program."""
    command = [os.environ["RELPROP_PROGRAM"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def explained_by_program(model, picture, *options):
    """What `relprop explain` makes of one input: each map's JSON and relevance, in its order."""
    import numpy

    with tempfile.TemporaryDirectory() as folder:
        told = program("explain", model, picture, *options, "--save", "npy,json", "--json", "--out", folder)
        maps = [json.loads(line) for line in told.splitlines()]
        (files,) = {(one["files"]["json"], one["files"]["npy"]) for one in maps}  # one of each for all maps
        report, relevance = json.loads(Path(files[0]).read_text()), numpy.load(files[1])
        return report, list(zip(maps, relevance))


def python(code, *arguments, **how):
    """Runs code in a Python of its own; its environment is this one's."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **how)


class TemporaryFolderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
