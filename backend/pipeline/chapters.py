"""How well a life-long agent knows each of its tasks after each chapter, as forgetting.json beside the checkpoint."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

from backend.data.episodes import Episode
from backend.interpret.similarity import psnr
from backend.pipeline.environments import Closable, pad_actions, side_by_side
from backend.pipeline.evaluate import Uniform, episode_seed, evaluate
from backend.pipeline.settings import CollectSettings
from backend.pipeline.tasks import described
from models.agent import Agent
from models.tasks import TaskRSSM
from models.types import normalise, to_uint8

Row = dict[str, list[list[float]]]  # by measure: for each task so far one value per episode


class Bench(NamedTuple):
    """What tasks are measured with: an environment to play in, and short episodes of a task by its number."""

    play: Callable[[CollectSettings], Closable]
    record: Callable[[CollectSettings, int], list[Episode]]
    device: str
    between_steps: Callable[[], None]


def forgetting_table(
    agent: Agent, tasks: Sequence[CollectSettings], before: Mapping[str, Any] | None, episodes: int, bench: Bench
) -> dict[str, Any]:
    """What the chapters before have measured, with a row for the present one, as forgetting.json.

    {"tasks": `described`, "random": returns of random actions in each task, "rows": one per chapter}; a chapter whose
    checkpoint has no such table is null. Values are per episode; the same episodes are played after every chapter.
    """
    past = before or {"random": [None] * (len(tasks) - 1), "rows": [None] * (len(tasks) - 1)}
    row: Row = {"return": [], "psnr": [], "reward_error": []}
    for number, task in enumerate(tasks):
        with as_task(agent, number):
            row["return"].append(_returns(agent, task, number, episodes, bench))
            drawn, earned = _pictures_and_rewards(agent, bench.record(task, number), bench.device)
        row["psnr"].append(drawn)
        row["reward_error"].append(earned)
    size = agent.world_model.config.action_size
    random = _returns(Uniform(size), tasks[-1], len(tasks) - 1, episodes, bench)
    return {"tasks": described(tasks), "random": [*past["random"], random], "rows": [*past["rows"], row]}


@contextmanager
def as_task(agent: Agent, task: int) -> Iterator[None]:
    """The agent in another task than its last."""
    rssm = agent.world_model.rssm
    assert isinstance(rssm, TaskRSSM)
    present, rssm.task = rssm.task, task
    try:
        yield
    finally:
        rssm.task = present


def _returns(agent: Agent | Uniform, task: CollectSettings, number: int, episodes: int, bench: Bench) -> list[float]:
    """Returns of the same episodes of a task, whatever the run's seed."""
    seeds = [episode_seed(0, f"chapter {number}", index) for index in range(episodes)]
    with closing(bench.play(task)) as first:
        others = [first.another() for _ in range(side_by_side(episodes) - 1)]
        try:
            played = evaluate(agent, [first, *others], seeds, bench.device, bench.between_steps)
        finally:
            for other in others:
                other.close()
    return [round(float(score), 4) for score in played.returns]


@torch.no_grad()
def _pictures_and_rewards(agent: Agent, episodes: Sequence[Episode], device: str) -> tuple[list[float], list[float]]:
    """PSNR of the decoded states in dB, and root mean square error of their rewards, by the means: one per episode."""
    model, drawn, earned = agent.world_model, list[float](), list[float]()
    for episode in pad_actions(episodes, model.config.action_size):
        image = normalise(torch.from_numpy(episode.image).to(device))
        action = torch.from_numpy(episode.action).to(device)
        feature = model.observe(model.encode(image).mean[None], action[None]).states.feature[0]
        drawn.append(psnr(episode.image, to_uint8(model.decode(feature)).cpu().numpy()))
        missed = model.reward(feature)[1:].cpu().numpy() - episode.reward[1:]
        earned.append(float(np.sqrt(np.square(missed).mean())))
    return [round(value, 4) for value in drawn], [round(value, 4) for value in earned]
