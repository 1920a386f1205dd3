"""Settings of DITTO's reward."""

from backend.pipeline.fields import described
from backend.pipeline.methods.sections.base import Section


class LikenessSection(Section):
    """What the likeness to the expert is compared with."""

    likeness_above_chance: bool = described(
        False,
        "Likeness above chance",
        "Imitation (ditto)",
        "Less the likeness to another window of the batch, for models whose states are all alike. The paper: no.",
    )
