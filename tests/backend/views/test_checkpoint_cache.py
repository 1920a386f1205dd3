"""The checkpoint cache reads the disk once for all simultaneous requests."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.data.catalogue import find_checkpoint
from backend.data.checkpoint import CheckpointInfo
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
