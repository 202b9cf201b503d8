"""pip install . builds librelprop with CMake and puts it into the wheel. All that is fixed stands in pyproject.toml.

RELPROP_BUILD names a folder where CMake has built it already."""

import os
import pathlib
import re
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70.1, which Debian 12 has
    from wheel.bdist_wheel import bdist_wheel

ROOT = pathlib.Path(__file__).resolve().parent
LIBRARY = "librelprop.so.0"
SCRATCH = ROOT / "build" / "wheel"


def version():
    return re.search(r"^project\(relprop VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)[1]


def cmake(*arguments):
    if not shutil.which("cmake"):
        raise SystemExit("relprop is built with CMake and Debian's packages: run tools/setup first")
    subprocess.run(["cmake", *arguments], cwd=ROOT, check=True)


def built():
    """The folder with the library: the one that make uses too."""
    if "RELPROP_BUILD" in os.environ:
        return os.environ["RELPROP_BUILD"]
    cmake("--preset", "release")
    cmake("--build", "--preset", "release", "--target", "relprop")
    return "build/release"


class BuildWithLibrary(build_py):
    """The module, with the library beside it."""

    def run(self):
        shutil.rmtree(self.build_lib, ignore_errors=True)  # modules that are gone would stay in the wheel
        super().run()
        staged = SCRATCH / "installed"
        cmake("--install", built(), "--component", "library", "--strip", "--prefix", str(staged))
        (library,) = staged.rglob(LIBRARY)
        self.copy_file(str(library.resolve()), str(pathlib.Path(self.build_lib) / "relprop" / LIBRARY))


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True


class OnePythonForAll(bdist_wheel):
    """ctypes needs no compiled module: one wheel serves every Python on this kind of machine."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


SCRATCH.mkdir(parents=True, exist_ok=True)
setup(
    version=version(),
    options={"build": {"build_base": str(SCRATCH)}, "egg_info": {"egg_base": str(SCRATCH)}},
    distclass=WithLibrary,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": OnePythonForAll},
)
