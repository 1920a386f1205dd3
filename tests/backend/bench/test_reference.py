"""Our updates equal the reference implementation: the losses, and every weight after the step."""

import pytest
import torch

from backend.bench.reference import ReferenceFinetuning, ReferencePretraining
from backend.bench.workloads import ACTIONS, Sizes, example_batch
from backend.pipeline import imagination
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source, with_targets
from backend.pipeline.precision import convolve_in
from backend.pipeline.pretrain import Pretraining
from backend.pipeline.settings import FinetuneSettings, PretrainSettings
from models.config import VideoModelConfig
from models.video_model import VideoModel

BATCH = example_batch(Sizes(batch=3, length=5))
CONSTANT = {"image": 3 * 64 * 64, "reward": 1, "critic": 1}  # entries whose Gaussian's constant we leave out
HALF_LOG_TAU = 0.9189385332046727


def agree(ours: dict[str, torch.Tensor], reference: dict[str, torch.Tensor], factors: dict[str, float]) -> None:
    """Every loss with its weight in `factors`, without the constants."""
    for name, value in reference.items():
        constant = CONSTANT.get(name, 0) * HALF_LOG_TAU * factors.get(name, 1.0)
        torch.testing.assert_close(ours[name].mean(), value.detach() - constant, rtol=1e-5, atol=1e-5)


def same_weights(ours: torch.nn.Module, reference: torch.nn.Module, before: dict[str, torch.Tensor]) -> None:
    """All weights after a step; their sign may differ where Adam divides by a gradient close to zero."""
    moved = 0
    for (name, mine), theirs in zip(ours.named_parameters(), reference.parameters(), strict=True):
        distance = (mine - theirs).abs()
        assert (distance > 1e-5).float().mean() < 1e-3, name
        moved += int((mine - before[name]).abs().max() > 1e-5)
    assert moved == len(list(ours.parameters()))


def test_pretraining_equals_its_plain_form() -> None:
    settings = PretrainSettings(batch=3, length=5, learning_rate=1e-3, free_nats=0.0)
    ours = Pretraining(settings, 0, "cpu")
    convolve_in(torch.float32, ours.model)
    before = {name: value.clone() for name, value in ours.model.state_dict().items()}
    ours.randomness.torch.manual_seed(7)
    reference = ReferencePretraining(ours.model, settings, torch.Generator().manual_seed(7))
    expected = reference.step(BATCH)
    agree(ours.step(BATCH), expected, {})
    same_weights(ours.model, reference.model, before)


def test_online_learning_equals_its_plain_form() -> None:
    settings = FinetuneSettings(batch=3, length=5, learning_rate=1e-3, horizon=4, free_nats=0.0)
    teacher = VideoModel(VideoModelConfig())
    ours = Finetuning(settings, build_parts(settings, Source(teacher, ACTIONS), ACTIONS, 0), 0, "cpu")
    convolve_in(torch.float32, ours.agent)
    before = {name: value.clone() for name, value in ours.agent.state_dict().items()}
    ours.randomness.torch.manual_seed(7)
    agent = ours.agent
    generator = torch.Generator().manual_seed(7)
    reference = ReferenceFinetuning(agent.world_model, agent.actor_critic, teacher, settings, generator)
    expected = reference.step(BATCH, eta=ours.lesson_weights(0)["distill_weight"])
    reached = float((settings.gamma ** torch.arange(4)).mean())
    agree(ours.learn(with_targets(BATCH, ours.parts.lessons), 0), expected, {"critic": reached})
    same_weights(agent.world_model, reference.world_model, {k[12:]: v for k, v in before.items() if k[:5] == "world"})
    same_weights(agent.actor_critic.actor, reference.behaviour.actor, {k[19:]: v for k, v in before.items()})
    same_weights(agent.actor_critic.critic, reference.behaviour.critic, {k[20:]: v for k, v in before.items()})


def test_a_behaviour_learned_in_parts_equals_one_learned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FinetuneSettings(batch=3, length=5, horizon=4)
    runs = []
    for at_once in (1000, 4):  # of 15 states
        monkeypatch.setattr(imagination, "IMAGINED_AT_ONCE", at_once)
        run = Finetuning(settings, build_parts(settings, None, ACTIONS, 0), 0, "cpu")
        runs.append((run, run.learn(BATCH, 0)))
    (whole, expected), (parts, metrics) = runs
    for name in ("actor", "critic", "entropy"):
        torch.testing.assert_close(metrics[name], expected[name].mean(), rtol=1e-5, atol=1e-6)
    before = build_parts(settings, None, ACTIONS, 0).actor_critic.state_dict()
    for net in ("actor", "critic"):
        weights = {key.removeprefix(f"{net}."): value for key, value in before.items()}
        same_weights(getattr(parts.agent.actor_critic, net), getattr(whole.agent.actor_critic, net), weights)
