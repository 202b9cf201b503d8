"""Networks of PyTorch."""
from __future__ import annotations

import inspect
import io
from typing import TYPE_CHECKING, Any

from .errors import UnsupportedModel

if TYPE_CHECKING:
    from ._model import Model


def _exported(module: Any, example: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    options: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
    options["dynamic_axes"] = {"input": {0: "N"}, "output": {0: "N"}}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the exporter that folds BatchNormalization, and needs nothing but torch
    with torch.no_grad():
        torch.onnx.export(module, example, buffer, **options)
    return buffer.getvalue()


def from_torch(module: Any, example: Any, **options: Any) -> Model:
    """A torch.nn.Module as a model: exported to ONNX in memory, as it is now, in evaluation mode.

    example: a tensor that the module takes, N×C×H×W (or an array of that shape); its N does not matter.
    The module's own mode is as before. options: as of `relprop.load`.
    Raises UnsupportedModel where torch cannot export it, and what `relprop.load` raises; ImportError without torch.
    """
    import torch

    from ._model import load

    tensor = example if isinstance(example, torch.Tensor) else torch.as_tensor(example)
    modes = {part: part.training for part in module.modules()}
    module.eval()
    name = type(module).__name__
    try:
        data = _exported(module, tensor)
    except torch.onnx.errors.OnnxExporterError as problem:
        raise UnsupportedModel(
            name, str(problem).splitlines()[0], "a module that torch.onnx.export takes"
        ) from problem
    finally:
        for part, training in modes.items():
            part.training = training
    return load(data, **{"name": name, **options})
