"""Checks before a run: data sets and checkpoints are looked up and counted, but their content is not read."""

from pathlib import Path

import numpy as np
import pytest

from backend.data.episodes import DatasetInfo, frames_only, write_dataset_info, write_episode
from backend.pipeline.checks import check_references
from backend.pipeline.report import Reporter
from backend.pipeline.settings import CollectSettings, PretrainSettings, SettingsError
from backend.pipeline.stages import run_stage


def videos(home: Path, *, episodes: int) -> DatasetInfo:
    folder = home / "datasets" / "d"
    folder.mkdir(parents=True)
    for n in range(episodes):
        write_episode(folder / f"{n:06d}.npz", frames_only(np.zeros((4, 64, 64, 3), np.uint8)))
    info = DatasetInfo(
        *("d", "noise", "clips", folder, None, episodes, 4 * episodes, (4,) * episodes, 0, (), True, "", {}, ())
    )
    write_dataset_info(info)
    return info


def collecting(**values: object) -> CollectSettings:
    return CollectSettings.model_validate({"films": "d", "distraction": "video", "episodes": 1} | values)


def test_videos_that_play_behind_the_scene_are_counted_and_not_read(tmp_path: Path) -> None:
    info = videos(tmp_path, episodes=2)
    (info.folder / "000001.npz").write_bytes(b"no episode")
    check_references(collecting(), tmp_path)
    with pytest.raises(SettingsError, match=r"000001\.npz"):
        run_stage(
            "collect",
            collecting(),
            out=tmp_path,
            home=tmp_path,
            seed=0,
            device="cpu",
            reporter=Reporter(tmp_path),
        )


def test_a_data_set_without_videos_is_refused_before_the_run(tmp_path: Path) -> None:
    videos(tmp_path, episodes=0)
    with pytest.raises(SettingsError, match="noise has no episodes") as refused:
        check_references(collecting(), tmp_path)
    assert refused.value.problems[0].pointer == "/films"


def test_a_data_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no data set 'd'"):
        check_references(collecting(), tmp_path)


def test_a_checkpoint_of_other_sizes_cannot_be_continued_from(tmp_path: Path) -> None:
    clips = videos(tmp_path, episodes=4)
    small = {"dataset": clips.id, "length": 4, "seeing_length": 2, "latents": 8, "stoch": 16, "deter": 64, "hidden": 64}
    first = PretrainSettings.model_validate(small | {"updates": 1, "batch": 2, "held_out": 1})
    out = tmp_path / "runs" / "first"
    run_stage("pretrain", first, out=out, home=tmp_path, seed=0, device="cpu", reporter=Reporter(out))
    check_references(PretrainSettings.model_validate(small | {"start": "first"}), tmp_path)
    with pytest.raises(SettingsError, match=r"to start from has latents 8, the settings say 20") as refused:
        check_references(PretrainSettings.model_validate(small | {"start": "first", "latents": 20}), tmp_path)
    assert refused.value.problems[0].pointer == "/latents"
    with pytest.raises(SettingsError, match="no checkpoint 'nowhere'") as unknown:
        check_references(PretrainSettings.model_validate(small | {"start": "nowhere"}), tmp_path)
    assert unknown.value.problems[0].pointer == "/start"
