"""Cloning: the policy does what the expert did in each state; it learns nothing else."""

from dataclasses import replace

import torch

from backend.pipeline.builder import build_settings
from backend.pipeline.methods.behaviour import Behaviour
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.cloning import Cloning
from backend.pipeline.settings import OfflineSettings
from tests.support.imitating import EXPERT, an_expert, imitated, toy_parts


def test_the_policy_does_what_the_expert_did_and_so_comes_to_its_states() -> None:
    parts = toy_parts()
    cloned = replace(parts, behaviour=Behaviour(None, (Cloning(1.0),)))
    assert imitated(cloned, updates=200) < 0.03
    states = an_expert(parts)[0].states
    assert abs(float(parts.actor_critic.policy(states.feature).mode.detach().mean()) - EXPERT) < 0.1


def test_each_state_is_paired_with_the_action_that_followed_it() -> None:
    parts = toy_parts()
    observed, batch = an_expert(parts)
    action = torch.linspace(-1, 1, batch.action.numel()).view_as(batch.action)
    tutor = Cloning(2.0)
    tutor.begin(observed, batch._replace(action=action))
    policy = parts.actor_critic.policy(observed.states.feature[:, :-1])
    torch.testing.assert_close(tutor.losses(parts.actor_critic)["actor"], -2 * policy.log_prob(action[:, 1:]))


def test_nothing_is_imagined() -> None:
    settings = build_settings("offline", "tiny", {"method": "cloning"})
    assert isinstance(settings, OfflineSettings)
    assert build_parts(settings, None, 1, 0).behaviour.judge is None
