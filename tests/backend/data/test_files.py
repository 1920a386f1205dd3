"""Files and folders are whole or absent, and damage is noticed."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from backend.data import files
from backend.data.files import CorruptFile, sweep, verify_folder, write_file, write_folder, write_json


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


def test_a_killed_write_leaves_no_folder_and_the_sweep_takes_the_rest(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, sys; from backend.data.files import write_folder\n"
        "die = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_folder(pathlib.Path(sys.argv[1]) / 'c', {'a': b'1', 'b': die})"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "c").exists() and list(tmp_path.iterdir())
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_sweep_leaves_the_writes_of_living_processes(tmp_path: Path) -> None:
    busy = tmp_path / f".partial-{os.getpid()}-c"
    busy.mkdir()
    sweep(tmp_path)
    assert busy.exists()
