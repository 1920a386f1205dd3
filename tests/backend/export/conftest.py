"""Views to export: those of the tiny checkpoints, and one with bright, known pictures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.data.checkpoint import Checkpoint, load_checkpoint, read_info
from backend.interpret.names import DimensionName
from backend.interpret.rollout import Rollout, build_rollout
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import TraversalView, build_view

Views = Callable[..., TraversalView]


@pytest.fixture(scope="session")
def checkpoint(tiny_checkpoint_home: Path) -> Checkpoint:
    """The shared tiny video model."""
    return _load(tiny_checkpoint_home, "tiny-video")


@pytest.fixture(scope="session")
def agent(tiny_checkpoint_home: Path) -> Checkpoint:
    """The shared tiny world model with a policy."""
    return _load(tiny_checkpoint_home, "tiny-world")


@pytest.fixture(scope="session")
def bright(checkpoint: Checkpoint) -> Views:
    """`bright(rows, columns)`: a view of that size whose cells are colour gradients that move, with named rows."""

    def make(rows: int = 3, columns: int = 7) -> TraversalView:
        dims = tuple(row % 6 for row in range(rows))
        view = build_view(checkpoint, TraversalRequest(dims=tuple(range(min(rows, 6))), columns=columns, mode="fixed"))
        again = [row % 6 for row in range(rows)]
        labels = [
            DimensionName(dim, "hip angle", "factor", "named", "hip_angle_sin", 0.814)
            if dim == 0
            else replace(view.labels[dim], status="mixed")
            for dim in dims
        ]
        return replace(
            view,
            dims=dims,
            labels=tuple(labels),
            kl=np.linspace(2, 0.5, rows),
            values=view.values[again],
            images=gradients(rows, columns),
            footprint=view.footprint[again],
        )

    return make


@pytest.fixture(scope="session")
def imagined(agent: Checkpoint) -> Rollout:
    """Five steps seen and eight imagined, with two samples and an edited branch."""
    from backend.interpret.rollout_request import parse_edits

    request = RolloutRequest(horizon=8, samples=2, edits=parse_edits("2:4@7+"))
    return build_rollout(agent, request)


def gradients(rows: int, columns: int) -> np.ndarray:
    """(R, N, 64, 64, 3): two colour ramps and a square that moves with the column; nothing else moves."""
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    ground = np.stack([across * 4, down * 4, np.full_like(down, 90)], axis=-1).astype(np.uint8)
    images = np.broadcast_to(ground, (rows, columns, 64, 64, 3)).copy()
    for column in range(columns):
        left = 8 + 40 * column // max(columns - 1, 1)
        images[:, column, 24:32, left : left + 8] = (250, 40, 30)
    return images


def _load(home: Path, name: str) -> Checkpoint:
    return load_checkpoint(read_info(home / "checkpoints" / name, name, "import"))
