"""relprop: which pixels an image classifier's decision rests on, and how well a method shows them.

    import relprop
    net = relprop.load("resnet50.onnx")
    r = net.explain("dog.jpg", method="rap")
    r.map          # H×W float32, what each pixel contributes
    r.plot()

The package calls the shared library of relprop; NumPy is all that it needs beside it. Each name is imported when it
is used first, so that importing the package takes no time. docs/python.md is the guide.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _ending as _ending  # now, so that its part of the interpreter's end comes after that of whoever uses it

if TYPE_CHECKING:  # NAME as NAME: for everybody
    from ._general import budgets as budgets, metrics as metrics, methods as methods, options as options
    from ._general import set_budgets as set_budgets, versions as versions
    from ._model import Model as Model, load as load
    from ._picture import Picture as Picture, render as render
    from ._quantus import quantus_explain as quantus_explain
    from ._results import Answer as Answer, Explanation as Explanation, Explanations as Explanations
    from ._store import Store as Store
    from ._table import Scores as Scores, Table as Table
    from ._torch import from_torch as from_torch
    from ._virelay import export_virelay as export_virelay
    from .errors import (
        Cancelled as Cancelled,
        Error as Error,
        FileNotFound as FileNotFound,
        FileUnreadable as FileUnreadable,
        FileWriteFailed as FileWriteFailed,
        Internal as Internal,
        InvalidArgument as InvalidArgument,
        InvalidMethodParameter as InvalidMethodParameter,
        InvalidMetricParameter as InvalidMetricParameter,
        InvalidRule as InvalidRule,
        MalformedDataset as MalformedDataset,
        MalformedImage as MalformedImage,
        MalformedModel as MalformedModel,
        MalformedPreprocess as MalformedPreprocess,
        MalformedTensor as MalformedTensor,
        NonFiniteInput as NonFiniteInput,
        NonFiniteWeights as NonFiniteWeights,
        NotConserved as NotConserved,
        NotSupportedByHardware as NotSupportedByHardware,
        NotSupportedByMethod as NotSupportedByMethod,
        NumericFailure as NumericFailure,
        OutOfMemory as OutOfMemory,
        ShapeMismatch as ShapeMismatch,
        StoreUnusable as StoreUnusable,
        UnknownMethod as UnknownMethod,
        UnknownMetric as UnknownMetric,
        UnknownNode as UnknownNode,
        UnknownTarget as UnknownTarget,
        UnsupportedImage as UnsupportedImage,
        UnsupportedModel as UnsupportedModel,
    )

    __version__: str

_MODULES = {
    "_general": ("budgets", "methods", "metrics", "options", "set_budgets", "versions"),
    "_model": ("Model", "load"),
    "_picture": ("Picture", "render"),
    "_quantus": ("quantus_explain",),
    "_results": ("Answer", "Explanation", "Explanations"),
    "_store": ("Store",),
    "_table": ("Scores", "Table"),
    "_torch": ("from_torch",),
    "_virelay": ("export_virelay",),
    "errors": (
        "Cancelled",
        "Error",
        "FileNotFound",
        "FileUnreadable",
        "FileWriteFailed",
        "Internal",
        "InvalidArgument",
        "InvalidMethodParameter",
        "InvalidMetricParameter",
        "InvalidRule",
        "MalformedDataset",
        "MalformedImage",
        "MalformedModel",
        "MalformedPreprocess",
        "MalformedTensor",
        "NonFiniteInput",
        "NonFiniteWeights",
        "NotConserved",
        "NotSupportedByHardware",
        "NotSupportedByMethod",
        "NumericFailure",
        "OutOfMemory",
        "ShapeMismatch",
        "StoreUnusable",
        "UnknownMethod",
        "UnknownMetric",
        "UnknownNode",
        "UnknownTarget",
        "UnsupportedImage",
        "UnsupportedModel",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ._general import version

        return version()
    if name not in _HOME:
        raise AttributeError(f"module 'relprop' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("." + _HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
