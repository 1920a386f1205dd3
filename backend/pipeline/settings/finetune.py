"""Settings of fine-tuning, which acts in an environment."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from backend.envs.protocol import WITH_EXPERT, episode_frames, withheld_second_look
from backend.envs.suite import SUITE_TASKS
from backend.pipeline.fields import Count, Weight, conflict, described
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.settings.environment import DistractionName, EnvironmentSettings
from backend.pipeline.settings.learning import LearningSettings, MethodName


class FinetuneSettings(EnvironmentSettings, LearningSettings):
    """Learn a world model online, distilled from a video model, with an actor and critic in imagination."""

    stage: ClassVar[Literal["finetune", "offline"]] = "finetune"

    distraction_later: DistractionName | None = described(
        None,
        "Distraction of the second half",
        "Environment",
        "Shown from half of the agent steps on, as in the paper: set-a, then set-b. None: no change.",
    )
    evaluate_distraction: DistractionName | None = described(
        None,
        "Distraction of evaluations",
        "Environment",
        "None: the current one, as in the paper. Another one tests what was learned under colours never seen.",
    )
    method: MethodName = described(
        "diswm",
        "Method",
        "Method",
        "diswm, two ablations of it, or a baseline: dreamerv2 from scratch; dv2-finetune and apv from a video model.",
    )
    teacher: str | None = described(
        None,
        "Video model",
        "Method",
        "Checkpoint whose latents are distilled (none: no distillation), that a baseline starts from, or that lifelong "
        "left after the tasks before.",
    )
    explore_episodes: Annotated[int, Field(ge=0, le=1_000_000)] = described(
        0,
        "Short random episodes first",
        "Online learning",
        "Collected before the agent acts, as videos are: from anywhere, under smooth random actions, each with a "
        "distraction of its own. Their steps are counted. The paper: 0.",
    )
    demonstrations: Annotated[int, Field(ge=0, le=1_000_000)] = described(
        0,
        "Short episodes of an expert first",
        "Online learning",
        "The same, under hand-written control with noise. They show the world model, and imagination, states that "
        f"random actions do not reach; no action is imitated. For {' and '.join(WITH_EXPERT)}. The paper: 0.",
        environments=WITH_EXPERT,
    )
    explore_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        50, "Agent steps of a short episode", "Online learning"
    )
    agent_steps: Count = described(500_000, "Agent steps", "Online learning")
    prefill: Count = described(2_500, "Random agent steps first", "Online learning")
    train_every: Count = described(5, "Agent steps per update", "Online learning")
    first_updates: Count = described(100, "Updates after the random steps", "Online learning")
    replay_capacity: Annotated[int, Field(ge=1_100, le=100_000_000)] = described(
        510_000, "Replay capacity in frames", "Online learning"
    )
    advice: Weight = described(
        0.0,
        "Weight of an expert's advice",
        "Behaviour",
        "Weight of -log p of what hand-written control would do in each state seen, the agent's own too: a policy that "
        f"is taught, not only learned from reward. For {' and '.join(WITH_EXPERT)}. The paper: 0.",
        environments=WITH_EXPERT,
    )
    evaluate_every: Count = described(5_000, "Agent steps between evaluations", "Evaluation")
    evaluate_episodes: Annotated[int, Field(ge=1, le=1000)] = described(10, "Episodes per evaluation", "Evaluation")
    held_out: Annotated[int, Field(ge=2, le=1000)] = described(
        100, "Held-out episodes", "Evaluation", "Short episodes, collected first, on which latents are explained."
    )
    held_out_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        50, "Agent steps of a held-out episode", "Evaluation"
    )

    @property
    def amount(self) -> int:
        """Agent steps."""
        return self.agent_steps

    @property
    def looks_twice(self) -> bool:
        """Whether the method learns from states that are drawn in two colours, and from their depth."""
        return CATALOGUE[self.method].looks_twice

    @model_validator(mode="after")
    def _can_be_looked_at_twice(self) -> "FinetuneSettings":
        for name in ("distraction", "distraction_later") if self.looks_twice else ():
            shown = getattr(self, name) or self.distraction
            if why := withheld_second_look(self.environment, shown):
                place = name if self.environment in SUITE_TASKS else "environment"
                raise conflict(f"/{place}", f"{self.method} contrasts two colour draws of each state: {why}")
        return self

    @model_validator(mode="after")
    def _sequences_fit_an_episode(self) -> "FinetuneSettings":
        frames = episode_frames(self.environment, self.action_repeat)
        for name in ("length", "cooling_length"):
            if (length := getattr(self, name)) > frames:
                message = f"sequences of {length} frames are longer than an episode of {self.environment} ({frames})"
                raise conflict(f"/{name}", message)
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "FinetuneSettings":
        for name in ("demonstrations", "advice"):
            if getattr(self, name) and self.environment not in WITH_EXPERT:
                raise conflict(f"/{name}", f"{self.environment} has no expert; {' and '.join(WITH_EXPERT)} have one")
        steps = (self.explore_episodes + self.demonstrations) * self.explore_steps
        if steps > min(self.agent_steps, self.replay_capacity):
            raise conflict("/explore_episodes", f"{steps} steps of short episodes exceed agent_steps or the replay")
        return self
