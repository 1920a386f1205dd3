"""Reopens the view of a file that was downloaded here, from the settings in that file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.play import STEPS
from frontend.components.states import show_problem
from frontend.pages import path
from frontend.places import query_of
from frontend.state import (
    Calibration,
    Contexts,
    Counterfactual,
    Dimension,
    Flow,
    Forgetting,
    Imitation,
    OverTraining,
    Playing,
    Returns,
    Rollout,
    Sensitivity,
    Teachers,
    Temporal,
    Traversal,
    TwoCheckpoints,
    View,
)


def reopen_form(page: str) -> None:
    """An upload field for such a file; a valid one opens its view."""
    st.caption("Every file downloaded here contains its settings. Drop one to reopen its view.")
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
        st.error(f"This file shows the checkpoint `{opened['checkpoint']}`, which is not here. Import it first.")
        return
    place, view = view_of(opened)
    st.session_state[STEPS] = opened["view"].get("steps", [])
    st.switch_page(path(place.partition("/")[0]), query_params=query_of(place, view))


def view_of(opened: Mapping[str, Any]) -> tuple[str, View]:
    """The place and the view that a file was made from, with every field that it carries."""
    place, view = _VIEWS[opened["kind"]]
    return place, view(opened["found"], opened["view"])


def _of_checkpoint(checkpoint: str, _: Mapping[str, Any]) -> View:
    return Dimension(checkpoint)


def _together(checkpoint: str, values: Mapping[str, Any]) -> View:
    return Rollout.of_file(checkpoint, {**values, "others": values.get("with")})


def _calibration(checkpoint: str, values: Mapping[str, Any]) -> View:
    return Calibration.of_file(checkpoint, {**values, "others": values.get("with")})


def _play(checkpoint: str, values: Mapping[str, Any]) -> View:
    return Playing(checkpoint, int(values.get("seed", -1)))


_VIEWS: dict[str, tuple[str, Callable[[str, Mapping[str, Any]], View]]] = {
    "traversal": ("traversals", Traversal.of_file),
    "rollout": ("imagine/watch", Rollout.of_file),
    "temporal": ("imagine/branch", Temporal.of_file),
    "together": ("compare/rollouts", _together),
    "counterfactual": ("imagine/simulator", Counterfactual.of_file),
    "imitation": ("imagine/imitation", Imitation.of_file),
    "contexts": ("imagine/contexts", Contexts.of_file),
    "calibration": ("imagine/calibration", _calibration),
    "teachers": ("imagine/teachers", Teachers.of_file),
    "flow": ("imagine/flow", Flow.of_file),
    "factors": ("factors/matrix", _of_checkpoint),
    "intervals": ("factors/intervals", _of_checkpoint),
    "interventions": ("factors/interventions", _of_checkpoint),
    "leakage": ("factors/leakage", _of_checkpoint),
    "invariance": ("factors/invariance", _of_checkpoint),
    "forgetting": ("compare/forgetting", lambda checkpoint, _: Forgetting(checkpoint)),
    "sensitivity": (
        "factors/policy",
        lambda checkpoint, values: Sensitivity(checkpoint, str(values.get("dataset") or "")),
    ),
    "carried": (
        "compare/training",
        lambda checkpoint, values: OverTraining(str(values.get("reference", "")), checkpoint),
    ),
    "compare": (
        "compare/checkpoints",
        lambda checkpoint, values: TwoCheckpoints(checkpoint, str(values.get("other", ""))),
    ),
    "play": ("imagine/play", _play),
    "returns": ("compare/returns", lambda _, values: Returns(",".join(map(str, values.get("runs") or ())))),
}
