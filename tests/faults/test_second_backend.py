"""Two backends on one store: the second exits within two seconds and says why."""

import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backend.runs.folders import run_folder
from backend.runs.locks import PATIENCE_S, api_lock, folder_lock, hold, worker_lock


@pytest.mark.parametrize("command", ["serve", "worker", "app"])
def test_the_second_backend_on_a_store_exits_at_once_and_says_why(shop: Any, command: str) -> None:
    lock = worker_lock(shop.home, "worker-1") if command == "worker" else api_lock(shop.home)
    with hold(lock):
        code, seconds, said = _run(shop, command, **({"DISWM_WORKER": "worker-1"} if command == "worker" else {}))
    assert code == 75
    assert seconds + PATIENCE_S < 2
    assert "another" in said and str(shop.home) in said


def test_a_second_process_on_a_run_is_refused(shop: Any) -> None:
    run = shop.pretrain(updates=20)
    folder = run_folder(shop.home, run)
    with hold(folder_lock(folder)):
        code, _, said = _run(shop, "pretrain", "--set", "dataset=noise", "--out", str(folder), "--resume")
    assert code == 75
    assert "writes into" in said
    assert not (folder / "progress.json").exists()


def _run(shop: Any, *command: str, **environment: str) -> tuple[int, float, str]:
    """Exit code, seconds of work (what it takes on a machine that is not busy otherwise), and what was said."""
    before = _work()
    process: subprocess.Popen[bytes] = shop.start(*command, **environment)
    code = process.wait(60)
    return code, _work() - before, Path(shop.home / f"{command[0]}.txt").read_text()


def _work() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
