"""Which lines of metrics a tracker does not have yet."""

from pathlib import Path

from backend.pipeline.report import Reporter
from backend.runs.tracking.lines import Line, LineReader, Positions
from tests.support.tracked import report

ALL = 10**9


def losses(lines: list[Line]) -> list[float]:
    return [line.values["loss"] for line in lines]


def test_each_line_is_read_once_and_a_line_that_is_being_written_later(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    reader = LineReader(file)
    assert reader.after({}, ALL) == [], "there is no file yet"
    report(tmp_path, "pretrain", 10, loss=1.0)
    with file.open("a") as half:
        half.write('{"phase": "pretrain", "upd')
    assert losses(reader.after({}, ALL)) == [1.0]
    with file.open("a") as rest:
        rest.write('ates": 20, "agent_steps": 0, "environment_steps": 0, "time": 1, "loss": 2.0}\n')
    [line] = reader.after({}, ALL)
    assert (line.counters["updates"], line.values, line.axis) == (20, {"loss": 2.0}, "updates")
    assert line.named() == {
        "pretrain/updates": 20,
        "pretrain/agent_steps": 0,
        "pretrain/environment_steps": 0,
        "pretrain/loss": 2.0,
    }


def test_a_line_that_a_kill_cut_off_is_left_out_with_the_one_glued_to_it(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"time": 1.0, "pha{"phase": 1}\n')
    report(tmp_path, "pretrain", 10, loss=1.0)
    assert losses(LineReader(tmp_path / "metrics.jsonl").after({}, ALL)) == [1.0]


def test_what_a_resumed_run_writes_again_is_known_by_its_counters(tmp_path: Path) -> None:
    reader = LineReader(tmp_path / "metrics.jsonl")
    for updates in (10, 20, 30):
        report(tmp_path, "finetune", updates, 5, loss=updates)
        report(tmp_path, "evaluate", updates, 5, loss=-updates)
    sent: Positions = {line.phase: line.position for line in reader.after({}, ALL)}
    Reporter(tmp_path, quiet=True).cut_metrics("finetune", 20, 5)
    assert reader.after(sent, ALL) == []
    for updates in (30, 40):
        report(tmp_path, "finetune", updates, 5, loss=updates)
    assert losses(reader.after(sent, ALL)) == [40]
    assert losses(LineReader(tmp_path / "metrics.jsonl").after(sent, ALL)) == [40], "also by another process"


def test_several_lines_with_the_same_counters_are_different_lines(tmp_path: Path) -> None:
    for loss in (1.0, 2.0):
        report(tmp_path, "episode", 10, 5, loss=loss)
    [first, second] = LineReader(tmp_path / "metrics.jsonl").after({}, ALL)
    assert losses(LineReader(tmp_path / "metrics.jsonl").after({"episode": first.position}, ALL)) == [2.0]
    assert LineReader(tmp_path / "metrics.jsonl").after({"episode": second.position}, ALL) == []


def test_lines_come_in_portions_and_none_is_lost_between_them(tmp_path: Path) -> None:
    for updates in range(1, 8):
        report(tmp_path, "pretrain", updates, loss=updates)
    reader, sent = LineReader(tmp_path / "metrics.jsonl"), Positions()
    found: list[float] = []
    while lines := reader.after(sent, 8):  # four values a line
        assert len(lines) <= 2
        found += losses(lines)
        sent |= {line.phase: line.position for line in lines}
    assert found == [1, 2, 3, 4, 5, 6, 7]
