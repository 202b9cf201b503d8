"""Handles of the library that are freed with the last Python object that needs them."""
from __future__ import annotations

import ctypes
import json
import weakref
from typing import TYPE_CHECKING, Any

from . import _library
from ._arrays import empty_array, lent

if TYPE_CHECKING:
    from ._arrays import AnyArray


def _free(kind: str, handle: int) -> None:
    # The library's own answer is of no use to anybody here.
    _library.library()[f"relprop_{kind}_free"](handle)


class Handle:
    """One handle. `value` is None once it is closed, which the library answers with InvalidArgument."""

    kind = ""

    def __init__(self, value: int) -> None:
        self.value: int | None = value
        self._finalizer = weakref.finalize(self, _free, self.kind, value)
        self._finalizer.atexit = False  # the process gives everything back, and threads may still compute

    def close(self) -> None:
        self.value = None
        self._finalizer()


class ModelHandle(Handle):
    kind = "model"


class ExplainerHandle(Handle):
    kind = "explainer"


class ResultHandle(Handle):
    """What a call has computed. Arrays are views of it and keep it."""

    kind = "result"

    def count(self) -> int:
        """How many maps it has."""
        count = ctypes.c_int64()
        _library.call("result_count", self.value, ctypes.byref(count))
        return count.value

    def array(self, index: int, name: str) -> AnyArray:
        """An array of map `index`, not copied."""
        array = empty_array()
        _library.call("result_array", self.value, index, name.encode(), ctypes.byref(array))
        return lent(array, self)

    def json(self, index: int) -> dict[str, Any]:
        """What is said of map `index`."""
        said: dict[str, Any] = json.loads(_library.text_of("result_json", self.value, index))
        return said
