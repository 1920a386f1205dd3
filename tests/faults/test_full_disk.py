"""A full disk pauses runs; they resume by themselves when there is space again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.runs.states import RunState


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB; mounting it takes root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.long
def test_a_run_pauses_on_a_full_disk_and_goes_on_when_there_is_room(
    small_disk: Path, open_shop: Any, ledger: Any
) -> None:
    shop = open_shop(small_disk)
    run = shop.pretrain(updates=60, checkpoint_every=30)
    shop.start_worker()
    shop.until(lambda: shop.done(run) > 5)
    filler = small_disk / "filler"
    _fill(filler)
    shop.until(lambda: not shop.leaders(run))
    filler.unlink()
    shop.until(lambda: shop.row(run).state == RunState.PAUSED)
    assert shop.row(run).error["type"] == "disk_full"
    shop.until(lambda: shop.row(run).state == RunState.SUCCEEDED)
    ledger.write(
        "a full disk", "runs pause and resume", "a tmpfs of 64 MB filled beside a run", "paused, then finished"
    )


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 65_536)
