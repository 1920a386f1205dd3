"""Train and Runs: the form that starts a run, and everything about existing runs."""

from __future__ import annotations

from frontend.components.header import open_section
from frontend.sections import new_run, runs

PAGE = "train"
SECTIONS = {"new": new_run.show, "runs": runs.show}


def show() -> None:
    """The whole page."""
    SECTIONS[open_section(PAGE)]()


if __name__ == "__main__":
    show()
