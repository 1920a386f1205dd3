"""The documents are true: commands, targets, routes, files, links and code that they name exist."""

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import typer
import yaml
from PIL import Image

from backend.__main__ import build_app
from backend.data.catalogue import list_datasets
from backend.envs.allowed import VARIABLE
from backend.main import create_app
from backend.settings import Settings
from tests.support.forks import Forks

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAPS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md"]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands() -> set[str]:
    """The names of diswm's commands."""
    return set(typer.main.get_group(build_app()).commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"(?:`|^|/)diswm ([a-z][a-z-]*)", document.read_text(), re.MULTILINE))
    assert named <= commands()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", document.read_text(), re.MULTILINE)) <= TARGETS


def test_the_architecture_names_every_command() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert commands() <= set(re.findall(r"`diswm ([a-z][a-z-]*)", text))


def test_the_documents_name_commands_and_targets() -> None:
    """Negative control: the patterns above do find something."""
    text = "\n".join(document.read_text() for document in MAPS)
    assert len(set(re.findall(r"(?:`|^|/)diswm ([a-z][a-z-]*)", text, re.MULTILINE))) >= 12
    assert {"app", "test"} <= set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE))


def test_the_contract_of_make_holds() -> None:
    assert {"setup", "app", "test", "check", "faults", "bench", "clean"} <= TARGETS


def test_every_option_of_the_stages_that_the_architecture_names_exists() -> None:
    stages = typer.main.get_group(build_app()).commands
    for stage in ("collect", "pretrain", "finetune", "offline", "pipeline"):
        options = {option for parameter in stages[stage].params for option in parameter.opts}
        assert {"--preset", "--set", "--seed", "--device", "--out", "--resume", "--json"} <= options


def routes() -> set[tuple[str, str]]:
    """(method, path) of every route, path parameters without their names."""
    app = create_app(Settings())
    paths = json.loads(json.dumps(app.openapi()))["paths"]
    return {(method.upper(), anonymous(path)) for path, operations in paths.items() for method in operations}


def anonymous(path: str) -> str:
    return re.sub(r"\{[a-z_]+\}", "{}", path)


def test_every_route_that_the_architecture_names_is_in_openapi() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`", text)
    assert len(named) >= 25, "the pattern finds the table"
    there = routes()
    missing = {
        f"{method} {path}"
        for method, path in named
        if not {(method, anonymous(path)), (method, anonymous(f"/api/v1{path}"))} & there
    }
    assert not missing


def test_the_architecture_names_every_route() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = {
        (method, anonymous(path)) for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`\s]*)`", text)
    }
    missing = {
        f"{method} {path}"
        for method, path in routes()
        if not {(method, path), (method, path.removeprefix("/api/v1"))} & named
    }
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    """Links relative to the document, and code spans that are paths of this repository."""
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []
    spans = re.findall(r"`((?:models|backend|frontend|tests|benchmarks|docs|scripts)/[\w/.]*)`", text)
    assert [span for span in spans if not (ROOT / span).exists()] == []


def test_every_folder_and_module_of_the_architectures_map_is_there() -> None:
    block = re.findall(r"```\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.DOTALL)[0]
    top = ""
    for line in block.splitlines():
        head = line.split("  " if line.startswith("  ") else " ")[1 if line.startswith("  ") else 0]
        if not line.startswith(" "):
            top = head
            assert (ROOT / top).is_dir(), top
            continue
        for word in head.split():
            there = [ROOT / top / word.rstrip("/"), ROOT / top / f"{word}.py"]
            assert any(path.exists() for path in there), f"{top}{word}"


def test_every_variable_of_the_architecture_is_a_setting_and_the_other_way_round() -> None:
    documents = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`(DISWM_[A-Z_]+)`", documents))
    settings = {f"DISWM_{field.upper()}" for field in Settings.model_fields} | {VARIABLE}
    assert named <= settings
    assert settings <= named


def test_the_readmes_python_example_makes_a_gif_of_the_shipped_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    with Image.open(tmp_path / "traversal.gif") as film:
        assert film.format == "GIF"
        assert getattr(film, "n_frames", 1) >= 7


SIZES = {
    "collect": "episodes=6 episode_steps=9 workers=1",
    "pretrain": "latents=3 stoch=2 deter=4 hidden=4 batch=2 length=3 held_out=2 updates=2 seeing_length=2",
    "finetune": "latents=3 stoch=2 deter=4 hidden=4 units=4 batch=2 length=3 horizon=2 held_out=2 held_out_steps=6 "
    "explore_episodes=2 demonstrations=0 explore_steps=6 seeing_length=2 behaviour_after=0 "
    "action_repeat=16 prefill=70 agent_steps=75 first_updates=1 evaluate_episodes=1 evaluate_every=70",
    "offline": "latents=3 stoch=2 deter=4 hidden=4 units=4 batch=2 length=3 horizon=2 held_out=2 updates=2 "
    "behaviour_after=1 evaluate_episodes=0 seeing_length=2",
}
"""What makes each stage as small as can be, whatever its preset."""
FEWER = {"backend.pipeline.tasks:RECORDED": 2}
NETWORK = {"latents", "stoch", "deter", "hidden"}
LAST_DATASET = "DATASET"
ELSEWHERE = ("app", "serve", "ui", "worker", "pilots")
"""Commands with tests of their own: what runs until it is stopped, and what a cluster runs."""


def printed_commands(document: Path) -> list[list[str]]:
    """The commands of diswm that a document gives to be copied, in order: lines of code, and spans with options."""
    text = document.read_text()
    lines = [line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    spans = re.findall(r"`(diswm [a-z-]+ [^`]*--[^`]*)`", text)
    found = [line for line in lines + spans if re.match(r"(\.venv/bin/)?diswm ", line)]
    commands = [shlex.split(line, comments=True)[1:] for line in found]
    return [command for command in commands if command[0] not in ELSEWHERE]


def small(command: list[str], tiny: set[str]) -> list[str]:
    """The same command at a tiny size; what goes on from a model keeps its sizes, unless it is `tiny`.

    The names that the command gives are added to `tiny` if it has small networks.
    """
    stages = {command[0]: SIZES[command[0]]} if command[0] in SIZES else {}
    values = stages[command[0]].split() if stages else []
    sources = {part.partition("=")[2] for part in command if part.startswith(("start=", "teacher="))}
    named = {after for word, after in pairwise(command) if word in ("--name", "--out")}
    if "--resume" in command:
        sources |= named
    if sources <= tiny:
        tiny |= named
    else:
        values = [value for value in values if value.partition("=")[0] not in NETWORK]
    if command[0] == "pipeline":
        values = [f"{stage}.{value}" for stage, sizes in SIZES.items() if stage != "offline" for value in sizes.split()]
    return command + [part for value in values for part in ("--set", value)]


PRINTED = [path for path in [*DOCUMENTS, *sorted(ROOT.glob("checkpoints/*/README.md"))] if printed_commands(path)]


def test_cards_and_readme_print_commands() -> None:
    """Negative control: there is something to run."""
    assert {"README.md", "checkpoints/finger-episode-factors/README.md"} <= set(map(name, PRINTED))


@pytest.mark.slow
@pytest.mark.parametrize("document", [path for path in PRINTED if path.name == "README.md"], ids=name)
def test_every_printed_command_runs_as_it_is_printed(document: Path, tmp_path: Path, forks: Forks) -> None:
    """One after the other in one home, with the sizes alone made smaller."""
    environment = {"DISWM_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for film in re.findall(r"python -m benchmarks\.drawn_film (\S+)", document.read_text()):
        draw = [sys.executable, "-m", "benchmarks.drawn_film", film, "--seconds", "12"]
        subprocess.run(draw, env=os.environ | environment, cwd=tmp_path, check=True)
    tiny = set[str]()
    for printed in printed_commands(document):
        command = [newest_dataset(tmp_path) if word == LAST_DATASET else word for word in small(printed, tiny)]
        done = forks.run(tuple(command), environment, tmp_path, constants=FEWER)
        assert done.returncode == 0, f"{' '.join(printed)}\n{done.stderr[-2000:]}"


def newest_dataset(home: Path) -> str:
    """The id of the data set that was collected last."""
    return list_datasets(home)[0].id


def test_the_citation_names_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    paper = citation["preferred-citation"]
    assert paper["title"].startswith("Disentangled World Models")
    assert paper["authors"][0] == {"family-names": "Wang", "given-names": "Qi"}
    assert (len(paper["authors"]), paper["year"]) == (9, 2025)
    assert "2503.08751" in paper["url"]


def test_the_changelog_has_a_section_for_what_is_not_released_and_one_version_number_rules() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in changelog
    version = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert [yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]] == version
