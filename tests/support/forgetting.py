"""What a life-long agent knew of two tasks, as two chapters leave it beside the last checkpoint."""

from pathlib import Path
from typing import Any

from backend.data.checkpoint import FORGETTING
from backend.data.files import write_json


def forgotten(episodes: int = 6) -> dict[str, Any]:
    """The first task lost 30 to 50 of 100; the second was learned at 80."""
    task = {"distraction": "none", "films": None, "action_repeat": 2, "look": "fast"}
    flat = [20.0] * episodes
    return {
        "tasks": [{"environment": "square-world", **task}, {"environment": "pusher", **task}],
        "random": [[10.0] * episodes, [5.0] * episodes],
        "rows": [
            {"return": [[100.0] * episodes], "psnr": [flat], "reward_error": [[0.1] * episodes]},
            {
                "return": [[70.0, 50.0] * (episodes // 2), [80.0] * episodes],
                "psnr": [[15.0] * episodes, flat],
                "reward_error": [[0.5] * episodes, [0.2] * episodes],
            },
        ],
    }


def write_forgotten(folder: Path) -> None:
    """Leaves it beside a checkpoint."""
    write_json(folder / FORGETTING, forgotten())
