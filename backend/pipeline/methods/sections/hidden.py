"""Settings of distillation from whole frames to harder ones."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Count, Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Distillation (diswm-hidden)"


class HiddenSection(Section):
    """The weight of distillation, and what the teacher is sure of."""

    hidden_start: Weight = described(0.1, "First weight", GROUP, "As that of diswm.", "η")
    hidden_end: Weight = described(0.01, "Last weight", GROUP, "As that of diswm.", "η")
    hidden_steps: Count = described(50_000, "Agent steps of the ramp", GROUP)
    hidden_unsure: Annotated[float, Field(gt=0, le=10)] = described(
        0.5,
        "Unsure from",
        GROUP,
        "Standard deviation from which on the video model does not know a dimension of a frame: it is not taught.",
    )
