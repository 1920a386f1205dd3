"""One progress for a whole run: it never decreases between stages, and its time left includes later stages."""

from itertools import pairwise
from typing import Any

import pytest

from backend.pipeline.builder import build_settings
from backend.pipeline.estimates import estimate, phase_seconds
from backend.pipeline.settings import PipelineSettings
from backend.runs.progress import whole_progress

SETTINGS = build_settings("pipeline", "small").model_dump(mode="json")


def at(phase: str, done: float, total: float, **more: Any) -> dict[str, Any]:
    return {"phase": phase, "done": done, "total": total, **more}


def test_the_share_of_a_pipeline_grows_through_all_its_phases() -> None:
    small = build_settings("pipeline", "small")
    assert isinstance(small, PipelineSettings)
    fine = small.finetune
    path = [
        at("collect", 0, small.collect.episodes),
        at("collect", small.collect.episodes, small.collect.episodes),
        at("pretrain", 0, small.pretrain.updates),
        at("pretrain", small.pretrain.updates, small.pretrain.updates),
        at("held-out episodes", 0, fine.held_out),
        at("explored episodes", 0, fine.explore_episodes),
        at("demonstrated episodes", fine.demonstrations, fine.demonstrations),
        at("first updates", 1, fine.first_updates),
        at("finetune", (fine.explore_episodes + fine.demonstrations) * fine.explore_steps, fine.agent_steps),
        at("finetune", fine.agent_steps, fine.agent_steps),
    ]
    shares = [whole_progress("pipeline", SETTINGS, report).share for report in path]
    assert shares[0] == 0 and shares[-1] == 1
    assert all(earlier <= later for earlier, later in pairwise(shares))
    assert shares[1] < 0.1 and shares[3] < shares[8] < 0.9  # collecting is the least of it


def test_the_time_left_counts_the_stages_that_come_later_at_the_pace_of_this_machine() -> None:
    measured = {"started": 0.0, "updated": 100.0}
    slow = whole_progress("pipeline", SETTINGS, at("pretrain", 500, 1000, **measured))
    fast = whole_progress("pipeline", SETTINGS, at("pretrain", 500, 1000, started=0.0, updated=10.0))
    assert slow.seconds_left is not None and fast.seconds_left is not None
    assert slow.seconds_left > 100  # more than the rest of this phase alone
    assert fast.seconds_left < 0.5 * slow.seconds_left


def test_no_time_is_told_before_there_is_a_pace() -> None:
    assert whole_progress("collect", {}, at("collect", 0, 10)).seconds_left is None


@pytest.mark.parametrize("settings", [{"no_such_setting": 1}, {}])
def test_settings_of_another_version_leave_the_phase_alone(settings: dict[str, Any]) -> None:
    found = whole_progress("pretrain", settings, at("of another time", 30, 40, started=0.0, updated=30.0))
    assert found == (0.75, 10.0)


def test_steps_of_short_episodes_are_not_acted_and_behaviour_costs_only_where_it_learns() -> None:
    small: Any = build_settings("finetune", "small")
    seconds = phase_seconds(small)
    changed = {"explore_episodes": 0, "demonstrations": 0, "agent_steps": 18_000 + small.prefill}
    without = phase_seconds(small.model_copy(update=changed))
    assert without["finetune"] == pytest.approx(seconds["finetune"], rel=0.1)
    assert phase_seconds(small.model_copy(update={"behaviour_after": 0}))["first updates"] > seconds["first updates"]
    assert 60 < estimate(small).minutes < 180


@pytest.mark.parametrize("preset", ["tiny", "small", "paper"])
@pytest.mark.parametrize("stage", ["collect", "pretrain", "finetune"])
def test_the_estimate_of_a_stage_is_the_sum_of_its_phases(stage: str, preset: str) -> None:
    settings = build_settings(stage, preset)
    assert not isinstance(settings, PipelineSettings)
    assert estimate(settings).minutes == pytest.approx((25 + sum(phase_seconds(settings).values())) / 60, abs=0.6)
