"""What a view shows, as a value: read from the address, kept in the session, written back as a link."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from time import monotonic
from typing import Any, Self, TypeVar, cast

import streamlit as st

from frontend.client import plain

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
CURRENT = "checkpoint"  # of this session, whichever page chose it last
STALE_S = 15.0  # a browser's message may carry the address from before our last change for so long


@dataclass(frozen=True)
class View:
    """A view that an address can reopen: every field that differs from its default stands in the query."""

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
class Traversal(View):
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
        place = {"episode": self.episode} if self.base in ("clip", "dataset") else {}
        if place and self.frame >= 0:
            place["frame"] = self.frame
        return {
            **place,
            "base": self.base,
            "source": self.source or None,
            "history": self.history,
            "mode": self.mode,
            "range": self.range if self.mode in EXTENTS else None,
            "columns": self.columns,
            "edits": write(self.edits) or None,
        }


@dataclass(frozen=True)
class Rollout(View):
    """The Rollouts page; `dim` set to `value` at `step` is the branch (dim -1: none), `hold` keeps it from there on.

    `mode`: watch, steer by hand, or compare over training, then beside the checkpoints `others`.
    """

    checkpoint: str = ""
    mode: str = "watch"
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

    def api(self) -> dict[str, Any]:
        """The query of `GET .../rollout` that imagines this."""
        edit = f"{self.dim}:{plain(self.value)}@{self.step}{'+' if self.hold else ''}" if self.dim >= 0 else None
        return {
            "episode": self.episode,
            "context": self.context,
            "horizon": self.horizon,
            "actions": self.actions,
            "samples": self.samples,
            "seed": self.seed,
            "edit": edit,
        }


@dataclass(frozen=True)
class Temporal(View):
    """The Temporal traversal page; `step` -1: from the first imagined one; `dims` empty: those that carry most."""

    checkpoint: str = ""
    episode: int = 0
    context: int = 5
    horizon: int = 10
    actions: str = "recorded"
    dims: tuple[int, ...] = ()
    sigmas: float = 2.0
    step: int = -1
    together: bool = False

    def api(self) -> dict[str, Any]:
        """The query of `GET .../temporal` that imagines this."""
        return {
            "episode": self.episode,
            "context": self.context,
            "horizon": self.horizon,
            "actions": self.actions,
            "dims": write(self.dims) or None,
            "sigmas": self.sigmas,
            "step": self.step if self.step >= 0 else None,
            "together": self.together or None,
        }


@dataclass(frozen=True)
class Counterfactual(View):
    """The Counterfactual page: `factor` becomes `to` (empty: far away), `dim` (-1: its own) is held from `step` on.

    `dataset`: whose frames the sensitivity is measured over; empty: the checkpoint's clip.
    """

    checkpoint: str = ""
    factor: str = ""
    to: str = ""
    dim: int = -1
    seed: int = 0
    context: int = 5
    horizon: int = 10
    step: int = -1
    dataset: str = ""

    def api(self) -> dict[str, Any]:
        """The query of `GET .../counterfactual` that asks this."""
        return {
            "factor": self.factor,
            "to": self.to or None,
            "dim": self.dim if self.dim >= 0 else None,
            "seed": self.seed,
            "context": self.context,
            "horizon": self.horizon,
            "step": self.step if self.step >= 0 else None,
        }


@dataclass(frozen=True)
class TwoCheckpoints(View):
    """The Compare page: two checkpoints; or, `over_training`, a run (that of the second) beside the first."""

    first: str = ""
    second: str = ""
    over_training: bool = False
    at: str = ""


@dataclass(frozen=True)
class Dimension(View):
    """The Factors page: a checkpoint, and the dimension whose card is open (-1: none)."""

    checkpoint: str = ""
    dim: int = -1


@dataclass(frozen=True)
class Chosen(View):
    """A page that shows one thing of a list: a run, a data set."""

    id: str = ""


V = TypeVar("V", bound=View)


def open_view(page: str, kind: type[V]) -> V:
    """The page's view: from the address when somebody came with a new one, else as this session left it.

    Coming by the navigation, which has no address, one stays with the checkpoint that the last page showed.
    """
    query = st.query_params.to_dict()
    left = cast(V, st.session_state.get(f"{page}.view") or kind())
    current = st.session_state.get(CURRENT)
    if query and not _is_ours(page, query):
        _open(page, kind.from_query(query))
        _remember(page, query)
    elif not query and current and getattr(left, "checkpoint", "") not in ("", current):
        _open(page, kind.from_query({"checkpoint": current}))
    return cast(V, st.session_state.get(f"{page}.view") or kind())


def _open(page: str, view: View) -> None:
    keep_view(page, view)
    st.session_state[f"{page}.edition"] = edition(page) + 1


def keep_view(page: str, view: View) -> None:
    """Remember the view for this session and write it into the address."""
    st.session_state[f"{page}.view"] = view
    query = view.query()
    _remember(page, query)
    st.session_state[f"{page}.written"] = query
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def _is_ours(page: str, query: dict[str, str]) -> bool:
    """Whether the page wrote an address, just now or a moment ago: the browser may not have the last one yet."""
    if query == st.session_state.get(f"{page}.written"):
        return True
    recent: list[tuple[float, dict[str, str]]] = st.session_state.get(f"{page}.recent", [])
    return any(query == known and monotonic() - when < STALE_S for when, known in recent)


def _remember(page: str, query: dict[str, str]) -> None:
    recent = [item for item in st.session_state.get(f"{page}.recent", []) if monotonic() - item[0] < STALE_S]
    st.session_state[f"{page}.recent"] = [*recent, (monotonic(), query)]


def edition(page: str) -> int:
    """How often a link was opened on this page: part of its widgets' keys, so that they start from the link."""
    return int(st.session_state.get(f"{page}.edition", 0))


def key_of(page: str, name: str, *more: object) -> str:
    """A widget's key: another one once a link was opened, so that the widget starts from the link."""
    return ".".join([page, name, *map(str, more), str(edition(page))])


def write(value: Any) -> str:
    """A field as text: tuples by commas, pairs by colons."""
    if isinstance(value, tuple):
        return ",".join(
            ":".join(plain(part) for part in item) if isinstance(item, tuple) else plain(item) for item in value
        )
    return plain(value)


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
