"""Modules of the page's JavaScript become one module for each component."""

import re

import pytest

from frontend.components.modules import joined, styles

COMPONENTS = ("scrubber", "player", "play", "matrix", "saver", "page", "viewer")
DEFINED = re.compile(r"^(?:async )?(?:function|class|const|let) ([A-Za-z]+)", re.MULTILINE)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_one_module_with_one_entry_and_no_name_twice(name: str) -> None:
    script = joined(f"{name}.js")
    assert "\nimport " not in f"\n{script}"
    assert len(re.findall(r"^export ", script, re.MULTILINE)) == 1
    assert len(re.findall(r"^export default ", script, re.MULTILINE)) == 1
    names = DEFINED.findall(script)
    assert sorted(names) == sorted(set(names))


def test_what_is_imported_comes_before_what_imports_it_and_once() -> None:
    script = joined("scrubber.js")
    places = [script.index(text) for text in ("const clamp =", "class Playable", "class Scrubber extends Playable")]
    assert places == sorted(places)
    assert script.count("function loadPicture") == 1


def test_charts_bring_their_styles_to_every_component_that_draws_them() -> None:
    for name in ("player", "play"):
        assert styles(f"{name}.js").count(".curve path {") == 1
    assert ".curve" not in styles("scrubber.js") and styles("saver.js") == ""
