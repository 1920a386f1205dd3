"""The catalogue finds things by id where they lie, without reading everything else."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.data import catalogue
from backend.data.catalogue import NotFound, checkpoints_of_run, find_checkpoint, find_dataset, list_checkpoints
from backend.data.checkpoint import CheckpointInfo, read_info
from backend.data.episodes import DatasetInfo, frames_only, read_dataset_info, write_dataset_info, write_episode
from backend.data.places import SHIPPED
from backend.runs import found

CONFIG = (SHIPPED / "cartpole-swingup-policy" / "config.json").read_text()
OTHERS = 20


def make(folder: Path, **changed: object) -> None:
    """A folder with the settings of a checkpoint."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(json.loads(CONFIG) | changed))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Imports, a pipeline with three checkpoints, and data sets of an import and of a run."""
    for number in range(OTHERS):
        make(tmp_path / "checkpoints" / f"made-{number}", name="made")
        data_set(tmp_path / "datasets" / f"noise-{number}")
    for update in ("000100", "000200"):
        make(tmp_path / "runs" / "run-1" / "pretrain" / "checkpoints" / f"update-{update}", name="seen")
    make(tmp_path / "runs" / "run-1" / "finetune" / "checkpoints" / "update-000300", name="acted")
    data_set(tmp_path / "runs" / "run-1" / "dataset")
    return tmp_path


def data_set(folder: Path) -> None:
    folder.mkdir(parents=True)
    write_episode(folder / "episode-000000.npz", frames_only(np.zeros((4, 64, 64, 3), np.uint8)))
    write_dataset_info(read_dataset_info(folder))


@pytest.mark.parametrize(
    ("id", "name"),
    [("made-7", "made"), ("run-1", "acted"), ("run-1-pretrain", "seen"), ("run-1-pretrain.update-000100", "seen"),
     ("cartpole-swingup-policy", "cartpole-swingup-policy")],
)  # fmt: skip
def test_a_checkpoint_is_found_by_id_without_reading_the_others(
    home: Path, monkeypatch: pytest.MonkeyPatch, id: str, name: str
) -> None:
    read: list[Path] = []

    def look(folder: Path, *about: Any) -> CheckpointInfo:
        read.append(folder)
        return read_info(folder, *about)

    monkeypatch.setattr(catalogue, "read_info", look)
    assert (info := find_checkpoint(home, id)).id == id
    assert info.name == name
    assert len(read) < OTHERS / 2
    list_checkpoints(home)  # the control: a list reads all
    assert len(read) > OTHERS


def test_a_shipped_folder_that_goes_while_they_are_listed_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "shipped")
    for name in ("stays", "goes"):
        make(tmp_path / "shipped" / name)
        (tmp_path / "shipped" / name / "manifest.json").write_text("{}")
    manifest, listed = tmp_path / "shipped" / "goes" / "manifest.json", set()
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            manifest.unlink()
            manifest.write_text("{}")

    restless = threading.Thread(target=come_and_go)
    restless.start()
    try:
        for _ in range(2_000):
            listed.add(tuple(sorted(info.id for info in list_checkpoints(tmp_path))))
    finally:
        stop.set()
        restless.join()
    assert listed == {("stays",), ("goes", "stays")}


def test_of_several_with_a_name_the_newest_is_found(home: Path) -> None:
    make(home / "checkpoints" / "later", name="made", created_at="2999-01-01T00:00:00+00:00")
    assert find_checkpoint(home, "made").id == "later"


def test_a_checkpoint_written_again_is_read_again(home: Path) -> None:
    assert find_checkpoint(home, "made-3").name == "made"
    path = home / "checkpoints" / "made-3" / "config.json"
    path.write_text(path.read_text().replace('"made"', '"renamed"'))
    assert find_checkpoint(home, "made-3").name == "renamed"


@pytest.mark.parametrize("id", ["../outside", "..", ".", "", ".hidden", "made-3/../made-4", "a\0b", "x" * 5_000])
def test_an_id_is_never_a_path(home: Path, id: str) -> None:
    make(home / "outside")
    make(home / "checkpoints" / ".hidden")
    with pytest.raises(NotFound):
        find_checkpoint(home, id)
    with pytest.raises(NotFound):
        find_dataset(home, id)
    assert found.find_run(home, id) is None


def test_the_checkpoints_of_a_run_are_those_of_its_stages_in_order(home: Path) -> None:
    ids = [info.id for info in checkpoints_of_run(home, find_checkpoint(home, "run-1"))]
    assert ids == ["run-1-pretrain.update-000100", "run-1-pretrain", "run-1"]


def test_a_data_set_is_found_by_id_without_reading_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def look(folder: str) -> DatasetInfo:
        read.append(folder)
        return read_dataset_info(folder)

    monkeypatch.setattr(catalogue, "read_dataset_info", look)
    assert find_dataset(home, "noise-7").folder == home / "datasets" / "noise-7"
    assert len(read) == 1
    assert find_dataset(home, "dataset").folder == home / "runs" / "run-1" / "dataset"  # the control: by name, all
    assert len(read) > OTHERS
