"""The clip of a checkpoint: the episodes that are stored with it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.data.masks import pack_masks, read_masks
from backend.data.second_look import read_flow

CLIP_ARRAYS = ("image", "action", "reward", "factors")


@dataclass(frozen=True)
class Clip:
    """Episodes that are stored with a checkpoint, so that it can be viewed without its data set."""

    image: NDArray[np.uint8]  # (E, T, 64, 64, 3)
    action: NDArray[np.float32]  # (E, T, A); action[:, t] led to image[:, t]
    reward: NDArray[np.float32]  # (E, T)
    factors: NDArray[np.float32]  # (E, T, F)
    factor_names: tuple[str, ...]
    agent: NDArray[np.bool_] | None = None  # (E, T, 64, 64): which pixels show the agent; None if unknown
    agent_part: NDArray[np.uint8] | None = None  # (E, T, 64, 64): which part of it, from 1; as `envs.parts` names them
    flow: NDArray[np.float16] | None = None  # (E, T, 64, 64, 3): to the next frame, see `envs.flow`; None if unknown

    def write(self, path: Path) -> None:
        """Writes the clip as a compressed npz."""
        values = {name: getattr(self, name) for name in CLIP_ARRAYS}
        if self.agent is not None:
            values["agent"] = pack_masks(self.agent)
        if self.agent_part is not None:
            values["agent_part"] = self.agent_part
        if self.flow is not None:
            values["flow"] = self.flow
        np.savez_compressed(path, factor_names=np.array(self.factor_names, dtype=np.str_), **values)

    @classmethod
    def read(cls, path: Path) -> "Clip":
        """Reads what `write` wrote; nothing in the file is ever executed."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in CLIP_ARRAYS}
            frames = arrays["image"].shape[:2]
            masks, flow = read_masks(file, frames), read_flow(file, frames)
            names = tuple(str(name) for name in file["factor_names"])
            return cls(**arrays, factor_names=names, **masks._asdict(), flow=flow)
