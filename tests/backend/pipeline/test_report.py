"""What a stage says while it runs: progress of this sitting, readable lines in the log, whole lines of metrics."""

import json
import re
from pathlib import Path

import pytest

from backend.pipeline.report import Reporter
from backend.runs.folders import read_progress, seconds_left


def test_a_resumed_stage_says_what_was_done_before(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path, quiet=True)
    reporter.progress(900, 1000, "pretrain")
    first = read_progress(tmp_path)
    assert first is not None and (first["done"], first["done_before"]) == (900, 900)
    assert seconds_left(first) is None  # nothing done in this sitting: no pace yet
    reporter.progress(1000, 1000, "pretrain")
    last = read_progress(tmp_path)
    assert last is not None and (last["done"], last["done_before"]) == (1000, 900)
    reporter.progress(0, 10, "finetune")
    begun = read_progress(tmp_path)
    assert begun is not None and (begun["phase"], begun["done_before"]) == ("finetune", 0)
    reporter.close()


def test_the_log_tells_phases_metrics_and_notes_in_readable_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = Reporter(tmp_path, quiet=True)
    reporter.progress(900, 1000, "pretrain")
    for update in range(901, 951):
        reporter.progress(update, 1000, "pretrain")
        reporter.log("pretrain", {"image": 45.25, "latent": float("nan")}, updates=update)
    reporter.log("evaluate", {"evaluation_return": 12.0}, updates=950, agent_steps=5_000)
    reporter.note("checkpoint update-000000950: can be browsed now")
    reporter.close()
    lines = capsys.readouterr().err.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    assert [line[9:] for line in lines] == [
        "pretrain: 900 of 1,000",
        "pretrain at 901 updates: image 45.25",
        "evaluate at 5,000 agent steps: evaluation_return 12",
        "checkpoint update-000000950: can be browsed now",
    ]


def test_metrics_behind_the_save_and_a_cut_line_are_dropped_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = Reporter(tmp_path, quiet=True)
    for update in (1, 2, 3):
        reporter.log("pretrain", {"image": 1.0}, updates=update)
    reporter.log("collect", {"frames": 9.0}, updates=9)
    path = tmp_path / "metrics.jsonl"
    with path.open("a") as file:
        file.write('{"phase": "pretr')
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            reporter.cut_metrics("pretrain", updates=2)
    assert path.read_bytes() == before  # a failed cut loses nothing
    reporter.cut_metrics("pretrain", updates=2)
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["phase"], line["updates"]) for line in kept] == [("pretrain", 1), ("pretrain", 2), ("collect", 9)]
    reporter.close()
