"""Keyword arguments as the JSON object that the library's functions take."""
from __future__ import annotations

import json
import operator
import os
from typing import Any, Mapping

from .errors import InvalidArgument


MOST_TOGETHER = 4096  # inputs of a batch


def _text(value: str, name: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(name, repr(value), "text that is valid UTF-8") from None
    return value


def path_of(path: Any, name: str, expected: str = "a path") -> bytes:
    """The path as the system has it."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise InvalidArgument(name, f"a {type(path).__name__}", expected)
    try:
        encoded_path = os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidArgument(name, repr(path), "a path that the system can encode") from None
    if b"\0" in encoded_path:
        raise InvalidArgument(name, repr(path), "a path without a zero byte")
    return encoded_path


def plain(value: Any, name: str) -> Any:
    """The value as JSON has it. Paths become text, arrays and tuples lists, NumPy's numbers Python's."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _text(value, name)
    if isinstance(value, float):
        return _number(value, name)
    if isinstance(value, os.PathLike):
        return _text(os.fsdecode(value), name)
    if isinstance(value, Mapping):
        return {_text(str(key), name): plain(one, name) for key, one in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [plain(one, name) for one in value]
    if hasattr(value, "tolist"):  # arrays and numbers of NumPy, tensors of torch
        return plain(value.tolist(), name)
    raise InvalidArgument(name, f"a value of type {type(value).__name__}", "text, a number, True, False or a list")


def _number(value: float, name: str) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise InvalidArgument(name, str(value), "a finite number")
    return value


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number in its range, NumPy's too."""
    try:
        number = low - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise InvalidArgument(name, repr(value), f"a whole number from {low} to {high}")
    return number


def extents(shape: Any) -> Any:
    """ "224x224", as the command line has a shape, as the list of numbers that the library takes."""
    if not isinstance(shape, str):
        return shape
    words = shape.split("x")
    if not all(word.isascii() and word.isdigit() for word in words):
        raise InvalidArgument("shape", repr(shape), "HxW or CxHxW, e.g. '224x224'")
    return [int(word) for word in words]


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given: those that are None are not."""
    return {name: plain(value, name) for name, value in options.items() if value is not None}


def encoded(options: Mapping[str, Any]) -> bytes | None:
    """As the library reads them, the same text for the same options; None for none."""
    values = given(options)
    return json.dumps(values, sort_keys=True).encode() if values else None
