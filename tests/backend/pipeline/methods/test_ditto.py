"""DITTO: an agent that is rewarded for states like the expert's comes to the expert's; without that it does not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from backend.pipeline.builder import build_settings
from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.ditto import LikeExpert, Means
from backend.pipeline.settings import OfflineSettings, SettingsError
from models.actor_critic import Imagined
from models.likeness import likeness, windows
from models.rssm import Gaussian, Observed
from models.types import State
from models.world_model import WorldModel
from tests.support.imitating import HORIZON, an_expert, imitated, toy_parts

BAR = 0.15


class Constant(LikeExpert):
    """The same start and horizon without the mechanism."""

    def reward(self, world_model: WorldModel, imagined: Imagined, rows: slice) -> Tensor:
        return 0 * super().reward(world_model, imagined, rows)


def test_likeness_is_one_only_for_the_same_state() -> None:
    state = torch.tensor([3.0, -1.0, 2.0])
    found = [float(likeness(state, other)) for other in (state, 2 * state, -state, state / 2)]
    assert found == pytest.approx([1.0, 0.5, -1.0, 0.5])


def test_each_window_is_what_the_expert_did_next() -> None:
    deter = torch.arange(10.0).reshape(2, 5, 1)
    start, following = windows(State(deter, deter), 2)
    assert start.deter.squeeze(-1).tolist() == [0, 1, 2, 5, 6, 7]
    assert following.squeeze(-1).tolist() == [[1, 2], [2, 3], [3, 4], [6, 7], [7, 8], [8, 9]]


def test_the_policy_comes_to_the_experts_states_and_only_because_of_the_likeness() -> None:
    parts = toy_parts()
    judged = replace(parts, behaviour=Behaviour(LikeExpert(HORIZON), dream=Means(parts.world_model.rssm)))
    assert imitated(judged) < BAR
    parts = toy_parts()
    unjudged = replace(parts, behaviour=Behaviour(Constant(HORIZON), dream=Means(parts.world_model.rssm)))
    assert imitated(unjudged) > 4 * BAR


def test_likeness_above_chance_is_zero_where_all_windows_are_alike() -> None:
    deter = torch.ones(4, 6, 3)
    nothing = Gaussian(deter, deter)
    judge = LikeExpert(2, above_chance=True)
    judge.begin(Observed(State(deter, deter), nothing, nothing), an_expert(toy_parts())[1])
    imagined = Imagined(State(torch.ones(16, 3, 3), torch.ones(16, 3, 3)), torch.zeros(16, 2), torch.zeros(16, 2, 1))
    assert torch.equal(judge.reward(toy_parts().world_model, imagined, slice(0, 16)), torch.zeros(16, 2))


def test_the_method_is_made_of_likeness_and_means() -> None:
    parts = build_parts(_settings(), None, 1, 0)
    assert isinstance(parts.behaviour.judge, LikeExpert) and isinstance(parts.behaviour.dream, Means)
    with pytest.raises(SettingsError, match="likeness_above_chance is a setting of ditto only"):
        build_settings("offline", "tiny", {"method": "cloning", "likeness_above_chance": True})
    with pytest.raises(SettingsError, match="diswm is a method of finetune"):
        build_settings("offline", "tiny", {"method": "diswm"})
    with pytest.raises(SettingsError, match="ditto is a method of offline"):
        build_settings("finetune", "tiny", {"method": "ditto"})


def _settings() -> OfflineSettings:
    settings = build_settings("offline", "tiny")
    assert isinstance(settings, OfflineSettings)
    return settings
