"""Builds the wheel: one package, `diswm`, that holds what a checkout has as backend, models, frontend and checkpoints.

Imports of those names become imports below `diswm`, so that an installation takes no other name from anybody.
Everything else is in pyproject.toml; an editable installation is the checkout as it is.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

PACKAGE = "diswm"
PARTS = ("backend", "frontend", "models")
_NAME = rf"({'|'.join(PARTS)})"
_RULES = (
    (re.compile(rf"^(\s*(?:from|import) ){_NAME}(?=[. ])", re.MULTILINE), rf"\1{PACKAGE}.\2"),
    (re.compile(rf"(['\"]){_NAME}((?:\.\w+)+(?::\w+)?['\"])"), rf"\1{PACKAGE}.\2\3"),  # "backend.views.x:NAME"
    (re.compile(rf"(f\"){_NAME}((?:\.\w+)+:\{{)"), rf"\1{PACKAGE}.\2\3"),  # f"backend.views.tables:{{name}}"
    (re.compile(rf"(\"-m\", \"){_NAME}\""), rf'\1{PACKAGE}.\2"'),
)


def below_the_package(source: str) -> str:
    """Python source with the names of the parts moved below `diswm`."""
    for pattern, replacement in _RULES:
        source = pattern.sub(replacement, source)
    return source


class BuildBelowPackage(build_py):
    """Puts the parts and the shipped checkpoints into the one package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        built = Path(self.build_lib)
        for part in PARTS:
            shutil.rmtree(built / PACKAGE / part, ignore_errors=True)
            shutil.move(built / part, built / PACKAGE / part)
        for file in (built / PACKAGE).rglob("*.py"):
            file.write_text(below_the_package(file.read_text("utf-8")), "utf-8")
        if Path("checkpoints").is_dir():
            shutil.copytree("checkpoints", built / PACKAGE / "checkpoints", dirs_exist_ok=True)


class NameOnePackage(bdist_wheel):
    """Says in the wheel that it brings one name; setuptools lists the folders as they lie in the checkout."""

    def write_wheelfile(self, wheelfile_base: str, **about: str) -> None:
        super().write_wheelfile(wheelfile_base, **about)
        if "editable_wheel" not in self.distribution.commands:
            Path(wheelfile_base, "top_level.txt").write_text(f"{PACKAGE}\n", "utf-8")


setup(cmdclass={"build_py": BuildBelowPackage, "bdist_wheel": NameOnePackage})
