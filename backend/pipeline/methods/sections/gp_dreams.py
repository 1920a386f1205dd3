"""Settings of dynamics by a Gaussian process."""

from typing import Annotated

from pydantic import Field

from backend.pipeline.fields import Weight, described
from backend.pipeline.methods.sections.base import Section

GROUP = "Gaussian process (gp-dreams)"


class ProcessSection(Section):
    """The size of the process, and what its doubt is worth to the policy."""

    inducing_points: Annotated[int, Field(ge=2, le=1024)] = described(
        64, "Inducing points", GROUP, "At which the process remembers what it learned.", "M"
    )
    curiosity: Weight = described(
        0.1,
        "Weight of curiosity",
        GROUP,
        "An imagined step also earns what observing it would tell about the process, in nats. 0: no curiosity.",
    )
