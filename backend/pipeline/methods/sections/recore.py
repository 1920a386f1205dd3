"""Settings of contrasting two colour draws of one state, and of the depth that keeps the latents from collapsing."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Fraction, Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Contrast (recore)"


class RecoreSection(Section):
    """The contrast and its weight, and the weight of depth."""

    contrast_weight: Weight = described(1.0, "Weight of the contrast", GROUP)
    contrast_temperature: Annotated[float, Field(gt=0, le=10)] = described(
        0.1, "Temperature", GROUP, "Divides the likeness of two projected latents, which is at most 1."
    )
    contrast_momentum: Fraction = described(
        0.99, "Momentum", GROUP, "Share of its weights that the encoder of the other draw keeps at each update."
    )
    contrast_size: Annotated[int, Field(ge=1, le=4096)] = described(128, "Numbers of a projected latent", GROUP)
    depth_weight: Weight = described(
        1.0, "Weight of depth", GROUP, "Of half the squared error of the depth that is decoded from the states."
    )
