"""Settings of latent distillation (eq. 3)."""

from typing import Annotated, Literal

from pydantic import Field

from backend.pipeline.fields import Count, Weight, described
from backend.pipeline.methods.sections.base import Section


class DistillationSection(Section):
    """Which distillation, and how its weight changes."""

    distillation: Literal["gaussian", "as-released"] = described(
        "gaussian",
        "Distillation",
        "Distillation",
        "as-released: as the published code has it, for comparison: softmaxes of samples, averaged over B and summed "
        "over T; the weight never anneals; the video model learns too.",
    )
    distill_start: Weight = described(0.1, "First weight", "Distillation", "The paper: 0.1.", "η")
    distill_end: Weight = described(0.01, "Last weight", "Distillation", "The paper: 0.01.", "η")
    distill_steps: Count = described(50_000, "Agent steps of the ramp", "Distillation", "The paper: 50,000.")
    distill_delay: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0, "Agent steps before the ramp", "Distillation", "50,000 for an unlike target (across domains)."
    )
