"""Settings of fine-tuning; those of the method are a separate section, which is flattened into the others in JSON."""

from typing import Annotated, Any, TypeVar

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from backend.envs.protocol import WITH_EXPERT, episode_frames
from backend.pipeline.fields import Count, Fraction, Rate, Weight, conflict, described, one_of
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.flat import SECTION, gathered, with_sections
from backend.pipeline.methods.sections.base import Section
from backend.pipeline.settings.environment import DistractionName, EnvironmentSettings
from backend.pipeline.settings.networks import NetworkSettings

MethodName = Annotated[str, one_of(CATALOGUE)]
Own = TypeVar("Own", bound=Section)


class FinetuneSettings(EnvironmentSettings, NetworkSettings):
    """Learn a world model online, distilled from a video model, with an actor and critic in imagination."""

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
        "Checkpoint whose latents are distilled (none: no distillation), or that a baseline starts from.",
    )
    section: SerializeAsAny[Section] = Section()  # the method's own settings, flattened into the others in JSON
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
    reward_scale: Weight = described(2.0, "Reward scale", "Losses", "Weight of -log p(reward); the published code: 2.")
    discount_layers: Annotated[int, Field(ge=0, le=8)] = described(
        0, "Discount head layers", "Networks", "0: no discount head."
    )
    horizon: Annotated[int, Field(ge=1, le=200)] = described(15, "Imagined steps", "Behaviour", symbol="H")
    gamma: Fraction = described(0.99, "Discount", "Behaviour", symbol="γ")
    lam: Fraction = described(0.95, "Lambda", "Behaviour", symbol="λ")
    entropy: Weight = described(1e-4, "Entropy weight", "Behaviour")
    normalise_returns: bool = described(
        False,
        "Normalise returns",
        "Behaviour",
        "The actor's returns are divided by the distance of their 5th and 95th percentile, if over 1, so that one "
        "entropy weight fits any reward. The paper: no.",
    )
    imagine_every: Annotated[int, Field(ge=1, le=1000)] = described(
        1, "States per imagined rollout", "Behaviour", "Imagination starts from one state in this many. The paper: 1."
    )
    behaviour_after: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0, "Updates before behaviour", "Behaviour", "First updates, in which only the world model learns. The paper: 0."
    )
    advice: Weight = described(
        0.0,
        "Weight of an expert's advice",
        "Behaviour",
        "Weight of -log p of what hand-written control would do in each state seen, the agent's own too: a policy that "
        f"is taught, not only learned from reward. For {' and '.join(WITH_EXPERT)}. The paper: 0.",
        environments=WITH_EXPERT,
    )
    actor_rate: Rate = described(8e-5, "Actor's learning rate", "Behaviour")
    critic_rate: Rate = described(8e-5, "Critic's learning rate", "Behaviour")
    units: Annotated[int, Field(ge=1, le=4096)] = described(400, "Units of the heads", "Networks")
    slow_critic_every: Count = described(100, "Updates between refreshes of the slow critic", "Behaviour")
    evaluate_every: Count = described(5_000, "Agent steps between evaluations", "Evaluation")
    evaluate_episodes: Annotated[int, Field(ge=1, le=1000)] = described(10, "Episodes per evaluation", "Evaluation")
    held_out: Annotated[int, Field(ge=2, le=1000)] = described(
        100, "Held-out episodes", "Evaluation", "Short episodes, collected first, on which latents are explained."
    )
    held_out_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        50, "Agent steps of a held-out episode", "Evaluation"
    )

    def own(self, kind: type[Own]) -> Own:
        """The method's own settings, checked to be of this class."""
        assert isinstance(self.section, kind), (self.method, kind)
        return self.section

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        if SECTION in values:
            raise conflict(f"/{SECTION}", f"there is no setting {SECTION!r}: a method's own stand among the others")
        return gathered(values)

    @field_validator(SECTION, mode="plain")
    @classmethod
    def _is_the_methods(cls, values: Any, info: ValidationInfo) -> Section:
        method = info.data.get("method")
        return CATALOGUE[method].section.model_validate(values) if method else Section()

    @model_serializer(mode="wrap")
    def _flat(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        own = values.pop(SECTION, {})
        return {**values, **own}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return with_sections(handler.resolve_ref_schema(handler(schema)))

    @model_validator(mode="after")
    def _sequences_fit_an_episode(self) -> "FinetuneSettings":
        frames = episode_frames(self.environment, self.action_repeat)
        if self.length > frames:
            message = f"sequences of {self.length} frames are longer than an episode of {self.environment} ({frames})"
            raise conflict("/length", message)
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "FinetuneSettings":
        for name in ("demonstrations", "advice"):
            if getattr(self, name) and self.environment not in WITH_EXPERT:
                raise conflict(f"/{name}", f"{self.environment} has no expert; {' and '.join(WITH_EXPERT)} have one")
        steps = (self.explore_episodes + self.demonstrations) * self.explore_steps
        if steps > min(self.agent_steps, self.replay_capacity):
            raise conflict("/explore_episodes", f"{steps} steps of short episodes exceed agent_steps or the replay")
        self.section.check(self)
        return self
