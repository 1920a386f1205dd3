"""Settings of collecting videos."""

from typing import Annotated, Literal

from pydantic import Field

from backend.pipeline.fields import Count, described
from backend.pipeline.settings.environment import EnvironmentSettings


class CollectSettings(EnvironmentSettings):
    """Collect distracting videos of an environment."""

    episodes: Count = described(500, "Episodes", "Data")
    episode_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        32, "Agent steps an episode", "Data", "Frames kept of each episode."
    )
    policy: Literal["smooth", "random"] = described("smooth", "Policy", "Data", "How actions are drawn.")
    random_pose: bool = described(True, "Start anywhere", "Data", "Draw the first pose from the whole range.")
    workers: Annotated[int, Field(ge=1, le=64)] = described(2, "Processes", "Data")
