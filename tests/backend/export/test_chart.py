"""Charts of numbers as figures and tables: equal bytes, the same numbers and names, settings that reopen them."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from backend.export.chart import CHART_FORMATS, NOTHING
from backend.export.colours import CHANCE, PALETTE, colour_of, dash_of
from backend.export.options import ExportOptions
from backend.export.render import export_chart
from backend.export.reopen import read_settings
from backend.interpret.charts import Chart
from backend.interpret.request import ViewError


def chart(form: str = "grid") -> Chart:
    values = np.array([[0.81, 0.02, np.nan], [0.1, 0.4, 0.3]])
    return Chart(
        kind="factors",
        form=form,  # type: ignore[arg-type]  # one of the three
        title="Factors of a model",
        provenance={"environment": "walker-walk", "name": "mine", "seed": 2},
        rows=("dim 7: hip angle", "dim 2"),
        columns=("100", "200", "300"),
        values=np.nan_to_num(values) if form == "grid" else values,
        unit="NMI",
        settings=json.dumps({"diswm": "factors", "checkpoint": "one", "weights": "0", "view": {}}),
        low=values - 0.1 if form == "points" else None,
        high=values + 0.1 if form == "points" else None,
        marked=values > 0.2,
        across="updates",
    )


@pytest.mark.parametrize("form", ["grid", "points", "lines"])
@pytest.mark.parametrize("format", CHART_FORMATS)
def test_every_form_in_every_format_has_equal_bytes_and_a_telling_name(form: str, format: str) -> None:
    first, again = (export_chart(chart(form), format) for _ in range(2))
    assert first.content == again.content
    assert first.file_name == f"diswm_walker-walk_mine-s2_factors.{format}"
    assert read_settings(first.content)["diswm"] == "factors"


def test_a_table_has_the_numbers_with_their_intervals() -> None:
    lines = list(csv.reader(io.StringIO(export_chart(chart("points"), "csv").content.decode("utf-8-sig"))))
    assert lines[0] == [
        "",
        "100",
        "100_low",
        "100_high",
        "200",
        "200_low",
        "200_high",
        "300",
        "300_low",
        "300_high",
        "diswm",
    ]
    assert lines[1] == [
        "dim 7: hip angle",
        "0.81",
        "0.71",
        "0.91",
        "0.02",
        "-0.08",
        "0.12",
        "",
        "",
        "",
        chart().settings,
    ]


def test_rows_under_a_heading_keep_it_and_a_cell_without_a_value_is_empty() -> None:
    values = np.array([[1.0, np.nan], [2.5, 0.0]])
    grouped = replace(chart(), columns=("a", "b"), values=values, marked=None, groups=("drawn", "set"))
    lines = list(csv.reader(io.StringIO(export_chart(grouped, "csv").content.decode("utf-8-sig"))))
    assert lines == [
        ["", "", "a", "b", "diswm"],
        ["drawn", "dim 7: hip angle", "1", "", grouped.settings],
        ["set", "dim 2", "2.5", "0", ""],
    ]
    assert np.load(io.BytesIO(export_chart(grouped, "npz").content))["groups"].tolist() == ["drawn", "set"]
    drawn = export_chart(grouped, "svg").content.decode()
    assert drawn.count(NOTHING) == 1
    assert drawn.count("#08306b") == 2, "each heading has shades of its own"


def test_a_pdf_has_the_paper_width_and_embedded_fonts() -> None:
    content = export_chart(chart(), "pdf", ExportOptions(width=3.25)).content
    width = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ", content)
    assert width is not None and float(width.group(1)) == pytest.approx(3.25 * 72)
    assert b"/FontFile2" in content


def test_a_film_of_numbers_there_is_not() -> None:
    with pytest.raises(ViewError, match="gif"):
        export_chart(chart(), "gif")


def test_a_colour_has_one_meaning_whatever_stands_beside_it() -> None:
    assert colour_of("dim 9: light", 0) == colour_of("dim 9", 4)
    assert colour_of("chance", 1) == colour_of("chance", 2) == CHANCE
    assert (colour_of("dim 3", 0), dash_of("dim 3", 0)) != (colour_of("dim 9", 0), dash_of("dim 9", 0))
    lines = export_chart(replace(chart("lines"), rows=("mean", "dim 7: hip angle")), "svg").content.decode()
    assert PALETTE[7 % len(PALETTE)] in lines
