"""Attribution databases as CoRelAy analyses and ViRelAy shows them."""
from __future__ import annotations

import json
import os
from itertools import islice
from typing import TYPE_CHECKING, Any, Iterable, Iterator, NamedTuple, Sequence

import numpy as np

from ._files import make_folder, replacing, write_whole
from ._options import MOST_TOGETHER, path_of, shown, whole
from .errors import InvalidArgument, ShapeMismatch

if TYPE_CHECKING:
    from ._arrays import AnyArray, Floats
    from ._model import Model
    from ._results import Explanation

_INPUT, _ATTRIBUTION = "input.h5", "attribution.h5"


class _Rows:
    """A dataset of an HDF5 file that grows row by row."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name
        self._set: Any = None

    def add(self, row: AnyArray) -> None:
        if self._set is None:
            self._set = self._file.create_dataset(
                self._name, (0, *row.shape), row.dtype, maxshape=(None, *row.shape), chunks=(1, *row.shape)
            )
        count = len(self._set)
        if self._set.shape[1:] != row.shape:
            raise ShapeMismatch(f"input {count}", f"{row.shape}", f"{self._set.shape[1:]}, like those before")
        self._set.resize(count + 1, axis=0)
        self._set[count] = row


class _Sample(NamedTuple):
    map: Explanation
    label: int | None  # the true class, where it is known


class _Database:
    """The two files, sample by sample."""

    def __init__(self, inputs: Any, attributions: Any, channels_last: bool) -> None:
        self._data, self._label = (_Rows(inputs, name) for name in ("data", "label"))
        self._index, self._attribution, self._target, self._prediction = (
            _Rows(attributions, name) for name in ("index", "attribution", "label", "prediction")
        )
        self._last = channels_last
        self.count = 0

    def add(self, sample: _Sample) -> None:
        one = sample.map
        self._data.add(self._pixels(sample))
        self._label.add(np.asarray(one.prediction.index if sample.label is None else sample.label, np.uint32))
        self._index.add(np.asarray(self.count, np.uint32))
        self._attribution.add(self._channels_first(one.relevance))
        self._target.add(np.asarray(one.target.index, np.uint32))
        self._prediction.add(one.scores)
        self.count += 1

    def _channels_first(self, array: AnyArray) -> AnyArray:
        return np.moveaxis(array, -1, 0) if self._last else array

    def _pixels(self, sample: _Sample) -> Floats:
        """C×H×W: pixels from 0 to 1 as the network sees them, or the values of an input that is no picture."""
        if sample.map.photo is not None:
            return np.moveaxis(sample.map.photo, -1, 0).astype(np.float32) / np.float32(255)
        return self._channels_first(sample.map.input)


def _samples(
    model: Model, inputs: Iterable[Any], labels: Sequence[int] | None, of_labels: bool, batch: int, options: Any
) -> Iterator[_Sample]:
    source, taken = iter(inputs), 0
    while True:
        part = list(islice(source, batch))
        if not part:
            return
        known: list[int | None] = [None] * len(part)
        if labels is not None:
            known = [int(one) for one in labels[taken : taken + len(part)]]
        if len(known) != len(part):
            raise InvalidArgument("labels", f"{taken + len(known)} labels", "one for each input")
        maps = model.explain(part, target=[[one] for one in known] if of_labels else None, **options)
        yield from map(_Sample, maps, known)
        taken += len(part)


def _yaml(values: dict[str, Any], indent: str = "") -> str:
    """YAML of what a project is made of; JSON's text is quoted as YAML wants it."""
    lines = ""
    for name, value in values.items():
        if isinstance(value, dict):
            lines += f"{indent}{name}:\n{_yaml(value, indent + '  ')}"
        elif isinstance(value, list):
            lines += f"{indent}{name}:\n" + "".join(f"{indent}- {json.dumps(one)}\n" for one in value)
        else:
            lines += f"{indent}{name}: {json.dumps(value)}\n"
    return lines


def _project(name: str, model: Model, method: str, strategy: str, size: Sequence[int]) -> dict[str, Any]:
    dataset = {"name": name, "type": "hdf5", "path": _INPUT, "input_width": size[-1], "input_height": size[-2]}
    dataset.update(up_sampling_method="none", down_sampling_method="none")
    attributions = {"attribution_method": method, "attribution_strategy": strategy, "sources": [_ATTRIBUTION]}
    model_name = os.path.basename(str(model.description.get("path") or "model"))
    project = {"name": name, "model": model_name, "label_map": "label-map.json"}
    return {"project": {**project, "dataset": dataset, "attributions": attributions}}


def _label_map(model: Model, classes: int) -> bytes:
    names = model.labels or [f"class {i}" for i in range(classes)]
    return json.dumps(
        [{"index": i, "word_net_id": None, "name": name} for i, name in enumerate(names)], indent=1
    ).encode()


def export_virelay(
    folder: str | os.PathLike[str],
    model: Model,
    inputs: Iterable[Any],
    labels: Sequence[int] | None = None,
    strategy: str | None = None,
    name: str = "relprop",
    batch: int = 16,
    **options: Any,
) -> str:
    """Explains pictures and writes a project that ViRelAy opens and CoRelAy analyses; returns its path.

    The folder gets input.h5 (data: float32 N×C×H×W, pixels from 0 to 1 as the network sees them; label: uint32 N),
    attribution.h5 (index: uint32 N; attribution: float32 N×C×H×W; label: uint32 N, the class that is explained;
    prediction: float32 N×classes, scores), label-map.json and project.yaml, which is written last.
    inputs: a stream of inputs as of `Model.explain`, read `batch` at a time. labels: the true class of each; None
    stores the predicted one. strategy: "true_label" (what is taken where there are labels) or "predicted_label".
    options: method and others, as of `Model.explain`.
    Raises FileWriteFailed and what `Model.explain` raises; ImportError without h5py (Debian: python3-h5py).
    Source: ViRelAy's documentation, "Database Specification" and "Project File Format".
    """
    import h5py

    batch = whole(batch, "batch", 1, MOST_TOGETHER)
    strategy = strategy or ("predicted_label" if labels is None else "true_label")
    if strategy != "predicted_label" and (strategy != "true_label" or labels is None):
        raise InvalidArgument("strategy", shown(strategy), "'predicted_label', or with labels 'true_label'")
    place = os.fsdecode(path_of(folder, "folder"))
    files = [os.path.join(place, one) for one in (_INPUT, _ATTRIBUTION)]
    make_folder(place)
    with replacing(*files) as parts:
        for part in parts:
            part.close()  # HDF5 locks its files itself, and opens them by name
        with h5py.File(parts[0].name, "w") as data, h5py.File(parts[1].name, "w") as attributions:
            database = _Database(data, attributions, model.layout == "nhwc")
            for sample in _samples(model, inputs, labels, strategy == "true_label", batch, options):
                database.add(sample)
            if not database.count:
                raise InvalidArgument("inputs", "none at all", "at least one input")
            size, classes = data["data"].shape, attributions["prediction"].shape[1]
    write_whole(os.path.join(place, "label-map.json"), _label_map(model, classes))
    project = os.path.join(place, "project.yaml")
    method = str(options.get("method") or model.default_method)
    write_whole(project, _yaml(_project(name, model, method, strategy, size)).encode())
    return project
