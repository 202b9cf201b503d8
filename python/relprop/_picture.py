"""Maps as pictures."""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _library
from ._arrays import as_array, as_bytes, as_floats, given, is_of_pillow, pixels_of
from ._files import write_whole
from ._handles import ResultHandle
from ._options import encoded
from .errors import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

    from ._arrays import AnyArray, Bytes


class Picture:
    """A picture: `pixels`, H×W×3 uint8 RGB, and `png`, the bytes of a PNG file. Notebooks show it."""

    def __init__(self, result: ResultHandle) -> None:
        self.pixels: Bytes = result.array(0, "pixels")
        self._result = result

    @property
    def png(self) -> bytes:
        """The bytes of a PNG file."""
        return bytes(self._result.array(0, "png").tobytes())

    def save(self, path: str | Path) -> None:
        """Writes a PNG file that is there as a whole or not at all. One that it replaces keeps its mode, a link stays.

        FileWriteFailed where it cannot, as to a pipe or a device; InvalidArgument where `path` is none.
        """
        write_whole(path, self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return np.array(self.pixels, dtype) if copy else np.asarray(self.pixels, dtype)

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"<relprop.Picture {width}×{height}>"


def _photo_pixels(photo: Any) -> AnyArray:
    pixels = pixels_of(photo, "photo") if is_of_pillow(photo) else as_array(photo, "photo")
    if pixels.dtype == np.float32:
        return as_floats(pixels, "photo")
    if pixels.dtype != np.uint8:
        raise InvalidArgument(
            "photo", f"an array of {pixels.dtype}", "uint8, H×W×3", "Explanation.photo is such a one"
        )
    return as_bytes(pixels, "photo")


def render(map: Any, photo: Any = None, view: str | None = None, **options: Any) -> Picture:
    """A map as a picture: red speaks for the class, blue against it.

    map: floats, H×W, C×H×W or 1×C×H×W. photo: what the network saw, uint8 H×W×3 of the map's size, or a PIL image.
    Of an input that is no picture: map 1×D, 1×C×L or 1×C×D×H×W, photo its values in the same shape, float32.
    view: "heat", "overlay" (on the photo; what is drawn where one is given), "split" or "panel", all of them.
    options: percentile, opacity, zoom, layout, as on the command line (`relprop explain --help`).
    Raises ShapeMismatch, InvalidArgument, NonFiniteInput.
    """
    floats = as_floats(as_array(map, "map"), "map")
    seen = None if photo is None else _photo_pixels(photo)
    view = view or ("heat" if seen is None else "overlay")
    drawn, under = given(floats), None if seen is None else given(seen)
    return Picture(
        ResultHandle(
            _library.handle_of(
                "render",
                ctypes.byref(drawn),
                None if under is None else ctypes.byref(under),
                encoded({"view": view, **options}),
            )
        )
    )
