"""Time and memory of a stage on two CPU cores, by its settings: rough figures, within a factor of two."""

from typing import NamedTuple

from backend.envs.protocol import episode_frames
from backend.pipeline.settings import CollectSettings, FinetuneSettings, OfflineSettings, OneStage, PretrainSettings

STEPS_PER_SECOND = {"fast": 400.0, "near": 400.0, "paper": 40.0}  # of one process that renders
UPDATE_SECONDS, FRAME_SECONDS = 0.03, 0.001  # of one update of the image model: overhead, and the cost per frame
BEHAVIOUR_SECONDS = 0.0008  # an imagined trajectory of 15 steps, forward and backward
ACTING_SECONDS = 0.003
HELD_OUT = "held-out episodes"  # phases of collecting within fine-tuning; then explored and demonstrated episodes
START_SECONDS = 25  # of a stage: starting its processes, and measuring its result at the end
BASE_GB, FRAME_GB = 0.7, 0.0006
REPLAY_FRAME_GB = 64 * 64 * 3 / 1e9


class Estimate(NamedTuple):
    """Time and memory of one stage."""

    minutes: float
    memory_gb: float


def estimate(settings: OneStage) -> Estimate:
    """Time and memory of a stage with these settings."""
    seconds = sum(phase_seconds(settings).values())
    if isinstance(settings, CollectSettings):
        return _rounded(seconds, BASE_GB)
    memory = BASE_GB + FRAME_GB * settings.batch * settings.length
    if isinstance(settings, PretrainSettings | OfflineSettings):
        return _rounded(seconds, memory)
    return _rounded(seconds, memory + min(settings.replay_capacity, settings.agent_steps) * REPLAY_FRAME_GB)


def phase_seconds(settings: OneStage) -> dict[str, float]:
    """Seconds of each phase of a stage, under the names that progress uses, in chronological order."""
    if isinstance(settings, CollectSettings):
        steps = settings.episodes * settings.episode_steps
        return {"collect": steps / STEPS_PER_SECOND[settings.look] / min(settings.workers, 2)}
    frames = settings.batch * settings.length
    update = UPDATE_SECONDS + FRAME_SECONDS * frames
    if isinstance(settings, PretrainSettings):
        return {"pretrain": settings.updates * update}
    update += FRAME_SECONDS * frames / 3
    behaviour = BEHAVIOUR_SECONDS * frames / settings.imagine_every * settings.horizon / 15
    if isinstance(settings, OfflineSettings):
        after = settings.updates - settings.behaviour_after
        return {"offline": settings.behaviour_after * update + after * (update / 3 + behaviour)}
    acting = ACTING_SECONDS + 1 / STEPS_PER_SECOND[settings.look]
    short = {
        HELD_OUT: settings.held_out * settings.held_out_steps,
        "explored episodes": settings.explore_episodes * settings.explore_steps,
        "demonstrated episodes": settings.demonstrations * settings.explore_steps,
    }
    steps = max(settings.agent_steps - first_acting_step(settings), 0)
    evaluations = settings.agent_steps // settings.evaluate_every + 1
    episode = episode_frames(settings.environment, settings.action_repeat) - 1  # agent steps
    evaluated = evaluations * settings.evaluate_episodes * episode / min(settings.evaluate_episodes, 2)  # in parallel
    return {
        **{phase: count / STEPS_PER_SECOND[settings.look] / 2 for phase, count in short.items()},
        "random steps": min(settings.prefill, settings.agent_steps) * acting,
        "first updates": settings.first_updates * update
        + max(settings.first_updates - settings.behaviour_after, 0) * behaviour,
        "finetune": steps / settings.train_every * (update + behaviour) + (steps + evaluated) * acting,
    }


def first_acting_step(settings: FinetuneSettings) -> int:
    """The agent step from which the policy acts: those of short episodes and random ones count before."""
    return max(settings.prefill, (settings.explore_episodes + settings.demonstrations) * settings.explore_steps)


def _rounded(seconds: float, memory_gb: float) -> Estimate:
    minutes = (START_SECONDS + seconds) / 60
    return Estimate(round(minutes, 1 if minutes < 10 else 0), round(memory_gb, 1))
