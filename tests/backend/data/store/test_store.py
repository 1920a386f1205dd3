"""Folders in a store: create-only, the manifest last, damage found, a lost connection in one sentence."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.data.files import verify_folder, write_folder
from backend.data.store.download import bring
from backend.data.store.manifest import PART_OF_LOG, Manifest, StoredFile, read_manifest, write_manifest
from backend.data.store.opening import open_store, try_store
from backend.data.store.protocol import HaltableObjects, Halted, ObjectDamaged, ObjectMissing, Objects, StoreError
from backend.data.store.upload import Upload
from tests.support.s3 import Service, bucket, service


@pytest.fixture(params=["file", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    """Both kinds of store, empty."""
    if request.param == "file":
        opened = open_store(f"file://{tmp_path}/store")
        assert opened is not None
        yield opened
        return
    with bucket(monkeypatch) as address:
        opened = open_store(address)
        assert opened is not None
        yield opened


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that faults can be put into."""
    with service() as here:
        for name, value in here.environment.items():
            monkeypatch.setenv(name, value)
        yield here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder: a checkpoint, two saves, a long log, and files that are for this machine only."""
    run = tmp_path / "run"
    write_folder(
        run / "checkpoints" / "update-000000010", {"model.safetensors": b"weights" * 1000, "config.json": b"{}"}
    )
    write_folder(run / "resume" / "update-000000010", {"training.pt": b"save" * 1000})
    (run / "metrics.jsonl").write_bytes(b"x" * (2 * PART_OF_LOG + 7))
    (run / "empty.txt").touch()
    (run / ".lock").write_text("mine")
    (run / "tensorboard").mkdir()
    (run / "tensorboard" / "events.1").write_bytes(b"made again")
    return run


def content_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_an_object_is_created_once_and_the_second_writer_is_refused(objects: Objects) -> None:
    assert objects.create("a/one", b"first")
    assert not objects.create("a/one", b"second")
    assert objects.read("a/one") == b"first"
    assert objects.create("a/b/two", b"")
    assert sorted(objects.keys("a")) == ["a/b/two", "a/one"]
    objects.delete(["a/one", "a/never"])
    assert list(objects.keys("a")) == ["a/b/two"]
    with pytest.raises(ObjectMissing, match="no object a/one"):
        objects.read("a/one")


def test_of_writers_at_the_same_moment_one_creates_the_object(objects: Objects) -> None:
    together = threading.Barrier(8)

    def create(writer: int) -> bool:
        together.wait()
        return objects.create(key, b"%d" % writer)

    with ThreadPoolExecutor(8) as pool:
        for key in ("a/0", "a/1", "a/2"):
            won = list(pool.map(create, range(8)))
            assert sum(won) == 1
            assert objects.read(key) == b"%d" % won.index(True)


def test_a_folder_comes_back_as_it_was_without_what_belongs_to_one_machine(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    key = Upload(objects, "runs/r/1").put(folder)
    bring(objects, read_manifest(objects, key), tmp_path / "there")
    expected = content_of(folder)
    del expected[".lock"], expected["tensorboard/events.1"]
    assert content_of(tmp_path / "there") == expected


def test_a_log_that_grew_is_sent_from_its_last_part_on(objects: Objects, folder: Path, tmp_path: Path) -> None:
    upload = Upload(objects, "runs/r/1")
    bring(objects, read_manifest(objects, upload.put(folder)), tmp_path / "there")
    before = set(objects.keys("runs/r"))
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b"more\n")
    key = upload.put(folder)
    assert len(set(objects.keys("runs/r")) - before) == 2  # the part, and the manifest
    bring(objects, read_manifest(objects, key), tmp_path / "there")
    assert (tmp_path / "there" / "metrics.jsonl").read_bytes() == (folder / "metrics.jsonl").read_bytes()


def test_an_upload_that_breaks_off_shows_nothing_and_the_next_one_sends_the_rest(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    sent: list[int] = []

    def broken() -> bool:
        sent.append(1)
        return len(sent) > 3

    upload = Upload(HaltableObjects(objects, broken), "runs/r/1")
    with pytest.raises(Halted):
        upload.put(folder)
    assert not [key for key in objects.keys("runs/r") if "manifests" in key]
    upload.objects = objects
    bring(objects, read_manifest(objects, upload.put(folder)), tmp_path / "there")
    verify_folder(tmp_path / "there" / "checkpoints" / "update-000000010")


def test_what_no_reader_needs_any_more_is_deleted_and_the_state_before_stays_for_readers(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    upload = Upload(objects, "runs/r/1")
    keys = []
    for number in range(4):
        (folder / "progress.json").write_text(json.dumps(number))
        keys.append(upload.put(folder))
        upload.accept(keys[-1])
    with pytest.raises(ObjectMissing):
        read_manifest(objects, keys[1])
    for number in (2, 3):
        bring(objects, read_manifest(objects, keys[number]), tmp_path / "there")
        assert json.loads((tmp_path / "there" / "progress.json").read_text()) == number
    assert len([key for key in objects.keys("runs/r") if "manifests" in key]) == 2


def test_the_next_attempt_refers_to_what_the_one_before_sent(objects: Objects, folder: Path, tmp_path: Path) -> None:
    first = Upload(objects, "runs/r/1").put(folder)
    (folder / "progress.json").write_text("1")
    second = Upload(objects, "runs/r/2", read_manifest(objects, first), first)
    key = second.put(folder)
    assert len(list(objects.keys("runs/r/2"))) == 2
    second.accept(key)
    bring(objects, read_manifest(objects, key), tmp_path / "there")
    verify_folder(tmp_path / "there" / "resume" / "update-000000010")


def test_bringing_replaces_what_is_older_and_removes_what_is_gone_but_keeps_labels(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    upload = Upload(objects, "runs/r/1")
    bring(objects, read_manifest(objects, upload.put(folder)), there)
    (there / "checkpoints" / "update-000000010" / "labels.json").write_text("{}")
    write_folder(there / "resume" / "update-000000099", {"training.pt": b"of an attempt that lost the run"})
    (folder / "empty.txt").unlink()
    bring(objects, read_manifest(objects, upload.put(folder)), there)
    assert (there / "checkpoints" / "update-000000010" / "labels.json").exists()
    assert [path.name for path in (there / "resume").iterdir()] == ["update-000000010"]
    assert not (there / "empty.txt").exists()


def test_a_damaged_object_is_found_by_its_hash(objects: Objects, folder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(objects, Upload(objects, "runs/r/1").put(folder))
    spoiled = manifest.files["checkpoints/update-000000010/model.safetensors"].parts[0]
    objects.delete([spoiled])
    objects.create(spoiled, b"something else")
    with pytest.raises(ObjectDamaged, match="its hash differs"):
        bring(objects, manifest, tmp_path / "there")
    assert not (tmp_path / "there" / "checkpoints" / "update-000000010").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", ".lock", "a/../../b"])
def test_a_manifest_that_names_a_file_outside_its_folder_is_refused(objects: Objects, name: str) -> None:
    key = write_manifest(objects, "runs/r/1", Manifest({name: StoredFile(0, ())}))
    with pytest.raises(ObjectDamaged, match="outside its folder"):
        read_manifest(objects, key)


def test_a_lost_connection_is_one_sentence_without_credentials_and_the_next_try_succeeds(
    away: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.data.store.objects.RETRIES", 0)
    objects = open_store("s3://diswm-test/lab")
    assert objects is not None
    upload = Upload(objects, "runs/r/1")
    away.away = True
    with pytest.raises(StoreError, match=r"^the store s3://diswm-test/lab cannot be used: ") as refused:
        upload.put(folder)
    assert "\n" not in str(refused.value) and "test-secret-key" not in str(refused.value)
    away.away = False
    assert read_manifest(objects, upload.put(folder)).files


def test_a_store_that_lets_a_second_writer_replace_an_object_is_found_out(objects: Objects) -> None:
    try_store(objects)
    assert list(objects.keys("checks")) == []

    class Replacing(HaltableObjects):
        def create(self, key: str, content: bytes) -> bool:
            self.delete([key])
            return super().create(key, content)

    with pytest.raises(StoreError, match="needs conditional writes"):
        try_store(Replacing(objects, lambda: False))


def test_without_a_store_there_is_nothing_to_open() -> None:
    assert open_store("file://") is None
