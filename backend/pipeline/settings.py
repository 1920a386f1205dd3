"""Settings of every stage: typed, frozen, closed; their titles, groups and symbols are what forms are drawn from."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from backend.envs.protocol import DISTRACTIONS, ENVIRONMENTS, episode_frames, offered_distractions

METHOD_NAMES = (
    "diswm",
    "diswm-no-distillation",
    "diswm-no-disentanglement",
    "dreamerv2",
    "dv2-finetune",
    "apv",
)  # what they are made of: backend.pipeline.methods


def _one_of(known: Sequence[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            near = difflib.get_close_matches(value, known, 1)
            message = f"{value!r} is not known; there is {', '.join(known)}"
            raise PydanticCustomError(
                "unknown", "{message}", {"message": message, "suggestion": near[0] if near else None}
            )
        return value

    return AfterValidator(check)


EnvironmentName = Annotated[str, _one_of(ENVIRONMENTS), Field(json_schema_extra={"enum": list(ENVIRONMENTS)})]
DistractionName = Annotated[str, _one_of(DISTRACTIONS), Field(json_schema_extra={"enum": list(DISTRACTIONS)})]
MethodName = Annotated[str, _one_of(METHOD_NAMES), Field(json_schema_extra={"enum": list(METHOD_NAMES)})]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]

MAX_SEED = 2**63 - 1


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


def _described(default: Any, title: str, group: str, description: str = "", symbol: str = "") -> Any:
    extra: dict[str, Any] = {"x-group": group} | ({"x-symbol": symbol} if symbol else {})
    return Field(default=default, title=title, description=description or None, json_schema_extra=extra)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _EnvironmentSettings(_Settings):
    environment: EnvironmentName = _described("cartpole-swingup", "Environment", "Environment")
    distraction: DistractionName = _described(
        "episode",
        "Distraction",
        "Environment",
        "none; episode: colours, light and camera drawn once an episode; set-a, set-b: the paper's flicker; "
        "camera-jitter, light, video: one of these moves all the time; everything: set-a and these three.",
    )
    films: str | None = _described(
        None,
        "Background videos",
        "Environment",
        "Data set whose clips play on the sky under video and everything; none: procedural waves.",
    )
    action_repeat: Annotated[int, Field(ge=1, le=16)] = _described(2, "Action repeat", "Environment")
    look: Literal["fast", "paper"] = _described(
        "fast", "Look", "Environment", "fast leaves out shadows and anti-aliasing; paper keeps them."
    )

    @model_validator(mode="after")
    def _distractions_are_offered(self) -> Self:
        for setting in ("distraction", "distraction_later", "evaluate_distraction"):
            wanted = getattr(self, setting, None)
            offered = offered_distractions(self.environment)
            if wanted is not None and wanted not in offered:
                message = f"{self.environment} cannot show {wanted!r}; it offers {', '.join(offered)}"
                raise _conflict(f"/{setting}", message)
        return self


class CollectSettings(_EnvironmentSettings):
    """Collect distracting videos of an environment."""

    episodes: Count = _described(500, "Episodes", "Data")
    episode_steps: Annotated[int, Field(ge=2, le=1000)] = _described(
        32, "Agent steps an episode", "Data", "Frames kept of each episode."
    )
    policy: Literal["smooth", "random"] = _described("smooth", "Policy", "Data", "How actions are drawn.")
    random_pose: bool = _described(True, "Start anywhere", "Data", "Draw the first pose from the whole range.")
    workers: Annotated[int, Field(ge=1, le=64)] = _described(2, "Processes", "Data")


class _ModelSettings(_Settings):
    latents: Annotated[int, Field(ge=1, le=256)] = _described(20, "Latents", "Networks", symbol="Z")
    stoch: Annotated[int, Field(ge=1, le=1024)] = _described(50, "Stochastic state", "Networks", symbol="S")
    deter: Annotated[int, Field(ge=1, le=4096)] = _described(200, "Deterministic state", "Networks", symbol="D")
    hidden: Annotated[int, Field(ge=1, le=4096)] = _described(200, "Hidden units", "Networks")
    beta: Weight = _described(
        0.015, "Disentanglement weight", "Losses", "Weight of KL[q(z|o) || N(0, I)]; the paper: 0.015.", "β"
    )
    dynamics_weight: Weight = _described(1.0, "Dynamics weight", "Losses", "The paper: 1.", "α")
    kl_balance: Fraction = _described(
        0.8, "KL balance", "Losses", "Share of the dynamics KL that moves the prior; the paper: 0.8."
    )
    free_nats: Weight = _described(
        1.0, "Free nats", "Losses", "Least value of each side of the dynamics KL; the paper: 1."
    )
    seeing: Annotated[int, Field(ge=0, le=100_000_000)] = _described(
        0,
        "Updates of seeing first",
        "Seeing first",
        "First updates, in which both KL weights are those of this group. The paper: 0.",
    )
    settling: Annotated[int, Field(ge=0, le=100_000_000)] = _described(
        0,
        "Updates of settling",
        "Seeing first",
        "Updates after them over which both KL weights grow to their own values, by the same factor each update.",
    )
    seeing_beta: Weight = _described(0.003, "Disentanglement weight while seeing", "Seeing first", symbol="β")
    seeing_dynamics: Weight = _described(0.01, "Dynamics weight while seeing", "Seeing first", symbol="α")
    seeing_length: Annotated[int, Field(ge=2, le=1000)] = _described(
        4, "Sequence length while seeing", "Seeing first", "With more sequences, so that a batch has as many frames."
    )
    motion_weight: Weight = _described(
        0.0,
        "Weight of what moves",
        "Losses",
        "How much more a pixel counts that differs from its mean over the episode. The paper: 0.",
    )
    coarse_weight: Weight = _described(
        0.0,
        "Weight of coarse pictures",
        "Losses",
        "Weight of the image loss of pictures averaged over 4 x 4 and 8 x 8 pixels, which leads thin bodies to their "
        "place. The paper: 0.",
    )
    overshooting: Weight = _described(
        0.0,
        "Overshooting weight",
        "Losses",
        "Weight of the image loss of frames imagined from a quarter of the sequence on. The paper: 0.",
    )
    initialisation: Literal["torch", "scaled"] = _described(
        "torch",
        "Initial weights",
        "Networks",
        "torch: its defaults, as in the paper; scaled: such that a signal keeps its size through all layers.",
    )
    first_channels: Annotated[int, Field(ge=1, le=1024)] = _described(
        32,
        "Channels of the first convolution",
        "Networks",
        "And of the decoder's last but one; most of the time goes there. The paper: 32.",
    )
    batch: Annotated[int, Field(ge=1, le=4096)] = _described(50, "Batch", "Optimisation", symbol="B")
    length: Annotated[int, Field(ge=2, le=1000)] = _described(50, "Sequence length", "Optimisation", symbol="T")
    learning_rate: Rate = _described(3e-4, "Learning rate", "Optimisation")
    adam_eps: Rate = _described(1e-5, "Adam epsilon", "Optimisation")
    clip_norm: Annotated[float, Field(gt=0, le=1e6)] = _described(100.0, "Gradient norm limit", "Optimisation")
    checkpoint_every: Count = _described(1000, "Updates between checkpoints", "Run")
    log_every: Count = _described(50, "Updates between log lines", "Run")


class PretrainSettings(_ModelSettings):
    """Pretrain the action-free video model on a data set."""

    dataset: str | None = _described(None, "Data set", "Data", "Id, name or (command line) folder of a data set.")
    held_out: Annotated[int, Field(ge=1, le=1000)] = _described(
        20, "Held-out episodes", "Data", "Last episodes, kept from training, that figures are computed on."
    )
    start: str | None = _described(
        None,
        "Start from",
        "Networks",
        "Checkpoint of a video model of the same sizes to continue from; none: new weights.",
    )
    vision: Literal["vae", "conv"] = _described(
        "vae",
        "Image networks",
        "Networks",
        "vae: the paper's, with latents; conv: DreamerV2's, 32 deep and without beta, for dv2-finetune and apv.",
    )
    updates: Count = _described(20_000, "Updates", "Optimisation")
    cooling: Fraction = _described(
        0.0, "Cooling", "Optimisation", "Last share of the updates, in which the learning rate falls to a tenth."
    )


class FinetuneSettings(_EnvironmentSettings, _ModelSettings):
    """Learn a world model online, distilled from a video model, with an actor and critic in imagination."""

    distraction_later: DistractionName | None = _described(
        None,
        "Distraction of the second half",
        "Environment",
        "Shown from half of the agent steps on, as in the paper: set-a, then set-b. None: the same to the end.",
    )
    evaluate_distraction: DistractionName | None = _described(
        None,
        "Distraction of evaluations",
        "Environment",
        "None: that of the moment, as in the paper. Another one tests what was learned under colours never seen.",
    )
    method: MethodName = _described(
        "diswm",
        "Method",
        "Method",
        "diswm, two ablations of it, or a baseline: dreamerv2 from nothing; dv2-finetune and apv from a video model.",
    )
    teacher: str | None = _described(
        None,
        "Video model",
        "Method",
        "Checkpoint whose latents are distilled (none: no distillation), or that a baseline starts from.",
    )
    distillation: Literal["gaussian", "as-released"] = _described(
        "gaussian",
        "Distillation",
        "Distillation",
        "as-released: as the published code has it, for comparison: softmaxes of samples, averaged over B and summed "
        "over T; the weight never anneals; the video model learns too.",
    )
    distill_start: Weight = _described(0.1, "First weight", "Distillation", "The paper: 0.1.", "η")
    distill_end: Weight = _described(0.01, "Last weight", "Distillation", "The paper: 0.01.", "η")
    distill_steps: Count = _described(50_000, "Agent steps of the ramp", "Distillation", "The paper: 50,000.")
    distill_delay: Annotated[int, Field(ge=0, le=100_000_000)] = _described(
        0, "Agent steps before the ramp", "Distillation", "50,000 for an unlike target (across domains)."
    )
    explore_episodes: Annotated[int, Field(ge=0, le=1_000_000)] = _described(
        0,
        "Short random episodes first",
        "Online learning",
        "Collected before the agent acts, as videos are: from anywhere, under smooth random actions, each with a "
        "distraction of its own. Their steps count. The paper: 0.",
    )
    explore_steps: Annotated[int, Field(ge=2, le=1000)] = _described(
        50, "Agent steps of a short episode", "Online learning"
    )
    agent_steps: Count = _described(500_000, "Agent steps", "Online learning")
    prefill: Count = _described(2_500, "Random agent steps first", "Online learning")
    train_every: Count = _described(5, "Agent steps an update", "Online learning")
    first_updates: Count = _described(100, "Updates after the random steps", "Online learning")
    replay_capacity: Annotated[int, Field(ge=1_100, le=100_000_000)] = _described(
        510_000, "Replay capacity in frames", "Online learning"
    )
    reward_scale: Weight = _described(2.0, "Reward scale", "Losses", "Weight of -log p(reward); the published code: 2.")
    discount_layers: Annotated[int, Field(ge=0, le=8)] = _described(
        0, "Discount head layers", "Networks", "0: no discount head."
    )
    horizon: Annotated[int, Field(ge=1, le=200)] = _described(15, "Imagined steps", "Behaviour", symbol="H")
    gamma: Fraction = _described(0.99, "Discount", "Behaviour", symbol="γ")
    lam: Fraction = _described(0.95, "Lambda", "Behaviour", symbol="λ")
    entropy: Weight = _described(1e-4, "Entropy weight", "Behaviour")
    normalise_returns: bool = _described(
        False,
        "Normalise returns",
        "Behaviour",
        "The actor's returns are divided by the distance of their 5th and 95th percentile, if over 1, so that one "
        "entropy weight fits any reward. The paper: no.",
    )
    imagine_every: Annotated[int, Field(ge=1, le=1000)] = _described(
        1, "States to an imagined rollout", "Behaviour", "One state in so many is imagined on from. The paper: 1."
    )
    behaviour_after: Annotated[int, Field(ge=0, le=100_000_000)] = _described(
        0, "Updates before behaviour", "Behaviour", "First updates, in which only the world model learns. The paper: 0."
    )
    actor_rate: Rate = _described(8e-5, "Actor's learning rate", "Behaviour")
    critic_rate: Rate = _described(8e-5, "Critic's learning rate", "Behaviour")
    bonus_weight: Weight = _described(0.1, "Weight of the bonus", "Intrinsic bonus (apv)", symbol="λ")
    bonus_neighbours: Annotated[int, Field(ge=1, le=1024)] = _described(
        16, "Nearest neighbours", "Intrinsic bonus (apv)", symbol="k"
    )
    bonus_queue: Annotated[int, Field(ge=1, le=1_000_000)] = _described(4096, "Queue", "Intrinsic bonus (apv)")
    bonus_size: Annotated[int, Field(ge=1, le=4096)] = _described(128, "Projected size", "Intrinsic bonus (apv)")
    bonus_length: Annotated[int, Field(ge=1, le=1000)] = _described(5, "Steps compared", "Intrinsic bonus (apv)")
    units: Annotated[int, Field(ge=1, le=4096)] = _described(400, "Units of the heads", "Networks")
    slow_critic_every: Count = _described(100, "Updates between refreshes of the slow critic", "Behaviour")
    evaluate_every: Count = _described(5_000, "Agent steps between evaluations", "Evaluation")
    evaluate_episodes: Annotated[int, Field(ge=1, le=1000)] = _described(10, "Episodes an evaluation", "Evaluation")
    held_out: Annotated[int, Field(ge=2, le=1000)] = _described(
        100, "Held-out episodes", "Evaluation", "Short episodes, collected first, that latents are explained on."
    )
    held_out_steps: Annotated[int, Field(ge=2, le=1000)] = _described(
        50, "Agent steps of a held-out episode", "Evaluation"
    )

    @model_validator(mode="after")
    def _sequences_fit_an_episode(self) -> "FinetuneSettings":
        frames = episode_frames(self.environment, self.action_repeat)
        if self.length > frames:
            message = f"sequences of {self.length} frames are longer than an episode of {self.environment} ({frames})"
            raise _conflict("/length", message)
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "FinetuneSettings":
        if self.explore_episodes * self.explore_steps > min(self.agent_steps, self.replay_capacity):
            steps = self.explore_episodes * self.explore_steps
            raise _conflict("/explore_episodes", f"{steps} steps of short episodes exceed agent_steps or the replay")
        if self.method == "apv" and self.bonus_length > self.length:
            raise _conflict("/bonus_length", f"{self.bonus_length} steps do not fit sequences of {self.length}")
        return self


class PipelineSettings(_Settings):
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
                raise _conflict(place, f"a pipeline {source}: leave out {name!r}, or run the stage by itself")
        return self

    @model_validator(mode="after")
    def _fits(self) -> "PipelineSettings":
        collected = min(
            self.collect.episode_steps, episode_frames(self.collect.environment, self.collect.action_repeat)
        )
        if self.pretrain.length > collected:
            raise _conflict(
                "/pretrain/length",
                f"sequences of {self.pretrain.length} frames are longer than the collected episodes "
                f"of {collected} (collect.episode_steps is {self.collect.episode_steps})",
            )
        if self.pretrain.held_out >= self.collect.episodes:
            raise _conflict(
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


def _conflict(pointer: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("conflict", "{message}", {"message": message, "pointer": pointer})
