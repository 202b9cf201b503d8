"""Tables: lists of rows, which pandas takes where it is there."""
from __future__ import annotations

import html
from typing import Any, Iterable, List, Mapping

from ._options import shown
from .errors import InvalidArgument


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


class Table(List[Mapping[str, Any]]):
    """A list of rows, each a mapping from column to value."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(rows)

    @property
    def columns(self) -> list[str]:
        """The names of all columns, as they come."""
        return list(dict.fromkeys(name for row in self for name in row))

    def column(self, name: str) -> list[Any]:
        """One column's values, None where a row has none; of a table without rows an empty list, whatever the name.

        Raises InvalidArgument where no row has it.
        """
        if self and not any(name in row for row in self):
            raise InvalidArgument("column", shown(name), f"one of {', '.join(self.columns)}")
        return [row.get(name) for row in self]

    def to_pandas(self) -> Any:
        """A pandas.DataFrame. ImportError where pandas is not installed (Debian: python3-pandas)."""
        import pandas

        return pandas.DataFrame(list(self), columns=self.columns)

    def __str__(self) -> str:
        columns = self.columns
        lines = [columns] + [[_shown(row.get(name)) for name in columns] for row in self]
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        columns = self.columns
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_shown(row.get(name)))}</td>" for name in columns) + "</tr>"
            for row in self
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Scores(Table):
    """What `Model.evaluate` measured: a row for each method and metric.

    Columns: model, dataset, target, pictures, method, protocol (the metric with its parameters), score, better ("higher is
    better", "lower is better" or "no order"), mean and standardError over pictures, count, median, logMean and
    logStandardError (of ratios, else None), best and tied (whether the method is the best, or as good; of ratios by their
    logarithms), seconds a picture. done and skipped: how many pictures; notes and warnings: texts.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(rows_of(told.get("tables", [])))
        self.done: Any = told.get("done")
        self.skipped: Any = told.get("skipped")
        self.notes: list[str] = list(told.get("notes", []))
        self.warnings: list[str] = list(told.get("warnings", []))


def rows_of(tables: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the library's tables, each with what its table is about."""
    rows = []
    for table in tables:
        about = {name: value for name, value in table.items() if name != "rows"}
        rows += [{**about, **row} for row in table.get("rows", [])]
    return rows
