"""An edit is identified by its picture: a probe of the pixels reports the factor that a dimension changes."""

import numpy as np
import numpy.typing as npt

from backend.data.checkpoint import Checkpoint
from backend.interpret.interventions import PixelProbe, fit_probe, moves_in_pictures, moves_of

Array = npt.NDArray[np.floating]
EPISODE = np.repeat(np.arange(12), 20)


def paint(latents: Array) -> Array:
    """Dimension 0 is the light, dimension 1 moves a bar sideways, dimension 2 draws nothing: (N, 3, 64, 64)."""
    across = np.arange(64)
    bar = np.exp(-((across - 32 - 8 * latents[:, 1, None]) ** 2) / 200)
    image = np.broadcast_to(bar[:, None, None, :], (len(latents), 3, 64, 64)) * 0.4 - 0.2
    return np.asarray(image + 0.1 * latents[:, 0, None, None, None])


def probe() -> PixelProbe:
    """A probe for the light and the position of the bar; its third factor is in no picture."""
    truth = np.random.default_rng(0).normal(size=(240, 3))
    return fit_probe(paint(truth), np.c_[truth[:, 0], truth[:, 1], np.random.default_rng(1).normal(size=240)], EPISODE)


def test_the_probe_knows_what_it_cannot_see() -> None:
    assert probe().sees.tolist() == [True, True, False]


def test_each_edit_is_reported_as_what_it_draws() -> None:
    latent = np.random.default_rng(2).normal(size=(5, 3)) * 0.3
    moves = moves_of(probe(), lambda latents, _frame: paint(latents), latent, np.ones(3))
    assert moves[0, 0] > 0.8
    assert moves[1, 1] > 0.6
    assert moves[0, 1] < 0.3
    assert moves[1, 0] < 0.3
    assert (moves[2] < 1e-6).all()


def test_edits_of_a_checkpoint_are_measured_for_every_dimension_and_factor(video_checkpoint: Checkpoint) -> None:
    found = moves_in_pictures(video_checkpoint)
    assert found["factor_names"] == list(video_checkpoint.clip.factor_names)
    assert np.shape(found["moves"]) == (6, 3)
    assert np.isfinite(found["moves"]).all()
    assert len(found["score"]) == 3
