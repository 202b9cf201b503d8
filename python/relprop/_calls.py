"""Long calls: Ctrl-C ends them, and progress is told.

Python runs signal handlers in the main thread alone, and only between its own steps, so a call that computes for a
minute would keep Ctrl-C waiting. The main thread therefore lets one other thread, always the same one (each new thread
would have the library make new OpenMP threads), do the call, and waits. Other threads call directly.
"""
from __future__ import annotations

import ctypes
import os
import queue
import sys
import threading
from typing import Any, Callable, Generic, Optional, TypeVar, Union

from . import _library
from ._ending import Stop, has_ended, within
from ._options import shown
from .errors import Cancelled, InvalidArgument

T = TypeVar("T")
# True shows a bar (tqdm where it is there); a function is told (done, total), and stops the work by returning True.
Progress = Union[bool, Callable[[int, int], Optional[bool]]]

_PATIENCE = 0.7  # seconds that Ctrl-C waits for a call to end; what a call makes after that is dropped


class _Job(Generic[T]):
    def __init__(self, work: Callable[[], T], stop: Stop) -> None:
        self.done = threading.Event()
        self._work, self._stop = work, stop
        self._result: T | None = None
        self._failures: list[BaseException] = []

    def run(self) -> None:
        try:
            if not self._stop.asked:
                self._result = self._work()
        except BaseException as failure:  # it is the main thread's, which raises it
            self._failures.append(failure)
        self.done.set()

    def result(self) -> T:
        try:
            self.done.wait()
        except BaseException:  # Ctrl-C, or what a handler of another signal raises
            self._end()
            raise
        if self._failures:
            raise self._failures.pop()  # nobody keeps it: its traceback knows the call's input
        return self._result  # type: ignore[return-value]

    def _end(self) -> None:
        self._stop.ask()
        self.done.wait(_PATIENCE)


class _Worker:
    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def result_of(self, work: Callable[[], T], stop: Stop) -> T:
        if not self._is_there():
            return work()
        job = _Job(work, stop)
        self._jobs.put(job)
        return job.result()

    def _is_there(self) -> bool:
        with self._start:
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name="relprop", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter ends: from Python 3.12 on its functions have no more threads
                    return False
                self._thread = thread
        return True

    def _serve(self) -> None:
        while True:
            self._jobs.get().run()


_worker = _Worker()


def _forget_worker() -> None:
    global _worker
    _worker = _Worker()


os.register_at_fork(after_in_child=_forget_worker)  # threads do not live on in a child


def interruptible(work: Callable[[], T], stop: Stop | None = None) -> T:
    """What `work` returns. Ctrl-C ends it within a second, with KeyboardInterrupt."""
    stopped = stop or Stop()
    if threading.current_thread() is threading.main_thread() and not has_ended():
        return _worker.result_of(lambda: within(work, stopped), stopped)
    return within(work, stopped)


def _bar(total: int) -> tuple[Callable[[int], None], Callable[[], None]]:
    """What moves a bar on the terminal to so many, and what ends it."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        end = (lambda: None) if total == 0 else (lambda: print(file=sys.stderr))
        return lambda done: print(f"\r{done}/{total}" if total else f"\r{done}", end="", file=sys.stderr), end
    bar = tqdm(total=total or None)
    return lambda done: bar.update(done - bar.n) and None, bar.close


class _Listener:
    """Whom the library tells. It does not know what the library calls it by (Told): that would be a circle."""

    def __init__(self, progress: Progress | None, stop: Stop) -> None:
        self._progress, self._stop = progress, stop
        self._bar: tuple[Callable[[int], None], Callable[[], None]] | None = None
        self._failures: list[BaseException] = []

    def told(self, _user: object, done: int, total: int) -> int:
        try:
            return int(self._stop.asked or self._told(done, total))
        except BaseException as failure:  # it cannot pass through the library; `end` raises it
            self._failures.append(failure)
            return 1

    def _told(self, done: int, total: int) -> bool:
        self._stop.telling = True
        try:
            return self.tell(done, total)
        finally:
            self._stop.telling = False

    def tell(self, done: int, total: int) -> bool:
        if callable(self._progress):
            return bool(self._progress(done, total))
        if self._progress:
            self._bar = self._bar or _bar(total)
            self._bar[0](done)
        return False

    def end(self, error: BaseException | None) -> None:
        if self._bar:
            self._bar[1]()
        if self._failures and (error is None or isinstance(error, Cancelled)):
            raise self._failures.pop(0)
        self._failures.clear()


class Told:
    """A progress that the caller gave, as the library calls it. Use: `with Told(progress, stop) as told: …`."""

    def __init__(self, progress: Progress | None, stop: Stop) -> None:
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise InvalidArgument("progress", shown(progress), "True, or a function of (done, total)")
        self._listener = _Listener(progress, stop)
        self.call = _library.Call(ctypes.sizeof(_library.Call), _library.PROGRESS(self._listener.told), None)

    def tell(self, done: int, total: int) -> bool:
        """Tells the caller; true where it wants to stop."""
        return self._listener.tell(done, total)

    def __enter__(self) -> Told:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        self._listener.end(error)
