"""One exception for each code of the library's errors, all with the same parts.

Each is a `relprop.Error` and, where Python has an exception for such a thing, that one too: `FileNotFound` is caught by
`except FileNotFoundError`. Codes and their numbers: include/relprop/error.h.
"""
from __future__ import annotations

from typing import Any


def _sentence(where: str, got: str, expected: str, hint: str) -> str:
    text = f"{where}: {got}" if where else got
    if expected:
        text += f" (expected {expected})"
    return f"{text}; {hint}" if hint else text


def printable(text: str) -> str:
    """A path may hold what is no text, lone surrogates: they are told by number, so that an error can be printed."""
    return text.encode("utf-8", "backslashreplace").decode()


class Error(Exception):
    """What went wrong, in parts.

    where: the node, file or option. got: what was found. expected: what would have been right. hint: what to do.
    code: the number of the kind of error, the same in all versions and languages. Parts may be "".
    """

    code: int = 0

    def __init__(self, where: str, got: str, expected: str = "", hint: str = "") -> None:
        self.where = printable(where)
        self.got = printable(got)
        self.expected = printable(expected)
        self.hint = printable(hint)
        super().__init__(str(self))

    def __str__(self) -> str:
        return _sentence(self.where, self.got, self.expected, self.hint)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.where, self.got, self.expected, self.hint)


class InvalidArgument(Error, ValueError):
    """An option or argument is out of its range, of a wrong type, or a handle that was closed."""

    code = 1


class FileNotFound(Error, FileNotFoundError):
    """The path does not exist."""

    code = 2


class FileUnreadable(Error, OSError):
    """A file that is there cannot be read, or is a folder."""

    code = 3


class FileWriteFailed(Error, OSError):
    """A file cannot be written."""

    code = 4


class MalformedModel(Error, ValueError):
    """Not ONNX, truncated, inconsistent or cyclic."""

    code = 5


class UnsupportedModel(Error, NotImplementedError):
    """Valid ONNX with nodes or types that this version does not handle; all of them are named."""

    code = 6


class ShapeMismatch(Error, ValueError):
    """Shapes do not fit, in the model or between model and input."""

    code = 7


class NonFiniteWeights(Error, ValueError):
    """NaN or infinity among the weights."""

    code = 8


class NonFiniteInput(Error, ValueError):
    """NaN or infinity in the input."""

    code = 9


class MalformedImage(Error, ValueError):
    """A broken or truncated picture."""

    code = 10


class UnsupportedImage(Error, ValueError):
    """A format or size of pictures that is not handled."""

    code = 11


class MalformedTensor(Error, ValueError):
    """A broken .npy file."""

    code = 12


class MalformedPreprocess(Error, ValueError):
    """A broken description of the preprocessing."""

    code = 13


class UnknownMethod(Error, ValueError):
    """No method of that name."""

    code = 14


class InvalidMethodParameter(Error, ValueError):
    """A key or value that the method does not take."""

    code = 15


class InvalidRule(Error, ValueError):
    """A rule that cannot be parsed, or an unknown one."""

    code = 16


class UnknownTarget(Error, LookupError):
    """A class index out of range, or a label that is not there."""

    code = 17


class UnknownNode(Error, LookupError):
    """No node of that name."""

    code = 18


class NotSupportedByMethod(Error, NotImplementedError):
    """The method cannot be applied to this network."""

    code = 19


class NotSupportedByHardware(Error, RuntimeError):
    """The processor lacks the instructions for what was asked."""

    code = 20


class NumericFailure(Error, ArithmeticError):
    """NaN or infinity came up while computing."""

    code = 21


class OutOfMemory(Error, MemoryError):
    """More memory is needed than there is."""

    code = 22


class UnknownMetric(Error, ValueError):
    """No metric of that name."""

    code = 23


class InvalidMetricParameter(Error, ValueError):
    """A key or value that the metric does not take."""

    code = 24


class MalformedDataset(Error, ValueError):
    """A data set whose layout or annotation files are broken."""

    code = 25


class StoreUnusable(Error, OSError):
    """A file of results that is damaged, read-only, of a newer version, or none at all."""

    code = 26


class NotConserved(Error, ArithmeticError):
    """More relevance was lost than `require_conservation` allows."""

    code = 27


class Cancelled(Error):
    """The caller's progress function asked to stop. (Ctrl-C gives KeyboardInterrupt, as everywhere in Python.)"""

    code = 28


class Internal(Error, RuntimeError):
    """A defect of relprop."""

    code = 29


_BY_CODE: dict[int, type[Error]] = {one.code: one for one in Error.__subclasses__()}


def of_code(code: int) -> type[Error]:
    """The exception for a code of the library; `Error` itself for one that only a later version knows."""
    return _BY_CODE.get(code, Error)
