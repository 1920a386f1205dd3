"""Settings of a diffusion model that is refitted to the policy."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Fraction, Rate, Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Refitted diffusion (adept)"


class RefittedSection(Section):
    """The denoiser, the importance weights, and the fine for what the denoiser is unsure of."""

    denoising_steps: Annotated[int, Field(ge=1, le=100)] = described(10, "Steps of denoising", GROUP)
    denoiser_units: Annotated[int, Field(ge=1, le=4096)] = described(200, "Denoiser's units", GROUP)
    denoiser_rate: Rate = described(3e-4, "Learning rate of refitting", GROUP)
    importance: Fraction = described(
        1.0,
        "Power of the importance weights",
        GROUP,
        "1: the model is refitted to the policy; 0: to the recordings as they are.",
    )
    importance_most: Annotated[float, Field(ge=1, le=1e6)] = described(
        5.0, "Largest importance weight", GROUP, "In units of their mean. They are cut above only."
    )
    spread_fine: Weight = described(
        1.0, "Fine for spread", GROUP, "Times the spread of the denoiser's draws, in units of that on the recordings."
    )
