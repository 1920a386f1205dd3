"""What a stage needs to resume exactly. Two copies are kept: if the newest is damaged, the one before is used."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.data.files import CorruptFile, remove_folder, sweep, verify_folder, write_folder

COPIES = 2
log = logging.getLogger(__name__)


def save_training(folder: Path, updates: int, state: Mapping[str, Any]) -> None:
    """Saves tensors, optimiser and generator states as `folder/update-…`; older ones except the last are removed."""
    target = folder / f"update-{updates:09d}"
    if not target.exists():
        write_folder(target, {"training.pt": lambda path: torch.save(dict(state), path)})
    for old in sorted(folder.glob("update-*"))[:-COPIES]:
        remove_folder(old)


def load_training(folder: Path) -> dict[str, Any] | None:
    """The newest complete state, or None; damaged ones are removed. Pickled code is never run."""
    if not folder.is_dir():
        return None
    sweep(folder)
    for candidate in sorted(folder.glob("update-*"), reverse=True):
        try:
            verify_folder(candidate)
        except CorruptFile as error:
            log.warning("the save %s is damaged (%s): going on from the one before", candidate.name, error)
            remove_folder(candidate)
            continue
        state: dict[str, Any] = torch.load(candidate / "training.pt", map_location="cpu", weights_only=True)
        return state
    return None


class Randomness:
    """The two generators of a run, from one seed: `torch` for noise, `numpy` for sampling; both can be saved."""

    def __init__(self, seed: int, device: str) -> None:
        self.torch = torch.Generator(device).manual_seed(seed)
        self.numpy = np.random.default_rng(seed)

    def state_dict(self) -> dict[str, Any]:
        """State of both generators, in plain values."""
        words = self.numpy.bit_generator.state["state"]
        spare = {key: self.numpy.bit_generator.state[key] for key in ("has_uint32", "uinteger")}
        return {"torch": self.torch.get_state(), "numpy": {key: str(value) for key, value in (words | spare).items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.torch.set_state(state["torch"])
        values = {key: int(value) for key, value in state["numpy"].items()}
        spare = {key: values.pop(key) for key in ("has_uint32", "uinteger")}
        self.numpy.bit_generator.state = {"bit_generator": "PCG64", "state": values, **spare}
