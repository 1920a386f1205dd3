"""The sensitivity of a linear outcome equals its weights; that of an agent is a table with intervals."""

from pathlib import Path

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.data.episodes import DatasetInfo, frames_only, read_dataset_info, write_episode
from backend.interpret.request import ViewError
from backend.interpret.sensitivity import sensitivity, sensitivity_of


def test_sensitivity_of_a_linear_policy_equals_its_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(5, 2, generator=generator)
    latent = torch.randn(30, 5, generator=generator)
    sigma = torch.tensor([1.0, 0.5, 2.0, 1.0, 3.0])
    changes = sensitivity(lambda latents: latents @ weights + 4, latent, sigma)
    expected = (weights * sigma[:, None]).numpy()
    assert changes.shape == (30, 5, 2)
    assert np.allclose(changes, expected[None], atol=1e-5)


def test_a_dimension_that_the_policy_ignores_has_no_sensitivity() -> None:
    weights = torch.tensor([[1.0], [0.0]])
    changes = sensitivity(lambda latents: torch.tanh(latents @ weights), torch.zeros(4, 2), torch.ones(2))
    assert (changes[:, 1] == 0).all()
    assert np.allclose(changes[:, 0], 2 * np.tanh(0.5))


def test_the_table_of_an_agent_names_every_outcome_with_its_interval(world_checkpoint: Checkpoint) -> None:
    table = sensitivity_of(world_checkpoint)
    assert table["outcomes"] == ["reward", "value", "action 0", "action 1"]
    assert (table["frames"], table["episodes"]) == (72, 3)
    for row in table["dimensions"]:
        for cell in row["outcomes"].values():
            assert cell["interval"][0] <= cell["size"] <= cell["interval"][1]
            assert abs(cell["mean"]) <= cell["size"] + 1e-9
    assert table == sensitivity_of(world_checkpoint)


def test_a_video_model_has_no_policy_to_ask(video_checkpoint: Checkpoint) -> None:
    with pytest.raises(ViewError, match="no reward"):
        sensitivity_of(video_checkpoint)


def test_a_data_set_of_the_same_frames_gives_the_same_table(world_checkpoint: Checkpoint, tmp_path: Path) -> None:
    clip = world_checkpoint.clip
    own = sensitivity_of(world_checkpoint)
    table = sensitivity_of(world_checkpoint, dataset_of(tmp_path, clip.image, clip.action))
    assert (table["frames"], table["episodes"], table["dataset"]) == (72, 3, tmp_path.name)
    for row, other in zip(table["dimensions"], own["dimensions"], strict=True):
        for outcome in own["outcomes"]:
            assert row["outcomes"][outcome]["size"] == pytest.approx(other["outcomes"][outcome]["size"], abs=1e-5)


def test_a_data_set_with_other_actions_is_refused(world_checkpoint: Checkpoint, tmp_path: Path) -> None:
    clip = world_checkpoint.clip
    with pytest.raises(ViewError, match="has 1 actions per step, the model takes 2"):
        sensitivity_of(world_checkpoint, dataset_of(tmp_path, clip.image, clip.action[..., :1]))


def dataset_of(folder: Path, image: np.ndarray, action: np.ndarray) -> DatasetInfo:
    """A data set of these episodes."""
    for number, (frames, taken) in enumerate(zip(image, action, strict=True)):
        write_episode(folder / f"{number}.npz", frames_only(frames)._replace(action=taken))
    return read_dataset_info(folder)
