"""NumPy arrays as the library takes and gives them, without copies where that can be."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from . import _library
from ._asking import asking, copying
from .errors import InvalidArgument, MalformedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    AnyArray = NDArray[Any]
    Floats = NDArray[np.float32]
    Bytes = NDArray[np.uint8]
else:
    AnyArray = Floats = Bytes = Union[np.ndarray]

_TYPES = {_library.FLOAT32: "<f4", _library.UINT8: "|u1"}
_NUMBERS = {np.dtype(np.float32): _library.FLOAT32, np.dtype(np.uint8): _library.UINT8}


def empty_array() -> _library.Array:
    """For the library to fill."""
    return _library.Array(size=ctypes.sizeof(_library.Array))


def given(array: AnyArray) -> _library.Array:
    """A contiguous float32 or uint8 array as the library reads it, where it lies and where what is returned keeps it:
    whoever waited for a call may be gone before it ends."""
    if array.ndim > 8:
        raise InvalidArgument("input", f"{array.ndim} axes", "at most 8")
    view = empty_array()
    view.type = _NUMBERS[array.dtype]
    view.rank = array.ndim
    for axis, extent in enumerate(array.shape):
        view.shape[axis] = extent
    view.data = array.ctypes.data
    view.owner = array
    return view


class _Lent:
    """Memory of a result, as NumPy asks for it. The array that NumPy makes of it keeps this, and so the result."""

    def __init__(self, array: _library.Array, owner: object) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "typestr": _TYPES[array.type],
            "shape": tuple(array.shape[: array.rank]),
            "data": (array.data, False),
        }


def lent(array: _library.Array, owner: object) -> AnyArray:
    """The array that the library gave, not copied; `owner` stays as long as any view of it."""
    if not array.data:
        return np.empty(tuple(array.shape[: array.rank]), _TYPES[array.type])
    return np.asarray(_Lent(array, owner))


def _of_tensor(value: Any) -> Any:
    """A torch tensor as NumPy sees it, without a copy where it lies in the processor's memory."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") and hasattr(value, "cpu") else value


def is_of_pillow(value: Any) -> bool:
    """Whether it is a picture of Pillow, which need not be there."""
    return hasattr(value, "convert") and hasattr(value, "getbands")


def pixels_of(picture: Any, what: str) -> Bytes:
    """Those of a picture of Pillow, which reads its file now, H×W×3."""
    expected = "a picture that Pillow can read"
    with asking(MalformedImage, what, expected):
        pixels = np.ascontiguousarray(picture.convert("RGB"))
    if pixels.dtype != np.uint8:
        raise MalformedImage(what, f"an array of {pixels.dtype} from its convert", expected)
    return pixels


def as_array(value: Any, what: str) -> AnyArray:
    """What can be seen as an array of numbers, else InvalidArgument that names `what`."""
    with asking(InvalidArgument, what, "an array of numbers, all rows of one length", "no array, "):
        if isinstance(value, np.ma.MaskedArray) and np.any(value.mask):
            hint = "fill them in: array.filled(0)"
            raise InvalidArgument(what, "an array with values that are masked", "values", hint)
        array = np.asarray(_of_tensor(value))
    if array.dtype == object:
        raise InvalidArgument(what, "an array of Python objects", "numbers, all rows of one length")
    return array


def as_floats(array: AnyArray, what: str) -> Floats:
    """Contiguous float32: the very array where it is that, else a copy. Only floating point counts as network input."""
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidArgument(
            what,
            f"an array of {array.dtype}",
            "floats, normalised as the network wants them, or a picture: uint8, H×W×3",
            "convert it: array.astype(numpy.float32)",
        )
    with np.errstate(over="ignore"), copying(what):  # the library refuses infinities by name
        return np.require(array, np.float32, ["C", "ALIGNED"])


def as_bytes(array: AnyArray, what: str) -> Bytes:
    """Contiguous: the very array where it is that, else a copy. An array of uint8."""
    with copying(what):
        return np.ascontiguousarray(array)
