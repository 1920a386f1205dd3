"""Real files reopen: page, URL, shell and file describe the same view, and a dropped file opens its page."""

import json
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.data.catalogue import SHIPPED
from backend.data.checkpoint import load_checkpoint, read_info
from backend.interpret.counterfactual_request import factor_range, settable
from backend.main import create_app
from backend.settings import Settings
from backend.views.catalogue import KINDS
from backend.views.params import view_schema
from frontend import commands
from frontend.client import Client, as_text
from frontend.components.reopen import view_of
from frontend.state import Counterfactual, Returns, Rollout, View

FILES = ("gif", "mp4", "webm", "png", "pdf", "svg", "csv", "npz")


@pytest.fixture(scope="module")
def home(tiny_checkpoint_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("reopened") / "home"
    shutil.copytree(tiny_checkpoint_home, target)
    return target


@pytest.fixture(scope="module")
def api(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as opened:
        yield opened


@pytest.fixture(autouse=True)
def known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_HOME", str(home))
    monkeypatch.setattr(Client, "view", lambda _, kind: view_schema(KINDS[kind]))


def opened(api: TestClient, file: bytes) -> tuple[str, View]:
    """What the page opens for a dropped file."""
    answer = api.post("/api/v1/views", files={"file": ("dropped", file)})
    assert answer.status_code == 200, answer.text
    return view_of(answer.json())


def by_page(api: TestClient, kind: str, checkpoint: str, sent: Mapping[str, Any], form: str) -> bytes:
    texts = {name: as_text(value) for name, value in sent.items() if value is not None}
    answer = api.get(f"/api/v1/checkpoints/{checkpoint}/{KINDS[kind].path}", params={**texts, "format": form})
    assert answer.status_code == 200, answer.text
    return answer.content


def by_shell(line: str, file: Path, option: str = "--out") -> bytes:
    answer = CliRunner().invoke(build_app(), [*shlex.split(line)[1:], option, str(file)])
    assert answer.exit_code == 0, answer.output
    return file.read_bytes()


def test_what_several_checkpoints_imagine_comes_back_from_every_file(api: TestClient, tmp_path: Path) -> None:
    view = Rollout("tiny-world", others="tiny-video", episode=1, context=4, horizon=3, actions="zero")
    assert Rollout.from_query(view.query()) == view
    sent = view.beside(["tiny-video"])
    for form in FILES:
        file = by_page(api, "together", "tiny-world", sent, form)
        assert opened(api, file) == ("compare/rollouts", view), form
    line = commands.view("together", "tiny-world", sent, "csv")
    assert by_shell(line, tmp_path / "film.csv") == by_page(api, "together", "tiny-world", sent, "csv")


def test_a_counterfactual_comes_back_from_every_file(api: TestClient, tmp_path: Path) -> None:
    found = [load_checkpoint(read_info(path, path.name, "shipped")) for path in sorted(SHIPPED.glob("*/"))]
    checkpoint = next(each for each in found if settable(each))
    factor = settable(checkpoint)[0]
    to = as_text(round(sum(factor_range(checkpoint, factor)) / 2, 2))
    shipped = checkpoint.info.id
    view = Counterfactual(shipped, factor, to, dim=3, seed=2, episode=1, context=4, horizon=3, step=5, actions="zero")
    assert Counterfactual.from_query(view.query()) == view
    for form in ("mp4", "pdf", "csv"):  # a simulator lives the stretch for each of them
        file = by_page(api, "counterfactual", shipped, view.api(), form)
        assert opened(api, file) == ("imagine/simulator", view), form
    line = commands.view("counterfactual", shipped, view.api(), "csv")
    assert by_shell(line, tmp_path / "film.csv") == file


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_a_figure_of_return_curves_opens_the_plot_of_its_runs(
    api: TestClient, home: Path, tmp_path: Path, form: str
) -> None:
    for seed in (0, 1):
        folder = home / "runs" / f"run-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"environment": "cartpole-swingup", "method": "apv"}
        (folder / "settings.json").write_text(json.dumps({"stage": "finetune", "seed": seed, "settings": settings}))
        line = {"phase": "evaluate", "environment_steps": 1000, "evaluation_return": 40.0 + 20 * seed}
        (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    figure = by_shell("diswm compare run-1 run-0", tmp_path / f"returns.{form}", "--figure")
    place, view = opened(api, figure)
    assert (place, view) == ("compare/returns", Returns("run-1,run-0"))
    assert isinstance(view, Returns)
    shown = commands.compare(view.runs).removeprefix(f"DISWM_HOME={home} ").replace(" --figure returns.pdf", "")
    assert by_shell(shown, tmp_path / f"again.{form}", "--figure") == figure
