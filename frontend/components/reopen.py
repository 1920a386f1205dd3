"""The other way round: a file that was downloaded here says which view it shows, and the page opens it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client, plain
from frontend.components.base_frame import BASES
from frontend.components.states import show_problem
from frontend.pages import path
from frontend.state import Counterfactual, Dimension, Rollout, Temporal, Traversal, TwoCheckpoints, View

_EDIT = re.compile(r"(\d+):([^@]+)@(\d+)(\+?)")


def reopen_form(page: str) -> None:
    """A place to drop such a file; a good one leads to its view."""
    st.caption("Every file that is downloaded here carries its settings. Drop one to see its view again.")
    kinds = ["png", "apng", "gif", "svg", "pdf", "mp4", "webm", "csv", "npz", "html", "zip"]
    file = st.file_uploader("File", type=kinds, key=f"{page}.reopen", label_visibility="collapsed")
    if file is None or st.session_state.get(f"{page}.reopened") == file.file_id:
        return
    st.session_state[f"{page}.reopened"] = file.file_id
    try:
        _, opened = client().upload("/views", [(file.name, file)], part="file")
    except ApiProblem as problem:
        show_problem(problem)
        return
    if opened["found"] is None:
        st.error(f"This file shows the checkpoint `{opened['checkpoint']}`, which is not here. Bring it in first.")
        return
    target, view = view_of(opened)
    st.switch_page(path(target), query_params=view.query())


def view_of(opened: Mapping[str, Any]) -> tuple[str, View]:
    """The page and the view that a file was made from."""
    values, checkpoint = opened["view"], opened["found"]
    if opened["kind"] in _VIEWS:
        return _VIEWS[opened["kind"]](checkpoint, values)
    given = {
        name: values[name]
        for name in ("source", "episode", "frame", "mode", "range", "columns", "history")
        if name in values
    }
    dims = tuple(values.get("dims") or ())
    edits = tuple((int(dim), float(value)) for dim, value in (values.get("edits") or {}).items())
    base = values.get("base", "clip")
    cell = {"dim": dims[0], "column": values["columns"] // 2} if len(dims) == 1 and "columns" in values else {}
    view = Traversal(
        checkpoint=checkpoint,
        base=base if base in BASES else "clip",
        dims=dims if len(dims) > 1 else (),
        edits=edits,
        **given,
        **cell,
    )
    return "traversals", view


def _temporal(checkpoint: str, values: Mapping[str, Any]) -> tuple[str, View]:
    names = ("episode", "context", "horizon", "actions", "sigmas", "together")
    known = {name: values[name] for name in names if name in values}
    step = -1 if values.get("step") is None else int(values["step"])
    return "temporal", Temporal(checkpoint=checkpoint, dims=tuple(values.get("dims") or ()), step=step, **known)


def _together(checkpoint: str, values: Mapping[str, Any]) -> tuple[str, View]:
    view = _rollout(checkpoint, values)
    return "rollouts", replace(view, mode="training", others=",".join(values.get("with") or ()))


def _counterfactual(checkpoint: str, values: Mapping[str, Any]) -> tuple[str, View]:
    names = ("factor", "seed", "context", "horizon")
    known = {name: values[name] for name in names if name in values}
    dim, step = (-1 if values.get(name) is None else int(values[name]) for name in ("dim", "step"))
    to = "" if values.get("to") is None else plain(float(values["to"]))
    return "counterfactual", Counterfactual(checkpoint=checkpoint, dim=dim, step=step, to=to, **known)


def _rollout(checkpoint: str, values: Mapping[str, Any]) -> Rollout:
    names = ("episode", "context", "horizon", "actions", "samples", "seed")
    view = Rollout(checkpoint=checkpoint, **{name: values[name] for name in names if name in values})
    edit = _EDIT.match(str(values.get("edit") or ""))
    if edit is None:
        return view
    dim, value, step, hold = edit.groups()
    return Rollout(**{**vars(view), "dim": int(dim), "value": float(value), "step": int(step), "hold": bool(hold)})


_VIEWS: dict[str, Callable[[str, Mapping[str, Any]], tuple[str, View]]] = {
    "rollout": lambda checkpoint, values: ("rollouts", _rollout(checkpoint, values)),
    "temporal": _temporal,
    "together": _together,
    "counterfactual": _counterfactual,
    "factors": lambda checkpoint, _: ("factors", Dimension(checkpoint)),
    "intervals": lambda checkpoint, _: ("factors", Dimension(checkpoint)),
    "interventions": lambda checkpoint, _: ("factors", Dimension(checkpoint)),
    "leakage": lambda checkpoint, _: ("factors", Dimension(checkpoint)),
    "sensitivity": lambda checkpoint, values: (
        "counterfactual",
        Counterfactual(checkpoint, dataset=values.get("dataset", "")),
    ),
    "carried": lambda checkpoint, values: (
        "compare",
        TwoCheckpoints(str(values.get("reference", "")), checkpoint, over_training=True),
    ),
    "compare": lambda checkpoint, values: ("compare", TwoCheckpoints(checkpoint, str(values.get("other", "")))),
}
