"""Files and folders are whole or absent, and damage is noticed."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from backend.data import files
from backend.data.crash import crash_point
from backend.data.files import (
    ABANDONED_S,
    CorruptFile,
    _mark,
    aside_of,
    sweep,
    sweep_tree,
    verify_folder,
    write_file,
    write_folder,
    write_json,
)


def test_a_folder_appears_with_its_files_and_verifies(tmp_path: Path) -> None:
    target = tmp_path / "new"
    write_folder(target, {"a": b"one", "b": lambda path: path.write_text("two") and None})
    assert (target / "b").read_text() == "two"
    verify_folder(target)
    with pytest.raises(FileExistsError):
        write_folder(target, {"a": b"other"})
    assert (target / "a").read_bytes() == b"one"


@pytest.mark.parametrize("failing", ["fsync", "rename", "write", "callback"])
def test_nothing_appears_when_any_step_fails(tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    content = {"a": b"one", "b": fail if failing == "callback" else b"two"}
    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    if failing == "rename":
        monkeypatch.setattr(Path, "rename", fail)
    if failing == "write":
        monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        write_folder(tmp_path / "new", content)  # type: ignore[arg-type] # fail takes any arguments
    assert list(tmp_path.iterdir()) == []


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "state.json"
    write_json(target, {"good": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(target, {"bad": float("nan")})

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_file(target, b"half")
    assert target.read_text() == '{\n "good": 1\n}'
    assert list(tmp_path.iterdir()) == [target]


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path: Path) -> None:
    content = random.Random(0).randbytes(5_000)
    write_folder(tmp_path / "c", {"weights": content, "config": b"{}"})
    rng = random.Random(1)
    weights = tmp_path / "c" / "weights"
    for trial in range(200):
        damaged = bytearray(content)
        if trial % 2:
            damaged = damaged[: rng.randrange(len(content))]
        else:
            damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        weights.write_bytes(damaged)
        with pytest.raises(CorruptFile, match="weights"):
            verify_folder(tmp_path / "c")
    weights.write_bytes(content)
    verify_folder(tmp_path / "c")


@pytest.mark.parametrize("manifest", [None, b"", b"[]", b"{not json", b'{"weights": 5}'])
def test_a_missing_or_foreign_manifest_is_noticed(tmp_path: Path, manifest: bytes | None) -> None:
    write_folder(tmp_path / "c", {"weights": b"1"})
    path = tmp_path / "c" / files.MANIFEST
    path.unlink() if manifest is None else path.write_bytes(manifest)
    with pytest.raises(CorruptFile, match=r"manifest\.json"):
        verify_folder(tmp_path / "c")


_ACTIONS = """
import os, pathlib, shutil, sys
from backend.data.crash import crash_point
from backend.data.files import remove_folder, write_file, write_folder
home = pathlib.Path(sys.argv[1])

def naive_folder(target, files):
    target.mkdir()
    for name, content in files.items():
        (target / name).write_bytes(content)
        crash_point("folder-half-written")

def naive_file(target, content):
    with target.open("wb") as file:
        file.write(content[:3])
        file.flush()
        crash_point("file-before-rename")
        file.write(content[3:])

def naive_removal(folder):
    (folder / "a").unlink()
    crash_point("folder-half-removed")
    shutil.rmtree(folder)

naive = len(sys.argv) > 2
(naive_folder if naive else write_folder)(home / "new", {"a": b"1", "b": b"2"})
(naive_file if naive else write_file)(home / "state", b"written anew")
(naive_removal if naive else remove_folder)(home / "old")
"""


def _killed_at(point: str, home: Path, *naive: str) -> list[str]:
    """Incomplete files in the home of a process that died at a point, and those that no sweep removed."""
    write_folder(home / "old", {"a": b"1", "b": b"2"})
    write_file(home / "state", b"as it was")
    command = [sys.executable, "-c", _ACTIONS, str(home), *naive]
    killed = subprocess.run(command, env=os.environ | {"DISWM_CRASH_AT": point}, check=False)
    assert killed.returncode == -9  # the point was reached
    sweep(home)
    wrong = [] if (home / "state").read_bytes() in (b"as it was", b"written anew") else ["state"]
    for folder in sorted(home.glob("*/")):
        try:
            verify_folder(folder)
        except CorruptFile:
            wrong.append(folder.name)
    return wrong + [path.name for path in home.glob(".*")]


@pytest.mark.parametrize(
    "point",
    [
        "folder-half-written",
        "folder-before-rename",
        "folder-after-rename",
        "file-before-rename",
        "file-after-rename",
        "folder-half-removed",
    ],
)
def test_a_kill_at_any_point_leaves_files_and_folders_whole_or_absent(tmp_path: Path, point: str) -> None:
    assert _killed_at(point, tmp_path) == []


@pytest.mark.parametrize(
    ("point", "broken"),
    [("folder-half-written", "new"), ("file-before-rename", "state"), ("folder-half-removed", "old")],
)
def test_the_same_kill_is_noticed_where_files_are_written_in_place(tmp_path: Path, point: str, broken: str) -> None:
    """Negative control of the test above."""
    assert broken in _killed_at(point, tmp_path, "naive")


def test_without_the_variable_no_point_does_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISWM_CRASH_AT", raising=False)
    crash_point("anything")
    monkeypatch.setenv("DISWM_CRASH_AT", "something-else")
    crash_point("anything")


def test_a_point_can_be_named_by_how_often_it_was_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _process, number: killed.append(number))
    monkeypatch.setenv("DISWM_CRASH_AT", "third-time:3")
    said: list[str] = []
    for which in ("first", "second", "third", "fourth"):
        crash_point("third-time", partial(said.append, which))
    assert (said, killed) == (["third"], [signal.SIGKILL])


def test_the_sweep_takes_what_dead_processes_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    mine = aside_of(tmp_path / "mine")
    born_before = tmp_path / f".partial-{os.getpid()}.1-0-c"  # this process has the id of one that is gone
    dead = tmp_path / "below" / ".partial-999999999.5-0-c"
    for folder in (mine, born_before, dead):
        folder.mkdir(parents=True)
    sweep(tmp_path)
    assert (mine.exists(), born_before.exists(), dead.exists()) == (True, False, True)
    sweep_tree(tmp_path)
    assert (mine.exists(), dead.exists()) == (True, False)


def test_the_sweep_takes_what_a_killed_process_left_before_its_parent_asks_how_it_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        left = tmp_path / f".partial-{_mark(process.pid)}-0-c"
        left.mkdir()
        sweep(tmp_path)
        assert left.exists()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and stays a zombie
        sweep(tmp_path)
        assert not left.exists()


def test_a_name_written_by_several_at_once_stands_whole_and_once(tmp_path: Path) -> None:
    def write(number: int) -> bool:
        write_file(tmp_path / "file", bytes([number]) * 50_000)
        try:
            write_folder(tmp_path / "folder", {name: bytes([number]) * 50_000 for name in "abc"})
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(write, range(16)))
    assert wrote.count(True) == 1
    verify_folder(tmp_path / "folder")
    assert (tmp_path / "folder" / "a").read_bytes() == bytes([wrote.index(True)]) * 50_000
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_a_process_of_another_machine_writes_is_left_for_a_day(tmp_path: Path) -> None:
    elsewhere = tmp_path / ".partial-999999999.5.0123abcd-0-c"
    elsewhere.write_bytes(b"half")
    sweep(tmp_path)
    assert elsewhere.exists()
    long_ago = time.time() - ABANDONED_S - 10
    os.utime(elsewhere, (long_ago, long_ago))
    sweep(tmp_path)
    assert not elsewhere.exists()


def test_every_file_of_a_folder_can_be_read_by_whom_the_others_can(tmp_path: Path) -> None:
    def closed(path: Path) -> None:
        path.write_bytes(b"weights")
        path.chmod(0o600)

    write_folder(tmp_path / "made", {"weights": closed, "notes": b"open"})
    modes = {path.stat().st_mode for path in (tmp_path / "made").iterdir()}
    assert len(modes) == 1
