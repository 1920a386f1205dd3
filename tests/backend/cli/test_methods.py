"""`diswm methods` lists the methods as text and as JSON."""

import json

from typer.testing import CliRunner

from backend.__main__ import build_app
from backend.pipeline.methods.catalogue import CATALOGUE


def test_the_methods_are_listed_in_words_and_as_json() -> None:
    words = CliRunner().invoke(build_app(), ["methods"])
    assert words.exit_code == 0
    assert all(f"{name} " in words.output and entry.differs in words.output for name, entry in CATALOGUE.items())
    assert "needs teacher: the checkpoint of an action-free video model" in words.output
    listed = CliRunner().invoke(build_app(), ["methods", "--json"])
    items = json.loads(listed.output)["items"]
    assert [item["name"] for item in items] == list(CATALOGUE)
    assert items[0].keys() == {"name", "title", "paper", "stage", "needs", "view", "differs"}
