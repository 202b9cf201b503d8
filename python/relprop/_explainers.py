"""Compiled explainers, kept for the next call that asks for the same."""
from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from typing import Any, Mapping

from . import _library
from ._calls import Stop, interruptible
from ._handles import ExplainerHandle, ModelHandle
from ._options import encoded

_MOST = 8  # explainers that a model keeps


def _memory_budget() -> int:
    """Bytes that the explainers of one model may take together: a quarter of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4


class Explainer:
    """A compiled plan and what it is."""

    def __init__(self, model: ModelHandle, options: bytes | None) -> None:
        self._handle = ExplainerHandle(_library.handle_of("explainer_create", model.value, options))
        self._model = model  # which the plan reads its weights from
        self._described: dict[str, Any] | None = None

    @property
    def value(self) -> int | None:
        return self._handle.value

    @property
    def description(self) -> dict[str, Any]:
        """As `relprop inspect --json` has it."""
        if self._described is None:
            self._described = json.loads(_library.text_of("explainer_describe", self.value))
        return self._described

    @property
    def memory(self) -> int:
        """Bytes, as far as it says; 0 where it does not."""
        return _bytes_in(self.description.get("memory"))

    def cancel(self) -> None:
        """Ends the call that uses it, in whichever thread."""
        if self.value:
            _library.call("cancel", self.value)


def _bytes_in(memory: Any) -> int:
    if isinstance(memory, Mapping):
        return max((_bytes_in(part) for part in memory.values()), default=0)
    return int(memory) if isinstance(memory, (int, float)) else 0


class Explainers:
    """The explainers of a model by their options, the last used last. Those that are too many are freed with the last
    call that uses them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes | None, Explainer] = OrderedDict()

    def get(self, model: ModelHandle, options: Mapping[str, Any]) -> Explainer:
        key = encoded(options)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = interruptible(lambda: Explainer(model, key))
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            self._drop()
        return made

    def _drop(self) -> None:
        budget = _memory_budget()
        while len(self._kept) > 1:
            if len(self._kept) <= _MOST and sum(one.memory for one in self._kept.values()) <= budget:
                return
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def stop_of(explainer: Explainer) -> Stop:
    return Stop(explainer.cancel)
