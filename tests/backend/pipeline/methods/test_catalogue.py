"""The catalogue: every method is in it once, has its file, its test and its row among the decisions."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import backend.pipeline.methods as package
from backend.pipeline.builder import settings_schema
from backend.pipeline.fields import Closed
from backend.pipeline.methods.catalogue import CATALOGUE
from backend.pipeline.methods.flat import methods_of_settings
from backend.pipeline.settings import FinetuneSettings, OfflineSettings
from frontend.pages import PAGES

ROOT = Path(__file__).parents[4]
SHARED = {"__init__", "behaviour", "build", "catalogue", "flat", "needs", "parts", "stacked"}
"""Modules that belong to no method."""


def modules() -> dict[str, str]:
    """Module by method."""
    return {name: entry.builder.partition(":")[0].rpartition(".")[2] for name, entry in CATALOGUE.items()}


def test_each_file_is_in_the_catalogue_and_each_builder_in_its_file() -> None:
    assert package.__file__ is not None
    files = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert files - SHARED == set(modules().values())
    builders = [entry.builder for entry in CATALOGUE.values()]
    assert len(set(builders)) == len(builders)
    for builder in builders:
        module, _, function = builder.partition(":")
        assert callable(getattr(import_module(module), function))


def test_each_method_has_a_row_among_the_decisions_and_a_test_file() -> None:
    page = (ROOT / "docs" / "decisions" / "methods.md").read_text().partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE) == list(CATALOGUE)
    for module in modules().values():
        assert (Path(__file__).parent / f"test_{module}.py").is_file()


def test_what_a_form_and_help_need_imports_no_torch() -> None:
    code = "import sys, backend.pipeline.builder, backend.pipeline.methods.needs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_form_offers_every_method_and_diswm_first() -> None:
    offered = {stage: settings_schema(stage)["properties"]["method"]["enum"] for stage in ("finetune", "offline")}
    assert [*offered["finetune"], *offered["offline"]] == list(CATALOGUE)
    assert FinetuneSettings().method == offered["finetune"][0] == "diswm"
    assert OfflineSettings().method == offered["offline"][0] == "ditto"


def test_no_two_methods_mean_different_things_by_one_setting() -> None:
    sections = {entry.section for entry in CATALOGUE.values()}
    names = [name for section in sections for name in section.__annotations__]  # others inherit them
    assert len(set(names)) == len(names)
    assert not set(names) & (FinetuneSettings.model_fields.keys() | OfflineSettings.model_fields.keys())
    assert all(issubclass(section, Closed) for section in sections)


def test_the_schema_says_whose_each_setting_is() -> None:
    found: dict[str, list[str]] = {}
    for stage in ("finetune", "pipeline", "offline"):
        schema = settings_schema(stage)
        properties = schema.get("$defs", {}).get("FinetuneSettings", schema)["properties"]
        owners = {name: field["x-methods"] for name, field in properties.items() if "x-methods" in field}
        found |= owners
    assert found == methods_of_settings()
    assert found["distill_steps"] == ["diswm", "diswm-no-disentanglement"]
    assert found["bonus_queue"] == ["apv", "contextwm", "contextwm-beta"] and found["likeness_above_chance"] == [
        "ditto"
    ]


def test_the_view_of_each_method_is_a_page() -> None:
    assert {entry.view for entry in CATALOGUE.values()} <= set(PAGES)
