"""What a run's metrics say about its policy."""

import json
from pathlib import Path

from backend.pipeline.report import METRICS
from backend.pipeline.returns import measured_returns

SETTINGS = {"evaluate_episodes": 3}


def _write(out: Path, *lines: dict[str, object]) -> None:
    (out / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"phase": "eva')


def test_the_last_evaluation_counts_beside_the_random_actions_of_the_first(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {"phase": "episode", "agent_steps": 50, "episode_return": 10.0},
        {
            "phase": "evaluate",
            "agent_steps": 150,
            "evaluation_return": 30.0,
            "evaluation_std": 1.0,
            "random_return": 15.0,
        },
        {"phase": "episode", "agent_steps": 150, "episode_return": 500.0},
        {"phase": "finetune", "agent_steps": 200, "image": 3.0},
        {"phase": "evaluate", "agent_steps": 200, "evaluation_return": 70.0, "evaluation_std": 4.0},
    )
    assert measured_returns(tmp_path, SETTINGS) == {"mean": 70.0, "std": 4.0, "episodes": 3, "random": 15.0}


def test_a_run_that_never_played_at_random_does_not_say_how_little_that_earns(tmp_path: Path) -> None:
    _write(tmp_path, {"phase": "evaluate", "agent_steps": 150, "evaluation_return": 30.0, "evaluation_std": 1.0})
    assert measured_returns(tmp_path, SETTINGS) == {"mean": 30.0, "std": 1.0, "episodes": 3, "random": None}


def test_before_the_first_evaluation_nothing_was_measured(tmp_path: Path) -> None:
    assert measured_returns(tmp_path, SETTINGS) is None
    _write(tmp_path, {"phase": "episode", "agent_steps": 50, "episode_return": 10.0})
    assert measured_returns(tmp_path, SETTINGS) is None
