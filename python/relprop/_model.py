"""Models: load, explain, measure."""
from __future__ import annotations

import ctypes
import json
import os
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Mapping, Sequence

import numpy as np

from . import _library
from ._arrays import given as c_array
from ._calls import Progress, Told, interruptible
from ._ending import Stop
from ._explainers import Explainer, Explainers
from ._general import methods as all_methods
from ._handles import ModelHandle, ResultHandle
from ._inputs import Batch, Reader
from ._options import MOST_TOGETHER, encoded, extents, given, path_of, shown, whole
from ._results import Explanation, Explanations
from ._table import Scores, Table
from ._targets import Targets
from .errors import InvalidArgument

if TYPE_CHECKING:
    from ._arrays import Floats


_ROWS = 4  # of several inputs, those that are computed together where nothing is said: as many as on the command line
_PICTURES = ("preprocess", "shape", "layout")  # options that say how a picture becomes an input


def load(model: str | os.PathLike[str] | bytes, **options: Any) -> Model:
    """Reads a network: an ONNX file, a model.bow, or an ONNX file's bytes.

    options: output, feed ({"INPUT": "FILE.npy"}) and, of bytes, name and folder (of files that hold weights); and what
    shall hold for all calls: preprocess, labels, shape, layout, as on the command line.
    Raises FileNotFound, FileUnreadable, MalformedModel, UnsupportedModel, NonFiniteWeights, ShapeMismatch.
    Source: README, "A model from PyTorch"; docs/operators.md.
    """
    from_bytes = isinstance(model, (bytes, bytearray, memoryview))
    function = "model_from_bytes" if from_bytes else "model_load"
    stay = {name: options.pop(name) for name in (*_PICTURES, "labels") if name in options}
    text = encoded(options)
    if from_bytes:
        data = bytes(model)  # type: ignore[arg-type]
        handle = interruptible(lambda: ModelHandle(_library.handle_of(function, data, len(data), text)))
    else:
        path = path_of(model, "model", "a path, or the bytes of an ONNX file")
        handle = interruptible(lambda: ModelHandle(_library.handle_of(function, path, text)))
    return Model(handle, given(stay))


class Model:
    """A network, ready to be explained. `relprop.load` makes one. Any number of threads may call it.

    What the command line takes as --like-this is a keyword argument like_this here, of each call or, for preprocess,
    labels, shape and layout, of `load`. Compiled explainers are kept for the next call that asks for the same.
    """

    def __init__(self, handle: ModelHandle, options: Mapping[str, Any]) -> None:
        self._handle = handle
        self._options = dict(options)
        self._explainers = Explainers()
        self.description: dict[str, Any] = json.loads(
            _library.text_of("model_describe", handle.value, encoded(self._complete({})))
        )
        """What it is and what was assumed, as JSON has it: input, outputs, classes, preprocess, labels, notes, …"""

    # ---- what it is

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of a batch, None where the model leaves it open: (None, 3, 224, 224)."""
        return tuple(self.description["input"]["shape"])

    @property
    def layout(self) -> str:
        """ "nchw", or "nhwc" where the model has its channels last."""
        return str(self.description["input"].get("layout", "nchw"))

    @property
    def default_method(self) -> str:
        """The method where none is named: "rap" for a network, "bow-lrp" for a bag of visual words."""
        return "bow-lrp" if self.description.get("bagOfWords") else "rap"

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart; None where the model leaves it open."""
        classes: int | None = self.description["classes"]
        return classes

    @property
    def labels(self) -> list[str]:
        """The classes' names, empty where they are not known."""
        return list(self.description.get("labels") or [])

    @property
    def preprocess(self) -> dict[str, Any] | None:
        """How pixels become the network's input; None where it is not known."""
        said: dict[str, Any] | None = self.description.get("preprocess")
        return said

    @property
    def notes(self) -> list[str]:
        """What was assumed while reading."""
        return list(self.description.get("notes") or [])

    def methods(self) -> Table:
        """The methods that can be tried on such a model; rows as of `relprop.methods`."""
        bag = bool(self.description.get("bagOfWords"))
        return Table(one for one in all_methods() if one.get("bagsOfWords" if bag else "networks", True))

    # ---- explaining

    def explain(
        self,
        inputs: Any,
        method: str | Sequence[str] | None = None,
        target: Any = None,
        contrast: Any = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Any:
        """Which parts of the input a decision rests on.

        inputs: a path (JPEG, PNG, WebP, .npy), the bytes of a picture, a PIL image, uint8 H×W×3 (RGB, 0…255), floats
        C×H×W or N×C×H×W (normalised, in the network's own layout; contiguous float32 is not copied), or a list of any.
        method: a name with its parameters ("lrp-gamma:gamma=0.5"), or a list; "rap" if none is given.
        target: None for the class of the highest score, an index, a label or its beginning, "not:CLASS", "top:K", or
        a list of these for several maps of each input, each once; a list of N lists gives each input its own. An array
        of floats, one for each score, is put in as relevance as it is.
        contrast: True for "rather than all others", or the class to compare with.
        progress: True, or a function that is told (done, total) and stops the work by returning True.
        options: as `relprop explain --help` has them, with _ for -: rule, abs, noise, samples, from_ (for --from), at,
        precision, memory, batch, threads, require_conservation, … (`relprop.options()["explainer"]`).

        Returns an Explanation; or Explanations where the input, method or target was given in the plural.
        Raises FileNotFound, MalformedImage, ShapeMismatch, NonFiniteInput, UnknownMethod, InvalidMethodParameter,
        UnknownTarget, NotSupportedByMethod, NotConserved, InvalidArgument and, where progress asked to stop, Cancelled.
        Source: docs/methods.md, docs/targets.md.
        """
        options = self._complete(options)
        batch = self._reader(options).read(inputs)
        return self._explained(batch, method, Targets(target, contrast), progress, options)

    def explain_many(
        self,
        inputs: Iterable[Any],
        method: str | Sequence[str] | None = None,
        target: Any = None,
        contrast: Any = None,
        batch: int = 16,
        progress: Progress | None = None,
        errors: str = "raise",
        **options: Any,
    ) -> Iterator[Any]:
        """Explains a stream of inputs, `batch` at a time, and yields one result for each, in order.

        Pictures of the next batch are read meanwhile; no more than two batches are held. Arguments are those of
        `explain`; inputs are single ones. What is no path is called "input 7", by its place in the stream. errors:
        "raise" ends the stream with the first input that fails, "return" yields the relprop.Error in its place.
        """
        from ._stream import stream

        if errors not in ("raise", "return"):
            raise InvalidArgument("errors", shown(errors), "'raise' or 'return'")
        batch = whole(batch, "batch", 1, MOST_TOGETHER)
        options = self._complete({**options, "batch": batch})
        targets, reader = Targets(target, contrast), self._reader(options)
        return stream(
            inputs, batch, progress, errors, reader, lambda read: self._explained(read, method, targets, None, options)
        )

    def forward(self, inputs: Any, **options: Any) -> Floats:
        """The network's scores, before a softmax or sigmoid: float32, N×classes; of a single input, classes.

        inputs and options: as of `explain`. Raises what it raises.
        """
        options = self._complete(options)
        batch = self._reader(options).read(inputs)
        explainer = self._explainer(self.default_method, batch, options)
        array, stop = c_array(batch.data), Stop()
        with Told(None, stop) as told:
            call = ctypes.byref(told.call)
            result = interruptible(
                lambda: ResultHandle(_library.handle_of("forward", explainer.value, ctypes.byref(array), call)), stop
            )
        scores: Floats = result.array(0, "scores")
        return np.asarray(scores[0]) if batch.single else scores

    def attribute(self, inputs: Any, target: Any = None, method: str | None = None, **options: Any) -> Any:
        """Attributions as captum has them: of the shape of `inputs`, a torch tensor for one.

        inputs: floats N×C×H×W or C×H×W, normalised, in the network's own layout, or a list of single ones. target: one
        class for all inputs, or N of them, one for each; None for each input's highest. options: as of `explain`. What
        a method says of all channels together (class activation maps, occlusion, rise) is shared out evenly.
        Raises InvalidArgument for files and pictures, and for what asks for several maps of an input ("top:2", a list
        of methods): `explain` takes them. Else it raises what `explain` raises.
        Source: https://captum.ai/api/attribution.html.
        """
        from ._attribute import attributed

        return attributed(self, inputs, target, method, options)

    # ---- measuring

    def evaluate(
        self,
        data: str,
        methods: str | Sequence[str] | None = None,
        metrics: str | Sequence[str] | None = None,
        store: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Scores:
        """Measures how good methods explain this model on a data set, as `relprop evaluate`.

        data: "imagenet:DIR", "voc:DIR", "folder:DIR", … (docs/datasets.md). methods, metrics: names with parameters;
        "rap" and "outside-inside" if none are given. store: a file that keeps the results, and from which the same call
        goes on after it was stopped; None for memory alone. options: target ("true", "predicted"), only_correct, limit,
        seed, keep, … (`relprop.options()["evaluate"]`).
        Returns a table of scores. Raises MalformedDataset, UnknownMethod, UnknownMetric, InvalidMetricParameter,
        StoreUnusable and what `explain` raises. Source: docs/metrics.md, docs/evaluation.md.
        """
        asked = {"data": data, "method": methods, "metrics": metrics, "store": store}
        text = encoded({**self._complete(options), **given(asked)})
        stop = Stop()
        with Told(progress, stop) as told:
            said = interruptible(
                lambda: _library.text_of("evaluate", self._handle.value, text, ctypes.byref(told.call)), stop
            )
        return Scores(json.loads(said))

    # ---- within

    def _complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a call with those of the model; `from_` stands for `from`, which Python has taken."""
        complete = {**self._options, **{name.rstrip("_"): value for name, value in given(options).items()}}
        if "shape" in complete:
            complete["shape"] = extents(complete["shape"])
        return complete

    def _reader(self, options: Mapping[str, Any]) -> Reader:
        pixels = {name: options[name] for name in _PICTURES if name in options}
        return Reader(self._handle, len(self.input_shape), pixels)

    def _explainer(self, method: str, batch: Batch, options: Mapping[str, Any]) -> Explainer:
        shape: dict[str, Any] = {}
        if None in self.input_shape[1:] and "shape" not in options:
            shape = {"shape": batch.data.shape[1:]}
        rows = {"batch": _ROWS} if "batch" not in options and len(batch.data) > 1 else {}
        return self._explainers.get(self._handle, {**options, **shape, **rows, "method": method})

    def _explained(
        self, batch: Batch, method: Any, targets: Targets, progress: Progress | None, options: Mapping[str, Any]
    ) -> Any:
        methods = list(method) if isinstance(method, (list, tuple)) else [method]
        if not methods:
            raise InvalidArgument("method", "an empty list", "at least one method")
        maps: list[Explanation] = []
        for one in methods:
            maps += self._maps(batch, self.default_method if one is None else one, targets, progress, options)
        lengths = {
            "method": len(methods),
            "input": len(batch.data),
            "target": len(maps) // len(methods) // len(batch.data),
        }
        plural = {"method": isinstance(method, (list, tuple)), "input": not batch.single, "target": targets.plural}
        axes = [axis for axis in lengths if plural[axis]]
        return Explanations(maps, axes, [lengths[axis] for axis in axes]) if axes else maps[0]

    def _maps(
        self, batch: Batch, method: str, targets: Targets, progress: Progress | None, options: Mapping[str, Any]
    ) -> list[Explanation]:
        explainer = self._explainer(method, batch, {**options, **targets.compiled()})
        result = _run(explainer, batch, targets.question(len(batch.data)), progress)
        drawing = {name: options[name] for name in ("layout",) if name in options}
        count = result.count() // len(batch.data)
        return [
            Explanation(
                result,
                index,
                {
                    "method": method,
                    "name": batch.names[index // count],
                    "photo": batch.photos[index // count],
                    "input": batch.data[index // count],
                    "drawing": {"layout": self.layout, **drawing},
                    "warnings": explainer.warnings,
                },
            )
            for index in range(result.count())
        ]

    # ---- its end

    def close(self) -> None:
        """Frees the model now; what it explained stays. Without it, that happens with the last reference."""
        self._explainers.clear()
        self._handle.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<relprop.Model {self}>"

    def __str__(self) -> str:
        said = self.description
        shape = "×".join("N" if extent is None else str(extent) for extent in self.input_shape)
        layout = f" ({self.layout})" if len(self.input_shape) == 4 else ""
        names = self.labels
        some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        classes = f"{self.classes or 'an unknown number of'} classes" + (f" ({some})" if names else "")
        pixels = json.dumps(self.preprocess) if self.preprocess else "not known"
        source = said.get("preprocessFrom")
        return (
            f"{said.get('path') or 'from memory'}\n"
            f"  input          {shape}{layout}\n"
            f"  classes        {classes}\n"
            f"  preprocessing  {pixels}" + (f", from {source}" if source and self.preprocess else "")
        )


def _run(explainer: Explainer, batch: Batch, question: bytes | None, progress: Progress | None) -> ResultHandle:
    array, stop = c_array(batch.data), Stop()
    with Told(progress, stop) as told:
        call = ctypes.byref(told.call)
        return interruptible(
            lambda: ResultHandle(_library.handle_of("explain", explainer.value, ctypes.byref(array), question, call)),
            stop,
        )
