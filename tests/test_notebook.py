"""The notebook runs unchanged, and its files equal those of page and shell byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.main import create_app
from backend.settings import Settings, get_settings

NOTEBOOK = Path(__file__).parents[1] / "docs" / "traversals.ipynb"


def code_cells() -> list[str]:
    """The code of the notebook, cell by cell."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_figure_is_made_in_five_lines() -> None:
    assert len(code_cells()[1].splitlines()) == 5


def test_the_notebook_is_kept_with_what_it_prints_and_shows() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {kind for cell in cells for output in cell["outputs"] for kind in output.get("data", {"text": output})}
    assert {"text", "image/png"} <= kinds


def test_the_notebook_makes_the_bytes_of_page_and_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISWM_HOME", str(tmp_path / ".diswm"))
    known: dict[str, Any] = {}
    for code in code_cells():
        exec(compile(code, NOTEBOOK.name, "exec"), known)
    figure, film, checkpoint = known["figure"], known["film"], known["checkpoint"].info.id
    assert (tmp_path / figure.file_name).read_bytes() == figure.content
    query = {"frame": 5, "columns": 7, "range": 2}
    with TestClient(create_app(Settings(home=tmp_path / ".diswm")), base_url="http://127.0.0.1") as client:
        for format, made in (("png", figure), ("gif", film)):
            served = client.get(f"/api/v1/checkpoints/{checkpoint}/traversal", params={**query, "format": format})
            assert served.content == made.content
    get_settings.cache_clear()
    words = ["traverse", checkpoint, "--frame", "5", "--range", "2", "--format", "png", "--out", "shell.png"]
    assert CliRunner().invoke(build_app(), words).exit_code == 0
    get_settings.cache_clear()
    assert (tmp_path / "shell.png").read_bytes() == figure.content
