"""Who plays when: colours change at half of the run, a cut episode keeps its own, actions are padded."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.data.episodes import Episode, frames_only, read_episode
from backend.data.replay import Replay
from backend.envs.protocol import Step
from backend.pipeline.acting import Experience
from backend.pipeline.build import build_settings
from backend.pipeline.config import FinetuneSettings, SettingsError
from backend.pipeline.evaluate import episode_seed, evaluate
from backend.pipeline.players import Always, ByDistraction, PaddedActions, pad_actions
from models.actor_critic import ActorCritic
from models.agent import Agent
from models.config import ActorCriticConfig, WorldModelConfig
from models.world_model import WorldModel


class Painted:
    """Ten steps an episode, all in one colour; notes what it was asked for."""

    factor_names = ("colour",)

    def __init__(self, colour: int) -> None:
        self.colour, self.seeds, self.actions, self.closed = colour, list[int](), list[NDArray[np.float32]](), False
        self._steps = 0

    def reset(self, seed: int) -> Step:
        self.seeds.append(seed)
        self._steps = 0
        return self._seen()

    def step(self, action: NDArray[np.float32]) -> Step:
        self.actions.append(action)
        self._steps += 1
        return self._seen()

    def close(self) -> None:
        self.closed = True

    def _seen(self) -> Step:
        image = np.full((64, 64, 3), self.colour, np.uint8)
        return Step(image, 1.0, 1.0, self._steps == 0, self._steps == 10, False, np.array([self.colour], np.float32))


def an_agent() -> Agent:
    torch.manual_seed(0)
    sizes = WorldModelConfig(
        latents=2, stoch=2, deter=4, hidden=4, action_size=2, kernels=(2, 2, 2, 2, 4), head_units=4
    )
    return Agent(WorldModel(sizes), ActorCritic(ActorCriticConfig(feature=6, action_size=2, units=4)))


def two_colours(evaluated: str | None = None) -> ByDistraction:
    colours = {"set-a": 10, "set-b": 200, "none": 90}
    return ByDistraction(lambda name: Painted(colours[name]), "set-a", "set-b", change_at=25, evaluated=evaluated)


def played(folder: Path, steps: int, players: ByDistraction) -> Experience:
    experience = Experience(an_agent(), players, Replay(2), folder, 0, "cpu")
    experience.begin()
    rng = np.random.default_rng(0)
    for _ in range(steps):
        experience.step(rng, None)
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
        resumed.step(rng, None)
    assert colours_of(tmp_path) == [10, 10, 10, 200, 200]


def test_evaluation_shows_the_colours_of_the_moment_or_those_that_were_never_trained_on() -> None:
    def colour(players: ByDistraction, step: int) -> int:
        player: Any = players.evaluating(step)
        return int(player.colour)

    assert [colour(two_colours(), step) for step in (0, 24, 25, 50)] == [10, 10, 200, 200]
    honest = two_colours(evaluated="none")
    assert [colour(honest, step) for step in (0, 50)] == [90, 90]
    made: list[Any] = list(honest.made.values())
    assert len(made) == 1  # nothing is started before it is needed
    honest.close()
    assert made[0].closed


def test_evaluation_seeds_are_fixed_and_no_two_episodes_share_one() -> None:
    seeds = [episode_seed(0, "evaluate", index) for index in range(10)]
    player = Painted(5)
    padded = PaddedActions(player, 1)
    outcome = evaluate(an_agent(), padded, seeds)
    assert player.seeds == seeds and len(set(seeds)) == 10
    assert outcome.returns == (10.0,) * 10 and outcome.success_rate is None
    assert evaluate(an_agent(), padded, seeds) == outcome


def test_actions_that_the_environment_does_not_have_are_left_out_and_filled_up() -> None:
    player = Painted(5)
    padded = PaddedActions(player, 1)
    padded.reset(0)
    padded.step(np.array([0.5, 0.9], np.float32))
    assert player.actions[0].tolist() == [0.5]
    episode: Episode = frames_only(np.zeros((4, 64, 64, 3), np.uint8))._replace(action=np.ones((4, 1), np.float32))
    assert pad_actions([episode], 3)[0].action.tolist() == [[1, 0, 0]] * 4
    assert Always(padded).training(7) is Always(padded).evaluating(0)


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
