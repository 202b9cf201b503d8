"""What an explanation is made of."""
from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence, overload

import numpy as np

from ._asking import copying
from ._handles import ApartResult, ResultHandle
from ._picture import Picture, render
from ._table import Table
from .errors import InvalidArgument, printable

if TYPE_CHECKING:
    from ._arrays import AnyArray, Bytes, Floats


_READ = ("relevance", "map", "scores", "at", "said")  # of an explanation, what it reads from its result when asked


@dataclass(frozen=True)
class Answer:
    """A class, and what the network says of it. It can be used as an index: scores[r.target].

    index: of the class (of the channel, when an inner node is explained; None for relevance from a file).
    label: its name, or None. probability: None where the network has none. logit: the score before the function that
    makes probabilities (the channel's sum). said: all that the command line's JSON has of it.
    """

    index: int | None
    label: str | None
    probability: float | None
    logit: float | None
    said: Mapping[str, Any]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Answer:
        index, logit = said.get("index", said.get("channel")), said.get("logit", said.get("sum"))
        return cls(index, said.get("label"), said.get("probability"), logit, said)

    def __index__(self) -> int:
        if self.index is None:
            raise TypeError("this target is no class")
        return self.index

    def __str__(self) -> str:
        known = [str(self.index)] if self.index is not None else [str(self.said.get("file", "all channels"))]
        known += [self.label] if self.label else []
        known += [f"{self.probability:.2f}"] if self.probability is not None else []
        text = ("not " if self.said.get("not") else "") + " ".join(known)
        against = self.said.get("against")
        return text if against is None else f"{text} against {'all ' if against == 'others' else ''}{against}"


class Explanation:
    """One map: one input, one method, one target.

    Arrays are views of what the library computed, and keep it as long as they live. Those of one call stay together:
    to keep one map of many, copy it (copy.deepcopy). What is pickled or copied so has arrays of its own.
    """

    def __init__(self, result: ResultHandle, index: int, about: Mapping[str, Any]) -> None:
        self._result: ResultHandle | ApartResult = result
        self._index = index
        self.method: str = about["method"]
        """The method, as it was asked for."""
        self.name: str = about["name"]
        """The input's path as os.fsdecode has it (which need not be text that can be printed), or "input 3"."""
        self.photo: Bytes | None = about["photo"]
        """H×W×3 uint8 RGB, the pixels as the network sees them; None where the input was no picture."""
        self.input: Floats = about["input"]
        """float32, what the network was given: of a contiguous array a view."""
        self._drawing: Mapping[str, Any] = about["drawing"]
        self._warnings: Sequence[str] = about["warnings"]

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name not in _READ}
        return {**state, "_result": self._result.apart(self._index)}

    @cached_property
    def relevance(self) -> Floats:
        """float32 of the input's shape (C×H×W): how much each value contributes, in the unit of the score.

        1×H×W by methods that know of no channels (class activation maps, occlusion, rise).
        """
        return self._result.array(self._index, "relevance")

    @cached_property
    def map(self) -> Floats:
        """float32, H×W: `relevance`, summed over channels. InvalidArgument where the input is no picture."""
        return self._result.array(self._index, "map")

    @cached_property
    def scores(self) -> Floats:
        """float32, one for each class: the network's output, before a softmax or sigmoid."""
        return self._result.array(self._index, "scores")

    @cached_property
    def at(self) -> dict[str, Floats]:
        """Relevance at the inner nodes that the option `at` named, by node."""
        named = [name for name in self.said.get("arrays", []) if name.startswith("at:")]
        return {name[len("at:") :]: self._result.array(self._index, name) for name in named}

    @cached_property
    def said(self) -> dict[str, Any]:
        """All that `relprop explain --json` says of the map."""
        return self._result.json(self._index)

    @property
    def target(self) -> Answer:
        """The class that is explained."""
        return Answer.of(self.said["target"])

    @property
    def prediction(self) -> Answer:
        """The class of the highest score. Where an inner node is explained there is none: the target's channel."""
        return Answer.of(self.said.get("prediction", self.said["target"]))

    @property
    def top5(self) -> list[Answer]:
        """The classes of the highest scores, up to five."""
        return [Answer.of(one) for one in self.said.get("top5", [])]

    @property
    def ledger(self) -> Table:
        """Where relevance stays: a row for each node, with in, out, absorbed, and why (bias, stabiliser, …).

        Empty for methods that do not conserve. Source: docs/ledger.md.
        """
        return Table(self.said.get("ledger", []))

    @property
    def facts(self) -> dict[str, float]:
        """Numbers that the method tells of its map, by name."""
        return dict(self.said.get("facts", {}))

    @property
    def warnings(self) -> list[str]:
        """What should be known before the map is believed: of the method on this network, and of this map."""
        return list(dict.fromkeys([*self._warnings, *self.said["warnings"]]))

    @property
    def seed(self) -> float:
        """The relevance that was put in at the output."""
        return float(self.said["seed"])

    @property
    def sum(self) -> float:
        """The sum of `relevance`, in double."""
        return float(self.said["sum"])

    @property
    def conservation(self) -> float | None:
        """|sum − seed| / |seed|; None for methods that do not conserve."""
        share = self.said.get("conservation")
        return None if share is None else float(share)

    def picture(self, view: str | None = None, **options: Any) -> Picture:
        """The map as a picture. view: "panel" where there is a photo, else "heat"; options as of `relprop.render`.

        Of an input that is no picture its values are drawn: rows of tables as bars, signals as curves.
        """
        if self.relevance.ndim != 3:
            return render(self.relevance[np.newaxis], self.input[np.newaxis], view or "heat", **options)
        view = view or ("heat" if self.photo is None else "panel")
        return render(self.relevance, self.photo, view, **{**self._drawing, **options})

    def plot(self, view: str | None = None, ax: Any = None, **options: Any) -> Any:
        """Draws `picture` with matplotlib, on `ax` or a new figure; returns the Axes.

        ImportError where matplotlib is not installed (Debian: python3-matplotlib).
        """
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.figure().add_subplot()
        ax.imshow(self.picture(view, **options).pixels)
        ax.set_title(f"{self.method}: {self.target}", fontsize="medium")
        ax.set_axis_off()
        return ax

    def torch(self) -> Any:
        """`relevance` as a torch tensor over the same memory. ImportError where torch is not installed."""
        import torch

        return torch.from_numpy(self.relevance)

    def _repr_html_(self) -> str:
        text = html.escape(str(self))
        png = base64.b64encode(self.picture().png).decode()
        alt = html.escape(f"{self.method}, {self.target}", quote=True)
        notes = "".join(f"<br>{html.escape(one)}" for one in self.warnings)
        image = f'<img alt="{alt}" src="data:image/png;base64,{png}">'
        return f"<figure>{image}<figcaption>{text}{notes}</figcaption></figure>"

    def __str__(self) -> str:
        share = self.conservation
        kept = "" if share is None else f" · conservation {share:.1e}"
        answer, explained = self.prediction, self.target
        asked = "" if answer.said == explained.said else f" · explained: {explained}"
        return f"{printable(self.name)}: {answer}{asked} · {self.method}{kept}"

    def __repr__(self) -> str:
        return f"<relprop.Explanation {self}>"


class Explanations(Sequence[Explanation]):
    """Several maps: one after another as a sequence, and with an axis for each thing that was asked for in the plural.

    axes: of "method", "input" and "target" those that several were given of (also a list or batch of one); shape: their
    lengths. Maps follow each other with the last axis fastest. `at(method=0, target=1)` takes part of them.
    """

    def __init__(self, maps: Sequence[Explanation], axes: Sequence[str], shape: Sequence[int]) -> None:
        self._maps = list(maps)
        self.axes: tuple[str, ...] = tuple(axes)
        self.shape: tuple[int, ...] = tuple(shape)

    @overload
    def __getitem__(self, index: int) -> Explanation:
        ...

    @overload
    def __getitem__(self, index: slice) -> list[Explanation]:
        ...

    def __getitem__(self, index: int | slice) -> Explanation | list[Explanation]:
        return self._maps[index]

    def __len__(self) -> int:
        return len(self._maps)

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self._maps)

    def at(self, **places: int) -> Explanation | Explanations:
        """The maps at these places of the axes: at(input=2), at(method=0, target=1)."""
        unknown = [name for name in places if name not in self.axes]
        if unknown:
            raise InvalidArgument(unknown[0], "no axis of these maps", f"one of {', '.join(self.axes) or 'none'}")
        numbers = np.arange(len(self._maps)).reshape(self.shape)
        chosen = numbers[tuple(places.get(axis, slice(None)) for axis in self.axes)]
        if np.ndim(chosen) == 0:
            return self._maps[int(chosen)]
        left = [axis for axis in self.axes if axis not in places]
        return Explanations([self._maps[i] for i in np.ravel(chosen)], left, np.shape(chosen))

    def _stacked(self, name: str) -> AnyArray:
        with copying(name):
            parts: AnyArray = np.stack([getattr(one, name) for one in self._maps])
        return parts.reshape(*self.shape, *parts.shape[1:])

    @property
    def relevance(self) -> Floats:
        """float32, the axes and then an input's shape: a copy."""
        return self._stacked("relevance")

    @property
    def map(self) -> Floats:
        """float32, the axes and then H×W: a copy."""
        return self._stacked("map")

    @property
    def scores(self) -> Floats:
        """float32, the axes and then classes: a copy."""
        return self._stacked("scores")

    @property
    def target(self) -> list[Answer]:
        """Of each map in turn, what is explained."""
        return [one.target for one in self._maps]

    @property
    def prediction(self) -> list[Answer]:
        """Of each map in turn, the class of the highest score."""
        return [one.prediction for one in self._maps]

    @property
    def warnings(self) -> list[str]:
        """What is warned of, each once."""
        return list(dict.fromkeys(text for one in self._maps for text in one.warnings))

    def plot(self, view: str | None = None, **options: Any) -> Any:
        """Draws all maps with matplotlib, a row for each place of the last axis but one; returns the Figure.

        ImportError where matplotlib is not installed (Debian: python3-matplotlib).
        """
        from matplotlib import pyplot

        columns = min(len(self._maps), self.shape[-1] if len(self.shape) > 1 else 4)
        rows = -(-len(self._maps) // columns)
        figure = pyplot.figure(figsize=(4 * columns, 4 * rows))
        for i, one in enumerate(self._maps):
            one.plot(view or "heat", figure.add_subplot(rows, columns, i + 1), **options)
        return figure

    def torch(self) -> Any:
        """`relevance` as a torch tensor. ImportError where torch is not installed."""
        import torch

        return torch.from_numpy(self.relevance)

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self._maps)

    def __repr__(self) -> str:
        shape = " × ".join(f"{length} {axis}s" for axis, length in zip(self.axes, self.shape))
        return f"<relprop.Explanations {shape}>\n" + "\n".join(f"  {one}" for one in self._maps)
