"""Settings of offline learning: recorded episodes in, no environment except for evaluation."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from backend.pipeline.fields import Count, Fraction, Weight, conflict, described
from backend.pipeline.settings.learning import LearningSettings, MethodName


class OfflineSettings(LearningSettings):
    """Learn from recordings alone: a world model first, then a policy that imitates an expert in it."""

    stage: ClassVar[Literal["finetune", "offline"]] = "offline"

    method: MethodName = described(
        "ditto",
        "Method",
        "Method",
        "How the policy learns: ditto in imagination, by the likeness of its states to the expert's; cloning by the "
        "expert's actions alone; adept and flow from rewards, anyone's.",
    )
    demonstrations: str | None = described(
        None,
        "Demonstrations",
        "Data",
        "Data set of an expert's episodes with their actions, such as one collected with policy=expert; for "
        "adept and flow anyone's, with rewards.",
    )
    dataset: str | None = described(
        None,
        "Further recordings",
        "Data",
        "Data set of anyone's episodes with actions in the same environment: the world model learns from it too.",
    )
    held_out: Annotated[int, Field(ge=1, le=1000)] = described(
        4, "Held-out demonstrations", "Data", "The last ones: the policy is compared with the expert on them."
    )
    updates: Count = described(30_000, "Updates", "Optimisation", "Of the world model, then of the policy.")
    behaviour_after: Annotated[int, Field(ge=1, le=100_000_000)] = described(
        20_000,
        "Updates of the world model",
        "Optimisation",
        "First updates; then the world model is frozen, and the policy learns.",
    )
    gamma: Fraction = described(0.95, "Discount", "Behaviour", symbol="γ")
    entropy: Weight = described(1e-3, "Entropy weight", "Behaviour")
    evaluate_every: Count = described(5_000, "Updates between evaluations", "Evaluation")
    evaluate_episodes: Annotated[int, Field(ge=0, le=1000)] = described(
        5,
        "Episodes per evaluation",
        "Evaluation",
        "Played in the environment of the demonstrations. 0: only the likeness to the expert is measured.",
    )

    @property
    def amount(self) -> int:
        """Updates."""
        return self.updates

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.behaviour_after >= self.updates:
            message = f"{self.behaviour_after} updates of the world model leave none of {self.updates} for the policy"
            raise conflict("/behaviour_after", message)
        if self.horizon >= self.length:
            message = f"{self.horizon} imagined steps need longer sequences of the expert than {self.length} frames"
            raise conflict("/horizon", message)
        return self
