"""Installation: pins, declared dependencies, scripts used by make, files that the images copy."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PARTS = {"pydantic_core"}  # comes with pydantic at the one version that fits
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

ASKED_FOR = {"backend": ("hub", "wandb", "s3")}  # imported only where they are asked for
ELSEWHERE = ("backend/envs/drawerworld_server.py",)  # runs in a virtual environment of its own


def requirements(*extras: str) -> dict[str, Requirement]:
    """What the project itself and these extras require, by canonical name."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    return {canonicalize_name(item.name): item for item in map(Requirement, texts)}


def pins() -> dict[str, Version]:
    """constraints.txt: the version of each package."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(number) for name, number in pairs}


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pinned = pins()
    for name, requirement in requirements("backend", "frontend", "dev").items():
        assert name in pinned, f"{name} is not in constraints.txt: make constraints"
        assert pinned[name] in requirement.specifier, f"{name} {pinned[name]} is not {requirement.specifier}"


def test_what_is_installed_is_what_is_pinned() -> None:
    for name in requirements("backend", "frontend", "dev"):
        assert Version(version(name)).public == str(pins()[name])


def test_pip_and_setuptools_are_pinned_although_pip_freeze_leaves_them_out() -> None:
    assert pins()["pip"] >= Version("26.2"), "those that come with Python have known weaknesses"
    assert pins()["setuptools"] >= Version("78.1.1")
    assert "pip freeze --all" in (ROOT / "scripts" / "constraints.sh").read_text()


def test_torch_has_no_local_label_so_that_pip_takes_the_build_for_the_machine() -> None:
    assert pins()["torch"].local is None


@pytest.mark.parametrize(
    ("package", "extra"), [("frontend", "frontend"), ("backend", "backend"), ("models", "backend")]
)
def test_each_package_imports_only_what_its_extra_installs(package: str, extra: str) -> None:
    """The page's image has the frontend extra alone, the backend's the backend extra alone."""
    declared = set(requirements(extra, *ASKED_FOR.get(extra, ())))
    providers = packages_distributions()
    undeclared = {
        f"{file} imports {module}"
        for file, module in third_party_imports(package)
        if not declared & {canonicalize_name(name) for name in providers.get(module, [module])}
    }
    assert not undeclared, f"the extra {extra} does not declare: {sorted(undeclared)}"


def third_party_imports(package: str) -> Iterator[tuple[Path, str]]:
    """(file, top-level module) of every import that is neither ours nor the standard library's."""
    ours = {"backend", "frontend", "models"}
    for file in sorted({*(ROOT / package).rglob("*.py")} - {ROOT / file for file in ELSEWHERE}):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for module in {name.split(".")[0] for name in names} - ours - sys.stdlib_module_names - PARTS:
                yield file.relative_to(ROOT), module


def test_the_page_needs_no_torch() -> None:
    assert "torch" not in requirements("frontend")
    assert "torch" in requirements("backend")


@pytest.mark.parametrize(
    "script", [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"], ids=lambda p: p.name
)
def test_each_script_stops_at_the_first_error_and_parses(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()


def test_a_second_setup_takes_no_time() -> None:
    """Nothing is installed again while the stamp is newer than the pins."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "make-venv.sh" in done.stdout, "the check below would see nothing"
    stamp = ROOT / ".venv" / ".installed"
    if stamp.exists() and stamp.stat().st_mtime > max(
        (ROOT / name).stat().st_mtime for name in ("pyproject.toml", "constraints.txt")
    ):
        done = subprocess.run(["make", "--dry-run", "setup"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert "make-venv.sh" not in done.stdout


def fake_machine(folder: Path, *, user: int, libraries: str = "") -> dict[str, str]:
    """An environment where `id` and `ldconfig` say what they are told, and apt-get only notes what it was asked."""
    folder.mkdir()
    for name, body in {
        "id": f"echo {user}",
        "ldconfig": f"printf '{libraries}'",
        "apt-get": f'echo "$@" >> "{folder}/apt.log"; exit "${{APT_STATUS:-0}}"',
        "apt-cache": "exit 0",
        "sleep": "exit 0",
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def system_packages(environment: dict[str, str], kind: str = "gl") -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "system-packages.sh"), kind]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_without_root_setup_says_exactly_what_to_install(tmp_path: Path) -> None:
    done = system_packages(fake_machine(tmp_path / "bin", user=1000))
    assert done.returncode == 1
    assert "sudo apt-get install -y --no-install-recommends libegl1 libgl1 libosmesa6" in done.stderr
    assert not (tmp_path / "bin" / "apt.log").exists()


def test_without_root_but_with_egl_setup_asks_for_nothing(tmp_path: Path) -> None:
    environment = fake_machine(tmp_path / "bin", user=1000, libraries="libEGL.so.1 (x)\\nlibGL.so.1 (x)\\n")
    done = system_packages(environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_as_root_setup_installs_what_is_missing_and_tries_a_failed_installation_once_more(tmp_path: Path) -> None:
    done = system_packages({**fake_machine(tmp_path / "bin", user=0), "APT_STATUS": "1"})
    assert done.returncode == 1
    calls = (tmp_path / "bin" / "apt.log").read_text().splitlines()
    install = "install -y -qq --no-install-recommends libegl1 libgl1 libosmesa6"
    assert calls == ["update -qq", "update -qq", install, install], "each once more, then the advice"
    assert "libegl1" in done.stderr
    done = system_packages(fake_machine(tmp_path / "root", user=0))
    calls = (tmp_path / "root" / "apt.log").read_text().splitlines()
    assert calls == ["update -qq", install]


def test_fonts_for_other_scripts_are_installed_once_or_named(tmp_path: Path) -> None:
    packages = "fonts-noto-core fonts-wqy-microhei"
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    root = {**fake_machine(tmp_path / "root", user=0), "FONT_FOLDERS": str(fonts)}
    assert f"sudo apt-get install -y --no-install-recommends {packages}" in system_packages(root, "fonts").stderr
    calls = (tmp_path / "root" / "apt.log").read_text().splitlines()
    assert calls == ["update -qq", f"install -y -qq --no-install-recommends {packages}"]
    user = {**fake_machine(tmp_path / "user", user=1000), "FONT_FOLDERS": str(fonts)}
    assert system_packages(user, "fonts").returncode == 1
    for name in ("NotoSansDevanagari-Regular.ttf", "wqy-microhei.ttc"):
        (fonts / name).touch()
    done = system_packages(user, "fonts")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert f"libegl1 libgl1 {packages} " in (ROOT / "Dockerfile").read_text(), "the image has them too"


def test_a_python_that_is_too_old_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "make-venv.sh"
    script.write_text((ROOT / "scripts" / "make-venv.sh").read_text())
    environment = {**os.environ, "PYTHON": "false"}
    done = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make setup PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize(("script", "folder"), [("make-venv.sh", ".venv"), ("make-metaworld.sh", ".metaworld")])
def test_the_pinned_pip_comes_first_and_setup_goes_on_without_it(
    tmp_path: Path, script: str, folder: str, status: int
) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / script, tmp_path / "scripts" / script)
    python = tmp_path / folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"""#!/bin/sh
case "$*" in
*"-m pip install"*"constraints.txt pip setuptools") echo pip >> "{tmp_path}/calls"; exit {status} ;;
*"-m pip install"*) echo packages >> "{tmp_path}/calls" ;;
"-m pip --version") echo "pip 23.2.1 from elsewhere" ;;
esac
"""
    )
    python.chmod(0o755)
    done = subprocess.run(["bash", str(tmp_path / "scripts" / script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text().split() == ["pip", "packages"]
    warned = "The pinned pip could not be had: going on with pip 23.2.1.\n"
    assert done.stderr == (warned if status else "")


def test_an_installation_that_is_no_checkout_has_every_file_of_the_packages(tmp_path: Path) -> None:
    ours = ("backend", "frontend", "models")
    for name in (*ours, "diswm", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    command = [sys.executable, "setup.py", "-q", "build", "--build-lib", "built"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    files = {path.relative_to(ROOT) for name in ours for path in (ROOT / name).rglob("*") if path.is_file()}
    wanted = {path for path in files if "__pycache__" not in path.parts and ".mypy_cache" not in path.parts}
    assert Path("frontend/components/scrubber.js") in wanted, "the check below would see nothing"
    built = {
        path.relative_to(tmp_path / "built" / "diswm") for path in (tmp_path / "built").rglob("*") if path.is_file()
    }
    assert not sorted(wanted - built)


def test_the_images_copy_only_what_is_there_and_sent() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
        assert name in sent, f"{name} is kept back by .dockerignore"
