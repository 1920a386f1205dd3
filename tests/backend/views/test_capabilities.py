"""What a model can do decides which views of it are offered, by the API and by the shell."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.data.checkpoint import read_info, save_checkpoint
from backend.data.clip import Clip
from backend.main import create_app
from backend.settings import Settings
from backend.views.catalogue import KINDS
from models.config import VideoModelConfig
from models.traversal import LatentStatistics
from models.types import Capabilities
from models.video_model import VideoModel

CKPT = "/api/v1/checkpoints"


@pytest.fixture(scope="module")
def home(tiny_checkpoint_home: Path, tmp_path_factory: pytest.TempPathFactory, moving_squares: Clip) -> Path:
    """A home with a model of DreamerV2's image networks, `embedding`, beside the tiny ones."""
    target = tmp_path_factory.mktemp("capabilities") / "home"
    shutil.copytree(tiny_checkpoint_home, target)
    sizes = VideoModelConfig(latents=64, stoch=8, deter=16, hidden=16, kernels=(4, 8, 16, 16, 64), vision="conv")
    torch.manual_seed(0)
    model = VideoModel(sizes).eval()
    numbers = torch.randn(8, 64).numpy()
    config = {"name": "embedding", "stage": "pretrain", "environment": None, "steps": 1, "created_at": "2026-01-02"}
    save_checkpoint(
        target / "checkpoints" / "embedding",
        model=model,
        actor_critic=None,
        config=config,
        clip=moving_squares,
        statistics=LatentStatistics.of(numbers, numbers),
    )
    return target


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as opened:
        yield opened


def test_a_checkpoint_says_what_its_model_can_do_without_loading_it(home: Path, client: TestClient) -> None:
    info = read_info(home / "checkpoints" / "embedding", "embedding", "import")
    assert info.capabilities == Capabilities(decodes=True, imagines=True, has_latents=False, has_scales=False)
    assert client.get(f"{CKPT}/embedding").json()["capabilities"] == info.capabilities._asdict()
    tiny = client.get(f"{CKPT}/tiny-video").json()["capabilities"]
    assert tiny == {**dict.fromkeys(("decodes", "imagines", "has_latents", "has_scales"), True), "sees_context": False}


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if "has_latents" in kind.needs], ids=lambda k: k.name)
def test_a_view_of_latents_is_refused_where_there_are_none(kind: object, client: TestClient) -> None:
    needed = {"compare": {"other": "tiny-video"}, "counterfactual": {"factor": "light", "to": "3", "dim": "0"}}
    answer = client.get(f"{CKPT}/embedding/{kind.path}", params=needed.get(kind.name, {}))  # type: ignore[attr-defined]
    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition("/")[2]) == (409, "not-offered"), problem
    assert "embedding has no latents" in problem["detail"] and "capabilities" in problem["remedy"]


def test_the_atlas_is_refused_and_a_rollout_is_not(client: TestClient) -> None:
    assert client.get(f"{CKPT}/embedding/atlas").status_code == 409
    assert client.get(f"{CKPT}/embedding/factors/0").status_code == 409
    assert client.get(f"{CKPT}/embedding/rollout", params={"context": 2, "horizon": 2}).status_code == 200


def test_another_checkpoint_of_a_view_is_asked_too(client: TestClient) -> None:
    answer = client.get(f"{CKPT}/tiny-video/compare", params={"other": "embedding"})
    assert answer.status_code == 409 and answer.json()["detail"].startswith("embedding has no latents")


def test_the_shell_refuses_it_in_the_same_words(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_HOME", str(home))
    result = CliRunner().invoke(build_app(), ["traverse", "embedding", "--out", str(tmp_path / "a.png")])
    assert result.exit_code == 2 and "embedding has no latents" in result.output
    assert not (tmp_path / "a.png").exists()
