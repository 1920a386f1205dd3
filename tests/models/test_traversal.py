"""Traversal: what an edit changes, and what it must not change."""

import numpy as np
import pytest
import torch

from models.config import VideoModelConfig, WorldModelConfig
from models.traversal import (
    RANGE_MODES,
    LatentStatistics,
    anchor_at,
    decode_latents,
    edited_latents,
    footprint,
    place_of,
    prior_anchor,
    reconstruct,
    row_values,
    traverse,
)
from models.video_model import VideoModel
from models.world_model import WorldModel

SIZES = {"latents": 5, "stoch": 6, "deter": 8, "hidden": 8, "kernels": (4, 4, 4, 4, 8)}


@pytest.fixture(params=["video model", "world model"])
def model(request: pytest.FixtureRequest) -> VideoModel:
    torch.manual_seed(0)
    if request.param == "video model":
        return VideoModel(VideoModelConfig(**SIZES)).eval()
    return WorldModel(WorldModelConfig(**SIZES, action_size=2)).eval()


@pytest.fixture
def clip() -> torch.Tensor:
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) - 0.5


def statistics() -> LatentStatistics:
    rng = np.random.default_rng(0)
    return LatentStatistics.of(rng.normal(2.0, 1.0, (1000, 5)), np.full((1000, 5), -4.0))


@pytest.mark.parametrize("history", [True, False])
def test_a_cell_at_the_value_of_the_frame_is_the_reconstruction(
    model: VideoModel, clip: torch.Tensor, history: bool
) -> None:
    anchor = anchor_at(model, clip, 2, history=history)
    values = torch.from_numpy(row_values("offset", anchor.latent.numpy(), statistics(), range(5), 2.0, 7)).float()
    images = traverse(model, anchor, range(5), values)
    for row in images:
        torch.testing.assert_close(row[3], reconstruct(model, anchor))


def test_the_reconstruction_is_what_the_model_decodes_along_the_clip(model: VideoModel, clip: torch.Tensor) -> None:
    action = torch.randn(4, 2)
    latent = model.encode(clip).mean[None]
    observed = model.observe(latent, action[None])
    decoded = model.decode(observed.states.at(3).feature)[0]
    torch.testing.assert_close(reconstruct(model, anchor_at(model, clip, 3, action)), decoded)


def test_an_edit_changes_its_own_dimension_alone(model: VideoModel, clip: torch.Tensor) -> None:
    anchor = anchor_at(model, clip, 1)
    latents = edited_latents(anchor, [3, 0], torch.tensor([[-9.0, 9.0], [-5.0, 5.0]]))
    changed = (latents != anchor.latent).sum((0, 1))
    assert changed.tolist() == [2, 0, 0, 2, 0]
    assert latents[0, :, 3].tolist() == [-9.0, 9.0] and latents[1, :, 0].tolist() == [-5.0, 5.0]


def test_several_edits_move_the_base_of_the_whole_grid(model: VideoModel, clip: torch.Tensor) -> None:
    anchor = anchor_at(model, clip, 1)
    latents = edited_latents(anchor, [0], torch.tensor([[1.0, 2.0]]), {4: 7.0})
    assert (latents[..., 4] == 7.0).all()
    torch.testing.assert_close(latents[..., 1:4], anchor.latent[1:4].expand(1, 2, 3))


def test_rows_do_not_depend_on_the_rows_around_them(model: VideoModel, clip: torch.Tensor) -> None:
    anchor = anchor_at(model, clip, 1)
    values = torch.tensor([[-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    together = traverse(model, anchor, [2, 4], values)
    alone = traverse(model, anchor, [4], values[1:])
    torch.testing.assert_close(together[1], alone[0])


def test_a_grid_is_one_batch_with_the_same_picture_for_equal_cells(model: VideoModel) -> None:
    anchor = prior_anchor(model)
    images = decode_latents(model, anchor, torch.ones(6, 5))
    torch.testing.assert_close(images, images[:1].expand_as(images))


def test_history_matters_and_without_it_a_frame_is_the_first(model: VideoModel, clip: torch.Tensor) -> None:
    without = anchor_at(model, clip, 3, history=False)
    torch.testing.assert_close(without.deter, anchor_at(model, clip[3:], 0).deter)
    torch.testing.assert_close(without.deter, prior_anchor(model).deter)
    assert not torch.allclose(without.deter, anchor_at(model, clip, 3).deter)


@pytest.mark.parametrize("mode", RANGE_MODES)
@pytest.mark.parametrize("own", [-30.0, 0.0, 2.0, 30.0])
def test_every_row_goes_in_equal_steps_wherever_the_frame_lies(mode: str, own: float) -> None:
    values = row_values(mode, np.full(5, own), statistics(), [4, 1], 90.0 if mode == "quantile" else 2.0, 9)
    steps = np.diff(values, axis=1)
    assert values.shape == (2, 9)
    assert (steps > 0).all()
    np.testing.assert_allclose(steps, steps[:, :1].repeat(8, axis=1), rtol=1e-9)


def test_all_rows_take_the_same_values_in_sigma() -> None:
    known = statistics()
    values = row_values("sigma", np.array([2.0, 1.0, 3.0, 2.5, -8.0]), known, range(5), 2.0, 7)
    sigmas = (values - known.mean[:, None]) / known.std[:, None]
    np.testing.assert_allclose(sigmas, np.broadcast_to([-2, -4 / 3, -2 / 3, 0, 2 / 3, 4 / 3, 2], (5, 7)), atol=1e-12)


def test_a_value_has_a_place_among_the_columns_or_beyond_them() -> None:
    row = row_values("fixed", np.zeros(5), statistics(), [0], 3.0, 7)[0]
    assert [place_of(value, row) for value in (-3.0, 0.5, 3.0, 5.0)] == [0.0, 3.5, 6.0, 8.0]


def test_a_dimension_that_never_moves_has_columns_that_differ() -> None:
    still = LatentStatistics.of(np.ones((10, 2)), np.full((10, 2), -4.0))
    assert (np.diff(row_values("minmax", np.zeros(2), still, [0], 1.0, 5)) > 0).all()


def test_sigma_reaches_the_mean_plus_and_minus_k_standard_deviations() -> None:
    known = statistics()
    values = row_values("sigma", known.mean, known, range(5), 2.0, 5)
    np.testing.assert_allclose(values[:, 0], known.mean - 2 * known.std)
    np.testing.assert_allclose(values[:, -1], known.mean + 2 * known.std)
    quantiles = row_values("quantile", known.mean, known, range(5), 90.0, 5)
    np.testing.assert_allclose(quantiles[:, 0], known.quantiles[5])


def test_statistics_survive_json_and_count_both_sources_of_variance() -> None:
    known = statistics()
    again = LatentStatistics.from_json(known.to_json())
    np.testing.assert_array_equal(again.quantiles, known.quantiles)
    np.testing.assert_allclose(known.std**2, 1.0 + np.exp(-4.0), rtol=0.1)


def test_the_footprint_is_where_a_row_changes() -> None:
    images = torch.zeros(1, 3, 3, 8, 8)
    images[0, 2, :, 1, 1] = 0.6
    where = footprint(images)
    assert where[0, 1, 1].item() == pytest.approx(0.6)
    assert where.sum().item() == pytest.approx(0.6)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="sigma"):
        row_values("sigmas", np.zeros(5), statistics(), [0], 1.0, 3)
