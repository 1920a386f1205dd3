"""The structure that the documents describe: packages, no import cycles, one place for each list."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from backend.pipeline.methods.catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]
PRIVATE_WORDS = {"carried", "desk", "door", "doors", "kept", "plain", "players", "reel", "reels", "twin", "workshop"}
FOREIGN_NAMES = {
    "PlainSerializer",  # pydantic's
    "PlainTextResponse",  # Starlette's
    "CARRIED",  # builds the kind of view of that address
    "carried_from",  # a field of labels.json
    "run_desk",  # where scripts of version 0.1 find the service
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import of the product, those in functions and for types as well."""
    return grimp.build_graph("backend", "models", "frontend", cache_dir=None)


def test_every_module_of_the_backend_lives_in_a_room_of_the_contract(graph: grimp.ImportGraph) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["type"] == "layers")
    rooms = {room.strip() for layer in layers["layers"] for room in layer.split("|")}
    assert layers["exhaustive"] and set(layers["exhaustive_ignores"]) == {"http", "settings"}
    found = {module.split(".")[1] for module in graph.modules if module.startswith("backend.")}
    assert found == rooms | {"http", "settings"}
    files = {path.stem for path in (ROOT / "backend").glob("*.py")} - {"__init__"}
    assert files == {"__main__", "main", "settings"}, "a new module belongs into a folder"


def test_no_imports_go_in_a_circle_not_even_those_in_functions(graph: grimp.ImportGraph) -> None:
    order: list[str] = []
    waiting = {module: set(graph.find_modules_directly_imported_by(module)) - {module} for module in graph.modules}
    while ready := [module for module, needs in waiting.items() if not needs & waiting.keys()]:
        order += ready
        for module in ready:
            del waiting[module]
    assert waiting == {}, "these import each other, or are imported by such"
    assert len(order) == len(graph.modules)


def test_the_loop_of_online_learning_knows_no_method_by_name(graph: grimp.ImportGraph) -> None:
    methods = {entry.builder.partition(":")[0] for entry in CATALOGUE.values()}
    assert methods <= graph.modules and len(methods) > 10
    importers = {by for method in methods for by in graph.find_modules_that_directly_import(method)}
    assert {by for by in importers if not by.startswith("backend.pipeline.methods.")} == set()


def test_test_helpers_are_imported_from_one_place() -> None:
    helpers = {path.stem for path in (ROOT / "tests" / "support").glob("*.py")} | {"conftest"}
    for path in (ROOT / "tests").rglob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not imported & helpers, f"{path}: tests.support.<module> is the one way"
        assert "syspath_prepend" not in called, path


def test_names_in_the_code_are_terms_of_the_field_and_not_private_words() -> None:
    """See docs/words.md. Names of tests are sentences and may use any word."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ("backend", "models", "frontend", "benchmarks", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for name in (path.stem, *names_in(ast.parse(path.read_text())))
        if name not in FOREIGN_NAMES and not name.startswith("test_") and parts_of(name) & PRIVATE_WORDS
    }
    assert found == set()


def test_names_of_modules_and_classes_in_styles_and_scripts_are_no_private_words() -> None:
    found = {
        f"{path.name}: {word}"
        for path in (ROOT / "frontend" / "components").iterdir()
        if path.suffix in (".js", ".css", ".html")
        for word in [path.stem, *re.findall(r"\.([a-z][a-z-]+)", path.read_text())]
        if set(word.split("-")) & PRIVATE_WORDS
    }
    assert found == set()


def parts_of(name: str) -> set[str]:
    """The words of a name: `render_reel`, `ReelFormats`, `reel-row`."""
    return {part.lower() for part in re.split(r"[_.]|(?<=[a-z])(?=[A-Z])", name)}


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name that a module defines, imports or uses."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
