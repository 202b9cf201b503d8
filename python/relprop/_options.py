"""Keyword arguments as the JSON object that the library's functions take."""
from __future__ import annotations

import json
import operator
import os
from typing import Any, Mapping

from ._asking import asking
from .errors import InvalidArgument


MOST_TOGETHER = 4096  # inputs of a batch
_BITS = 64  # of a whole number; Python refuses to write one of thousands of digits at all
_DIGITS = 20  # of an extent
_DEPTH = 64  # of lists within one another, as the library has it; one that holds itself has no end
_SHOWN = 200  # characters of a value in a message


def shown(value: Any) -> str:
    """What was given, in a message, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # that of a class of somebody else, or a number of thousands of digits
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _text(value: str, name: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(name, shown(value), "text that is valid UTF-8") from None
    return value


def path_of(path: Any, name: str, expected: str = "a path") -> bytes:
    """The path as the system has it."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise InvalidArgument(name, f"a {type(path).__name__}", expected)
    try:
        encoded_path = os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidArgument(name, shown(path), "a path that the system can encode") from None
    if b"\0" in encoded_path:
        raise InvalidArgument(name, shown(path), "a path without a zero byte")
    return encoded_path


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """The value as JSON has it. Paths become text, arrays and tuples lists, NumPy's numbers Python's."""
    if depth > _DEPTH:
        raise InvalidArgument(name, "lists within lists", f"{_DEPTH} within one another at most")
    if value is None:
        return value
    if isinstance(value, int):
        return _believable(value, name)
    if isinstance(value, str):
        return _text(value, name)
    if isinstance(value, float):
        return _number(value, name)
    if isinstance(value, os.PathLike):
        return _text(os.fsdecode(value), name)
    if isinstance(value, Mapping):
        return _object(value, name, depth)
    if isinstance(value, (list, tuple, range)):
        return [plain(one, name, depth + 1) for one in value]
    if hasattr(value, "tolist"):  # arrays and numbers of NumPy, tensors of torch
        with asking(InvalidArgument, name, "an array of numbers"):
            items = value.tolist()
        return plain(items, name, depth + 1)
    raise InvalidArgument(name, f"a value of type {type(value).__name__}", "text, a number, True, False or a list")


def _object(value: Mapping[Any, Any], name: str, depth: int) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, one in value.items():
        text = _key(key, name)
        if text in members:  # 1 and "1"
            raise InvalidArgument(name, f"key {text!r} twice", "every key once")
        members[text] = plain(one, name, depth + 1)
    return members


def _key(key: Any, name: str) -> str:
    return _text(str(plain(key, name) if isinstance(key, int) else key), name)


def _believable(value: int, name: str) -> int:
    if value.bit_length() > _BITS:
        raise InvalidArgument(name, f"a whole number of {value.bit_length()} bits", f"one of at most {_BITS}")
    return value


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
        raise InvalidArgument(name, shown(value), f"a whole number from {low} to {high}")
    return number


def extents(shape: Any) -> Any:
    """ "224x224", as the command line has a shape, as the list of numbers that the library takes."""
    if not isinstance(shape, str):
        return shape
    words = shape.split("x")
    if not all(word.isascii() and word.isdigit() and len(word) < _DIGITS for word in words):
        raise InvalidArgument("shape", shown(shape), "HxW or CxHxW, e.g. '224x224'")
    return [int(word) for word in words]


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given: those that are None are not."""
    return {name: plain(value, name) for name, value in options.items() if value is not None}


def encoded(options: Mapping[str, Any]) -> bytes | None:
    """As the library reads them, the same text for the same options; None for none."""
    values = given(options)
    return json.dumps(values, sort_keys=True).encode() if values else None
