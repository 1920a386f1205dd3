"""The pages by name: where each lies, what it is called, and links between them."""

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

PAGES = {
    "home": ("Home", ":material/home:", "What runs now and the newest checkpoints."),
    "train": ("Train", ":material/model_training:", "Start a run from a form."),
    "runs": ("Runs", ":material/monitoring:", "Progress, curves and logs of every run."),
    "traversals": ("Traversals", ":material/grid_on:", "What each latent dimension changes in the picture."),
    "factors": ("Factors", ":material/hub:", "Which dimension stands for which factor, with numbers."),
    "rollouts": ("Rollouts", ":material/movie:", "What the model imagines, beside what happened."),
    "temporal": (
        "In time",
        ":material/timeline:",
        "Hold a dimension from a step on and see what follows.",
    ),
    "counterfactual": (
        "Counterfactual",
        ":material/call_split:",
        "Does the policy heed a distractor? What would the simulator have shown?",
    ),
    "compare": ("Compare", ":material/compare_arrows:", "Which dimension of one checkpoint is which of another."),
    "returns": ("Returns", ":material/show_chart:", "Return curves of several runs, beside the paper's."),
    "datasets": ("Data sets", ":material/photo_library:", "Clips and episodes; upload your own."),
}


def path(page: str) -> str:
    """The page's file, beside app.py."""
    return f"views/{page}.py"


def link(page: str, label: str, query: Mapping[str, str] | None = None, *, icon: str | None = None) -> None:
    """A link to a page of ours, opened in this session."""
    st.page_link(path(page), label=label, icon=icon or PAGES[page][1], query_params=dict(query or {}), width="content")


def address(page: str, query: Mapping[str, str]) -> str:
    """The whole address that opens a page as it is now, for people to send around."""
    base = (st.context.url or "").split("?")[0].rstrip("/")
    root = base.removesuffix(f"/{page}")
    where = root if page == "home" else f"{root}/{page}"
    return f"{where}?{urlencode(dict(query))}" if query else where
