"""ContextWM: APV whose decoder sees a frame of the clip, with a second head for the reward alone."""

import pytest
import torch

from backend.pipeline.builder import build_settings
from backend.pipeline.methods.contextwm import TaskReward
from backend.pipeline.methods.needs import check_source
from backend.pipeline.methods.parts import with_targets
from backend.pipeline.settings import SettingsError
from models.context import ContextDecoder
from models.rssm import StackedRSSM
from models.types import normalise
from tests.support.making import a_batch, a_run, a_source, learn, parts_of, settings, source_of

METHODS = ("contextwm", "contextwm-beta")


def decoder_of(method: str, **changes: object) -> ContextDecoder:
    decoder = parts_of(method, **changes).world_model.decoder
    assert isinstance(decoder, ContextDecoder)
    return decoder


@pytest.mark.parametrize("method", METHODS)
def test_it_stacks_on_the_pretrained_model_and_goes_on_with_its_context(method: str) -> None:
    source = source_of(method)
    parts = parts_of(method, source)
    model, old = parts.world_model, source.model.decoder
    assert isinstance(model.rssm, StackedRSSM)
    assert isinstance(model.decoder, ContextDecoder) and isinstance(old, ContextDecoder)
    for name, value in old.context.state_dict().items():
        assert torch.equal(model.decoder.context.state_dict()[name], value)
    image = normalise(a_batch().image)
    torch.testing.assert_close(model.encode(image).mean, source.model.encode(image).mean)
    assert model.capabilities.sees_context
    assert model.capabilities.has_latents == (method == "contextwm-beta")


def test_the_second_head_learns_the_reward_without_the_bonus_and_the_first_with_it() -> None:
    parts = parts_of("contextwm", bonus_neighbours=2, bonus_weight=3.0)
    lesson = parts.lessons["task_reward"]
    assert isinstance(lesson, TaskReward)
    batch = with_targets(a_batch(), parts.lessons)
    for prepare in (*parts.prepare, *parts.prepare):  # the memory of the bonus is empty at first
        batch = prepare(batch._replace(reward=a_batch().reward, image=255 - batch.image))
    assert (batch.reward - a_batch().reward).mean() > 1
    torch.testing.assert_close(batch.target.squeeze(-1), a_batch().reward, rtol=0, atol=0)
    last = lesson.head[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(0.25)
    inference = parts.world_model.infer_online(batch)
    loss = lesson.loss(batch, batch.target, inference, None)
    torch.testing.assert_close(loss, 0.5 * (0.25 - a_batch().reward).square())


def test_the_second_head_teaches_the_state_and_not_with_weight_0() -> None:
    def moved(weight: float) -> float:
        parts = parts_of("contextwm", task_reward_weight=weight, bonus_neighbours=2)
        lesson = parts.lessons["task_reward"]
        batch = with_targets(a_batch(), parts.lessons)._replace(target=a_batch().reward.unsqueeze(-1))
        loss = lesson.loss(batch, batch.target, parts.world_model.infer_online(batch), None).mean()
        (lesson.weight(0, 0) * loss).backward()  # type: ignore[no-untyped-call] # torch stub
        rssm = parts.world_model.rssm
        assert isinstance(rssm, StackedRSSM) and rssm.above.posterior_moments.weight.grad is not None
        return float(rssm.above.posterior_moments.weight.grad.abs().sum())

    assert moved(1.0) > 0 and moved(0.0) == 0


def test_a_part_of_the_context_is_hidden_unless_the_settings_say_otherwise() -> None:
    assert decoder_of("contextwm").erases
    assert not decoder_of("contextwm", context_erased=False).erases


def test_the_variant_with_latents_keeps_them_to_their_prior_and_the_papers_has_none() -> None:
    assert parts_of("contextwm-beta").constraints == ("latent",)
    assert "latent" not in parts_of("contextwm-beta").weights
    assert "latent" in learn(a_run("contextwm-beta", bonus_neighbours=2))
    assert parts_of("contextwm").constraints == ()


@pytest.mark.parametrize(
    ("method", "wanted", "vision"),
    [
        ("contextwm", "context", "vae"),
        ("contextwm", "context", "context-vae"),
        ("contextwm-beta", "context-vae", "conv"),
    ],
)
def test_a_video_model_without_the_right_context_is_refused_in_a_sentence(
    method: str, wanted: str, vision: str
) -> None:
    with pytest.raises(SettingsError, match=f"vision {wanted}, this one has {vision}: diswm pretrain") as refused:
        parts_of(method, a_source(vision=vision))
    assert refused.value.problems[0].pointer == "/teacher"
    with pytest.raises(SettingsError, match=f"{method} starts from a pretrained video model"):
        check_source(settings(method), None)


def test_its_settings_are_refused_for_other_methods() -> None:
    for name, value in (("context_erased", False), ("task_reward_weight", 2.0)):
        with pytest.raises(SettingsError) as refused:
            build_settings("finetune", "tiny", {"method": "apv", name: value})
        assert refused.value.problems[0].pointer == f"/{name}"
