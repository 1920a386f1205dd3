"""Environments of a run: colours change at half of the run, a cut episode keeps its own, actions are padded."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backend.data.episodes import Episode, frames_only, read_episode
from backend.data.replay import Replay
from backend.envs.protocol import Step
from backend.envs.vector import ProcessEnvironment
from backend.pipeline.builder import build_settings
from backend.pipeline.environments import ByDistraction, OneEnvironment, PaddedActions, pad_actions, side_by_side
from backend.pipeline.evaluate import BATCH, Actor, Evaluation, Uniform, episode_seed, evaluate
from backend.pipeline.experience import Experience
from backend.pipeline.settings import FinetuneSettings, SettingsError
from models.actor_critic import ActorCritic
from models.agent import Agent
from models.config import ActorCriticConfig, WorldModelConfig
from models.world_model import WorldModel
from tests.support.playing import AtHand, Sociable


class Painted:
    """Ten steps per episode, all in one colour; notes what it was asked for."""

    factor_names = ("colour",)

    def __init__(self, colour: int = 5) -> None:
        self.colour, self.seeds, self.actions = colour, list[int](), list[NDArray[np.float32]]()
        self._steps = 0

    def reset(self, seed: int) -> Step:
        self.seeds.append(seed)
        self._steps = 0
        return self._seen()

    def step(self, action: NDArray[np.float32]) -> Step:
        self.actions.append(action)
        self._steps += 1
        return self._seen()

    def _seen(self) -> Step:
        image = np.full((64, 64, 3), self.colour, np.uint8)
        reward = float(self._steps > 0)
        return Step(image, reward, 1.0, self._steps == 0, self._steps == 10, False, np.array([self.colour], np.float32))


def an_agent() -> Agent:
    torch.manual_seed(0)
    sizes = WorldModelConfig(
        latents=2, stoch=2, deter=4, hidden=4, action_size=2, kernels=(2, 2, 2, 2, 4), head_units=4
    )
    return Agent(WorldModel(sizes), ActorCritic(ActorCriticConfig(feature=6, action_size=2, units=4)))


def two_colours(evaluated: str | None = None, side_by_side: int = 1) -> ByDistraction:
    colours = {"set-a": 10, "set-b": 200, "none": 90}
    return ByDistraction(
        lambda name: AtHand(Painted(colours[name])), "set-a", "set-b", 25, evaluated, side_by_side=side_by_side
    )


def played(folder: Path, steps: int, pool: ByDistraction) -> Experience:
    experience = Experience(an_agent(), pool, Replay(2), folder, 0, "cpu")
    experience.begin()
    rng = np.random.default_rng(0)
    for _ in range(steps):
        experience.begin_step(rng, None)
        experience.finish_step()
    return experience


def colours_of(folder: Path) -> list[int]:
    return [int(read_episode(path).image[0, 0, 0, 0]) for path in sorted(folder.glob("*.npz"))]


def test_the_colours_change_with_the_first_episode_after_half_of_the_run(tmp_path: Path) -> None:
    played(tmp_path, 50, two_colours())
    assert colours_of(tmp_path) == [10, 10, 10, 200, 200]


def test_an_episode_cut_across_the_change_goes_on_in_its_own_colours(tmp_path: Path) -> None:
    cut = played(tmp_path, 27, two_colours())  # the third episode began at step 20, under set A
    state = cut.state_dict()
    resumed = Experience(an_agent(), two_colours(), Replay(2), tmp_path, 0, "cpu")
    resumed.load_state_dict(state)
    rng = np.random.default_rng(1)
    for _ in range(23):
        resumed.begin_step(rng, None)
        resumed.finish_step()
    assert colours_of(tmp_path) == [10, 10, 10, 200, 200]


def test_evaluation_shows_the_colours_of_the_moment_or_those_that_were_never_trained_on() -> None:
    def colour(pool: ByDistraction, step: int) -> int:
        environment: Any = pool.evaluating(step)[0]
        return int(environment.environment.colour)

    assert [colour(two_colours(), step) for step in (0, 24, 25, 50)] == [10, 10, 200, 200]
    honest = two_colours(evaluated="none")
    assert [colour(honest, step) for step in (0, 50)] == [90, 90]
    made: list[Any] = honest.made["none"]
    assert len(honest.made) == len(made) == 1  # nothing is started before it is needed
    honest.close()
    assert made[0].closed


def test_environments_of_evaluations_are_kept_until_another_distraction_is_evaluated() -> None:
    pool = two_colours(side_by_side=3)
    training: Any = pool.training(0)
    assert training.others == []  # the other two are started by the first evaluation
    first: list[Any] = list(pool.evaluating(0))
    assert first[0] is training and first[1:] == training.others and len(first) == 3
    assert list(pool.evaluating(20)) == first and pool.training(24) is training
    later: list[Any] = list(pool.evaluating(30))
    assert len(later) == 3 and not set(later) & set(first)
    assert [environment.closed for environment in first] == [
        False,
        True,
        True,
    ]  # an episode may be under way in the first
    pool.close()
    assert all(environment.closed for environment in (*first, *later))


@pytest.fixture(scope="module")
def likely() -> Agent:
    """An agent of the paper's size, whose actions follow what it sees."""
    torch.manual_seed(0)
    world_model = WorldModel(WorldModelConfig(action_size=1))
    agent = Agent(world_model, ActorCritic(ActorCriticConfig(world_model.config.feature, action_size=1)))
    with torch.no_grad():
        for weights in agent.parameters():
            weights.mul_(2)
    return agent.eval()


SEEDS = [3, 14, 15, 92, 65, 35, 89]


def test_returns_are_the_same_to_the_last_bit_however_many_episodes_are_played_side_by_side(
    likely: Agent, tmp_path: Path
) -> None:
    def played(count: int, actor: Actor = likely) -> tuple[list[list[int]], Evaluation]:
        pool = [AtHand(Sociable(tmp_path, company=0)) for _ in range(count)]
        outcome = evaluate(actor, pool, SEEDS, between_steps=lambda: [environment.idle() for environment in pool])
        return [environment.environment.seeds for environment in pool], outcome

    seeds, one = played(1)
    assert seeds == [SEEDS] and len(set(one.returns)) == len(SEEDS)
    for count in (2, 3, 7, 9):
        seeds, several = played(count)
        assert seeds == [SEEDS[index::count] for index in range(count)]
        assert several == one
    assert len({played(count, Uniform(2))[1] for count in (1, 3, 9)}) == 1, "the same random actions"
    assert evaluate(likely, [AtHand(Sociable(tmp_path, company=0))], SEEDS[:3]).returns == pytest.approx(
        one.returns[:3],
        rel=1e-4,  # fewer rows at once: products add up in another order
    )


def test_random_actions_fill_the_range_and_are_the_same_again() -> None:
    drawn = []
    for _ in range(2):
        uniform = Uniform(2)
        action, memory = uniform.act(torch.zeros(500, 1), uniform.begin(500))
        drawn.append(action)
        assert memory.action is action
    torch.testing.assert_close(drawn[0], drawn[1], rtol=0, atol=0)
    assert float(drawn[0].min()) < -0.95 and float(drawn[0].max()) > 0.95 and float(drawn[0].abs().max()) <= 1


def test_episodes_of_an_evaluation_go_on_at_the_same_time_in_processes_of_their_own(
    likely: Agent, tmp_path: Path
) -> None:
    """Each of three processes answers its first step only once all three have begun."""
    first = ProcessEnvironment("sociable", partial(Sociable, tmp_path, company=3))
    with closing(first), closing(first.another()) as second, closing(first.another()) as third:
        beside = evaluate(likely, [first, second, third], SEEDS[:3])
        assert len({first.pid, second.pid, third.pid}) == 3
    assert beside == evaluate(likely, [AtHand(Sociable(tmp_path, company=3))], SEEDS[:3])


def test_an_evaluation_is_left_when_no_answer_is_owed(tmp_path: Path) -> None:
    pool = [AtHand(Sociable(tmp_path, company=0)) for _ in range(2)]
    rounds = iter(range(3))
    with pytest.raises(StopIteration):
        evaluate(an_agent(), pool, SEEDS, between_steps=lambda: next(rounds) and None)
    for environment in pool:
        environment.idle()


def test_as_many_episodes_are_played_at_once_as_there_are_cores_and_room() -> None:
    cores = len(os.sched_getaffinity(0))
    assert side_by_side(1) == 1
    assert 1 <= side_by_side(1000) <= min(2 * cores, BATCH)


def test_evaluation_seeds_are_fixed_and_no_two_episodes_share_one() -> None:
    seeds = [episode_seed(0, "evaluate", index) for index in range(10)]
    environment = Painted(5)
    padded = [PaddedActions(AtHand(environment), 1)]
    outcome = evaluate(an_agent(), padded, seeds)
    assert environment.seeds == seeds and len(set(seeds)) == 10
    assert outcome.returns == (10.0,) * 10 and outcome.success_rate is None
    assert evaluate(an_agent(), padded, seeds) == outcome


def test_actions_that_the_environment_does_not_have_are_left_out_and_filled_up() -> None:
    environment = Painted(5)
    padded = PaddedActions(AtHand(environment), 1)
    padded.begin_reset(0)
    padded.finish()
    padded.begin_step(np.array([0.5, 0.9], np.float32))
    padded.finish()
    assert environment.actions[0].tolist() == [0.5]
    episode: Episode = frames_only(np.zeros((4, 64, 64, 3), np.uint8))._replace(action=np.ones((4, 1), np.float32))
    assert pad_actions([episode], 3)[0].action.tolist() == [[1, 0, 0]] * 4
    assert [OneEnvironment(padded).training(7)] == OneEnvironment(padded).evaluating(0)


def test_the_papers_protocol_is_three_settings_and_a_sky_that_is_not_there_is_refused() -> None:
    chosen = build_settings(
        "finetune", "paper", {"distraction_later": "set-b", "evaluate_distraction": None, "method": "diswm"}
    )
    assert isinstance(chosen, FinetuneSettings)
    assert (chosen.distraction, chosen.distraction_later, chosen.evaluate_episodes) == ("set-a", "set-b", 10)
    for overrides, pointer in (
        ({"environment": "reacher-easy", "evaluate_distraction": "video"}, "/evaluate_distraction"),
        ({"finetune": {"environment": "reacher-easy", "distraction": "video"}}, "/finetune/distraction"),
    ):
        try:
            build_settings("pipeline" if "finetune" in overrides else "finetune", "tiny", overrides)
        except SettingsError as error:
            assert error.problems[0].pointer == pointer
            assert "reacher-easy cannot show 'video'" in error.problems[0].message
        else:
            raise AssertionError("a video was taken where no sky is seen")
