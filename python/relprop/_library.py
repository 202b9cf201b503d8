"""The shared library: where it lies, what its functions take, and how its errors become exceptions.

include/relprop/relprop.h says what each function does.
"""
from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import errors

FLOAT32, UINT8 = 1, 2
_RANKS = 8


class Array(ctypes.Structure):
    """relprop_array: row-major without gaps, where it lies."""

    owner: object  # what keeps the data, on this side
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("type", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("shape", ctypes.c_int64 * _RANKS),
        ("data", ctypes.c_void_p),
    ]


class ErrorParts(ctypes.Structure):
    """relprop_error."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("code", ctypes.c_int32),
        ("name", ctypes.c_char_p),
        ("where", ctypes.c_char_p),
        ("got", ctypes.c_char_p),
        ("expected", ctypes.c_char_p),
        ("hint", ctypes.c_char_p),
        ("message", ctypes.c_char_p),
    ]


PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


class Call(ctypes.Structure):
    """relprop_call: who is told of the progress, and may stop it."""

    _fields_ = [("size", ctypes.c_size_t), ("progress", PROGRESS), ("user", ctypes.c_void_p)]


_handle, _text, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
_handle_out = ctypes.POINTER(ctypes.c_void_p)
_text_out = ctypes.POINTER(ctypes.c_void_p)  # not c_char_p, which would lose the address that has to be freed
_array, _call = ctypes.POINTER(Array), ctypes.POINTER(Call)

_ARGUMENTS: dict[str, list[Any]] = {
    "last_error": [ctypes.POINTER(ErrorParts)],
    "text_free": [ctypes.c_void_p],
    "versions": [_text_out],
    "methods": [_text_out],
    "metrics": [_text_out],
    "options": [_text_out],
    "set_budgets": [_text],
    "budgets": [_text_out],
    "model_load": [_text, _text, _handle_out],
    "model_from_bytes": [_text, _size, _text, _handle_out],
    "model_describe": [_handle, _text, _text_out],
    "model_free": [_handle],
    "prepare": [_handle, _array, _text, _handle_out],
    "explainer_create": [_handle, _text, _handle_out],
    "explainer_describe": [_handle, _text_out],
    "explain": [_handle, _array, _text, _call, _handle_out],
    "forward": [_handle, _array, _call, _handle_out],
    "explainer_free": [_handle],
    "result_count": [_handle, ctypes.POINTER(ctypes.c_int64)],
    "result_array": [_handle, ctypes.c_int64, _text, _array],
    "result_json": [_handle, ctypes.c_int64, _text_out],
    "result_free": [_handle],
    "render": [_array, _array, _text, _handle_out],
    "evaluate": [_handle, _text, _call, _text_out],
    "store_read": [_text, _text, _text_out],
}


def _candidates() -> list[str]:
    """Where the library may be, best first: as the environment says, beside the package, where the system looks."""
    named = os.environ.get("RELPROP_LIBRARY")
    if named:
        return [named]
    bundled = sorted(str(path) for path in Path(__file__).parent.glob("librelprop.so*"))
    return [*bundled, "librelprop.so.0", "librelprop.so"]


def _opened() -> ctypes.CDLL:
    failures = []
    for name in _candidates():
        try:
            return ctypes.CDLL(name)
        except OSError as failure:
            failures.append(f"{name}: {failure}")
    raise ImportError(
        "relprop's shared library was not found; install librelprop0, or set RELPROP_LIBRARY to the path of "
        "librelprop.so.\n  " + "\n  ".join(failures)
    )


@lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The library with the types of its functions. ImportError where there is none, or one of before this interface."""
    opened = _opened()
    try:
        opened.relprop_version.restype = ctypes.c_char_p
        opened.relprop_version.argtypes = []
        opened.relprop_error_name.restype = ctypes.c_char_p
        opened.relprop_error_name.argtypes = [ctypes.c_int32]
        for name, types in _ARGUMENTS.items():
            function = opened["relprop_" + name]
            function.argtypes = types
            function.restype = ctypes.c_int32
    except AttributeError as missing:
        raise ImportError(f"{opened._name} is no relprop that this package can use: {missing}") from None
    return opened


def _last_error(opened: ctypes.CDLL, code: int) -> errors.Error:
    parts = ErrorParts(size=ctypes.sizeof(ErrorParts))
    opened.relprop_last_error(ctypes.byref(parts))
    where, got, expected, hint = (
        (part or b"").decode("utf-8", "surrogateescape")
        for part in (parts.where, parts.got, parts.expected, parts.hint)
    )
    return errors.of_code(code)(where, got, expected, hint)


def call(name: str, *arguments: Any) -> None:
    """Calls relprop_NAME in this thread; raises what went wrong in it."""
    opened = library()
    code = opened["relprop_" + name](*arguments)
    if code != 0:
        raise _last_error(opened, code)


def text_of(name: str, *arguments: Any) -> str:
    """Of a function whose last argument receives text: the text."""
    text = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(text))
    try:
        return ctypes.string_at(text.value or 0).decode("utf-8", "replace")
    finally:
        library().relprop_text_free(text)


def handle_of(name: str, *arguments: Any) -> int:
    """Of a function whose last argument receives a handle: the handle."""
    handle = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(handle))
    return handle.value or 0
