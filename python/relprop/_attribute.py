"""Attributions as captum has them: of the shape of the inputs, for one target each."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Mapping

import numpy as np

from ._arrays import as_array
from ._options import shown
from .errors import InvalidArgument, ShapeMismatch

if TYPE_CHECKING:
    from ._arrays import AnyArray, Floats
    from ._model import Model


def attributed(model: Model, inputs: Any, target: Any, method: Any, options: Mapping[str, Any]) -> Any:
    """See Model.attribute."""
    if isinstance(method, (list, tuple)):
        raise InvalidArgument("method", shown(method), "the name of one method")
    maps = model.explain(_normalised(inputs, len(model.input_shape)), method, _own(target), **options)
    relevance = _whole(_of_one_target(maps), model.layout)
    if not hasattr(inputs, "detach"):
        return relevance
    import torch

    return torch.from_numpy(relevance).to(device=inputs.device, dtype=inputs.dtype)


def _normalised(inputs: Any, rank: int) -> AnyArray | list[AnyArray]:
    """The inputs as arrays. Files and pictures are refused: the input that is made of one has another shape."""
    if not isinstance(inputs, (list, tuple)):
        return _floating(inputs, "input")
    arrays = [_floating(one, f"input {i}") for i, one in enumerate(inputs)]
    for i, one in enumerate(arrays):
        if one.ndim >= rank:  # a batch among others, whose inputs would stand beside it
            raise ShapeMismatch(f"input {i}", f"{one.ndim} axes", f"{rank - 1}, of single inputs in a list")
    return arrays


def _floating(value: Any, what: str) -> AnyArray:
    file = isinstance(value, (str, os.PathLike, bytes, bytearray))
    array = None if file else as_array(value, what)
    if array is not None and np.issubdtype(array.dtype, np.floating):
        return array
    got = f"a {type(value).__name__}" if array is None else f"an array of {array.dtype}"
    expected = "floats of the shape that the network takes, normalised as it wants them"
    raise InvalidArgument(what, got, expected, "Model.explain takes files and pictures")


def _own(target: Any) -> Any:
    """One target for all inputs, also as an array without axes, as it is; of several each for its own input."""
    if target is None or isinstance(target, (str, int)):
        return target
    each = target if isinstance(target, (list, tuple)) else as_array(target, "target").tolist()
    return [[one] for one in each] if isinstance(each, (list, tuple)) else each


def _of_one_target(maps: Any) -> Any:
    """How many targets a text stands for ("top:2", "star,cross") the library says."""
    if "target" not in getattr(maps, "axes", ()):
        return maps
    count = maps.shape[-1]
    if count != 1:
        expected = "one target for all inputs, or one for each"
        raise InvalidArgument("target", f"{count} targets of each input", expected, "Model.explain has a map for each")
    return maps.at(target=0)


def _whole(maps: Any, layout: str) -> Floats:
    """Relevance of the inputs' shape: what a method says of all channels together is shared out evenly."""
    relevance: Floats = maps.relevance
    one = maps[0] if hasattr(maps, "axes") else maps
    if one.relevance.shape == one.input.shape:
        return relevance
    axis = -1 if layout == "nhwc" else -3
    count = one.input.shape[axis]
    return np.repeat(relevance / np.float32(count), count, axis)
