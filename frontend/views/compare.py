"""Compare: two checkpoints, the checkpoints of a run, return curves of several runs, tasks one after another."""

from __future__ import annotations

from frontend.components.header import current, open_section
from frontend.sections import checkpoints, forgetting, returns, rollouts, training

PAGE = "compare"
SECTIONS = {
    "checkpoints": checkpoints.show,
    "forgetting": forgetting.show,
    "returns": returns.show,
    "rollouts": rollouts.show,
    "training": training.show,
}


def show() -> None:
    """The whole page."""
    section = open_section(PAGE)
    if section == "returns" or current():
        SECTIONS[section]()


if __name__ == "__main__":
    show()
