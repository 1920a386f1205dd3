"""The wheel is one package: it takes no other name, and opens a traversal where there is no checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".mypy_cache", "finger-*", "cartpole-*")
CHECK = """
import importlib.util, pathlib, sys
import diswm
import diswm.backend.main, diswm.frontend.commands, diswm.backend.views.kinds as kinds
from diswm.backend.cli.serve import PAGE
from diswm.backend.data.decode.client import decode_in_child
from diswm.backend.pipeline.methods.catalogue import CATALOGUE
assert all(importlib.util.find_spec(entry.builder.split(":")[0]) for entry in CATALOGUE.values())
assert PAGE.is_file(), PAGE
assert not [name for name in ("backend", "frontend", "models") if name in sys.modules or importlib.util.find_spec(name)]
diswm.save_traversal("desk-film", "traversal.png", columns=3, dims=(0,))
print(pathlib.Path(diswm.__file__).parent)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it, and what it depends on borrowed from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("backend", "frontend", "models", "diswm", "checkpoints"):
        shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "-q", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, env=_told_of_no_checkout(), check=True, capture_output=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin"


def outside(folder: Path, *command: Path | str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder that is no checkout, and tells it of none."""
    environment = _told_of_no_checkout()
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _told_of_no_checkout() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DISWM_HOME")}


def test_an_installed_wheel_opens_a_traversal_and_takes_one_name_only(installed: Path, tmp_path: Path) -> None:
    done = outside(tmp_path, installed / "python", "-W", "ignore", "-c", CHECK)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)
    assert (tmp_path / "traversal.png").read_bytes().startswith(b"\x89PNG")


def test_the_wheel_says_that_it_brings_one_name(installed: Path) -> None:
    [told] = installed.parent.rglob("diswm_studio-*.dist-info/top_level.txt")
    assert told.read_text().split() == ["diswm"]


def test_the_installed_command_lists_the_shipped_checkpoints(installed: Path, tmp_path: Path) -> None:
    done = outside(tmp_path, installed / "diswm", "checkpoints", "--json")
    assert done.returncode == 0, done.stderr
    assert '"desk-film"' in done.stdout


OWN_MODEL = """
import sys, torch
from my_package import MyModel
from diswm.adapters import try_adapter
from diswm.backend.__main__ import build_app
print(len(try_adapter(MyModel(2))), "rules kept")
torch.save(MyModel(2).state_dict(), "model.pt")
build_app()(["import-model", ".", "--name", "mine", "--json"], standalone_mode=False)
"""


def test_the_model_of_an_installed_package_is_imported_as_the_document_says(installed: Path, tmp_path: Path) -> None:
    example = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adapters.md").read_text(), re.DOTALL)[0]
    entry = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "adapters.md").read_text(), re.DOTALL)[0]
    [[group, points]] = tomllib.loads(entry)["project"]["entry-points"].items()
    [site] = (installed.parent / "lib").glob("python*/site-packages")
    (site / "my_package.py").write_text(example)
    (site / "my_package-1.0.dist-info").mkdir()
    (site / "my_package-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n"
    )
    named = "".join(f"{name} = {value}\n" for name, value in points.items())
    (site / "my_package-1.0.dist-info" / "entry_points.txt").write_text(f"[{group}]\n{named}")
    done = outside(tmp_path, installed / "python", "-W", "ignore", "-c", OWN_MODEL)
    assert done.returncode == 0, done.stderr
    rules, told = done.stdout.splitlines()
    assert rules == "7 rules kept"
    assert json.loads(told)["latents"] == 2
    [config] = (tmp_path / ".diswm" / "checkpoints").glob("*/config.json")
    assert json.loads(config.read_text())["networks"]["adapter"]["layout"] == "my-vae"
