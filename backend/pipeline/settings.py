"""Settings of every stage: typed, frozen, closed; their titles, groups and symbols are what forms are drawn from."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

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

from backend.envs.protocol import DISTRACTIONS, ENVIRONMENTS, episode_frames, offered_distractions
from backend.pipeline.fields import Closed, Count, Fraction, Rate, Weight, conflict, described, one_of
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.flat import SECTION, gathered, with_sections
from backend.pipeline.methods.sections.base import Section

EnvironmentName = Annotated[str, one_of(ENVIRONMENTS), Field(json_schema_extra={"enum": list(ENVIRONMENTS)})]
DistractionName = Annotated[str, one_of(DISTRACTIONS), Field(json_schema_extra={"enum": list(DISTRACTIONS)})]
MethodName = Annotated[str, one_of(CATALOGUE)]

MAX_SEED = 2**63 - 1
Own = TypeVar("Own", bound=Section)


class Problem(NamedTuple):
    """One thing that is wrong with settings: where (a JSON pointer), what, and what was perhaps meant."""

    pointer: str
    message: str
    suggestion: str | None = None


class SettingsError(Exception):
    """Settings that cannot be run; `problems` lists everything that is wrong with them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.pointer.lstrip('/').replace('/', '.')}: {p.message}" for p in problems))
        self.problems = list(problems)


class _EnvironmentSettings(Closed):
    environment: EnvironmentName = described("cartpole-swingup", "Environment", "Environment")
    distraction: DistractionName = described(
        "episode",
        "Distraction",
        "Environment",
        "none; episode: colours, light and camera drawn once an episode; set-a, set-b: the paper's flicker; "
        "camera-jitter, light, video: one of these moves all the time; everything: set-a and these three.",
    )
    films: str | None = described(
        None,
        "Background videos",
        "Environment",
        "Data set whose clips play on the sky under video and everything; none: procedural waves.",
    )
    action_repeat: Annotated[int, Field(ge=1, le=16)] = described(2, "Action repeat", "Environment")
    look: Literal["fast", "paper"] = described(
        "fast", "Look", "Environment", "fast leaves out shadows and anti-aliasing; paper keeps them."
    )

    @model_validator(mode="after")
    def _distractions_are_offered(self) -> Self:
        for setting in ("distraction", "distraction_later", "evaluate_distraction"):
            wanted = getattr(self, setting, None)
            offered = offered_distractions(self.environment)
            if wanted is not None and wanted not in offered:
                message = f"{self.environment} cannot show {wanted!r}; it offers {', '.join(offered)}"
                raise conflict(f"/{setting}", message)
        return self


class CollectSettings(_EnvironmentSettings):
    """Collect distracting videos of an environment."""

    episodes: Count = described(500, "Episodes", "Data")
    episode_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        32, "Agent steps an episode", "Data", "Frames kept of each episode."
    )
    policy: Literal["smooth", "random"] = described("smooth", "Policy", "Data", "How actions are drawn.")
    random_pose: bool = described(True, "Start anywhere", "Data", "Draw the first pose from the whole range.")
    workers: Annotated[int, Field(ge=1, le=64)] = described(2, "Processes", "Data")


class _ModelSettings(Closed):
    latents: Annotated[int, Field(ge=1, le=256)] = described(20, "Latents", "Networks", symbol="Z")
    stoch: Annotated[int, Field(ge=1, le=1024)] = described(50, "Stochastic state", "Networks", symbol="S")
    deter: Annotated[int, Field(ge=1, le=4096)] = described(200, "Deterministic state", "Networks", symbol="D")
    hidden: Annotated[int, Field(ge=1, le=4096)] = described(200, "Hidden units", "Networks")
    beta: Weight = described(
        0.015, "Disentanglement weight", "Losses", "Weight of KL[q(z|o) || N(0, I)]; the paper: 0.015.", "β"
    )
    dynamics_weight: Weight = described(1.0, "Dynamics weight", "Losses", "The paper: 1.", "α")
    kl_balance: Fraction = described(
        0.8, "KL balance", "Losses", "Share of the dynamics KL that moves the prior; the paper: 0.8."
    )
    free_nats: Weight = described(
        1.0, "Free nats", "Losses", "Least value of each side of the dynamics KL; the paper: 1."
    )
    seeing: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0,
        "Updates of seeing first",
        "Seeing first",
        "First updates, in which both KL weights are those of this group. The paper: 0.",
    )
    settling: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0,
        "Updates of settling",
        "Seeing first",
        "Updates after them over which both KL weights grow to their own values, by the same factor each update.",
    )
    seeing_beta: Weight = described(0.003, "Disentanglement weight while seeing", "Seeing first", symbol="β")
    seeing_dynamics: Weight = described(0.01, "Dynamics weight while seeing", "Seeing first", symbol="α")
    seeing_length: Annotated[int, Field(ge=2, le=1000)] = described(
        4, "Sequence length while seeing", "Seeing first", "With more sequences, so that a batch has as many frames."
    )
    motion_weight: Weight = described(
        0.0,
        "Weight of what moves",
        "Losses",
        "How much more a pixel counts that differs from its mean over the episode. The paper: 0.",
    )
    coarse_weight: Weight = described(
        0.0,
        "Weight of coarse pictures",
        "Losses",
        "Weight of the image loss of pictures averaged over 4 x 4 and 8 x 8 pixels, which leads thin bodies to their "
        "place. The paper: 0.",
    )
    overshooting: Weight = described(
        0.0,
        "Overshooting weight",
        "Losses",
        "Weight of the image loss of frames imagined from a quarter of the sequence on. The paper: 0.",
    )
    initialisation: Literal["torch", "scaled"] = described(
        "torch",
        "Initial weights",
        "Networks",
        "torch: its defaults, as in the paper; scaled: such that a signal keeps its size through all layers.",
    )
    first_channels: Annotated[int, Field(ge=1, le=1024)] = described(
        32,
        "Channels of the first convolution",
        "Networks",
        "And of the decoder's last but one; most of the time goes there. The paper: 32.",
    )
    batch: Annotated[int, Field(ge=1, le=4096)] = described(50, "Batch", "Optimisation", symbol="B")
    length: Annotated[int, Field(ge=2, le=1000)] = described(50, "Sequence length", "Optimisation", symbol="T")
    learning_rate: Rate = described(3e-4, "Learning rate", "Optimisation")
    adam_eps: Rate = described(1e-5, "Adam epsilon", "Optimisation")
    clip_norm: Annotated[float, Field(gt=0, le=1e6)] = described(100.0, "Gradient norm limit", "Optimisation")
    checkpoint_every: Count = described(1000, "Updates between checkpoints", "Run")
    log_every: Count = described(50, "Updates between log lines", "Run")


class PretrainSettings(_ModelSettings):
    """Pretrain the action-free video model on a data set."""

    dataset: str | None = described(None, "Data set", "Data", "Id, name or (command line) folder of a data set.")
    held_out: Annotated[int, Field(ge=1, le=1000)] = described(
        20, "Held-out episodes", "Data", "Last episodes, kept from training, that figures are computed on."
    )
    start: str | None = described(
        None,
        "Start from",
        "Networks",
        "Checkpoint of a video model of the same sizes to continue from; none: new weights.",
    )
    vision: Literal["vae", "conv"] = described(
        "vae",
        "Image networks",
        "Networks",
        "vae: the paper's, with latents; conv: DreamerV2's, 32 deep and without beta, for dv2-finetune and apv.",
    )
    updates: Count = described(20_000, "Updates", "Optimisation")
    cooling: Fraction = described(
        0.0, "Cooling", "Optimisation", "Last share of the updates, in which the learning rate falls to a tenth."
    )


class FinetuneSettings(_EnvironmentSettings, _ModelSettings):
    """Learn a world model online, distilled from a video model, with an actor and critic in imagination."""

    distraction_later: DistractionName | None = described(
        None,
        "Distraction of the second half",
        "Environment",
        "Shown from half of the agent steps on, as in the paper: set-a, then set-b. None: the same to the end.",
    )
    evaluate_distraction: DistractionName | None = described(
        None,
        "Distraction of evaluations",
        "Environment",
        "None: that of the moment, as in the paper. Another one tests what was learned under colours never seen.",
    )
    method: MethodName = described(
        "diswm",
        "Method",
        "Method",
        "diswm, two ablations of it, or a baseline: dreamerv2 from nothing; dv2-finetune and apv from a video model.",
    )
    teacher: str | None = described(
        None,
        "Video model",
        "Method",
        "Checkpoint whose latents are distilled (none: no distillation), or that a baseline starts from.",
    )
    section: SerializeAsAny[Section] = Section()  # the method's own settings, flat among the others in JSON
    explore_episodes: Annotated[int, Field(ge=0, le=1_000_000)] = described(
        0,
        "Short random episodes first",
        "Online learning",
        "Collected before the agent acts, as videos are: from anywhere, under smooth random actions, each with a "
        "distraction of its own. Their steps count. The paper: 0.",
    )
    explore_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        50, "Agent steps of a short episode", "Online learning"
    )
    agent_steps: Count = described(500_000, "Agent steps", "Online learning")
    prefill: Count = described(2_500, "Random agent steps first", "Online learning")
    train_every: Count = described(5, "Agent steps an update", "Online learning")
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
        1, "States to an imagined rollout", "Behaviour", "One state in so many is imagined on from. The paper: 1."
    )
    behaviour_after: Annotated[int, Field(ge=0, le=100_000_000)] = described(
        0, "Updates before behaviour", "Behaviour", "First updates, in which only the world model learns. The paper: 0."
    )
    actor_rate: Rate = described(8e-5, "Actor's learning rate", "Behaviour")
    critic_rate: Rate = described(8e-5, "Critic's learning rate", "Behaviour")
    units: Annotated[int, Field(ge=1, le=4096)] = described(400, "Units of the heads", "Networks")
    slow_critic_every: Count = described(100, "Updates between refreshes of the slow critic", "Behaviour")
    evaluate_every: Count = described(5_000, "Agent steps between evaluations", "Evaluation")
    evaluate_episodes: Annotated[int, Field(ge=1, le=1000)] = described(10, "Episodes an evaluation", "Evaluation")
    held_out: Annotated[int, Field(ge=2, le=1000)] = described(
        100, "Held-out episodes", "Evaluation", "Short episodes, collected first, that latents are explained on."
    )
    held_out_steps: Annotated[int, Field(ge=2, le=1000)] = described(
        50, "Agent steps of a held-out episode", "Evaluation"
    )

    def own(self, kind: type[Own]) -> Own:
        """The method's own settings, which are of this class."""
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
        if self.explore_episodes * self.explore_steps > min(self.agent_steps, self.replay_capacity):
            steps = self.explore_episodes * self.explore_steps
            raise conflict("/explore_episodes", f"{steps} steps of short episodes exceed agent_steps or the replay")
        self.section.check(self)
        return self


class PipelineSettings(Closed):
    """All of it: collect, pretrain, then fine-tune with the pretrained model as the teacher."""

    collect: CollectSettings = CollectSettings()
    pretrain: PretrainSettings = PretrainSettings()
    finetune: FinetuneSettings = FinetuneSettings()

    @model_validator(mode="after")
    def _each_stage_takes_what_the_one_before_makes(self) -> "PipelineSettings":
        for place, name, source in (
            ("/pretrain/dataset", self.pretrain.dataset, "pretrains on what it collects"),
            ("/finetune/teacher", self.finetune.teacher, "distils from the video model that it pretrains"),
        ):
            if name is not None:
                raise conflict(place, f"a pipeline {source}: leave out {name!r}, or run the stage by itself")
        return self

    @model_validator(mode="after")
    def _fits(self) -> "PipelineSettings":
        collected = min(
            self.collect.episode_steps, episode_frames(self.collect.environment, self.collect.action_repeat)
        )
        if self.pretrain.length > collected:
            raise conflict(
                "/pretrain/length",
                f"sequences of {self.pretrain.length} frames are longer than the collected episodes "
                f"of {collected} (collect.episode_steps is {self.collect.episode_steps})",
            )
        if self.pretrain.held_out >= self.collect.episodes:
            raise conflict(
                "/pretrain/held_out",
                f"{self.pretrain.held_out} held-out episodes leave none to train on "
                f"(collect.episodes is {self.collect.episodes})",
            )
        return self


StageSettings = CollectSettings | PretrainSettings | FinetuneSettings | PipelineSettings
STAGES: dict[str, type[CollectSettings | PretrainSettings | FinetuneSettings | PipelineSettings]] = {
    "collect": CollectSettings,
    "pretrain": PretrainSettings,
    "finetune": FinetuneSettings,
    "pipeline": PipelineSettings,
}
