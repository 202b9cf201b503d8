"""What `relprop evaluate` and `Model.evaluate` wrote."""
from __future__ import annotations

import json
import os
import re
from typing import Any

from . import _library
from ._calls import interruptible
from ._options import encoded, path_of
from ._table import Table, rows_of
from .errors import UnknownMetric


class Store:
    """A file of results. Each question reads it anew, so that it may grow meanwhile.

    Raises InvalidArgument where `path` is none; FileNotFound and StoreUnusable when it is asked. Source: docs/store.md.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path_of(path, "store")  # refuses what is no path
        self.path = os.fspath(path)

    def _read(self, **options: Any) -> dict[str, Any]:
        path, asked = path_of(self.path, "store"), encoded(options)
        told: dict[str, Any] = json.loads(interruptible(lambda: _library.text_of("store_read", path, asked)))
        return told

    def table(self, metric: str | None = None) -> Table:
        """A row for each method: model, dataset, target, pictures, method, protocol, score, better, mean,
        standardError (over pictures), count, median, logMean, logStandardError, best, tied, seconds (a picture).

        metric: a metric's name ("outside-inside"), or with its parameters as in the column protocol; None for all.
        Raises UnknownMetric where nothing was measured by it.
        """
        rows = rows_of(self._read().get("tables", []))
        found = [row for row in rows if metric is None or metric in _names_of(str(row.get("protocol", "")))]
        if metric is not None and not found:
            known = ", ".join(sorted({str(row.get("protocol")) for row in rows})) or "none: the store is empty"
            raise UnknownMetric(self.path, f"nothing measured by '{metric}'", f"one of {known}")
        return Table(found)

    def results(self) -> Table:
        """A row for each picture, method and metric, with curves and provenance, as `relprop export --json`."""
        return Table(self._read(results=True)["results"])

    def __repr__(self) -> str:
        return f"relprop.Store({self.path!r})"


def _names_of(protocol: str) -> tuple[str, str]:
    """The ways to ask for "outside-inside@1:key=value": as it is, and by the metric's name."""
    return protocol, re.split("[@:]", protocol)[0]
