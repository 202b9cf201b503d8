"""The end of the interpreter, which no call may outlast.

Python ends a thread that asks for the interpreter after its end in the midst of what it does. Where that is to tell a
progress, it would unwind the library's own work, and the process would be aborted. So calls are stopped before.
"""
from __future__ import annotations

import atexit
import os
import threading
import time
from typing import Callable, TypeVar

from .errors import Cancelled

T = TypeVar("T")

_PATIENCE = 10.0  # seconds for what cannot be stopped, as reading a model
_OWN = 1.0  # for a progress function, which may wait for what never comes; then it is interrupted, and as long again


class Stop:
    """Whether a call shall end: its own progress function says so (see Told). `relprop_cancel` would end whichever call
    has its turn, that of another thread perhaps, for whose end this one waits."""

    def __init__(self) -> None:
        self.asked = False
        self.telling = False  # whether the caller's own function runs just now
        self.thread = 0  # that does the call

    def ask(self) -> None:
        self.asked = True


class _Inside:
    """The calls that threads are in. Those of the thread that ends the interpreter go on: it cannot outlast itself."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stops: set[Stop] = set()
        self._ending: int | None = None

    @property
    def has_ended(self) -> bool:
        return self._ending is not None

    def enter(self, stop: Stop) -> None:
        with self._changed:
            self.require_time()
            stop.thread = threading.get_ident()
            self._stops.add(stop)

    def leave(self, stop: Stop) -> None:
        with self._changed:
            self._stops.discard(stop)
            self._changed.notify_all()

    def require_time(self) -> None:
        """Daemon threads end with the interpreter, without a word; nobody else expects it."""
        if self._ending in (None, threading.get_ident()):
            return
        if threading.current_thread().daemon:
            raise SystemExit
        raise Cancelled("call", "the interpreter ends", "calls before that, or of the thread that ends it")

    def end(self) -> None:
        begun = time.monotonic()
        with self._changed:
            self._ending = threading.get_ident()
            for stop in self._stops:
                stop.ask()
            while self._is_worth_waiting(time.monotonic() - begun):
                self._changed.wait(0.1)

    def _is_worth_waiting(self, waited: float) -> bool:
        others = [stop for stop in self._stops if stop.thread != self._ending]
        told = [stop for stop in others if stop.telling]
        if told and waited > _OWN:
            _interrupt(told)
        return bool(others) and waited < (2 * _OWN if len(told) == len(others) else _PATIENCE)


def _interrupt(calls: list[Stop]) -> None:
    """Ends Python code of other threads where it next does a step. What waits in the system stays there, and so does not
    ask for the interpreter either."""
    import ctypes

    for stop in calls:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(stop.thread), ctypes.py_object(SystemExit))


_inside = _Inside()


def _forget_threads() -> None:
    global _inside
    _inside = _Inside()


atexit.register(lambda: _inside.end())
os.register_at_fork(after_in_child=_forget_threads)  # threads do not live on in a child


def has_ended() -> bool:
    """Whether only the thread that ends the interpreter may still call."""
    return _inside.has_ended


def within(work: Callable[[], T], stop: Stop) -> T:
    """What `work` returns, which may take its time and tell a progress that heeds `stop`."""
    inside = _inside  # a child that is forked meanwhile has another
    inside.enter(stop)
    try:
        return work()
    except Cancelled:
        inside.require_time()
        raise
    finally:
        inside.leave(stop)
