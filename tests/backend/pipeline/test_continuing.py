"""A run can be continued with more steps, but not with settings that would make it a different run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.data.episodes import frames_only, write_episode
from backend.pipeline.builder import build_settings
from backend.pipeline.continuing import amount_of, check_continuation, check_same_references
from backend.pipeline.settings import SettingsError


def _refused(stage: str, before: dict[str, Any], after: dict[str, Any], folder: Path) -> list[str]:
    """JSON pointers of the refused settings."""
    begun = build_settings(stage, "tiny", before).model_dump(mode="json")
    try:
        check_continuation(stage, begun, build_settings(stage, "tiny", after), folder)
    except SettingsError as error:
        return [problem.pointer for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("stage", "edits", "refused"),
    [
        ("collect", {"episodes": 24, "workers": 1}, []),
        ("collect", {"environment": "reacher-easy", "episodes": 24}, ["/environment"]),
        ("pretrain", {"updates": 500, "log_every": 7, "checkpoint_every": 9, "batch": 4}, []),
        ("pretrain", {"latents": 12}, ["/latents"]),
        ("pretrain", {"learning_rate": 1e-4, "vision": "conv"}, ["/learning_rate", "/vision"]),
        ("finetune", {"agent_steps": 1_000_000, "evaluate_every": 50, "evaluate_episodes": 3}, []),
        ("finetune", {"agent_steps": 1_000_000, "cooling": 0.2, "cooling_length": 60, "averaging": 0.99}, []),
        ("finetune", {"method": "dreamerv2"}, ["/method"]),
        ("pipeline", {"finetune": {"agent_steps": 900}}, []),
        ("pipeline", {"pretrain": {"updates": 900}, "collect": {"episodes": 30}}, []),
        ("pipeline", {"pretrain": {"deter": 8}}, ["/pretrain/deter"]),
    ],
)
def test_more_work_is_welcome_and_another_model_is_named(
    tmp_path: Path, stage: str, edits: dict[str, Any], refused: list[str]
) -> None:
    assert sorted(_refused(stage, {}, edits, tmp_path)) == refused


def test_what_is_done_cannot_be_undone(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text(json.dumps({"phase": "pretrain", "done": 100, "total": 160}))
    assert _refused("pretrain", {}, {"updates": 100}, tmp_path) == []
    assert _refused("pretrain", {}, {"updates": 99}, tmp_path) == ["/updates"]


def test_a_stage_of_a_pipeline_is_closed_once_the_next_one_has_begun(tmp_path: Path) -> None:
    (tmp_path / "finetune").mkdir()
    assert _refused("pipeline", {}, {"pretrain": {"updates": 900}}, tmp_path) == ["/pretrain/updates"]
    assert _refused("pipeline", {}, {"finetune": {"agent_steps": 900}}, tmp_path) == []


def test_more_steps_would_move_a_distraction_of_the_second_half(tmp_path: Path) -> None:
    paper = {"distraction": "set-a", "distraction_later": "set-b"}
    assert _refused("finetune", paper, paper | {"agent_steps": 1_000}, tmp_path) == ["/agent_steps"]


def test_settings_of_another_version_are_compared_where_both_know_them(tmp_path: Path) -> None:
    settings = build_settings("pretrain", "tiny", {})
    begun = settings.model_dump(mode="json") | {"gone": 1}
    del begun["vision"]
    check_continuation("pretrain", begun, settings, tmp_path)


def test_a_data_set_by_another_word_is_the_same_and_another_one_is_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in ("one", "two"):
        (home / "datasets" / name).mkdir(parents=True)
        frames = np.zeros((12, 64, 64, 3), np.uint8)
        write_episode(home / "datasets" / name / "episode-000000.npz", frames_only(frames))
    wanted = build_settings("pretrain", "tiny", {"dataset": str(home / "datasets" / "one")})
    check_same_references("pretrain", wanted.model_dump(mode="json") | {"dataset": "one"}, wanted, home)
    check_same_references("pretrain", wanted.model_dump(mode="json") | {"dataset": "/moved/away"}, wanted, home)
    for other in ("two", None):
        with pytest.raises(SettingsError, match="dataset"):
            check_same_references("pretrain", wanted.model_dump(mode="json") | {"dataset": other}, wanted, home)


def test_the_amount_of_a_pipeline_is_that_of_its_last_stage() -> None:
    assert amount_of("pipeline", build_settings("pipeline", "tiny").model_dump()) == ("finetune.agent_steps", 600)
    assert amount_of("collect", build_settings("collect", "tiny").model_dump()) == ("episodes", 12)
