"""After ReCoRe: what two colour draws of a state do not share leaves the latents, and what they share stays."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.data.episodes import EpisodeError, read_episode, write_episode
from backend.data.replay import Replay
from backend.envs.make import make_environment
from backend.pipeline.builder import build_settings
from backend.pipeline.collector import Order, record_episode
from backend.pipeline.finetune import Finetuning
from backend.pipeline.settings import FinetuneSettings, SettingsError
from models.config import WorldModelConfig
from models.contrast import Contrast, info_nce
from models.losses import latent_kl
from models.types import normalise
from models.vae import Encoder
from tests.support.making import a_batch, a_run, learn, parts_of, settings

SIDE, SQUARE, UPDATES, ROWS, BETA = 64, 16, 50, 32, 0.02
SIZES = WorldModelConfig(latents=6, kernels=(8, 8, 16, 16, 32))


def squares(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """White squares (N, 64, 64, 3), where each is (N, 1), and the colour of the ground behind it (N, 1), in [0, 1]."""
    place, colour = torch.rand(count, 1, generator=generator), torch.rand(count, 1, generator=generator)
    return drawn(place, colour), place, colour


def drawn(place: Tensor, colour: Tensor) -> Tensor:
    ends = torch.tensor([[150.0, 20.0, 20.0], [20.0, 20.0, 150.0]])
    image = (ends[0] + colour * (ends[1] - ends[0])).to(torch.uint8)[:, None, None].repeat(1, SIDE, SIDE, 1)
    for picture, left in zip(image, (place * (SIDE - SQUARE)).long().flatten().tolist(), strict=True):
        picture[SQUARE : 3 * SQUARE, left : left + SQUARE] = 255
    return image


def read(latent: Tensor, known: Tensor) -> float:
    """Share of the variance of (N, F) that a straight line reads from (N, Z), on the second half of the rows."""
    half = len(latent) // 2
    one = torch.cat([latent, torch.ones(len(latent), 1)], 1)
    line = torch.linalg.lstsq(one[:half], known[:half]).solution
    left = (one[half:] @ line - known[half:]).square().mean()
    return float(1 - left / known[half:].var(0).mean())


def learned(*, recoloured: bool) -> tuple[float, float]:
    """How well place and colour are read from the latents, after a contrast of each state with its other look."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    encoder = Encoder(SIZES)
    contrast = Contrast(encoder, SIZES.latents, size=16, temperature=0.1, momentum=0.9)
    optimiser = torch.optim.Adam([*encoder.parameters(), *contrast.projection.parameters()], 3e-3)
    for _ in range(UPDATES):
        image, place, colour = squares(ROWS, generator)
        other = drawn(place, torch.rand(colour.shape, generator=generator)) if recoloured else image
        contrast.follow()
        latent = encoder(normalise(image[None]))
        sample = latent.sample(torch.randn(latent.mean.shape, generator=generator))
        optimiser.zero_grad()
        (contrast.loss(sample, normalise(other[None])) + BETA * latent_kl(latent)).mean().backward()
        optimiser.step()
    image, place, colour = squares(256, generator)
    with torch.no_grad():
        mean = encoder(normalise(image)).mean
    return read(mean, place), read(mean, colour)


def test_what_two_colour_draws_do_not_share_leaves_the_latents_and_the_place_stays() -> None:
    place, colour = learned(recoloured=True)
    assert place > 0.8 and colour < 0.15
    _, with_one_draw = learned(recoloured=False)  # the mechanism taken out: both looks have the same colours
    assert with_one_draw > 0.4


def test_the_contrast_of_orthonormal_pairs_is_known_and_rises_when_they_are_mixed_up() -> None:
    rows, temperature = torch.eye(5), 0.5
    loss = info_nce(rows, rows, temperature)
    torch.testing.assert_close(loss, torch.full((5,), math.log(1 + 4 * math.exp(-1 / temperature))))
    assert bool((info_nce(rows, rows.roll(1, 0), temperature) > loss + 1).all())


def test_the_slow_encoder_follows_by_its_momentum_and_never_learns() -> None:
    run = a_run("recore", contrast_momentum=0.9)
    contrast = run.parts.companions["contrast"]
    assert isinstance(contrast, Contrast)
    encoder = run.agent.world_model.encoder.moments.weight
    learn(run)  # the slow weights are still the first ones
    slow, fast = contrast.slow_encoder.moments.weight.clone(), encoder.clone()
    assert not torch.equal(slow, fast)
    learn(run)
    torch.testing.assert_close(contrast.slow_encoder.moments.weight, 0.9 * slow + 0.1 * fast)


def test_no_loss_of_the_picture_reaches_the_states_and_that_of_depth_does() -> None:
    parts, batch = parts_of("recore"), a_batch()
    model, lesson = parts.world_model, parts.lessons["depth"]
    encoder = list(model.encoder.parameters())

    def reached(loss: Tensor) -> bool:
        gradients = torch.autograd.grad(loss.sum(), encoder, retain_graph=True, allow_unused=True)
        return any(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients)

    inference = model.infer_online(batch)
    assert not reached(inference.losses["image"])
    assert reached(lesson.loss(batch, batch.target, inference, None))
    model.decoder_watches = False
    assert reached(model.infer_online(batch).losses["image"])


def test_all_that_is_learned_along_moves_and_a_saved_run_goes_on_as_an_undisturbed_one() -> None:
    whole, cut = a_run("recore"), a_run("recore")
    learned_along = [weight for lesson in whole.parts.lessons.values() for weight in lesson.learned()]
    before = [weight.clone() for weight in learned_along]
    learn(whole)
    learn(cut)
    assert all(not torch.equal(old, new) for old, new in zip(before, learned_along, strict=True))
    again = Finetuning(settings("recore"), parts_of("recore"), 0, "cpu")
    again.load_state_dict(cut.state_dict())
    undisturbed, resumed = learn(whole), learn(again)
    for name, value in undisturbed.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)


def test_what_the_simulator_draws_twice_reaches_an_update_by_way_of_a_file(tmp_path: Path) -> None:
    order = Order("cartpole-swingup", "episode", 2, "fast", 7, "smooth", random_pose=True, second_look=True)
    made = make_environment(order.environment, distraction=order.distraction, second_look=True)
    episode = record_episode(order, made, 0, 0, lambda: None)
    write_episode(tmp_path / "episode.npz", episode)
    replay = Replay(1, 100, second_look=True)
    replay.add(read_episode(tmp_path / "episode.npz"))
    batch = replay.sample(2, 6, np.random.default_rng(0))
    row = int(np.flatnonzero((episode.image == batch.image[0, 0].numpy()).all((1, 2, 3)))[0])
    assert episode.recoloured is not None and episode.nearness is not None
    np.testing.assert_array_equal(batch.recoloured[0].numpy(), episode.recoloured[row : row + 6])
    np.testing.assert_array_equal(batch.nearness[0].numpy(), episode.nearness[row : row + 6])
    metrics = a_run("recore").learn(batch, 0)
    assert metrics["contrast"].shape == metrics["depth"].shape == (2, 6)
    with pytest.raises(ValueError, match="without pictures in other colours"):
        replay.add(episode._replace(nearness=None))


def test_collecting_keeps_a_second_look_only_where_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not under 'video'"):
        build_settings("collect", "tiny", {"second_look": True, "distraction": "video"})
    pictures = np.zeros((3, 64, 64, 3), np.uint8)
    np.savez(tmp_path / "odd.npz", image=pictures, recoloured=pictures[:2])
    with pytest.raises(EpisodeError, match="`recoloured` is uint8"):
        read_episode(tmp_path / "odd.npz")


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"environment": "square-world"}, "/environment", "only dm_control's tasks"),
        ({"environment": "pusher", "distraction": "set-a"}, "/environment", "not pusher"),
        ({"distraction": "none"}, "/distraction", "not under 'none'"),
        ({"distraction_later": "video"}, "/distraction_later", "not under 'video'"),
        ({"bonus_weight": 0.2}, "/bonus_weight", "apv"),
        ({"contrast_temperature": 0.0}, "/contrast_temperature", "must be more than 0"),
    ],
)
def test_what_cannot_be_drawn_in_two_colours_is_refused_in_a_sentence(
    changes: dict[str, object], pointer: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        build_settings("finetune", "tiny", {"method": "recore", **changes})
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_a_setting_of_the_contrast_is_refused_for_other_methods() -> None:
    with pytest.raises(SettingsError, match="contrast_weight is a setting of recore only"):
        build_settings("finetune", "tiny", {"method": "diswm", "contrast_weight": 1.0})


def test_an_evaluation_under_other_distractions_needs_no_second_look() -> None:
    built = build_settings("finetune", "tiny", {"method": "recore", "evaluate_distraction": "video"})
    assert isinstance(built, FinetuneSettings) and built.looks_twice
