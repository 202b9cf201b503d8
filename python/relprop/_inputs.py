"""What may be explained: files, pictures and arrays, as a batch that the network takes."""
from __future__ import annotations

import ctypes
import os
import stat
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np

from . import _library
from ._arrays import as_array, as_bytes, as_floats, given, is_of_pillow, pixels_of
from ._asking import asking, copying
from ._general import budgets
from ._handles import ModelHandle, ResultHandle
from ._options import encoded
from .errors import FileNotFound, FileUnreadable, InvalidArgument, MalformedTensor, ShapeMismatch

if TYPE_CHECKING:
    from ._arrays import AnyArray, Bytes, Floats


@dataclass
class Batch:
    """Inputs of one shape, one after another."""

    data: Floats  # N×C×H×W, or the network's own layout
    photos: list[Bytes | None]  # H×W×3 each, as the network sees them; None where the input was no picture
    names: list[str]
    single: bool = False  # one input that was not given as a batch or list


@dataclass
class Reader:
    """Makes batches for a model."""

    model: ModelHandle
    rank: int  # of a batch
    options: Mapping[str, Any] = field(default_factory=dict)  # of relprop_prepare

    def read(self, inputs: Any) -> Batch:
        """One input, or those of a list or array."""
        if isinstance(inputs, (list, tuple)):
            return self.read_list(inputs)
        return self._asked(inputs, "input")

    def read_list(self, inputs: Sequence[Any], first: int = 0) -> Batch:
        """What has no name of its own is called by its number, from `first`."""
        if not inputs:
            raise InvalidArgument("input", "an empty list", "at least one path, picture or array")
        return joined([self._asked(one, f"input {i}") for i, one in enumerate(inputs, first)])

    def _asked(self, value: Any, what: str) -> Batch:
        with asking(InvalidArgument, what, "a path, a picture or an array"):
            return self._one(value, what)

    def _one(self, value: Any, what: str) -> Batch:
        if isinstance(value, (str, os.PathLike)):
            return self._file(os.fspath(value))
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._picture(np.frombuffer(value, np.uint8), what)
        if is_of_pillow(value):
            return self._picture(pixels_of(value, what), what)
        return self._array(as_array(value, what), what)

    def _file(self, path: str | bytes) -> Batch:
        name = os.fsdecode(path)
        if name.lower().endswith(".npy"):
            return self._floats(_loaded(path, name), name)
        return self._picture(np.frombuffer(_bytes_of(path, name), np.uint8), name)

    def _array(self, array: AnyArray, what: str) -> Batch:
        if array.dtype != np.uint8:
            return self._floats(array, what)
        if array.ndim == 4 and array.shape[-1] == 3 and len(array):
            return joined([self._array(one, f"{what}[{i}]") for i, one in enumerate(array)])
        if array.ndim != 3 or array.shape[-1] != 3:
            shape = "×".join(map(str, array.shape))
            raise ShapeMismatch(what, f"uint8 of shape {shape}", "a picture of three channels, H×W×3, or N of them")
        return self._picture(as_bytes(array, what), what)

    def _floats(self, array: AnyArray, what: str) -> Batch:
        floats = as_floats(array, what)
        single = floats.ndim == self.rank - 1
        if single:
            floats = floats[np.newaxis]
        if floats.ndim != self.rank:
            raise ShapeMismatch(what, f"{floats.ndim} axes", f"{self.rank}, or {self.rank - 1} for one input alone")
        if not floats.size:
            raise ShapeMismatch(what, "an array without elements", "at least one input")
        count = len(floats)
        names = [what] if count == 1 else [f"{what}[{i}]" for i in range(count)]
        return Batch(floats, [None] * count, names, single)

    def _picture(self, pixels: Bytes, name: str) -> Batch:
        options = {**self.options, "name": name.encode("utf-8", "replace").decode()}
        view = given(pixels)
        prepared = ResultHandle(_library.handle_of("prepare", self.model.value, ctypes.byref(view), encoded(options)))
        return Batch(prepared.array(0, "input"), [prepared.array(0, "view")], [name], True)


def joined(parts: list[Batch]) -> Batch:
    """One batch of several, whose inputs have to be of one size."""
    shapes = {part.data.shape[1:]: part.names[0] for part in parts}
    if len(shapes) > 1:
        (one, first), (other, second) = list(shapes.items())[:2]
        raise ShapeMismatch(
            second,
            f"{'×'.join(map(str, other))} as input, beside {first} of {'×'.join(map(str, one))}",
            "inputs of one size in a list",
            "give shape='HxW', or explain them one by one",
        )
    with copying(f"{parts[0].names[0]} and others"):
        data = parts[0].data if len(parts) == 1 else np.concatenate([part.data for part in parts])
    return Batch(data, [one for part in parts for one in part.photos], [one for part in parts for one in part.names])


def _bytes_of(path: str | bytes, name: str) -> bytes:
    """Of what is no regular file, and need not end, as much as the library would take."""
    most = budgets()["stream"]
    try:
        with open(path, "rb") as file:
            ends = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            data = file.read(-1 if ends else min(most, sys.maxsize - 1) + 1)
    except FileNotFoundError:
        raise FileNotFound(name, "there is no such file", "", "check the path") from None
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the path
        raise FileUnreadable(name, str(problem), "a JPEG, PNG, WebP or .npy file") from None
    if ends or len(data) <= most:
        return data
    hint = "give a file, or allow more of a stream (set_budgets: stream=SIZE)"
    raise FileUnreadable(name, f"a stream of more than {most} bytes", "a file", hint)


def _loaded(path: str | bytes, name: str) -> AnyArray:
    import io

    data = io.BytesIO(_bytes_of(path, name))
    try:
        return np.asarray(np.load(data, allow_pickle=False))
    except Exception as problem:  # of many kinds, MemoryError too where a header promises what the file does not hold
        raise MalformedTensor(name, str(problem), "an array of numbers as numpy.save writes it") from None
