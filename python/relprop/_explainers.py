"""Compiled explainers, kept for the next call that asks for the same."""
from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from typing import Any, Mapping

from . import _library
from ._calls import interruptible
from ._handles import ExplainerHandle, ModelHandle
from ._options import encoded

_MOST = 8  # explainers that a model keeps


def _memory_budget() -> int:
    """Bytes that the explainers of one model may take together: a quarter of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4


class Explainer:
    """A compiled plan: the bytes that it takes, and what it warns of whatever it explains."""

    def __init__(self, model: ModelHandle, options: bytes | None) -> None:
        self._handle = ExplainerHandle(_library.handle_of("explainer_create", model.value, options))
        # Now, as later a call may use it, for which the description would wait.
        said = json.loads(_library.text_of("explainer_describe", self._handle.value))
        self.memory: int = said["memory"]
        self.warnings: list[str] = said["warnings"]

    @property
    def value(self) -> int | None:
        return self._handle.value


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
