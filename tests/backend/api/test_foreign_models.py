"""Weights of other projects become checkpoints over HTTP; a bad file is one sentence, and nothing stays of it."""

import io
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import save

from tests.support.archives import RunsCode
from tests.support.foreign_models import dreamer_folder, tensors_of, vae_folder, vae_shapes

BASE = "/api/v1/models"


def sent(client: TestClient, files: dict[str, bytes], **fields: str) -> tuple[int, dict[str, object]]:
    answer = client.post(BASE, files=[("files", one) for one in files.items()], data={"name": "theirs", **fields})
    return answer.status_code, answer.json()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def left(home: Path) -> list[str]:
    return sorted(path.name for path in (*(home / "checkpoints").iterdir(), *(home / "uploads").iterdir()))


def test_the_layouts_that_are_read_are_listed(client: TestClient) -> None:
    items = client.get("/api/v1/adapters").json()["items"]
    assert {"official", "disentangling-vae", "dreamerv3-torch", "r2dreamer"} <= {item["name"] for item in items}
    assert "policy and value are not read" in next(one["about"] for one in items if one["name"] == "dreamerv3-torch")


def test_weights_with_their_settings_become_a_checkpoint_with_traversals(client: TestClient, tmp_path: Path) -> None:
    status, made = sent(client, contents(vae_folder(tmp_path / "vae")))
    assert status == 201 and (made["name"], made["latents"], made["source"]) == ("theirs", 3, "import")
    picture = client.get(f"/api/v1/checkpoints/{made['id']}/traversal", params={"format": "png"})
    assert picture.status_code == 200
    assert client.get(f"/api/v1/checkpoints/{made['id']}").json()["card"].startswith("# theirs\n")


@pytest.mark.usefixtures("forked_readers")
def test_any_name_of_a_file_will_do_and_safetensors_too(client: TestClient, tmp_path: Path) -> None:
    recurrent = contents(dreamer_folder(tmp_path / "dreamer"))["latest.pt"]
    assert sent(client, {"run 7.pth": recurrent}, layout="dreamerv3-torch")[0] == 201
    assert sent(client, {"weights.safetensors": save(tensors_of(vae_shapes()))})[0] == 201


def pickled() -> bytes:
    target = io.BytesIO()
    torch.save({"model": RunsCode()}, target)
    return target.getvalue()


@pytest.mark.usefixtures("forked_readers")
@pytest.mark.parametrize(
    ("files", "fields", "why"),
    [
        ({"model.pt": b"not tensors"}, {}, "damaged, or not a file of plain tensors"),
        ({"model.pt": pickled()}, {}, "damaged, or not a file of plain tensors"),
        ({"model.safetensors": save({"a": torch.zeros(2)})}, {}, "of no known layout"),
        ({"model.safetensors": save(tensors_of(vae_shapes()))}, {"layout": "r2dreamer"}, "is not of the layout"),
        ({"model.safetensors": b"x"}, {"layout": "os:system"}, "there is no layout"),
        ({"a.pt": b"x", "b.pt": b"y"}, {}, "2 files of weights"),
        ({"specs.json": b"{}"}, {}, "0 files of weights"),
        ({"model.py": b"print()"}, {}, "neither weights"),
        ({"model.safetensors": save(tensors_of(vae_shapes())), "specs.json": b"["}, {}, "specs.json cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_leaves_nothing(
    client: TestClient, home: Path, files: dict[str, bytes], fields: dict[str, str], why: str
) -> None:
    sent(client, {"model.py": b""})  # so that both folders exist
    before = left(home)
    status, problem = sent(client, files, **fields)
    assert status == 422 and why in str(problem["detail"])
    assert str(home) not in str(problem)
    assert left(home) == before


def test_a_data_set_is_one_of_the_home_and_never_a_path(client: TestClient, tmp_path: Path) -> None:
    status, problem = sent(client, {"m.safetensors": save(tensors_of(vae_shapes()))}, dataset=str(tmp_path))
    assert status == 404 and problem["errors"] is not None
