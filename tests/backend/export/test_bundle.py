"""The paper bundle holds everything, opens, and is the same each time; its LaTeX compiles where LaTeX is."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.export.bundle import build_bundle
from backend.export.latex import escape, figure_tex
from backend.export.options import ExportOptions
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


@pytest.fixture(scope="module")
def bundle(bright: Views) -> dict[str, bytes]:
    """Files of a bundle by their name without its folder."""
    archive = zipfile.ZipFile(io.BytesIO(build_bundle(bright(2, 5), ExportOptions())))
    assert archive.testzip() is None
    return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def test_a_bundle_holds_what_a_paper_needs(bundle: dict[str, bytes]) -> None:
    expected = {f"traversal.{format}" for format in ("pdf", "svg", "png", "gif", "mp4", "webm")}
    expected |= {"figure.tex"}
    expected |= {f"frames/{number:03d}.png" for number in range(5)}
    expected |= {"values.csv", "latents.npz", "caption.txt", "interactive.html", "provenance.json", "README.txt"}
    assert bundle.keys() == expected


def test_a_bundle_tells_where_it_comes_from(bundle: dict[str, bytes], bright: Views) -> None:
    told = json.loads(bundle["provenance.json"])
    assert told["view"] == bright(2, 5).request.to_json()
    assert len(told["checkpoint"]["weights"]) == 64
    assert told["checkpoint"]["seed"] == 0
    assert told["command"].startswith("diswm traverse tiny-video")
    assert {"torch", "numpy"} <= told["libraries"].keys()


def test_the_latents_of_every_cell_are_there(bundle: dict[str, bytes], bright: Views) -> None:
    view = bright(2, 5)
    with np.load(io.BytesIO(bundle["latents.npz"])) as file:
        assert file["cells"].shape == (2, 5, 6)
        assert np.array_equal(file["cells"][1, :, 1], view.values[1])
        assert (file["cells"][1, :, 0] == view.reference[0]).all()


def test_the_frames_are_those_of_the_film(bundle: dict[str, bytes]) -> None:
    first = np.asarray(Image.open(io.BytesIO(bundle["frames/000.png"])))
    film = np.asarray(Image.open(io.BytesIO(bundle["traversal.gif"])).convert("RGB"))
    assert first.shape == film.shape
    assert np.abs(first.astype(int) - film).mean() < 6


def test_equal_views_give_equal_bundles(bright: Views) -> None:
    assert build_bundle(bright(1, 3), ExportOptions()) == build_bundle(bright(1, 3), ExportOptions())


def test_names_are_escaped_for_latex(bright: Views) -> None:
    assert escape(r"50% of a_b & {x} \ ~^#$") == (
        r"50\% of a\_b \& \{x\} \textbackslash{} \textasciitilde{}\textasciicircum{}\#\$"
    )
    view = replace(bright(1, 3), checkpoint_name="my_run 100%")
    tex = figure_tex(view, 3.25)
    assert r"my\_run 100\%" in tex
    assert "width=3.25in" in tex
    assert r"\label{fig:traversal-my-run-100-}" in tex
    assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")


def test_the_figure_compiles(bundle: dict[str, bytes], tmp_path: Path) -> None:
    """With pdflatex where it is installed; the structure is checked everywhere."""
    tex = bundle["figure.tex"].decode()
    for environment in ("document", "figure"):
        assert tex.index(rf"\begin{{{environment}}}") < tex.index(rf"\end{{{environment}}}")
    assert "{traversal.pdf}" in tex  # not figure.pdf, which compiling figure.tex overwrites
    if (pdflatex := shutil.which("pdflatex")) is None:
        return
    for name in ("figure.tex", "traversal.pdf"):
        (tmp_path / name).write_bytes(bundle[name])
    result = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "figure.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout.decode(errors="replace")[-2000:]
