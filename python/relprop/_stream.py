"""Streams of inputs: a batch is computed while the next one is read."""
from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Any, Callable, Iterable, Iterator, Sized, Union

from ._calls import Progress, Told
from ._ending import Stop
from ._inputs import Batch, Reader, joined
from .errors import Cancelled, Error, NotConserved, NumericFailure, ShapeMismatch

Read = Union[Batch, Error]


class _Ahead:
    """Reads in a thread of its own. Where the interpreter ends there are no more threads: in the caller's."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._pool: Any = None
        with suppress(RuntimeError):
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(1, "relprop-reader")

    def begun(self, inputs: list[tuple[int, Any]]) -> Callable[[], list[Read]] | None:
        """What waits for them and gives them; None where there are none."""
        if not inputs:
            return None
        if self._pool:
            with suppress(RuntimeError):
                waiting: Callable[[], list[Read]] = self._pool.submit(_read_all, self._reader, inputs).result
                return waiting
        return lambda: _read_all(self._reader, inputs)

    def __enter__(self) -> _Ahead:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pool:
            self._pool.shutdown()


def _read_all(reader: Reader, inputs: list[tuple[int, Any]]) -> list[Read]:
    """Each input by itself, so that one that fails does not take others along; with its place in the stream."""
    read: list[Read] = []
    for place, one in inputs:
        try:
            read.append(_single(reader.read_list([one], place)))
        except Error as error:
            read.append(error)
    return read


def _single(batch: Batch) -> Batch:
    if len(batch.data) != 1:
        name = batch.names[0].removesuffix("[0]")
        raise ShapeMismatch(name, f"a batch of {len(batch.data)}", "single inputs in a stream")
    return batch


def _grouped(read: list[Read]) -> Iterator[tuple[list[int], list[Batch]]]:
    """Those that can be computed together: of one size, in order."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, one in enumerate(read):
        if isinstance(one, Batch):
            groups.setdefault(one.data.shape[1:], []).append(place)
    for places in groups.values():
        yield places, [one for one in (read[place] for place in places) if isinstance(one, Batch)]


def _answers(read: list[Read], explain: Callable[[Batch], Any]) -> list[Any]:
    """For each input what came of it, or the error. A batch that fails is explained one by one to see which."""
    answers: list[Any] = list(read)
    for places, batches in _grouped(read):
        try:
            maps = explain(joined(batches))
            for i, place in enumerate(places):
                answers[place] = maps.at(input=i)
        except Error as error:
            for place in places:
                answers[place] = _named(error, batches[0]) if len(places) == 1 else _alone(read[place], explain)
    return answers


def _alone(one: Read, explain: Callable[[Batch], Any]) -> Any:
    if not isinstance(one, Batch):
        return one
    try:
        return explain(one).at(input=0)
    except Error as error:
        return _named(error, one)


def _named(error: Error, batch: Batch) -> Error:
    """The library knows the input of a call as "input", or says what came of it; which one it was is known here."""
    name = batch.names[0]
    if error.where == "input":
        where = name
    elif isinstance(error, (NotConserved, NumericFailure)):
        where = f"{name}, {error.where}"
    else:  # what was asked, not what was given
        return error
    return type(error)(where, error.got, error.expected, error.hint).with_traceback(error.__traceback__)


def stream(
    inputs: Iterable[Any],
    batch: int,
    progress: Progress | None,
    errors: str,
    reader: Reader,
    explain: Callable[[Batch], Any],
) -> Iterator[Any]:
    """See Model.explain_many."""
    total, done, source = len(inputs) if isinstance(inputs, Sized) else 0, 0, enumerate(inputs)
    with Told(progress, Stop()) as told, _Ahead(reader) as ahead:
        nextup = ahead.begun(list(islice(source, batch)))
        while nextup is not None:
            read = nextup()
            nextup = ahead.begun(list(islice(source, batch)))
            for answer in _answers(read, explain):
                if isinstance(answer, Error) and errors == "raise":
                    raise answer
                done += 1
                stop = told.tell(done, total)
                yield answer
                if stop:
                    raise Cancelled("progress", "it asked to stop")
