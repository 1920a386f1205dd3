"""Experts solve their tasks from any state, and their short episodes reach states that random actions do not."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from backend.data.episodes import read_episodes
from backend.envs.experts import EXPERTS, expert_of
from backend.envs.make import make_environment
from backend.envs.protocol import WITH_EXPERT
from backend.pipeline.collect import collect
from backend.pipeline.report import Reporter
from backend.pipeline.settings import CollectSettings, FinetuneSettings


@pytest.mark.parametrize(("name", "least"), [("cartpole-swingup", 800), ("reacher-easy", 900)])
def test_an_expert_solves_its_task(name: str, least: float) -> None:
    environment = make_environment(name, distraction="none")
    expert = expert_of(name, environment.factor_names)
    try:
        for seed in (0, 1):
            step = environment.reset(seed)
            earned = 0.0
            while not step.is_last:
                action = expert(step.factors)
                assert action.shape == (environment.action_size,) and np.abs(action).max() <= 1
                step = environment.step(action)
                earned += step.reward
            assert earned >= least
    finally:
        environment.close()


def test_the_settings_know_which_tasks_have_one() -> None:
    assert set(EXPERTS) == set(WITH_EXPERT)
    with pytest.raises(ValidationError, match="walker-walk has no expert"):
        CollectSettings(environment="walker-walk", policy="expert")
    with pytest.raises(ValidationError, match="finger-spin has no expert"):
        FinetuneSettings(environment="finger-spin", demonstrations=4)
    with pytest.raises(ValidationError, match="finger-spin has no expert"):
        FinetuneSettings(environment="finger-spin", advice=1.0)
    with pytest.raises(ValidationError, match="450 steps of short episodes exceed"):
        FinetuneSettings(demonstrations=5, explore_episodes=4, explore_steps=50, agent_steps=400)


def test_demonstrations_hold_the_pole_up_far_more_often_than_smooth_actions(tmp_path: Path) -> None:
    upright = {}
    for policy in ("smooth", "expert"):
        settings = CollectSettings(policy=policy, episodes=6, episode_steps=100, workers=1)
        out = tmp_path / policy
        episodes = list(read_episodes(collect(settings, out, 0, Reporter(out, quiet=True)).folder))
        cosine = episodes[0].factor_names.index("pole_angle_cos")
        upright[policy] = np.mean([(episode.factors[:, cosine] > 0.9).mean() for episode in episodes])
        assert len({episode.action[5:].std() for episode in episodes}) == 6
    assert upright["expert"] > 0.2 and upright["expert"] > 2 * upright["smooth"]
