"""How two teachers are weighed along a clip, as a run of several teachers leaves it beside its checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np

from backend.data.checkpoint import TEACHERS
from backend.data.files import write_json


def weighed(episodes: int, length: int, *, share: float = 0.75, moved: float = 0.2) -> dict[str, Any]:
    """The first of two teachers has a share of the weight at every frame."""
    both = np.array([share, 1 - share])
    return {
        "teachers": ["cartpole", "reacher"],
        "weights": np.broadcast_to(both[:, None, None], (2, episodes, length)).tolist(),
        "mean": both.tolist(),
        "interval": [[value - 0.1, value + 0.1] for value in both.tolist()],
        "swapped": [0.5, 0.5],
        "moved": moved,
        "distance": [0.1, 0.3],
        "history": {"steps": [5, 10], "weights": [[0.5, 0.5], both.tolist()]},
    }


def write_weighed(folder: Path, episodes: int, length: int) -> None:
    """Leaves it beside a checkpoint."""
    write_json(folder / TEACHERS, weighed(episodes, length))
