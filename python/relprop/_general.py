"""What the library has, whatever the model."""
from __future__ import annotations

import json

from . import _library
from ._options import encoded
from ._table import Table


def version() -> str:
    return bytes(_library.library().relprop_version()).decode()


def versions() -> dict[str, str]:
    """Versions of relprop and of what it is built on, by name."""
    found: dict[str, str] = json.loads(_library.text_of("versions"))
    return found


def methods() -> Table:
    """The methods that this version has: name, summary, citation, parameters with their defaults, and what they need.

    Source: `relprop methods`, docs/methods.md. `Model.methods` has those that a model allows.
    """
    return Table(json.loads(_library.text_of("methods")))


def metrics() -> Table:
    """The metrics that this version has: name, summary, citation, parameters with their defaults.

    Source: `relprop metrics`, docs/metrics.md.
    """
    return Table(json.loads(_library.text_of("metrics")))


def set_budgets(
    *, pixels: int | None = None, model: int | None = None, archive: int | None = None, stream: int | None = None
) -> None:
    """How much files may cause, if they are to be trusted, in this process and from the next file on.

    Pixels of a picture; bytes of a model's messages, of an entry of an archive, of a stream. What is not given is as it
    is unless somebody says otherwise. docs/security.md has the numbers; the command line has `--budget`.
    """
    asked = {"pixels": pixels, "model": model, "archive": archive, "stream": stream}
    _library.call("set_budgets", encoded(asked))


def budgets() -> dict[str, int]:
    """What holds now: {"pixels": 16777216, …}."""
    found: dict[str, int] = json.loads(_library.text_of("budgets"))
    return found


def options() -> dict[str, dict[str, str]]:
    """The keyword arguments that go on to the library, by function: {"explainer": {"rule": "…what it is…", …}, …}."""
    found: dict[str, dict[str, str]] = json.loads(_library.text_of("options"))
    return found
