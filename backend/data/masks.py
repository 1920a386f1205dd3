"""Where the agent is in pictures: its mask as bits, and the part of it that each pixel shows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 64
BYTES = SIDE // 8  # of a row of pixels
MASKS = {"agent", "agent_part"}  # names of the arrays in files


class AgentMasks(NamedTuple):
    """Which pixels show the agent, (..., 64, 64), and which part of it, 0 for none; None if unknown."""

    agent: NDArray[np.bool_] | None
    agent_part: NDArray[np.uint8] | None

    def cut(self, start: int, end: int) -> "AgentMasks":
        """The frames from `start` to before `end`."""
        agent = None if self.agent is None else self.agent[start:end]
        return AgentMasks(agent, None if self.agent_part is None else self.agent_part[start:end])


def pack_masks(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Masks (..., 64, 64) as bits: (..., 64, 8) uint8."""
    if masks.dtype != np.bool_ or masks.shape[-2:] != (SIDE, SIDE):
        raise ValueError(f"`agent` is {masks.dtype} {masks.shape}, expected bool (..., {SIDE}, {SIDE})")
    return np.packbits(masks, axis=-1)


def read_masks(arrays: Mapping[str, NDArray[Any]], frames: tuple[int, ...]) -> AgentMasks:
    """The masks among the arrays of a file, (*frames, 64, 64) each. Raises ValueError."""
    agent = _unpacked(arrays["agent"], frames) if "agent" in arrays else None
    part = arrays.get("agent_part")
    if part is not None and (part.dtype != np.uint8 or part.shape != (*frames, SIDE, SIDE)):
        raise ValueError(f"`agent_part` is {part.dtype} {part.shape}, expected uint8 {(*frames, SIDE, SIDE)}")
    return AgentMasks(agent, part)


def _unpacked(agent: NDArray[Any], frames: tuple[int, ...]) -> NDArray[np.bool_]:
    """Bits, or plain masks."""
    if agent.dtype == np.uint8 and agent.shape == (*frames, SIDE, BYTES):
        return np.unpackbits(agent, axis=-1).astype(np.bool_)
    if agent.dtype == np.bool_ and agent.shape == (*frames, SIDE, SIDE):
        return agent
    needed = f"uint8 {(*frames, SIDE, BYTES)} or bool {(*frames, SIDE, SIDE)}"
    raise ValueError(f"`agent` is {agent.dtype} {agent.shape}, expected {needed}")
