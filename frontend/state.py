"""What a view shows, as a value that is read from an address and written back to one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from frontend.client import as_text

MODES = {
    "sigma": "± σ of the data",
    "fixed": "fixed ±",
    "quantile": "quantiles",
    "minmax": "minimum to maximum",
    "offset": "± from the frame",
}
# mode -> (usual reach, most, step, unit); the minimum to maximum of the data has none
EXTENTS = {
    "sigma": (2.0, 20.0, 0.5, "σ"),
    "fixed": (3.0, 100.0, 0.5, "units"),
    "quantile": (90.0, 100.0, 5.0, "%"),
    "offset": (9.0, 100.0, 1.0, "units"),
}
COLUMNS = (3, 5, 7, 9, 11, 13, 15, 21)
MOST_COLUMNS = 32
_EDIT = re.compile(r"(\d+):([^@,]+)@(\d+)(\+?)")


@dataclass(frozen=True)
class View:
    """A view that an address can reopen: every field that differs from its default is in the query."""

    @classmethod
    def from_query(cls, query: dict[str, str]) -> Self:
        """Read a query; what does not parse keeps its default, so that an old link still opens."""
        view = cls()
        for field in fields(cls):
            if field.name in query:
                try:
                    view = replace(view, **{field.name: _read(getattr(view, field.name), query[field.name])})
                except ValueError:
                    continue
        return view

    def query(self) -> dict[str, str]:
        """The query of the link that reopens this view."""
        start = type(self)()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: write(value) for name, value in values.items() if value != getattr(start, name)}


@dataclass(frozen=True)
class ApiView(View):
    """A view that the API draws: its fields have the API's names."""

    def sent(self, names: Iterable[str]) -> dict[str, Any]:
        """These fields as a query; what is empty, or -1 for \"none\", is left to the API's default."""
        start = type(self)()
        values = {name: getattr(self, name) for name in names}
        none = {name for name, value in values.items() if value in ("", ()) or value is False or value == -1}
        empty = {name for name in none if values[name] == getattr(start, name)}
        return {
            name: None if name in empty else write(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    @classmethod
    def of_file(cls, checkpoint: str, values: Mapping[str, Any]) -> Self:
        """The view that a file was made from; `values` are the fields that it carries."""
        start = cls()
        known = {field.name for field in fields(cls)} & values.keys()
        return replace(
            start,
            **{**{name: _from_json(getattr(start, name), values[name]) for name in known}, "checkpoint": checkpoint},
        )


@dataclass(frozen=True)
class Traversal(ApiView):
    """The Traversals page.

    `source`: id of the data set or picture that the base frame is from; `frame` -1: the middle one of its episode;
    `dims`: chosen rows in order (empty: the active ones); `edits`: values held in every cell; `dim`, `column`: the
    chosen cell, column -1 the one nearest to the frame.
    """

    checkpoint: str = ""
    base: str = "clip"
    source: str = ""
    episode: int = 0
    frame: int = -1
    history: bool = True
    mode: str = "sigma"
    range: float = 2.0
    columns: int = 11
    dims: tuple[int, ...] = ()
    edits: tuple[tuple[int, float], ...] = ()
    dim: int = -1
    column: int = -1

    def api(self) -> dict[str, Any]:
        """The query of `GET .../traversal` and `.../atlas` that draws this view."""
        names = ["base", "source", "history", "mode", "columns", "edits"]
        names += ["range"] if self.mode in EXTENTS else []
        names += ["episode", "frame"] if self.base in ("clip", "dataset") else []
        return self.sent(names)

    @classmethod
    def of_file(cls, checkpoint: str, values: Mapping[str, Any]) -> Self:
        """The view that a file was made from; one row alone is the chosen cell of all rows."""
        view = super().of_file(checkpoint, values)
        if len(view.dims) != 1:
            return view
        return replace(view, dims=(), dim=view.dims[0], column=view.columns // 2)


@dataclass(frozen=True)
class Rollout(ApiView):
    """A rollout; `dim` set to `value` at `step` is an edit beside it (dim -1: none), `hold` keeps it from there on.

    `others`: the checkpoints that imagine the same beside it. `more`: further edits, and `given`: actions by hand, as
    an opened file has them.
    """

    checkpoint: str = ""
    others: str = ""
    episode: int = 0
    context: int = 5
    horizon: int = 25
    actions: str = "recorded"
    samples: int = 1
    seed: int = 0
    dim: int = -1
    value: float = 0.0
    step: int = 5
    hold: bool = True
    more: str = ""
    given: str = ""

    def api(self) -> dict[str, Any]:
        """The query of `GET .../rollout` that imagines this."""
        first = f"{self.dim}:{as_text(self.value)}@{self.step}{'+' if self.hold else ''}" if self.dim >= 0 else ""
        own = ("episode", "context", "horizon", "actions", "given", "samples", "seed")
        edit = ",".join(filter(None, [first, self.more]))
        return {**self.sent(own), "edit": edit or None}

    def beside(self, others: Iterable[str]) -> dict[str, Any]:
        """The query of `GET .../rollouts` that imagines the same stretch with these checkpoints, too."""
        return {**self.sent(("episode", "context", "horizon", "actions")), "with": ",".join(others) or None}

    @classmethod
    def of_file(cls, checkpoint: str, values: Mapping[str, Any]) -> Self:
        """The view that a file was made from."""
        first, _, more = str(values.get("edit") or "").partition(",")
        view = super().of_file(checkpoint, {**values, "more": more})
        found = _EDIT.fullmatch(first)
        if found is None:
            return view
        dim, value, step, hold = found.groups()
        return replace(view, dim=int(dim), value=float(value), step=int(step), hold=bool(hold))


@dataclass(frozen=True)
class Playing(View):
    """A play of a checkpoint: the `seed` of its episode, -1 for any. The steps of an opened file are in the session."""

    checkpoint: str = ""
    seed: int = -1


@dataclass(frozen=True)
class Temporal(ApiView):
    """Branches, a row each, with a dimension held in each; `step` -1: from the first imagined one.

    `dims` empty: those that carry most. `hold`: what is held elsewhere, as an opened file has it.
    """

    checkpoint: str = ""
    episode: int = 0
    context: int = 5
    horizon: int = 10
    actions: str = "recorded"
    dims: tuple[int, ...] = ()
    sigmas: float = 2.0
    step: int = -1
    together: bool = False
    hold: tuple[tuple[int, float], ...] = ()

    def api(self) -> dict[str, Any]:
        """The query of `GET .../temporal` that imagines this."""
        return self.sent(("episode", "context", "horizon", "actions", "dims", "sigmas", "step", "together", "hold"))


@dataclass(frozen=True)
class Counterfactual(ApiView):
    """Against the simulator: `factor` becomes `to` (empty: far away), `dim` (-1: its own) is held from `step` on."""

    checkpoint: str = ""
    factor: str = ""
    to: str = ""
    dim: int = -1
    seed: int = 0
    episode: int = 0
    context: int = 5
    horizon: int = 10
    step: int = -1
    actions: str = "recorded"

    def api(self) -> dict[str, Any]:
        """The query of `GET .../counterfactual` that asks this."""
        return self.sent(("factor", "to", "dim", "seed", "episode", "context", "horizon", "step", "actions"))


@dataclass(frozen=True)
class Imitation(ApiView):
    """The policy beside an episode of the clip, which is taken as an expert's."""

    checkpoint: str = ""
    episode: int = 0
    context: int = 5
    horizon: int = 15

    def api(self) -> dict[str, Any]:
        """The query of `GET .../imitation` that imagines this."""
        return self.sent(("episode", "context", "horizon"))


@dataclass(frozen=True)
class Contexts(ApiView):
    """The states of an episode of the clip beside frames of `count` others."""

    checkpoint: str = ""
    episode: int = 0
    count: int = 3

    def api(self) -> dict[str, Any]:
        """The query of `GET .../contexts` that draws this."""
        return self.sent(("episode", "count"))


@dataclass(frozen=True)
class Calibration(ApiView):
    """How often what came lies in the band that a model imagined; `others`: checkpoints beside it, by commas."""

    checkpoint: str = ""
    episode: int = 0
    context: int = 5
    horizon: int = 15
    others: str = ""

    def api(self) -> dict[str, Any]:
        """The query of `GET .../calibration` that measures this."""
        return {**self.sent(("episode", "context", "horizon")), "with": self.others or None}


@dataclass(frozen=True)
class Teachers(ApiView):
    """How several teachers are weighed along an episode of the clip."""

    checkpoint: str = ""
    episode: int = 0

    def api(self) -> dict[str, Any]:
        """The query of `GET .../teachers` that shows this."""
        return self.sent(("episode",))


@dataclass(frozen=True)
class Flow(ApiView):
    """Which way each pixel of an episode of the clip moves."""

    checkpoint: str = ""
    episode: int = 0

    def api(self) -> dict[str, Any]:
        """The query of `GET .../flow` that shows this."""
        return self.sent(("episode",))


@dataclass(frozen=True)
class TwoCheckpoints(View):
    """Two checkpoints beside each other: that of the header, and `second`."""

    checkpoint: str = ""
    second: str = ""


@dataclass(frozen=True)
class OverTraining(View):
    """A run, that of the checkpoint `second`, beside the header's: `at` is the checkpoint that is drawn."""

    checkpoint: str = ""
    second: str = ""
    at: str = ""


@dataclass(frozen=True)
class Dimension(View):
    """The dimensions of a checkpoint, and the one whose card is open (-1: none)."""

    checkpoint: str = ""
    dim: int = -1


@dataclass(frozen=True)
class Forgetting(View):
    """What a life-long agent knows of its tasks, by one measure."""

    checkpoint: str = ""
    measure: str = "return"


@dataclass(frozen=True)
class Sensitivity(View):
    """What the policy reacts to; `dataset`: over whose frames, empty: the checkpoint's clip."""

    checkpoint: str = ""
    dataset: str = ""


@dataclass(frozen=True)
class Chosen(View):
    """A page that shows one thing of a list: a run, a data set."""

    id: str = ""


@dataclass(frozen=True)
class Played(View):
    """A data set of the list, and where in it its player stands."""

    id: str = ""
    episode: int = 0
    frame: int = 0


@dataclass(frozen=True)
class Returns(View):
    """The plot of returns: runs with commas between them or those of a sweep, and whether the paper's are shown."""

    runs: str = ""
    sweep: str = ""
    paper: bool = True


def write(value: Any) -> str:
    """A field as text: tuples by commas, pairs by colons."""
    if isinstance(value, tuple):
        return ",".join(
            ":".join(as_text(part) for part in item) if isinstance(item, tuple) else as_text(item) for item in value
        )
    return as_text(value)


def _from_json(default: Any, value: Any) -> Any:
    """A field as a file carries it, as the page keeps it."""
    if value is None or value == "active":
        return default
    if isinstance(value, dict):
        return tuple(sorted((int(dim), float(amount)) for dim, amount in value.items()))
    if isinstance(value, list):
        if isinstance(default, tuple):
            return tuple(value)
        return (";" if value and isinstance(value[0], list) else ",").join(
            ",".join(map(as_text, item)) if isinstance(item, list) else as_text(item) for item in value
        )
    return as_text(value) if isinstance(default, str) else type(default)(value)


def _read(default: Any, text: str) -> Any:
    """Text as the type of the default. Raises ValueError."""
    if isinstance(default, bool):
        return text == "true"
    if isinstance(default, tuple):
        parts = [part for part in text.split(",") if part]
        pairs = [part.split(":") for part in parts]
        if any(len(pair) == 2 for pair in pairs):
            return tuple((int(dim), float(value)) for dim, value in pairs)
        return tuple(int(part) for part in parts)
    return type(default)(text)
