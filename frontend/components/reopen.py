"""The other way round: a file that was downloaded here says which view it shows, and the page opens it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from frontend.client import ApiProblem, client
from frontend.components.states import show_problem
from frontend.pages import path
from frontend.state import Counterfactual, Dimension, Returns, Rollout, Temporal, Traversal, TwoCheckpoints, View


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
    """The page and the view that a file was made from, with every field that it carries."""
    page, view = _VIEWS[opened["kind"]]
    return page, view(opened["found"], opened["view"])


def _together(checkpoint: str, values: Mapping[str, Any]) -> View:
    return Rollout.of_file(checkpoint, {**values, "others": values.get("with"), "mode": "training"})


_VIEWS: dict[str, tuple[str, Callable[[str, Mapping[str, Any]], View]]] = {
    "traversal": ("traversals", Traversal.of_file),
    "rollout": ("rollouts", Rollout.of_file),
    "temporal": ("temporal", Temporal.of_file),
    "together": ("rollouts", _together),
    "counterfactual": ("counterfactual", Counterfactual.of_file),
    "factors": ("factors", lambda checkpoint, _: Dimension(checkpoint)),
    "intervals": ("factors", lambda checkpoint, _: Dimension(checkpoint)),
    "interventions": ("factors", lambda checkpoint, _: Dimension(checkpoint)),
    "leakage": ("factors", lambda checkpoint, _: Dimension(checkpoint)),
    "sensitivity": ("counterfactual", Counterfactual.of_file),
    "carried": (
        "compare",
        lambda checkpoint, values: TwoCheckpoints(str(values.get("reference", "")), checkpoint, over_training=True),
    ),
    "compare": ("compare", lambda checkpoint, values: TwoCheckpoints(checkpoint, str(values.get("other", "")))),
    "returns": ("returns", lambda _, values: Returns(",".join(map(str, values.get("runs") or ())))),
}
