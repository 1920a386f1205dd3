"""Checkpoints go to a hub and come back unchanged; what a hub sends is checked like an upload."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backend.data.catalogue import find_checkpoint
from backend.data.checkpoint import (
    CARD,
    CONFIG,
    LABELS,
    CheckpointInfo,
    Label,
    load_checkpoint,
    read_labels,
    write_label,
)
from backend.data.hub import HubError, pull_checkpoint, push_checkpoint
from backend.data.import_checks import CLIP, STATISTICS, WEIGHTS, RefusedImport
from backend.data.imports import LIMITS
from backend.data.model_card import without_front_matter
from tests.support.hub import TOKEN, Hub, hash_of, running_hub

REPO = "me/tiny"

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")  # of huggingface_hub, which sends files as `data`


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # a store of its own, beside the hub
    with running_hub() as hub:
        yield hub


@pytest.fixture
def tiny(tiny_checkpoint_home: Path, tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    home = tmp_path_factory.mktemp("sender")
    shutil.copytree(tiny_checkpoint_home, home, dirs_exist_ok=True)
    return find_checkpoint(home, "tiny-world")


def shelf(home: Path) -> list[str]:
    return [path.name for path in (home / "checkpoints").iterdir()]


def test_a_pushed_checkpoint_comes_back_with_its_weights_its_labels_and_its_exact_commit(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo
) -> None:
    write_label(tiny, 0, Label("pole"))
    pushed = push_checkpoint(tiny, REPO, endpoint=hub.url)
    assert pushed.revision == hash_of(REPO, 1) and pushed.url == f"{hub.url}/{REPO}"
    pulled, known = pull_checkpoint(REPO, tmp_path, endpoint=hub.url)
    assert not known and pulled.name == tiny.name and pulled.source == "import"
    assert pulled.config["origin"] == f"{hub.url}/{REPO} at {pushed.revision}"
    assert (pulled.folder / WEIGHTS).read_bytes() == (tiny.folder / WEIGHTS).read_bytes()
    assert read_labels(pulled)[0].name == "pole"
    load_checkpoint(pulled)
    assert pull_checkpoint(REPO, tmp_path, endpoint=hub.url) == (pulled, True)


def test_a_revision_is_the_commit_that_it_was_and_a_name_is_a_new_one(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo
) -> None:
    write_label(tiny, 0, Label("first"))
    first = push_checkpoint(tiny, REPO, endpoint=hub.url)
    write_label(tiny, 0, Label(""))
    push_checkpoint(tiny, REPO, endpoint=hub.url)
    assert LABELS not in hub.repos[REPO][-1], "what the checkpoint no longer has is removed"
    newest = pull_checkpoint(REPO, tmp_path, name="mine", endpoint=hub.url).info
    older = pull_checkpoint(REPO, tmp_path, revision=first.revision, endpoint=hub.url).info
    assert (newest.name, older.name) == ("mine", tiny.name)
    assert (len(read_labels(newest)), len(read_labels(older))) == (0, 1)


def test_a_checkpoint_without_a_card_gets_one_that_hubs_and_people_can_read(hub: Hub, tiny: CheckpointInfo) -> None:
    push_checkpoint(tiny, REPO, private=True, endpoint=hub.url)
    card = hub.repos[REPO][-1][CARD].decode()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "diswm-studio" and "license" not in front
    assert without_front_matter(card).startswith(f"# {tiny.name}\n")
    assert REPO in hub.private


def test_the_token_goes_to_the_hub_alone(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    push_checkpoint(tiny, REPO, endpoint=hub.url)
    with running_hub() as other:
        other.repos = hub.repos
        hub.elsewhere = other.url.replace("127.0.0.1", "localhost")
        pull_checkpoint(REPO, tmp_path, endpoint=hub.url)
        assert len(other.seen) >= 2 and {authorization for _, authorization in other.seen} == {None}
    assert f"Bearer {TOKEN}" in {authorization for _, authorization in hub.seen}
    told = caplog.text + "".join(capfd.readouterr())
    written = b"".join(file.read_bytes() for file in (tmp_path / "checkpoints").rglob("*") if file.is_file())
    assert TOKEN not in told and TOKEN.encode() not in written


def test_a_broken_connection_leaves_nothing(tmp_path: Path, hub: Hub, tiny: CheckpointInfo) -> None:
    push_checkpoint(tiny, REPO, endpoint=hub.url)
    hub.breaks_at = WEIGHTS
    with pytest.raises(HubError, match=r"connection to .* failed"):
        pull_checkpoint(REPO, tmp_path, endpoint=hub.url)
    assert shelf(tmp_path) == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://user:password@127.0.0.1:9"])
def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path, address: str) -> None:
    with pytest.raises(HubError) as said:
        pull_checkpoint(REPO, tmp_path, endpoint=address)
    assert "password" not in str(said.value) and "127.0.0.1:9" in str(said.value)


def test_a_file_that_is_larger_than_the_hub_said_is_cut_off(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_checkpoint(tiny, REPO, endpoint=hub.url)
    hub.endless = STATISTICS
    monkeypatch.setitem(LIMITS, STATISTICS, 2**20)
    with pytest.raises(RefusedImport, match=r"statistics\.json has more than 1,048,576 bytes"):
        pull_checkpoint(REPO, tmp_path, endpoint=hub.url)
    assert shelf(tmp_path) == []


def test_a_file_over_the_limit_is_refused_before_anything_is_fetched(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_checkpoint(tiny, REPO, endpoint=hub.url)
    monkeypatch.setitem(LIMITS, CLIP, 10)
    with pytest.raises(RefusedImport, match=r"clip\.npz would be"):
        pull_checkpoint(REPO, tmp_path, endpoint=hub.url)
    assert not [path for path, _ in hub.seen if "/resolve/" in path]


def test_other_files_of_a_repository_are_not_fetched_and_changed_ones_refused(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo
) -> None:
    push_checkpoint(tiny, REPO, endpoint=hub.url)
    files = hub.repos[REPO][-1]
    files |= {"model.pt": b"\x80\x02 a pickle", "../outside": b"x", "code.py": b"print()"}
    pulled = pull_checkpoint(REPO, tmp_path, endpoint=hub.url).info
    assert not {"model.pt", "outside", "code.py"} & {path.name for path in tmp_path.rglob("*")}
    files[CONFIG] = json.dumps({**json.loads(files[CONFIG]), "steps": 7}).encode()
    with pytest.raises(RefusedImport, match=r"config\.json"):
        pull_checkpoint(REPO, tmp_path, endpoint=hub.url)
    assert shelf(tmp_path) == [pulled.id]


def test_a_hub_that_lacks_the_store_of_large_files_is_one_sentence(
    hub: Hub, tiny: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    with pytest.raises(HubError, match=r"connection to .* failed"):
        push_checkpoint(tiny, REPO, endpoint=hub.url)


def test_what_is_not_there_or_not_allowed_is_one_sentence(
    tmp_path: Path, hub: Hub, tiny: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos["me/other"] = [{"README.md": b"# something else"}]
    for repo, revision, why in (
        ("me/nothing", None, "has no me/nothing"),
        ("me/other", None, "is no checkpoint: it has no clip.npz"),
        ("me/other", "v9", "no such revision"),
        ("not a name", None, "not the name of a repository"),
    ):
        with pytest.raises(HubError, match=why):
            pull_checkpoint(repo, tmp_path, revision=revision, endpoint=hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(HubError, match=r"refuses access .* HF_TOKEN"):
        push_checkpoint(tiny, REPO, endpoint=hub.url)


def test_without_huggingface_hub_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HubError, match=r"pip install 'diswm-studio\[hub\]'"):
        pull_checkpoint(REPO, tmp_path)
