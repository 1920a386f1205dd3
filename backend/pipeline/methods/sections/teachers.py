"""Settings of learning from several teachers."""

from typing import Annotated, Literal

from pydantic import Field

from backend.pipeline.fields import Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Teachers (vid2act)"


class TeachersSection(Section):
    """Which teachers, the weight of distillation, the gate, and the sizes of what remembers their actions."""

    teachers: Annotated[str, Field(max_length=10_000)] = described(
        "",
        "Teachers",
        GROUP,
        "Checkpoints of world models with actions, at least two, separated by commas; their states have the sizes of "
        "this one's.",
    )
    teachers_weight: Weight = described(1.0, "Weight of distillation", GROUP, "The released code: 1.")
    teachers_gate: Literal["seeing", "linear"] = described(
        "seeing",
        "Gate",
        GROUP,
        "linear: as the released code has it, for comparison; its weights do not depend on what the student sees.",
    )
    hint_size: Annotated[int, Field(ge=1, le=1024)] = described(50, "Numbers of an action hint", GROUP)
    memory_units: Annotated[int, Field(ge=1, le=4096)] = described(750, "Units of the action memory", GROUP)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The teachers, in order."""
        return tuple(name.strip() for name in self.teachers.split(",") if name.strip())
