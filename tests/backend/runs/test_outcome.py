"""What the end of an attempt means for its run."""

from typing import Any

import pytest

from backend.runs.outcome import MAX_STALLED, Ending, Reason, further, judge
from backend.runs.states import RunState


def _ending(code: int, **known: Any) -> Ending:
    given = {"reason": Reason.BY_ITSELF, "error": None, "progressed": False, "stalled_before": 0} | known
    return Ending(code=code, **given)


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (_ending(0), RunState.SUCCEEDED),
        (_ending(0, reason=Reason.CANCELLED), RunState.SUCCEEDED),
        (_ending(143, reason=Reason.CANCELLED), RunState.CANCELLED),
        (_ending(-9, reason=Reason.CANCELLED), RunState.CANCELLED),
        (_ending(143, reason=Reason.WORKER_STOPS), RunState.QUEUED),
        (_ending(-15, reason=Reason.WORKER_STOPS), RunState.QUEUED),
        (_ending(143), RunState.PAUSED),
        (_ending(2), RunState.FAILED),
        (_ending(75), RunState.PAUSED),
        (_ending(74), RunState.PAUSED),
        (_ending(1, error={"type": "diverged", "message": "NaN"}), RunState.DIVERGED),
        (_ending(1, error={"type": "out_of_memory", "message": "x"}), RunState.FAILED),
        (_ending(1, error={"type": "disk_full", "message": "x"}), RunState.PAUSED),
        (_ending(1, error={"type": "environment_failed", "message": "x"}), RunState.QUEUED),
        (_ending(1, error={"type": "error", "message": "x"}), RunState.QUEUED),
        (_ending(1), RunState.QUEUED),
        (_ending(-9), RunState.QUEUED),
        (_ending(-11), RunState.QUEUED),
    ],
)
def test_an_ending_leads_to_its_state(ending: Ending, state: RunState) -> None:
    assert judge(ending).state == state


def test_crashes_without_progress_end_the_run_with_the_last_error() -> None:
    stalled, states = 0, []
    for attempt in range(MAX_STALLED):
        error = {"type": "error", "message": f"crash {attempt}"}
        verdict = judge(_ending(1, error=error, stalled_before=stalled))
        stalled = verdict.stalled
        states.append(verdict.state)
    assert states == [RunState.QUEUED, RunState.QUEUED, RunState.FAILED]
    assert verdict.error is not None and verdict.error["message"] == "crash 2"


def test_progress_forgives_earlier_crashes() -> None:
    assert judge(_ending(-9, stalled_before=2, progressed=True)).stalled == 0
    assert judge(_ending(-9, stalled_before=2, progressed=True)).state == RunState.QUEUED


def test_a_worker_that_stops_is_no_crash_of_the_run() -> None:
    verdict = judge(_ending(-9, reason=Reason.WORKER_STOPS, stalled_before=2))
    assert (verdict.state, verdict.stalled, verdict.error) == (RunState.QUEUED, 2, None)


def test_a_kill_is_told_with_its_signal() -> None:
    error = judge(_ending(-9)).error
    assert error is not None
    assert error["type"] == "crashed" and "SIGKILL" in error["message"] and "memory" in error["hint"]


def test_an_end_without_an_error_file_is_told_with_the_last_line_of_the_log() -> None:
    error = judge(_ending(1, last_log_line="ImportError: no EGL")).error
    assert error is not None and error["message"] == "ImportError: no EGL"


def test_further_keeps_the_most_done_in_each_phase() -> None:
    known = further({}, {"phase": "collect", "done": 12, "total": 12})
    known = further(known, {"phase": "pretrain", "done": 40, "total": 120})
    assert known == {"collect": 12.0, "pretrain": 40.0}
    assert further(known, {"phase": "pretrain", "done": 30, "total": 120}) == known
    assert further(known, None) == known
    assert further(known, {"phase": "finetune", "done": 0, "total": 9}) == known  # begun, and not further
    assert further(known, {"phase": "pretrain"}) == known
