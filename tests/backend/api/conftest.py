"""The real application over a copy of the home with tiny checkpoints."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings


@pytest.fixture(scope="module")
def home(tiny_checkpoint_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for this test file alone."""
    target = tmp_path_factory.mktemp("api") / "home"
    shutil.copytree(tiny_checkpoint_home, target)
    return target


@pytest.fixture(scope="module")
def app(home: Path) -> FastAPI:
    """The application."""
    return create_app(Settings(home=home, upload_limit=20_000_000))


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the application; a defect is answered with 500 instead of an exception."""
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as opened:
        yield opened
