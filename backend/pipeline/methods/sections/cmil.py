"""Settings of conservative imitation in an ensemble of dynamics."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Rate, Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Imitation (cmil)"


class ConservativeSection(Section):
    """The ensemble, the fine for its disagreement, the discriminator, and the weight of cloning."""

    members: Annotated[int, Field(ge=2, le=64)] = described(10, "Members of the ensemble", GROUP, "The release: 10.")
    disagreement_fine: Weight = described(
        10.0, "Fine for disagreement", GROUP, "Times the members' mean standard deviation. The release: 10."
    )
    cloning_weight: Weight = described(10.0, "Weight of cloning", GROUP, "The release: 10.")
    discriminator_rate: Rate = described(3e-4, "Discriminator's learning rate", GROUP)
    discriminator_units: Annotated[int, Field(ge=1, le=4096)] = described(200, "Discriminator's units", GROUP)
    discriminator_noise: Weight = described(
        2.5, "Noise on the discriminator's inputs", GROUP, "Standard deviation, while it learns. The release: 2.5."
    )
