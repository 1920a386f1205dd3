"""Findings about a checkpoint are stored with it, about a shipped one in DISWM_HOME: the checkout is read-only."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.data.catalogue import SHIPPED, find_checkpoint
from backend.data.checkpoint import CHECKS, FACTORS, CheckpointInfo, Label, load_checkpoint, read_labels, write_label
from backend.data.files import MANIFEST
from backend.data.packing import pack_checkpoint
from backend.interpret.cards import factors_of

NAME = "finger-episode-factors"


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A read-only folder of shipped checkpoints, one with a name of its own and without factors."""
    folder = tmp_path / "checkpoints"
    place = Path(shutil.copytree(SHIPPED / NAME, folder / NAME))
    (place / FACTORS).unlink()
    (place / "labels.json").write_text(json.dumps({"3": {"name": "floor"}, "5": {"name": "sky"}}))
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    monkeypatch.setattr("backend.data.catalogue.SHIPPED", folder)
    yield folder
    for path, mode in modes.items():
        path.chmod(mode)


def found(home: Path) -> CheckpointInfo:
    return find_checkpoint(home, NAME)


def names(info: CheckpointInfo) -> dict[int, str]:
    return {dim: label.name for dim, label in read_labels(info).items()}


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and bytes; an added or removed file also changes the time of its folder."""
    paths = (folder, *sorted(folder.rglob("*")))
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in paths}


def test_naming_a_dimension_of_a_shipped_checkpoint_leaves_its_folder_alone(shipped: Path, tmp_path: Path) -> None:
    before, home = content(shipped), tmp_path / "home"
    assert names(found(home)) == {3: "floor", 5: "sky"}
    write_label(found(home), 3, Label("carpet", author="ada"))
    write_label(found(home), 7, Label("lamp"))
    write_label(found(home), 5, Label(""))  # hides what it was shipped with
    assert names(found(home)) == {3: "carpet", 7: "lamp"}
    write_label(found(home), 7, Label(""))
    assert names(found(home)) == {3: "carpet"}
    assert content(shipped) == before
    assert names(found(tmp_path / "elsewhere")) == {3: "floor", 5: "sky"}


def test_factors_of_a_shipped_checkpoint_are_kept_in_the_home(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, home = content(shipped), tmp_path / "home"
    answer = {"dimensions": [], "why": "this test is about where it is written"}
    monkeypatch.setattr("backend.interpret.cards.analyse", lambda *_frames, **_options: answer)
    checkpoint = load_checkpoint(found(home))
    assert checkpoint.factors is None
    assert factors_of(checkpoint) == answer
    assert load_checkpoint(found(home)).factors == answer
    assert found(home).found(CHECKS) == shipped / NAME / CHECKS  # measured before it was shipped
    assert content(shipped) == before


@pytest.mark.usefixtures("shipped")
def test_an_archive_carries_the_user_s_names_and_those_it_was_shipped_with(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_label(found(home), 3, Label("carpet"))
    pack_checkpoint(found(home), tmp_path / "packed.zip")
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        labels = json.loads(archive.read("labels.json"))
    assert {dim: label["name"] for dim, label in labels.items()} == {"3": "carpet", "5": "sky"}


def test_names_hold_for_the_weights_they_were_given_to(shipped: Path, tmp_path: Path) -> None:
    home, manifest = tmp_path / "home", shipped / NAME / MANIFEST
    write_label(found(home), 3, Label("carpet"))
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text() + "\n")  # another version of the same name
    assert names(found(home)) == {3: "floor", 5: "sky"}


def test_names_beside_a_checkpoint_of_one_s_own_are_read_and_written_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = Path(shutil.copytree(SHIPPED / NAME, home / "checkpoints" / "import-1"))
    (folder / "labels.json").write_text(json.dumps({"2": {"name": "hip"}}))
    info = find_checkpoint(home, "import-1")
    write_label(info, 4, Label("knee"))
    assert names(info) == {2: "hip", 4: "knee"}
    write_label(info, 2, Label(""))
    assert list(json.loads((folder / "labels.json").read_text())) == ["4"]
    assert not (home / "shipped").exists()
