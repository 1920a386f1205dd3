"""True optical flow: where each pixel of one state's picture is in the next one's, from depth, geoms and poses."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS = 32  # of a pixel, to which a flow is rounded: such numbers take little space in a file
SLACK = 0.02  # share of a distance by which something has to be nearer to hide a point
Array = NDArray[np.float64]


class Shot(NamedTuple):
    """What a state's picture shows and from where: H rows and W columns of pixels, G geoms."""

    depth: NDArray[np.float32]  # (H, W), metres from the plane of the camera
    geoms: NDArray[np.int64]  # (H, W); -1 where there is none
    place: Array  # (G, 3) of each geom
    turn: Array  # (G, 3, 3)
    camera_place: Array  # (3,)
    camera_turn: Array  # (3, 3): columns are right, up and backwards
    focal: float  # pixels


def flow_between(before: Shot, after: Shot) -> NDArray[np.float16]:
    """The way of each pixel, (H, W, 3): pixels right, pixels down, and 1 where it is hidden or outside afterwards.

    A point moves with its geom. What shows no geom is infinitely far away, and moves as the camera turns.
    """
    known = before.geoms >= 0
    rays = _rays(before)
    geom = np.where(known, before.geoms, 0)
    point = before.camera_place + rays @ before.camera_turn.T
    own = np.einsum("hwji,hwj->hwi", before.turn[geom], point - before.place[geom])
    moved = np.einsum("hwij,hwj->hwi", after.turn[geom], own) + after.place[geom]
    seen = np.where(known[..., None], moved - after.camera_place, rays @ before.camera_turn.T) @ after.camera_turn
    distance = -seen[..., 2]
    column, row = _pixel(seen, after)
    height, width = before.depth.shape
    rows, columns = np.mgrid[:height, :width]
    lost = (distance <= 0) | (column < -0.5) | (column > width - 0.5) | (row < -0.5) | (row > height - 0.5)
    end = np.clip(np.round(row), 0, height - 1).astype(int), np.clip(np.round(column), 0, width - 1).astype(int)
    covered = (after.geoms[end] != before.geoms) & np.where(known, after.depth[end] < distance * (1 - SLACK), True)
    way = np.stack((column - columns, row - rows), -1)
    way = np.where((distance > 0)[..., None], np.round(np.clip(way, -width, width) * STEPS) / STEPS, 0)
    return np.concatenate((way, (lost | covered)[..., None]), -1).astype(np.float16)


def flow_along(shots: Sequence[Shot]) -> NDArray[np.float16]:
    """The way of each pixel to the next of T shots, (T, H, W, 3) as in `flow_between`; zeros for the last one."""
    ways = [flow_between(before, after) for before, after in pairwise(shots)]
    return np.stack([*ways, np.zeros((*shots[-1].depth.shape, 3), np.float16)])


def _rays(shot: Shot) -> Array:
    """The point that each pixel shows, seen from the camera: (H, W, 3) in metres."""
    height, width = shot.depth.shape
    rows, columns = np.mgrid[:height, :width] + 0.5
    right, up = (columns - width / 2) / shot.focal, (height / 2 - rows) / shot.focal
    return np.stack((right, up, np.full_like(right, -1.0)), -1) * shot.depth.astype(np.float64)[..., None]


def _pixel(seen: Array, shot: Shot) -> tuple[Array, Array]:
    """Column and row where points (H, W, 3) seen from the camera are drawn."""
    height, width = shot.depth.shape
    distance = np.maximum(-seen[..., 2], 1e-9)
    column = seen[..., 0] / distance * shot.focal + width / 2 - 0.5
    row = height / 2 - seen[..., 1] / distance * shot.focal - 0.5
    return column, row
