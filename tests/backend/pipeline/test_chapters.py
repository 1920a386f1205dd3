"""Two chapters of a life-long agent: what each checkpoint keeps of the tasks, and how well they are still known."""

import json
from pathlib import Path
from typing import Any

import pytest

from backend.data.checkpoint import FORGETTING, load_checkpoint, read_info
from backend.data.files import write_json
from backend.data.import_checks import check_content
from backend.pipeline.builder import build_settings
from backend.pipeline.chapters import as_task
from backend.pipeline.checks import check_references
from backend.pipeline.report import Reporter
from backend.pipeline.settings import SettingsError
from backend.pipeline.stages import run_stage
from backend.pipeline.tasks import CHAPTERS
from models.agent import Agent
from models.world_model import WorldModel

SHORT = {
    **{"latents": 4, "stoch": 8, "deter": 16, "hidden": 16, "units": 16, "batch": 2, "length": 4, "horizon": 2},
    **{"environment": "square-world", "distraction": "none", "action_repeat": 8, "held_out": 2, "held_out_steps": 4},
    **{"agent_steps": 30, "prefill": 14, "first_updates": 1, "train_every": 5, "log_every": 1},
    **{"evaluate_every": 30, "evaluate_episodes": 2, "method": "lifelong", "most_tasks": 2},
}


def chapter(home: Path, name: str, **changes: object) -> Path:
    """Runs a chapter; its last checkpoint."""
    wanted = build_settings("finetune", "tiny", {**SHORT, **changes})
    out = home / "runs" / name
    run_stage("finetune", wanted, out=out, home=home, seed=0, device="cpu", reporter=Reporter(out, quiet=True))
    return max((out / "checkpoints").glob("update-*"))


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("chapters")
    first = chapter(home, "first")
    return first, chapter(home, "second", distraction="episode", teacher=str(first))


def table_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / FORGETTING).read_bytes())
    return found


def test_each_chapter_adds_a_task_and_a_row_and_keeps_those_before(chapters: tuple[Path, Path]) -> None:
    first, second = map(table_of, chapters)
    assert [task["distraction"] for task in second["tasks"]] == ["none", "episode"]
    assert second["tasks"][:1] == first["tasks"] and second["random"][:1] == first["random"]
    assert second["rows"][:1] == first["rows"] and len(second["rows"]) == 2
    for place, row in enumerate(second["rows"], 1):
        assert [len(returns) for returns in row["return"]] == [2] * place
        assert [len(each) for each in (*row["psnr"], *row["reward_error"])] == [12] * (2 * place)
    for folder in chapters:
        check_content(folder)  # as an upload it would be taken in


def test_a_checkpoint_says_which_tasks_it_knows_and_acts_in_the_last(chapters: tuple[Path, Path]) -> None:
    loaded = load_checkpoint(read_info(chapters[1], "second", "run"))
    assert [task["environment"] for task in loaded.info.config[CHAPTERS]] == ["square-world"] * 2
    assert isinstance(loaded.model, WorldModel) and loaded.actor_critic is not None
    assert (loaded.model.config.tasks, loaded.model.config.task) == (2, 1)
    agent = Agent(loaded.model, loaded.actor_critic)
    with as_task(agent, 0):
        assert agent.begin(1).state.deter[0, -2:].tolist() == [1, 0]
    assert agent.begin(1).state.deter[0, -2:].tolist() == [0, 1]
    assert loaded.forgetting == table_of(chapters[1])


def test_a_third_task_of_two_and_an_earlier_task_that_is_not_here_are_refused_before_anything_runs(
    chapters: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = chapters
    with pytest.raises(SettingsError, match="has learned all of its 2 tasks"):
        check_references(
            build_settings("finetune", "tiny", {**SHORT, "teacher": str(second)}), tmp_path, allow_path=True
        )
    config = json.loads((first / "config.json").read_bytes())
    task = config[CHAPTERS][0]
    for name, tasks, why in (
        ("environment", [task | {"environment": "nowhere"}], "an earlier task of this checkpoint"),
        ("films", [task | {"films": "no such films"}], "an earlier task of this checkpoint"),
        ("none", [], "has learned 1 task and says of 0"),
    ):
        folder = tmp_path / name / "checkpoint"
        folder.mkdir(parents=True)
        for path in first.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        write_json(folder / "config.json", config | {CHAPTERS: tasks})
        wanted = build_settings("finetune", "tiny", {**SHORT, "teacher": str(folder)})
        with pytest.raises(SettingsError, match=why) as refused:
            check_references(wanted, tmp_path, allow_path=True)
        assert refused.value.problems[0].pointer == "/teacher"
