"""Settings of collecting videos."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backend.envs.protocol import RECOLOURED, WITH_EXPERT, withheld_flow, withheld_second_look
from backend.pipeline.fields import Count, conflict, described
from backend.pipeline.settings.environment import EnvironmentSettings


class CollectSettings(EnvironmentSettings):
    """Collect distracting videos of an environment."""

    episodes: Count = described(500, "Episodes", "Data")
    first_episode: Annotated[int, Field(ge=0, le=10**9)] = described(
        0,
        "First episode",
        "Data",
        "Its number. An episode depends on its number, the settings and the seed alone, so that several runs can each "
        "collect a part of one data set; `diswm join-data` joins them.",
    )
    episode_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        32, "Agent steps per episode", "Data", "Frames kept of each episode."
    )
    policy: Literal["smooth", "random", "expert"] = described(
        "smooth",
        "Policy",
        "Data",
        "How actions are drawn. expert: hand-written control with noise of another strength in each episode, for "
        f"{' and '.join(WITH_EXPERT)}.",
    )
    random_pose: bool = described(True, "Start anywhere", "Data", "Draw the first pose from the whole range.")
    second_look: bool = described(
        False,
        "Second look",
        "Data",
        "Keep each state in other colours too (recoloured), and its depth (nearness), for dm_control's tasks under "
        f"{', '.join(RECOLOURED)}.",
    )
    true_flow: bool = described(
        False,
        "True flow",
        "Data",
        "Keep how far each pixel moves to the next picture and whether it is hidden there (flow), for dm_control's "
        "tasks without a film behind them.",
    )
    workers: Annotated[int, Field(ge=1, le=64)] = described(2, "Processes", "Data")

    @model_validator(mode="after")
    def _has_an_expert(self) -> Self:
        if self.policy == "expert" and self.environment not in WITH_EXPERT:
            raise conflict("/policy", f"{self.environment} has no expert; there is one for {', '.join(WITH_EXPERT)}")
        return self

    @model_validator(mode="after")
    def _can_be_looked_at_twice(self) -> Self:
        if self.second_look and (why := withheld_second_look(self.environment, self.distraction)):
            raise conflict("/second_look", why)
        return self

    @model_validator(mode="after")
    def _has_a_true_flow(self) -> Self:
        if self.true_flow and (why := withheld_flow(self.environment, self.distraction)):
            raise conflict("/true_flow", why)
        return self
