"""The checkpoint cache reads the disk once for all simultaneous requests."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.data.catalogue import list_checkpoints
from backend.data.checkpoint import CheckpointInfo
from backend.views import checkpoint_cache
from backend.views.checkpoint_cache import CheckpointCache


def test_many_who_ask_at_once_make_it_look_once(tiny_checkpoint_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []

    def look(home: Path) -> list[CheckpointInfo]:
        looked.append(home)
        return list_checkpoints(home)

    monkeypatch.setattr(checkpoint_cache, "list_checkpoints", look)
    monkeypatch.setattr(checkpoint_cache, "LISTED_SECONDS", 60.0)
    checkpoints, together = CheckpointCache(tiny_checkpoint_home), threading.Barrier(16)

    def ask(_: int) -> str:
        together.wait()
        return checkpoints.find("tiny-world").id

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {"tiny-world"}
    assert len(looked) == 1
    checkpoints.list()  # the control: who wants to know how it is now has it look again
    assert len(looked) == 2
