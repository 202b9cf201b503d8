"""What is asked of a batch: targets and a contrast, as the library takes them."""
from __future__ import annotations

import json
from typing import Any

from ._options import plain
from .errors import InvalidArgument


def _listed(target: Any) -> bool:
    return isinstance(target, list)


class Targets:
    """target and contrast of a call. A plan is compiled for so many targets; which ones it is told with the inputs."""

    def __init__(self, target: Any, contrast: Any) -> None:
        self._target = plain(_relevance(target), "target")
        self._contrast = None if contrast is False else plain(contrast, "contrast")
        if _listed(self._target) and not self._target:
            raise InvalidArgument("target", "an empty list", "at least one target")
        self._own = _listed(self._target) and all(map(_listed, self._target))
        if _listed(self._target) and not self._own:  # the library answers each of them once
            # By their text: True == 1, and would be gone before the library could refuse it.
            self._target = list({json.dumps(one): one for one in self._target}.values())
        several = isinstance(target, str) and ("," in target or target.startswith("top:"))
        self.plural = _listed(self._target) or several
        # Where how many there are is for the library to say, a plan answers this question alone.
        self._told = self._own or not (several or _lists_text(self._target))

    def _asked(self) -> dict[str, Any]:
        asked = {"target": self._target, "contrast": self._contrast}
        return {name: value for name, value in asked.items() if value is not None}

    def compiled(self) -> dict[str, Any]:
        """For the options that a plan is made with: the same for all questions of as many targets."""
        if not self._told:
            return self._asked()
        if self._target is None and self._contrast is None:
            return {}
        count = 1
        if self._own:
            count = len(self._target[0])
        elif _listed(self._target):
            count = len(self._target)
        return {"target": list(range(count))} if count > 1 else {}

    def question(self, inputs: int) -> bytes | None:
        """For a call with so many inputs; None for what the plan was made with."""
        if not self._told or not self._asked():
            return None
        if self._own and len(self._target) != inputs:
            raise InvalidArgument(
                "target", f"targets of {len(self._target)} inputs", f"those of {inputs}, or one list for all of them"
            )
        return json.dumps({"target": "argmax", **self._asked()}).encode()


def _relevance(target: Any) -> Any:
    """An array of floats is no list of classes: it is the relevance of every score."""
    kind = getattr(getattr(target, "dtype", None), "kind", "")
    return {"relevance": target} if kind == "f" and target.ndim == 1 else target


def _lists_text(target: Any) -> bool:
    """[3, "star"] may be one class or two."""
    return _listed(target) and any(isinstance(one, str) for one in target)
