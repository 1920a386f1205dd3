"""The command line over a home of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.settings import get_settings


@pytest.fixture(scope="module")
def home(tiny_checkpoint_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tiny checkpoints, which may be written to; a file of tests may add to it."""
    target = tmp_path_factory.mktemp("cli") / "home"
    shutil.copytree(tiny_checkpoint_home, target)
    return target


@pytest.fixture
def diswm(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`diswm("factors", "tiny-world")`: the command line with that home, in an empty folder."""
    monkeypatch.setenv("DISWM_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield lambda *words: CliRunner().invoke(build_app(), [str(word) for word in words])
    get_settings.cache_clear()
