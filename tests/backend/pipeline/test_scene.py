"""A checkpoint knows how its frames were drawn, its own run's or those of its data set, so that more can be drawn."""

from pathlib import Path

import pytest

from backend.data.catalogue import newest_checkpoint
from backend.data.checkpoint import read_info
from backend.data.places import SHIPPED
from backend.pipeline.builder import build_settings
from backend.pipeline.report import Reporter
from backend.pipeline.stages import run_stage

NETWORKS = {"latents": 2, "stoch": 2, "deter": 4, "hidden": 4, "batch": 1, "length": 2}
COLLECT = {"episodes": 3, "episode_steps": 8, "workers": 1, "action_repeat": 4, "look": "near"}


def train(stage: str, out: Path, settings: dict[str, object]) -> Path:
    """Runs a stage and returns its newest checkpoint."""
    made = build_settings(stage, "tiny", settings)
    run_stage(stage, made, out=out, home=out.parents[1], seed=0, device="cpu", reporter=Reporter(out, quiet=True))
    found = newest_checkpoint(out)
    return out if found is None else found


@pytest.mark.parametrize("collected", [COLLECT, {**COLLECT, "look": "fast", "action_repeat": 2}])
def test_a_video_model_knows_the_look_and_action_repeat_of_its_data_set(
    tmp_path: Path, collected: dict[str, object]
) -> None:
    train("collect", tmp_path / "runs" / "videos", collected)
    pretrain: dict[str, object] = {**NETWORKS, "dataset": "videos", "held_out": 1, "updates": 1}
    folder = train("pretrain", tmp_path / "runs" / "model", pretrain)
    scene = read_info(folder, "model", "run").scene
    assert (scene.look, scene.action_repeat) == (collected["look"], collected["action_repeat"])


def test_checkpoints_that_say_nothing_were_drawn_fast_with_two_steps_an_action() -> None:
    scene = read_info(SHIPPED / "finger-episode-factors", "finger-episode-factors", "shipped").scene
    assert (scene.look, scene.action_repeat) == ("fast", 2)
