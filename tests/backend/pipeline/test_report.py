"""What a stage reports: progress since its last start, readable log lines, complete lines of metrics."""

import json
import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from backend.data.files import aside_of
from backend.pipeline.report import EVENTS, Reporter
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
    stored = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["phase"], line["updates"]) for line in stored] == [("pretrain", 1), ("pretrain", 2), ("collect", 9)]
    reporter.close()


def _events(viewer: Path | EventAccumulator, tag: str) -> list[tuple[int, float]]:
    """(step, value) of everything that TensorBoard shows under a tag, opened now or open already."""
    opened = viewer if isinstance(viewer, EventAccumulator) else EventAccumulator(str(viewer))
    opened.Reload()
    return [(event.step, event.value) for event in opened.Scalars(tag)]


def test_a_resumed_stage_has_every_step_once_in_its_events(tmp_path: Path) -> None:
    killed = Reporter(tmp_path, quiet=True)
    for update in range(1, 6):
        killed.log("pretrain", {"image": 1.0}, updates=update)
    killed.log("finetune", {"actor": 7.0}, updates=2, agent_steps=50)
    killed.close()
    open_before = EventAccumulator(str(tmp_path / EVENTS))
    assert [step for step, _ in _events(open_before, "pretrain/image")] == [1, 2, 3, 4, 5]
    resumed = Reporter(tmp_path, quiet=True)
    resumed.cut_metrics("pretrain", updates=3)
    resumed.cut_metrics("finetune", updates=2, agent_steps=50)
    for update in range(4, 8):
        resumed.log("pretrain", {"image": 2.0}, updates=update)
    resumed.close()
    for viewer in (tmp_path / EVENTS, open_before):
        assert _events(viewer, "pretrain/image") == [(n, 1.0 if n < 4 else 2.0) for n in range(1, 8)]
        assert _events(viewer, "finetune/actor") == [(50, 7.0)]  # another phase counts other steps
    for _ in range(3):
        again = Reporter(tmp_path, quiet=True)
        again.log("evaluate", {"score": 1.0}, updates=9)
        again.close()
    assert len(list((tmp_path / EVENTS).iterdir())) == 2


def test_events_that_go_on_in_a_second_file_have_steps_twice(tmp_path: Path) -> None:
    """The negative control: this is how a writer that is merely opened again looks."""
    for first in (1, 4):
        with SummaryWriter(str(tmp_path)) as naive:
            for update in range(first, 6):
                naive.add_scalar("image", 1.0, update)
    assert sorted(step for step, _ in _events(tmp_path, "image")) == [1, 2, 3, 4, 4, 5, 5]


def test_events_that_a_kill_lost_are_made_again_from_the_lines(tmp_path: Path) -> None:
    first = Reporter(tmp_path, quiet=True)
    first.log("pretrain", {"image": 1.0}, updates=1)
    first.close()
    for file in (tmp_path / EVENTS).iterdir():
        file.write_bytes(b"cut")
    resumed = Reporter(tmp_path, quiet=True)
    resumed.log("pretrain", {"image": 2.0}, updates=2)
    resumed.close()
    assert _events(tmp_path / EVENTS, "pretrain/image") == [(1, 1.0), (2, 2.0)]


def test_what_a_kill_left_half_written_anywhere_in_the_folder_is_swept(tmp_path: Path) -> None:
    dead, mine = tmp_path / "replay" / ".partial-999999999.1-0-episode-000001.npz", aside_of(tmp_path / "replay" / "x")
    for file in (dead, mine):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"half")
    Reporter(tmp_path, quiet=True).close()
    assert (dead.exists(), mine.exists()) == (False, True)
