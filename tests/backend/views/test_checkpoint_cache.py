"""The checkpoint cache reads the disk once for all simultaneous requests."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.data.catalogue import Reader, find_checkpoint, list_checkpoints
from backend.data.checkpoint import CheckpointInfo, QualityInBrief, read_quality, read_quality_in_brief
from backend.data.files import write_json
from backend.views import checkpoint_cache
from backend.views.checkpoint_cache import CheckpointCache


def test_many_who_ask_at_once_make_it_look_once(tiny_checkpoint_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(home: Path, reference: str) -> CheckpointInfo:
        looked.append(reference)
        return find_checkpoint(home, reference)

    monkeypatch.setattr(checkpoint_cache, "find_checkpoint", look)
    monkeypatch.setattr(checkpoint_cache, "FOUND_SECONDS", 60.0)
    checkpoints, together = CheckpointCache(tiny_checkpoint_home), threading.Barrier(16)

    def ask(_: int) -> str:
        together.wait()
        return checkpoints.find("tiny-world").id

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {"tiny-world"}
    assert len(looked) == 1
    checkpoints.forget()  # the control: after a deletion it looks again
    assert checkpoints.find("tiny-world").id == "tiny-world"
    assert len(looked) == 2


def test_the_further_pages_of_a_list_do_not_look_at_the_folders_again(
    tiny_checkpoint_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    home = shutil.copytree(tiny_checkpoint_home, tmp_path / "home")

    def look(home: Path, read: Reader | None = None) -> list[CheckpointInfo]:
        looked.append(home)
        return list_checkpoints(home, read)

    monkeypatch.setattr(checkpoint_cache, "list_checkpoints", look)
    checkpoints = CheckpointCache(home)
    first = checkpoints.list()
    assert [checkpoints.list(continues=True) for _ in range(3)] == [first] * 3
    assert len(looked) == 1
    checkpoints.list()  # a first page is as the folders are now
    assert len(looked) == 2
    checkpoints.forget()
    checkpoints.list(continues=True)
    assert len(looked) == 3
    monkeypatch.setattr(checkpoint_cache, "WALK_SECONDS", 0.0)
    checkpoints.list(continues=True)
    assert len(looked) == 4
    monkeypatch.setattr(checkpoint_cache, "WALK_SECONDS", 60.0)
    shutil.copytree(home / "checkpoints" / "tiny-video", home / "checkpoints" / "another")  # by another process
    assert "another" in {info.id for info in checkpoints.list(continues=True)}


def test_after_it_prepared_a_list_reads_no_file_that_did_not_change(
    tiny_checkpoint_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(tiny_checkpoint_home, tmp_path / "home")
    checkpoints, read = CheckpointCache(home), list[str]()

    def look(info: CheckpointInfo) -> QualityInBrief | None:
        read.append(info.id)
        return read_quality_in_brief(info)

    monkeypatch.setattr(checkpoint_cache, "read_quality_in_brief", look)
    checkpoints.prepare()
    listed = checkpoints.list()
    assert sorted(read) == sorted(info.id for info in listed)
    for info in listed:
        checkpoints.quality_in_brief(info)
    assert len(read) == len(listed)
    tiny = next(info for info in listed if info.id == "tiny-world")
    write_json(tiny.folder / "quality.json", {"agent_right": {"observed": None, "imagined": {}}, "sees": "Dots."})
    seen = checkpoints.quality_in_brief(tiny)
    assert seen is not None and (seen.sees, seen.agent_right.observed) == ("Dots.", None)
    assert len(read) == len(listed) + 1


def test_what_lists_show_of_a_quality_is_what_the_whole_says(tiny_checkpoint_home: Path) -> None:
    for info in list_checkpoints(tiny_checkpoint_home):
        whole, brief = read_quality(info), read_quality_in_brief(info)
        assert (whole is None) == (brief is None)
        if whole is not None and brief is not None:
            assert (whole["sees"], whole["agent_right"]["observed"]) == (brief.sees, brief.agent_right.observed)
