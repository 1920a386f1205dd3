"""The command line of a run says all of it."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from backend.pipeline.builder import parse_assignments
from backend.runs.child import command_of_child, command_of_user
from backend.runs.table import RunRow


def _row(**values: Any) -> RunRow:
    given = {
        "stage": "pretrain",
        "preset": "tiny",
        "seed": 7,
        "name": "-x; rm",
        "device": "cpu",
        "overrides": {},
    } | values
    return RunRow(id="run-a", settings={}, state="queued", created_at=0, queued_at=0, **given)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"beta": 0.1, "updates": 5, "dataset": "my data; rm -rf /"},
        {"dataset": "12"},
        {"dataset": None},
        {"dataset": "true"},
        {"collect": {"episodes": 3, "environment": "walker-walk"}, "pretrain": {"length": 4}},
    ],
)
def test_the_command_shown_sets_what_the_run_sets(overrides: dict[str, Any]) -> None:
    first, *words = shlex.split(command_of_user(_row(overrides=overrides), Path("/data/my runs")))
    assert first == "DISWM_HOME=/data/my runs", "it is found again by the page that shows the command"
    assert words[:6] == ["diswm", "pretrain", "--preset", "tiny", "--seed", "7"]
    assert words[6::2] == ["--set"] * len(words[6::2])
    assert parse_assignments(words[7::2]) == overrides


def test_a_name_is_never_taken_for_an_option(tmp_path: Path) -> None:
    command = command_of_child(_row(overrides={}), tmp_path)
    assert "--name=-x; rm" in command
    assert command[1:4] == ["-m", "backend", "pretrain"]
    assert {"--resume", "--json"} <= set(command)


def test_a_child_is_given_the_whole_settings_and_no_preset_under_them(tmp_path: Path) -> None:
    command = command_of_child(_row(overrides={"beta": 0.1}), tmp_path)
    assert command[command.index("--settings-file") + 1] == str(tmp_path / "request.json")
    assert "--preset" not in command


def test_a_run_that_asks_for_no_device_takes_that_of_its_worker(tmp_path: Path) -> None:
    assert "--device" not in command_of_child(_row(device="auto"), tmp_path)
    for asked in ("cuda:1", "cuda:1@a100"):
        command = command_of_child(_row(device=asked), tmp_path)
        assert command[command.index("--device") + 1] == "cuda:1"
    assert "--device" not in command_of_child(_row(device="auto@big"), tmp_path)
