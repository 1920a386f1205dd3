"""Saves for resuming: whatever fails while one is written, the last good one stays and no partial file remains."""

import contextlib
import errno
import os
import pickle
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from backend.data.resume import load_training, save_training

STEPS = {"the file": "torch.save", "a sync": "os.fsync", "the rename": "pathlib.Path.rename"}


def failing(real: Callable[..., Any], at: int, number: int) -> Callable[..., Any]:
    """A function that fails at its n-th call; a write first writes half of its bytes."""
    calls = 0

    def call(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != at:
            return real(*arguments)
        if real is torch.save:
            Path(arguments[1]).write_bytes(b"half a fi")
        raise OSError(number, os.strerror(number))

    return call


def _real(step: str) -> Any:
    return {"torch.save": torch.save, "os.fsync": os.fsync, "pathlib.Path.rename": Path.rename}[step]


def _save_failing_at(step: str, at: int, number: int, folder: Path) -> bool:
    """Try to save update 2 while one call fails; returns whether that call was reached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, failing(_real(step), at, number))
        try:
            save_training(folder, 2, {"updates": 2})
        except OSError as error:
            assert error.errno == number
            return True
    return False


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_whichever_call_fails_the_last_good_save_loads_and_the_next_one_is_taken(
    tmp_path: Path, step: str, number: int
) -> None:
    failures = 0
    for at in range(1, 10):
        folder = tmp_path / str(at)
        save_training(folder, 1, {"updates": 1})
        if not _save_failing_at(step, at, number, folder):
            break
        failures += 1
        state = load_training(folder)
        # after the rename the save is whole; only its folder may not have reached the disk
        assert state is not None and state["updates"] in ((1, 2) if step == "os.fsync" else (1,))
        assert list(folder.glob(".partial-*")) == []
        save_training(folder, 3, {"updates": 3})
        assert (load_training(folder) or {})["updates"] == 3
    assert failures == {"torch.save": 1, "os.fsync": 4, "pathlib.Path.rename": 1}[step]


def test_a_save_written_in_place_would_be_taken_half_written(tmp_path: Path) -> None:
    """Negative control: without the manifest and the rename, a partial file is left in place of a save."""
    (tmp_path / "update-000000002").mkdir()
    with pytest.raises(OSError, match="space"):
        failing(torch.save, 1, errno.ENOSPC)({"updates": 2}, tmp_path / "update-000000002" / "training.pt")
    with pytest.raises((pickle.UnpicklingError, RuntimeError, KeyError)):
        torch.load(tmp_path / "update-000000002" / "training.pt", weights_only=True)


def test_without_the_manifest_a_damaged_save_would_be_loaded(tmp_path: Path) -> None:
    """Negative control for flipped bits: torch and safetensors themselves rarely notice one."""
    chance = random.Random(0)
    weights = {"weights": torch.randn(5_000)}
    torch.save(weights, tmp_path / "torch")
    save_file(weights, tmp_path / "safetensors")
    for name, load in (("torch", partial(torch.load, weights_only=True)), ("safetensors", load_file)):
        content, taken = (tmp_path / name).read_bytes(), 0
        for _ in range(50):
            damaged = bytearray(content)
            damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            (tmp_path / "damaged").write_bytes(damaged)
            with contextlib.suppress(Exception):
                taken += load(tmp_path / "damaged").keys() == weights.keys()
        assert taken > 40


def test_only_two_saves_are_kept(tmp_path: Path) -> None:
    for update in range(5):
        save_training(tmp_path, update, {"updates": update})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["update-000000003", "update-000000004"]
