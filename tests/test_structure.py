"""The structure that the documents promise: rooms, no circle, one place for each list."""

import ast
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]


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
    methods = {f"backend.pipeline.methods.{name}" for name in ("diswm", "dreamerv2", "dv2_finetune", "apv")}
    assert methods <= graph.modules
    assert {by for method in methods for by in graph.find_modules_that_directly_import(method)} == set()


def test_test_helpers_are_imported_from_one_place() -> None:
    helpers = {path.stem for path in (ROOT / "tests" / "support").glob("*.py")} | {"conftest"}
    for path in (ROOT / "tests").rglob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not imported & helpers, f"{path}: tests.support.<module> is the one way"
        assert "syspath_prepend" not in called, path
