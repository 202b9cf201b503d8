"""What objects of somebody else and copies of their arrays raise, as errors with a place."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from .errors import Error, OutOfMemory


def _out_of_memory(what: str, problem: MemoryError) -> OutOfMemory:
    return OutOfMemory(what, str(problem) or "no memory for it", "enough memory")


@contextmanager
def asking(kind: type[Error], what: str, expected: str, got: str = "") -> Iterator[None]:
    """Around what asks an object of somebody else: whatever it raises becomes an error with a place."""
    try:
        yield
    except Error:
        raise
    except MemoryError as problem:
        raise _out_of_memory(what, problem) from problem
    except Exception as problem:
        raise kind(what, f"{got}{type(problem).__name__}: {problem}", expected) from problem


@contextmanager
def copying(what: str) -> Iterator[None]:
    """Around a copy of an array, for which there may be no memory: views of a few bytes have any shape."""
    try:
        yield
    except MemoryError as problem:
        raise _out_of_memory(what, problem) from problem
