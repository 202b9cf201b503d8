"""Handles of the library that are freed with the last Python object that needs them."""
from __future__ import annotations

import ctypes
import json
import weakref
from typing import TYPE_CHECKING, Any, Mapping

from . import _library
from ._arrays import empty_array, lent
from .errors import InvalidArgument

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

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Neither for another process nor twice in this one: its number may stand for something else there, or be freed.
        raise TypeError(f"a {self.kind} of relprop belongs to this process and cannot be pickled or copied")

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

    def apart(self, index: int) -> ApartResult:
        """Map `index` as it can be pickled and copied; its arrays are still views."""
        said = self.json(index)
        return ApartResult(said, {name: self.array(index, name) for name in said["arrays"]})


class ApartResult:
    """One map of a result without the library: as a pickle has it."""

    def __init__(self, said: dict[str, Any], arrays: Mapping[str, AnyArray]) -> None:
        self._said, self._arrays = said, arrays

    def array(self, _index: int, name: str) -> AnyArray:
        if name not in self._arrays:
            raise InvalidArgument("name", f"'{name}'", ", ".join(self._arrays))
        return self._arrays[name]

    def json(self, _index: int) -> dict[str, Any]:
        return self._said

    def apart(self, _index: int) -> ApartResult:
        return self
