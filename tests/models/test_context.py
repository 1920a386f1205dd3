"""A decoder beside a frame of the clip: what does not move comes from the frame, what moves from the state."""

import pytest
import torch

from models.chunked_loss import decoded_image_loss
from models.config import VideoModelConfig
from models.context import WHOLE, ContextAttention, ContextDecoder, Look
from models.losses import image_loss
from models.share import Share
from models.vae import FRAMES_AT_ONCE
from models.video_model import VideoModel
from tests.support.backgrounds import clips_of, learned, swapped

SIZES = VideoModelConfig(latents=4, stoch=8, deter=16, hidden=16, kernels=(8, 8, 8, 8, 8), vision="context-vae")


def a_decoder() -> ContextDecoder:
    torch.manual_seed(0)
    return ContextDecoder(SIZES)


def test_beside_another_clips_frame_the_ground_is_that_clips_and_the_square_stays_where_it_is() -> None:
    found = swapped(learned("context-vae", 190))
    assert found.to_other < 0.12 and found.to_own > 1.5 * found.to_other
    assert found.away < 4 and found.place > 0.7
    assert found.colour < 0.2, "the state need not hold what the frame tells"


def test_without_the_context_the_ground_stays_the_clips_own() -> None:
    found = swapped(learned("vae", 120))
    assert found.to_other > 0.12 and found.to_own < found.to_other and found.colour > 0.3


def test_the_dynamics_never_see_the_context() -> None:
    torch.manual_seed(0)
    model = VideoModel(SIZES).eval()
    latent, frame = torch.randn(2, 5, 4), torch.rand(3, 64, 64) - 0.5
    beside = model.in_context(frame)
    for one, other in zip(model.observe(latent).states, beside.observe(latent).states, strict=True):
        assert torch.equal(one, other)
    feature = torch.randn(3, 24)
    assert not torch.allclose(model.decode(feature), beside.decode(feature))
    assert model.context is None and beside.rssm is model.rssm


def test_a_model_that_draws_states_alone_is_the_same_beside_any_frame() -> None:
    model = VideoModel(VideoModelConfig(latents=4, stoch=8, deter=16, hidden=16))
    assert model.in_context(torch.zeros(3, 64, 64)) is model
    assert not model.capabilities.sees_context


def test_views_see_the_whole_context_and_learning_a_quarter_drawn_for_each_frame() -> None:
    attention = ContextAttention(8, 4)
    rows, context = torch.randn(1, 8, 4, 4).expand(3, -1, -1, -1), torch.randn(1, 8, 4, 4)
    whole = attention(rows, context, WHOLE)
    assert torch.equal(whole, attention(rows, context, WHOLE))
    torch.testing.assert_close(whole[0], whole[2])
    part = attention(rows, context, Look(0.25, torch.Generator().manual_seed(0)))
    assert not torch.allclose(part[0], part[1]), "each frame has its own quarter"
    assert torch.equal(part, attention(rows, context, Look(0.25, torch.Generator().manual_seed(0))))


@pytest.mark.parametrize("scale", ["look_at_8", "look_at_16"])
def test_both_scales_attend(scale: str) -> None:
    decoder = a_decoder()
    other = decoder.look_at_16 if scale == "look_at_8" else decoder.look_at_8
    with torch.no_grad():
        other.norm.weight.zero_()
    feature, frames = torch.randn(1, 24), torch.rand(2, 1, 3, 64, 64) - 0.5
    assert not torch.allclose(decoder(feature, frames[0]), decoder(feature, frames[1]))


def test_each_clip_is_drawn_beside_its_own_frame() -> None:
    decoder = a_decoder()
    feature, frames = torch.randn(2, 3, 24), torch.rand(2, 3, 64, 64) - 0.5
    together = decoder(feature, frames)
    for clip in range(2):
        torch.testing.assert_close(together[clip], decoder(feature[clip], frames[clip]), atol=1e-5, rtol=1e-4)


def test_the_frame_of_each_clip_is_any_of_its_own_and_a_part_can_be_hidden() -> None:
    decoder, image = a_decoder(), torch.arange(4.0).reshape(2, 2, 1, 1, 1).expand(2, 2, 3, 64, 64) / 10
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([decoder.of_clips(image, generator).image[:, 0, 0, 0] for _ in range(40)])
    assert [sorted(set((10 * row).round().tolist())) for row in drawn.T] == [[0, 1], [2, 3]]
    decoder.erases = True
    hidden = decoder.of_clips(image, generator).image
    assert all(len(frame.unique()) == 2 for frame in hidden)


def test_a_long_batch_is_drawn_whole_so_that_each_frame_keeps_its_clip() -> None:
    decoder, length = a_decoder(), FRAMES_AT_ONCE // 2 + 1
    beside = decoder.in_context(torch.rand(2, 3, 64, 64) - 0.5)
    feature, image = torch.randn(2, length, 24), torch.rand(2, length, 3, 64, 64) - 0.5
    with torch.no_grad():
        expected = image_loss(beside(feature), image)
    torch.testing.assert_close(decoded_image_loss(beside, feature, image).detach(), expected)


def test_losses_of_a_batch_are_the_same_for_the_same_seed_and_reach_the_context() -> None:
    torch.manual_seed(0)
    model, batch = VideoModel(SIZES), clips_of(2, 0).batch
    losses = [model.infer(batch, torch.Generator().manual_seed(seed)).losses["image"] for seed in (3, 3, 4)]
    assert torch.equal(losses[0], losses[1]) and not torch.equal(losses[0], losses[2])
    losses[0].sum().backward()  # type: ignore[no-untyped-call] # torch stub
    decoder = model.decoder
    assert isinstance(decoder, ContextDecoder)
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in decoder.context.parameters())


def test_two_processes_draw_what_one_draws_for_the_whole_batch() -> None:
    decoder, image = a_decoder(), torch.rand(4, 3, 3, 64, 64) - 0.5
    feature = torch.randn(4, 3, 24)
    whole = decoder.of_clips(image, torch.Generator().manual_seed(0))(feature)
    for rank in range(2):
        share = Share(rank, 2)
        rows = share.rows(4)
        part = decoder.of_clips(image[rows], torch.Generator().manual_seed(0), share)(feature[rows])
        torch.testing.assert_close(part, whole[rows], atol=1e-5, rtol=1e-4)
