"""How far a flow of an episode is from the true one, in pixels, and where the network is confident of it."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.flow import FlowNetwork, both_ways
from models.types import normalise
from models.warp import seen_again, warp

Flow = NDArray[np.float32]
MOVES = 0.5  # pixels from which on a pixel is called a moving one
AT_ONCE = 16  # pairs of frames


class Estimate(NamedTuple):
    """What a network says of T - 1 pairs of frames."""

    flow: Flow  # (T - 1, H, W, 2), pixels right and down
    confident: NDArray[np.bool_]  # (T - 1, H, W)


class Errors(NamedTuple):
    """Mean end-point error in pixels: of all pixels, of those that move and stay in sight, of those that are hidden.

    NaN where there are none.
    """

    everywhere: float
    moving: float
    hidden: float


@torch.inference_mode()
def estimated(network: FlowNetwork, image: NDArray[np.uint8]) -> Estimate:
    """Of pictures (T, H, W, 3) that follow each other."""
    frames = normalise(torch.from_numpy(image))
    ways, sure = [], []
    for first, second in zip(*(torch.split(part, AT_ONCE) for part in (frames[:-1], frames[1:])), strict=True):
        forward, backward = both_ways(network, first, second)
        ways.append(forward)
        sure.append(seen_again(forward, backward)[:, 0] > 0)
    return Estimate(torch.cat(ways).movedim(1, -1).numpy(), torch.cat(sure).numpy())


def errors(flow: Flow, true: NDArray[np.float16]) -> Errors:
    """Of a flow (N, H, W, 2) beside the true one (N, H, W, 3) as in `envs.flow`."""
    way, hidden = true[..., :2].astype(np.float32), true[..., 2] > 0
    wrong = np.linalg.norm(flow - way, axis=-1)
    moving = np.linalg.norm(way, axis=-1) > MOVES
    return Errors(*(_mean(wrong, chosen) for chosen in (np.ones_like(hidden), moving & ~hidden, hidden)))


@torch.inference_mode()
def unlike(flow: Flow, image: NDArray[np.uint8]) -> Flow:
    """Mean difference of colours, 0 to 255, of each picture from the next one moved back along a flow: (T - 1,)."""
    frames = torch.from_numpy(image).float().movedim(-1, 1)
    back = warp(frames[1:], torch.from_numpy(flow).movedim(-1, 1))
    difference: Flow = (back - frames[:-1]).abs().mean((1, 2, 3)).numpy()
    return difference


def _mean(values: Flow, chosen: NDArray[np.bool_]) -> float:
    return float(values[chosen].mean()) if chosen.any() else float("nan")
