"""Settings of optical flow that is learned from frames alone."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Fraction, Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Optical flow (flow)"


class FlowSection(Section):
    """The network of flow, its losses, and when it is taught from harder frames."""

    flow_units: Annotated[int, Field(ge=1, le=512)] = described(32, "Channels of the flow network", GROUP)
    flow_pairs: Annotated[int, Field(ge=1, le=1024)] = described(
        8, "Pairs of frames per update", GROUP, "Drawn from the batch; each is looked at both ways."
    )
    photometric_weight: Weight = described(
        10.0, "Photometric weight", GROUP, "Weight of the difference between a frame and the next one moved back."
    )
    flow_smoothness: Weight = described(
        0.01,
        "Smoothness",
        GROUP,
        "Share of the photometric weight that differences of neighbouring pixels' flow have, where there is no edge.",
    )
    flow_distillation: Weight = described(
        10.0,
        "Distillation weight",
        GROUP,
        "Weight of the flow of harder frames, taught by that of whole ones where it is confident. 0: no distillation.",
    )
    flow_alone: Fraction = described(
        0.5,
        "Share of updates before distillation",
        GROUP,
        "Of those of the world model: first the flow is learned from whole frames. 1: no distillation.",
    )
