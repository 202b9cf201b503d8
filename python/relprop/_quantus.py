"""Explanations for Quantus."""
from __future__ import annotations

import hashlib
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from ._arrays import as_array
from .errors import InvalidArgument, ShapeMismatch

if TYPE_CHECKING:
    from ._arrays import Floats
    from ._model import Model

_lock = threading.Lock()
_exported: weakref.WeakKeyDictionary[Any, tuple[bytes, Model]] = weakref.WeakKeyDictionary()


def _fingerprint(module: Any, inputs: Any) -> bytes:
    """Of all weights: metrics change them in place, as randomisation does, and the answer has to change with them."""
    digest = hashlib.blake2b(repr((str(module), np.shape(inputs)[1:])).encode())
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.detach().cpu().numpy()).data)
    return digest.digest()


def _model_of(model: Any, inputs: Any) -> Model:
    from ._model import Model

    if isinstance(model, Model):
        return model
    if not hasattr(model, "state_dict"):
        raise InvalidArgument("model", f"a {type(model).__name__}", "a relprop.Model or a torch.nn.Module")
    from ._torch import from_torch

    print_of = _fingerprint(model, inputs)
    with _lock:
        known = _exported.get(model)
        if known is None or known[0] != print_of:
            known = print_of, from_torch(model, np.asarray(inputs[:1], np.float32))
            _exported[model] = known
    return known[1]


def _classes(targets: Any) -> Any:
    """As `Model.attribute` takes them. What loads the data may have made floats or truth values of class numbers."""
    if targets is None or isinstance(targets, str):
        return targets
    classes = as_array(targets, "targets")
    if classes.ndim == 2 and classes.shape[1] == 1:  # a column of labels
        classes = classes[:, 0]
    whole = classes.dtype.kind == "f" and all(map(float.is_integer, classes.ravel().tolist()))
    return classes.astype(int) if whole or classes.dtype.kind == "b" else classes


def quantus_explain(model: Any, inputs: Any, targets: Any, **kwargs: Any) -> Floats:
    """What Quantus calls as explain_func: float32, N×1×H×W, relevance summed over channels.

    model: a relprop.Model, or the torch.nn.Module that Quantus hands over, which is exported when its weights are new.
    inputs: N×C×H×W, normalised. targets: N classes, or one for all; None for each input's highest. kwargs
    (explain_func_kwargs): method and other options of `Model.explain`; device, which Quantus adds, means nothing here.
    Raises what `Model.attribute` raises. Source: https://quantus.readthedocs.io, "explain_func".
    """
    kwargs.pop("device", None)
    network = _model_of(model, inputs)
    given = inputs.detach().cpu().numpy() if hasattr(inputs, "detach") else np.asarray(inputs)
    if given.ndim != len(network.input_shape):
        raise ShapeMismatch("inputs", f"{given.ndim} axes", f"{len(network.input_shape)}, of a batch")
    relevance = network.attribute(given, _classes(targets), **kwargs)
    channels = -1 if network.layout == "nhwc" else 1
    summed = np.sum(relevance, axis=channels, dtype=np.float64).astype(np.float32)
    return np.asarray(summed[:, np.newaxis])
