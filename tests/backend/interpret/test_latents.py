"""Frames are encoded the same way whatever their source."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.episodes import frames_only
from backend.interpret.encoded import INACTIVE_KL, EncodedFrames
from backend.interpret.guesses import GuessedEpisode, with_guesses
from backend.interpret.latents import encode_frames, encode_images, statistics_of
from models.types import normalise


def test_a_clip_and_its_episodes_one_by_one_give_the_same_latents(video_checkpoint: Checkpoint) -> None:
    clip, model = video_checkpoint.clip, video_checkpoint.model
    whole = encode_frames(model, clip)
    parts = [
        GuessedEpisode(image, factors, clip.factor_names)
        for image, factors in zip(clip.image, clip.factors, strict=True)
    ]
    single = encode_frames(model, iter(parts))
    assert np.allclose(whole.mean, single.mean, atol=1e-6)
    assert np.array_equal(whole.factors, single.factors)
    assert whole.episode.tolist() == [0] * 24 + [1] * 24 + [2] * 24
    assert whole.frame_in_episode()[22:27].tolist() == [22, 23, 0, 1, 2]


@torch.no_grad()
def test_latents_are_those_of_the_encoder(video_checkpoint: Checkpoint) -> None:
    image = video_checkpoint.clip.image[0]
    mean, logvar = encode_images(video_checkpoint.model, image)
    latent = video_checkpoint.model.encode(normalise(torch.from_numpy(image)))
    assert np.allclose(mean, latent.mean.numpy(), atol=1e-6)
    assert np.allclose(logvar, latent.logvar.numpy(), atol=1e-6)


def test_frames_without_factors_can_be_encoded_and_guessed(video_checkpoint: Checkpoint) -> None:
    image = video_checkpoint.clip.image[1]
    assert encode_frames(video_checkpoint.model, frames_only(image)).factors.shape == (24, 0)
    guessed = encode_frames(video_checkpoint.model, with_guesses([image]), guessed=True)
    assert guessed.guessed
    assert guessed.factors.shape == (24, 10)


def test_statistics_agree_with_the_frames(video_checkpoint: Checkpoint) -> None:
    encoded = encode_frames(video_checkpoint.model, video_checkpoint.clip)
    statistics = statistics_of(encoded)
    assert np.allclose(statistics.mean, encoded.mean.mean(0), atol=1e-6)
    assert np.allclose(statistics.kl, encoded.kl, atol=1e-6)
    assert encoded.active.tolist() == (statistics.kl >= INACTIVE_KL).tolist()


def test_kl_of_the_prior_itself_is_nothing() -> None:
    frames = EncodedFrames(np.zeros((5, 2)), np.zeros((5, 2)), np.zeros((5, 0)), (), np.zeros(5, np.int64))
    assert frames.kl.tolist() == [0, 0]
    assert not frames.active.any()


def test_frames_that_do_not_fit_together_are_refused(video_checkpoint: Checkpoint) -> None:
    clip, model = video_checkpoint.clip, video_checkpoint.model
    first = GuessedEpisode(clip.image[0], clip.factors[0], clip.factor_names)
    with pytest.raises(ValueError, match="have"):
        encode_frames(model, [first, first._replace(factor_names=("a", "b", "c"))])
    with pytest.raises(ValueError, match="no frames"):
        encode_frames(model, [])
    encoded = encode_frames(model, clip)
    with pytest.raises(ValueError, match="do not fit"):
        replace(encoded, factor_names=("x",))
    with pytest.raises(ValueError, match="NaN"):
        replace(encoded, mean=encoded.mean * np.nan)
