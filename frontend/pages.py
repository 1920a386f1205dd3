"""The pages by name: file, title and sections of each, and links between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import streamlit as st

SECTION = "section"  # in an address; the first section of a page has none
CHECKPOINT = "checkpoint"  # in every address: what the header shows
Query = Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """A page of the navigation.

    sections: by the name that an address has. model: whether the header says what the checkpoint sees. file: beside
    app.py, if it is not named after the page.
    """

    title: str
    icon: str
    help: str
    sections: Mapping[str, str] = field(default_factory=dict)
    model: bool = False
    file: str = ""


PAGES = {
    "home": Page(
        "Home",
        ":material/home:",
        "Where to start, what is running, and what was kept.",
        {"start": ":material/home: Start", "gallery": ":material/bookmark: Gallery"},
        model=True,
    ),
    "data": Page("Data", ":material/photo_library:", "Clips and episodes; upload your own.", file="datasets"),
    "train": Page(
        "Train and Runs",
        ":material/model_training:",
        "Start a run from a form; progress, curves and logs of every run.",
        {"new": ":material/add_circle: New run", "runs": ":material/monitoring: Runs"},
    ),
    "traversals": Page(
        "Traversals", ":material/grid_on:", "What each latent dimension changes in the picture.", model=True
    ),
    "factors": Page(
        "Factors",
        ":material/hub:",
        "Which dimension stands for which factor, with numbers.",
        {
            "matrix": "Matrix",
            "intervals": "Intervals",
            "dimensions": "Dimensions",
            "interventions": "Interventions",
            "leakage": "Leakage",
            "invariance": "Invariance",
            "policy": "Policy",
        },
        model=True,
    ),
    "imagine": Page(
        "Imagine",
        ":material/movie:",
        "What the model imagines, compared with what happened, other futures and the simulator.",
        {
            "watch": ":material/movie: Watch",
            "branch": ":material/timeline: Branch",
            "simulator": ":material/call_split: Against the simulator",
            "play": ":material/sports_esports: Play",
            "imitation": ":material/school: Imitation",
            "contexts": ":material/layers: Contexts",
            "calibration": ":material/straighten: Calibration",
            "teachers": ":material/groups: Teachers",
            "flow": ":material/air: Flow",
        },
        model=True,
    ),
    "compare": Page(
        "Compare",
        ":material/compare_arrows:",
        "Two checkpoints, every checkpoint of a run, return curves of several runs, and tasks one after another.",
        {
            "checkpoints": ":material/compare_arrows: Two checkpoints",
            "training": ":material/trending_up: Dimensions over training",
            "rollouts": ":material/movie: Rollouts over training",
            "returns": ":material/show_chart: Returns",
            "forgetting": ":material/history: Forgetting",
        },
        model=True,
    ),
}


def path(page: str) -> str:
    """The page's file, beside app.py."""
    return f"views/{PAGES[page].file or page}.py"


def link(page: str, label: str, query: Query | None = None, *, icon: str | None = None) -> None:
    """A link to a page of ours, opened in this session; to its first section, where the query names none."""
    about = PAGES[page]
    first = {SECTION: next(iter(about.sections))} if about.sections else {}
    st.page_link(
        path(page), label=label, icon=icon or about.icon, query_params={**first, **(query or {})}, width="content"
    )


def address(page: str, query: Query) -> str:
    """The full address that opens a page as it is now, for sharing."""
    base = (st.context.url or "").split("?")[0].rstrip("/")
    root = base.removesuffix(f"/{page}")
    where = root if page == "home" else f"{root}/{page}"
    return f"{where}?{urlencode(dict(query))}" if query else where


def moved(page: str, query: Query) -> tuple[str, dict[str, str]] | None:
    """Where an address of the first version, with its eleven pages, leads now; None for a current one."""
    rest = dict(query)
    if page not in MOVED:
        return None
    found, section = MOVED[page](rest)
    if found == page and not section and rest == query:
        return None
    return found, {**({SECTION: section} if section else {}), **rest}


def _rollouts(rest: dict[str, str]) -> tuple[str, str]:
    places = {"steer": ("imagine", "play"), "training": ("compare", "rollouts")}
    return places.get(rest.pop("mode", "watch"), ("imagine", ""))


def _counterfactual(rest: dict[str, str]) -> tuple[str, str]:
    asks_policy = "dataset" in rest and "factor" not in rest
    return ("factors", "policy") if asks_policy else ("imagine", "simulator")


def _compare(rest: dict[str, str]) -> tuple[str, str]:
    if "first" in rest:
        rest[CHECKPOINT] = rest.pop("first")
    return "compare", "training" if rest.pop("over_training", "") == "true" else ""


def _factors(rest: dict[str, str]) -> tuple[str, str]:
    return "factors", "dimensions" if "dim" in rest and SECTION not in rest else ""


MOVED: dict[str, Callable[[dict[str, str]], tuple[str, str]]] = {
    "runs": lambda _: ("train", "runs"),
    "rollouts": _rollouts,
    "temporal": lambda _: ("imagine", "branch"),
    "counterfactual": _counterfactual,
    "returns": lambda _: ("compare", "returns"),
    "datasets": lambda _: ("data", ""),
    "compare": _compare,
    "factors": _factors,
}
"""Old page -> today's page and section; the old parameter is removed from the query."""
