"""`encode_sequences` equals the model run step by step on means."""

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.encode import encode_sequences
from backend.interpret.request import ViewError
from models.types import State, normalise


@torch.no_grad()
def test_arrays_equal_a_loop_written_by_hand(world_checkpoint: Checkpoint) -> None:
    model, clip = world_checkpoint.model, world_checkpoint.clip
    arrays = encode_sequences(model, clip.image[:, :6], clip.action[:, :6])
    latent = model.encode(normalise(torch.from_numpy(clip.image[1, :6])))
    state = model.rssm.initial(1)
    for step in range(6):
        deter = model.rssm.advance(state, torch.from_numpy(clip.action[1:2, step]))
        prior, posterior = model.rssm.prior(deter), model.rssm.posterior(deter, latent.mean[step : step + 1])
        state = State(deter, posterior.mean)
        expected = {
            "latent_mean": latent.mean[step],
            "latent_logvar": latent.logvar[step],
            "prior_mean": prior.mean[0],
            "prior_std": prior.std[0],
            "post_mean": posterior.mean[0],
            "post_std": posterior.std[0],
            "deter": deter[0],
            "decoded": model.decode(state.feature)[0].movedim(-3, -1),
        }
        assert arrays.keys() == expected.keys()
        for name, value in expected.items():
            assert np.allclose(arrays[name][1, step], value.numpy(), atol=1e-5), name


def test_shapes_are_batch_time_and_what_it_is(video_checkpoint: Checkpoint) -> None:
    arrays = encode_sequences(video_checkpoint.model, video_checkpoint.clip.image[:2, :4])
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == {
        "latent_mean": (2, 4, 6),
        "latent_logvar": (2, 4, 6),
        "prior_mean": (2, 4, 8),
        "prior_std": (2, 4, 8),
        "post_mean": (2, 4, 8),
        "post_std": (2, 4, 8),
        "deter": (2, 4, 16),
        "decoded": (2, 4, 64, 64, 3),
    }


def test_arrays_that_do_not_fit_are_refused_by_name(world_checkpoint: Checkpoint) -> None:
    model, clip = world_checkpoint.model, world_checkpoint.clip
    for image in (clip.image[0], clip.image.astype(np.float32), clip.image[:, :, :32], clip.image[:0]):
        with pytest.raises(ViewError, match="image"):
            encode_sequences(model, image)
    for action in (clip.action[:, :, :1], clip.action * np.nan, clip.action[0]):
        with pytest.raises(ViewError, match="action"):
            encode_sequences(model, clip.image, action)
