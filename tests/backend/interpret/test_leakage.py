"""Leakage is diagonal for an invertible model and off-diagonal for an entangled one."""

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.data.checkpoint import Checkpoint
from backend.interpret.leakage import diagonal_share, leakage_matrix, leakage_of

LATENT = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
SPREAD = torch.tensor([1.0, 0.5, 2.0, 1.5])


def pixels(mixing: Tensor) -> Tensor:
    """An invertible map from four latents to nine pixels."""
    basis = torch.linalg.qr(torch.randn(9, 9, generator=torch.Generator().manual_seed(1)))[0]
    return mixing @ basis[:4]


def test_an_exactly_invertible_model_leaks_nothing() -> None:
    draw = pixels(torch.eye(4))
    matrix = leakage_matrix(lambda image: image @ draw.T, lambda latent, _: latent @ draw, LATENT, SPREAD)
    assert np.allclose(matrix, np.eye(4), atol=1e-5)
    assert diagonal_share(matrix, [0, 1, 2, 3]) == pytest.approx(1)


def test_a_mixing_decoder_is_found_out() -> None:
    mixing = torch.eye(4)
    mixing[0, 2] = 1.0  # an edit of dimension 0 also draws dimension 2
    draw, see = pixels(mixing), pixels(torch.eye(4))
    matrix = leakage_matrix(lambda image: image @ see.T, lambda latent, _: latent @ draw, LATENT, SPREAD)
    assert matrix[0, 2] == pytest.approx(0.5, abs=1e-5)  # one sigma of 0 is half a sigma of 2
    assert matrix[2, 0] == pytest.approx(0, abs=1e-5)
    assert diagonal_share(matrix, [0, 1, 2, 3]) < 0.9
    assert diagonal_share(matrix, [1, 3]) == pytest.approx(1)


def test_leakage_of_a_checkpoint_counts_its_active_dimensions(video_checkpoint: Checkpoint) -> None:
    answer = leakage_of(video_checkpoint, frames=3)
    assert answer["active"] == [0, 2, 3, 5]
    assert np.array(answer["matrix"]).shape == (6, 6)
    assert 0 <= answer["diagonal_share"] <= 1
