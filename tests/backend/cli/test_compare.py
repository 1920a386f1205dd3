"""`diswm compare` on folders of runs: table, JSON, figure, and a sentence where there is nothing to compare."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.__main__ import build_app


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DISWM_HOME", str(tmp_path))
    for seed in (0, 1):
        folder = tmp_path / "runs" / f"run-{seed}"
        folder.mkdir(parents=True)
        settings = {"environment": "cartpole-swingup", "method": "apv"}
        (folder / "settings.json").write_text(json.dumps({"stage": "finetune", "seed": seed, "settings": settings}))
        line = {"phase": "evaluate", "environment_steps": 1000, "evaluation_return": 40.0 + 20 * seed}
        (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return ["run-0", str(tmp_path / "runs" / "run-1")]  # one by its id, one by its folder


def test_runs_are_compared_by_id_or_folder_and_drawn(two_runs: list[str], tmp_path: Path) -> None:
    figures = [tmp_path / "out" / "returns.svg", tmp_path / "returns.png"]
    options = [part for path in figures for part in ("--figure", str(path))]
    answer = CliRunner().invoke(build_app(), ["compare", *two_runs, "--json", *options])
    assert answer.exit_code == 0, answer.output
    comparison = json.loads(answer.output)
    assert comparison["groups"][0]["mean"] == [50] and comparison["groups"][0]["seeds"] == [0, 1]
    assert {row["source"] for row in comparison["published"]} == {"finger-spin"}
    assert figures[0].read_bytes().startswith(b"<?xml") and figures[1].stat().st_size > 5000
    table = CliRunner().invoke(build_app(), ["compare", *two_runs])
    assert "apv" in table.output and "50.0" in table.output and "699 / 811 / 862" in table.output


def test_what_cannot_be_compared_is_a_sentence_and_nothing_is_written(two_runs: list[str], tmp_path: Path) -> None:
    for arguments, said in (
        (["nothing-there"], "nothing-there holds no run"),
        ([*two_runs, "--figure", str(tmp_path / "x.txt")], "must end in .png, .svg or .pdf"),
    ):
        answer = CliRunner().invoke(build_app(), ["compare", *arguments])
        assert answer.exit_code == 2
        assert said in answer.stderr
    assert not (tmp_path / "x.txt").exists()
