"""Which pixels show the agent and its parts, and what these are called."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from backend.envs.parts import part_names

MOVES = 0.06  # share of the colour range by which a moving pixel differs from its median over the episode
SIMULATOR, MOVING, NOTHING = "simulator", "moving", "none"

Masks = npt.NDArray[np.bool_]


class Recording(Protocol):
    """An episode of T frames."""

    @property
    def image(self) -> npt.NDArray[np.uint8]:
        """(T, 64, 64, 3)."""

    @property
    def action(self) -> npt.NDArray[np.float32]:
        """(T, A)."""

    @property
    def agent(self) -> Masks | None:
        """(T, 64, 64)."""

    @property
    def agent_part(self) -> npt.NDArray[np.uint8] | None:
        """(T, 64, 64)."""


class Agent(NamedTuple):
    """The agent's pixels, one (T, 64, 64) per episode, where they come from, and what they show."""

    kind: str  # SIMULATOR, or MOVING: pixels that move
    name: str  # the cart and pole
    masks: list[Masks]
    parts: dict[str, list[Masks]]  # of each part, if there are several that can be told apart


def find_agent(episodes: Sequence[Recording], environment: str | None) -> Agent:
    """The simulator's masks, if all episodes have them; otherwise the pixels that move."""
    masks = [episode.agent for episode in episodes if episode.agent is not None]
    if len(masks) < len(episodes):
        return Agent(MOVING, "what moves", [moving_masks(episode.image) for episode in episodes], {})
    names = part_names(environment)
    numbers = [episode.agent_part for episode in episodes if episode.agent_part is not None]
    told_apart = len(names) > 1 and len(numbers) == len(episodes)
    parts = {name: [part == number for part in numbers] for number, name in enumerate(names, 1)}
    return Agent(SIMULATOR, f"the {' and '.join(names) or 'agent'}", masks, parts if told_apart else {})


def moving_masks(image: npt.NDArray[np.uint8]) -> Masks:
    """Pixels (T, 64, 64) of an episode (T, 64, 64, 3) that differ from their median over time in some colour."""
    median = np.median(image, axis=0).astype(np.float32)
    away = np.abs(image.astype(np.float32) - median).max(axis=3)
    return np.asarray(away > MOVES * 255)
