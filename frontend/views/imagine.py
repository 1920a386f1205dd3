"""Imagine: watch a rollout, branch it, compare it with the simulator, play it, or see what it was taught by."""

from __future__ import annotations

from frontend.components.header import current, open_section
from frontend.sections import branch, calibration, contexts, flow, imitation, play, simulator, teachers, watch

PAGE = "imagine"
SECTIONS = {
    "branch": branch.show,
    "simulator": simulator.show,
    "play": play.show,
    "watch": watch.show,
    "imitation": imitation.show,
    "contexts": contexts.show,
    "calibration": calibration.show,
    "teachers": teachers.show,
    "flow": flow.show,
}


def show() -> None:
    """The whole page."""
    section = open_section(PAGE)
    if current():
        SECTIONS[section]()


if __name__ == "__main__":
    show()
