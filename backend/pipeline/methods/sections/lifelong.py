"""Settings of learning tasks one after another."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Tasks one after another (lifelong)"


class LifelongSection(Section):
    """How many tasks there may be, how much is rehearsed, and how cautiously earlier tasks are valued."""

    most_tasks: Annotated[int, Field(ge=2, le=64)] = described(
        4, "Most tasks", GROUP, "Size of the label that tells tasks apart; the same in every chapter.", "K"
    )
    rehearsed: Annotated[float, Field(ge=0, le=8)] = described(
        1.0, "Invented sequences for each real one", GROUP, "Of the earlier tasks. 0: no rehearsal, for comparison."
    )
    caution: Weight = described(
        1.0,
        "Weight of caution",
        GROUP,
        "Of the critic's loss where it values an invented state higher than the earlier critic did.",
    )
