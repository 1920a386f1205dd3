"""Dimensions matched across checkpoints of a run: a known permutation is found, lost dimensions are reported."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.request import ViewError
from backend.interpret.transfer import transfer_table

ORDER, SIGNS = [2, 0, 3, 1, 5, 4], [1, -1, -1, 1, -1, 1]


class Rearranged(torch.nn.Module):
    """An encoder whose dimension k is the original's ORDER[k], turned round where SIGNS says so; noise drowns some."""

    def __init__(self, model: Any, drowned: int = 0) -> None:
        super().__init__()
        self.config, self.inner, self.drowned = model.config, model, drowned
        self.image_size = model.image_size

    def encode(self, image: torch.Tensor) -> Any:
        latent = self.inner.encode(image)
        mean = latent.mean[..., ORDER] * torch.tensor(SIGNS)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
        mean[..., : self.drowned] = noise[..., : self.drowned]
        return latent._replace(mean=mean)


def of(checkpoint: Checkpoint, id: str, model: Any, steps: int) -> Checkpoint:
    return replace(checkpoint, model=model, info=replace(checkpoint.info, id=id, steps=steps))


def test_a_permutation_and_its_signs_are_recovered_at_every_checkpoint(video_checkpoint: Checkpoint) -> None:
    model = video_checkpoint.model
    later = [
        of(video_checkpoint, "a", Rearranged(model), 100),
        of(video_checkpoint, "b", model, 200),
        of(video_checkpoint, "c", Rearranged(model, drowned=6), 300),
    ]
    table = transfer_table(video_checkpoint, later)
    for row in table["dimensions"]:
        place = ORDER.index(row["dim"])
        assert row["match"][:2] == [place, row["dim"]]
        assert row["sign"][:2] == [SIGNS[place], 1]
        assert row["correlation"][:2] == pytest.approx([1, 1], abs=1e-4)
        assert row["correlation"][2] < 0.5  # the control: noise is no match
    means = [entry["mean_correlation"] for entry in table["checkpoints"]]
    assert means[:2] == pytest.approx([1, 1], abs=1e-4)
    assert means[2] < 0.5
    assert [entry["steps"] for entry in table["checkpoints"]] == [100, 200, 300]
    kl = [row["kl"] for row in table["dimensions"]]
    assert kl == sorted(kl, reverse=True)


def test_names_are_kept_lost_and_gained(video_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "first": ["hip", "light", "floor", None, None, None],
        "same": ["hip", None, "floor", None, None, "sky"],  # floor and hip stay; light stays close but carries nothing
        "noise": [None, None, None, "hip", None, None],
    }
    monkeypatch.setattr("backend.interpret.transfer._names", lambda checkpoint, _: names[checkpoint.info.id])
    model = video_checkpoint.model
    first = of(video_checkpoint, "first", model, 0)
    drowned = of(video_checkpoint, "noise", Rearranged(model, drowned=6), 2)
    table = transfer_table(first, [of(video_checkpoint, "same", model, 1), drowned])
    same, noise = table["checkpoints"]
    assert (same["kept"], same["lost"], same["gained"]) == (["floor", "hip"], ["light"], ["sky"])
    assert (noise["kept"], noise["lost"], noise["gained"]) == ([], ["floor", "hip", "light"], [])
    assert {row["dim"]: row["fate"] for row in table["dimensions"] if row["fate"]} == dict.fromkeys(range(3), "lost")


def test_without_kept_factors_the_frames_give_the_names(video_checkpoint: Checkpoint) -> None:
    table = transfer_table(video_checkpoint, [video_checkpoint])
    assert table["checkpoints"][0]["lost"] == []
    assert {row["name"] for row in table["dimensions"]} <= {None, "square x", "square y", "square brightness"}


def test_nothing_to_compare_with_is_refused(video_checkpoint: Checkpoint) -> None:
    with pytest.raises(ViewError, match="no checkpoint to compare with"):
        transfer_table(video_checkpoint, [])
    assert np.isfinite(transfer_table(video_checkpoint, [video_checkpoint])["checkpoints"][0]["mean_correlation"])
