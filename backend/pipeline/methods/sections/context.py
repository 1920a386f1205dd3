"""Settings of ContextWM, besides those of the intrinsic bonus."""

from backend.pipeline.fields import Weight, described
from backend.pipeline.methods.sections.apv import BonusSection


class ContextSection(BonusSection):
    """What is hidden of the context, and the weight of the second reward head."""

    context_erased: bool = described(
        True,
        "Erase a part of the context",
        "Context (contextwm)",
        "A random rectangle of the context frame is hidden from the decoder at each update. The paper: on Meta-World.",
    )
    task_reward_weight: Weight = described(
        1.0,
        "Weight of the second reward head",
        "Context (contextwm)",
        "It learns the reward without the bonus, which keeps the task in the state. The paper: 1.",
    )
