"""What a process that collects does: it makes one environment and records the episodes that it is asked for.

It is started for every collection, so nothing is imported here that is only needed to check settings or to report.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.data.episodes import Episode, episode_of, write_episode
from backend.envs.experts import expert_of
from backend.envs.flow import flow_along
from backend.envs.make import make_environment
from backend.envs.process import Beat, Handler
from backend.envs.protocol import Environment, Look, Masked, Measurable

BEAT_EVERY = 20  # agent steps
MEMORY = 0.85  # correlation of a smooth policy's action with the previous one
LOUDEST = 0.5  # standard deviation of the noise on an expert's actions in the noisiest episodes


class Order(NamedTuple):
    """The part of `CollectSettings` that such a process needs."""

    environment: str
    distraction: str
    action_repeat: int
    look: Look
    episode_steps: int
    policy: str
    random_pose: bool
    second_look: bool = False
    true_flow: bool = False


def collector(order: Order, folder: Path, seed: int, films: Sequence[NDArray[np.uint8]]) -> Handler:
    """Runs in the process: makes the environment, then records the episodes whose numbers it is sent."""
    environment = make_environment(
        order.environment,
        distraction=order.distraction,
        action_repeat=order.action_repeat,
        look=order.look,
        random_pose=order.random_pose,
        films=films,
        second_look=order.second_look,
    )

    def record(index: int, beat: Beat) -> None:
        write_episode(episode_path(folder, index), record_episode(order, environment, seed, index, beat))

    return record


def record_episode(order: Order, environment: Environment, seed: int, index: int, beat: Beat) -> Episode:
    """Episode `index`: at most `episode_steps` frames, the first of which is the frame of the reset."""
    pose_seed, policy_seed = np.random.SeedSequence([seed & 0xFFFFFFFF, seed >> 32, index]).generate_state(2)
    random = np.random.default_rng(policy_seed)
    action = np.zeros(environment.action_size, np.float32)
    noise = random.normal(size=environment.action_size)
    expert = expert_of(environment.name, environment.factor_names) if order.policy == "expert" else None
    loudness = random.uniform(0, LOUDEST) if expert else 1.0
    steps, actions = [environment.reset(int(pose_seed))], [action]
    parts = [environment.agent_parts()] if isinstance(environment, Masked) else []
    shots = [environment.shot()] if order.true_flow and isinstance(environment, Measurable) else []
    while len(steps) < order.episode_steps and not steps[-1].is_last:
        if order.policy == "random":
            action = random.uniform(-1, 1, environment.action_size).astype(np.float32)
        else:
            fresh = random.normal(size=environment.action_size)
            noise = MEMORY * noise + np.sqrt(1 - MEMORY**2) * fresh
            best = expert(steps[-1].factors) if expert else 0.0
            action = np.clip(best + loudness * noise, -1, 1).astype(np.float32)
        steps.append(environment.step(action))
        done = steps[-1].action
        actions.append(action if done is None else done)
        if isinstance(environment, Masked):
            parts.append(environment.agent_parts())
        if shots and isinstance(environment, Measurable):
            shots.append(environment.shot())
        if len(steps) % BEAT_EVERY == 0:
            beat()
    episode = episode_of(steps, actions, environment.factor_names, parts)
    last = np.arange(len(steps)) == len(steps) - 1  # this recording ends here
    return episode._replace(is_last=last, flow=flow_along(shots) if shots else None)


def episode_path(folder: Path, index: int) -> Path:
    """The file of an episode."""
    return folder / f"episode-{index:06d}.npz"
