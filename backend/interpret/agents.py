"""Which pixels are the agent's, and what to call it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOVES = 0.06  # of the range of a colour: how far a pixel differs from its median over the episode to be moving
SIMULATOR, MOVING, NOTHING = "simulator", "moving", "none"

PARTS = {
    "cartpole-swingup": "cart and pole",
    "finger-spin": "finger and spinner",
    "reacher-easy": "arm",
    "walker-walk": "walker",
    "cheetah-run": "cheetah",
    "hopper-stand": "hopper",
    "humanoid-walk": "humanoid",
}
"""What the mask of each task covers."""


class Agent(NamedTuple):
    """`kind` of mask: the simulator's, or pixels that move; `part`: what it covers."""

    kind: str
    part: str


def agent_of(kind: str, environment: str | None) -> Agent:
    """What a mask of this kind covers in an environment."""
    if kind == MOVING:
        return Agent(kind, "what moves")
    return Agent(kind, f"the {PARTS.get(environment or '', 'agent')}")


def moving_masks(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Pixels (T, 64, 64) of an episode (T, 64, 64, 3) that differ from their median over time in some colour."""
    median = np.median(image, axis=0).astype(np.float32)
    away = np.abs(image.astype(np.float32) - median).max(axis=3)
    return np.asarray(away > MOVES * 255)
