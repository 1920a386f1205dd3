"""The learner alone: it finds the best policy in a drawn world, and none if the actions are shuffled."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from backend.data.episodes import Episode, episode_of
from backend.data.replay import Replay
from backend.envs.square_world import SquareWorld, best_return
from backend.pipeline.builder import build_settings
from backend.pipeline.curriculum import shape
from backend.pipeline.evaluate import evaluate
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.settings import FinetuneSettings
from tests.support.playing import AtHand

EPISODES, STEPS, MEMORY = 120, 20, 0.85  # correlation of an action with the one before
UPDATES = 700  # shares of 0.98, 0.93 and 0.93 over three seeds
SMALL = {
    "environment": "square-world",
    "distraction": "none",
    "first_channels": 8,
    "batch": 8,
    "length": 6,
    "horizon": 5,
    "initialisation": "scaled",
    "learning_rate": 2e-3,
    "actor_rate": 5e-4,
    "critic_rate": 1e-3,
    "entropy": 0.03,
    "normalise_returns": True,
    "gamma": 0.9,
    "imagine_every": 2,
    "behaviour_after": 300,
    "beta": 0.03,
    "dynamics_weight": 0.3,
    "reward_scale": 20.0,
    "slow_critic_every": 50,
}


def _watched(shuffled: bool) -> Iterator[Episode]:
    """Short episodes of smooth random actions; with `shuffled`, the actions are stored in another order."""
    random, world = np.random.default_rng(0), SquareWorld("none", 2)
    for seed in range(EPISODES):
        noise = random.normal(size=2)
        steps, actions = [world.reset(1_000 + seed)], [np.zeros(2, np.float32)]
        for _ in range(STEPS):
            noise = MEMORY * noise + np.sqrt(1 - MEMORY**2) * random.normal(size=2)
            actions.append(np.clip(noise, -1, 1).astype(np.float32))
            steps.append(world.step(actions[-1]))
        if shuffled:
            actions[1:] = random.permutation(np.array(actions[1:]))
        yield episode_of(steps, actions, world.factor_names)


def _share_after_learning(shuffled: bool) -> float:
    """Share of the best return on unseen episodes, after learning only from the recorded ones."""
    settings = build_settings("finetune", "tiny", SMALL)
    assert isinstance(settings, FinetuneSettings)
    replay = Replay(2, EPISODES * (STEPS + 1), "cpu")
    replay.extend(_watched(shuffled))
    run = Finetuning(settings, build_parts(settings, None, 2, seed=0), 0, "cpu")
    for update in range(UPDATES):
        run.learn(replay.sample(*shape(settings, update, 0.0), run.randomness.numpy), done=0)
    run.check()
    run.agent.eval()
    world, seeds = SquareWorld("none", 2), list(range(8))
    starts = [world.reset(seed).factors.astype(np.float64) for seed in seeds]
    returns = evaluate(run.agent, [AtHand(world)], seeds).returns
    return sum(returns) / sum(best_return(start) for start in starts)


@pytest.mark.slow
@pytest.mark.parametrize(
    "shuffled",
    [
        pytest.param(False, id="actions as they were"),
        pytest.param(True, id="actions shuffled", marks=pytest.mark.long),  # negative control: half a minute of a core
    ],
)
def test_diswm_finds_the_best_return_of_a_drawn_world_unless_actions_are_shuffled(
    shuffled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.config.KERNELS", (8, 8, 16, 16, 32))  # narrower than settings make them: it is a test
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        share = _share_after_learning(shuffled)
    finally:
        torch.set_num_threads(threads)
    assert share < 0.6 if shuffled else share > 0.9
