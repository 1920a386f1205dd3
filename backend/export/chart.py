"""Charts of numbers as figures for papers and as tables."""

from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import blended_transform_factory

from backend.export.colours import INK, MARKS, colour_of, dash_of
from backend.export.figure import drawing, write
from backend.export.letters import drawable, noted
from backend.export.options import FIGURE_FORMATS, TABLE_FORMATS, ExportOptions, check_format
from backend.export.tables import npz, table
from backend.export.typography import font, text_width, wrap
from backend.interpret.charts import Chart
from backend.interpret.encoded import Floats

CHART_FORMATS = (*FIGURE_FORMATS, *TABLE_FORMATS)
DPI = 300
SIZE, SMALL = 7.5, 7.0  # points
ROW = 0.21  # inches
GAP = 0.05  # inches left and right of a number in its cell, together
NOTHING = "#e4e4e4"
FAINT = "#767676"  # what is no more than chance
HEAD = 0.95  # inches above and below the rows


def render_chart(chart: Chart, format: str, options: ExportOptions) -> bytes:
    """The chart in any of its formats; equal charts give equal bytes. Raises ViewError."""
    check_format(format, CHART_FORMATS)
    options.check()
    if format in TABLE_FORMATS:
        return {"csv": _csv, "npz": _npz}[format](chart)
    settings, chart = noted(chart.settings, texts_of(chart)), _drawable(chart)
    with drawing():
        height = 3.0 if chart.form == "lines" else HEAD + ROW * len([*chart.rows, *set(chart.groups)]) + _tallest(chart)
        figure = Figure(figsize=(options.width, height), dpi=DPI, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        {"grid": _grid, "points": _points, "lines": _lines}[chart.form](axes, chart)
        if options.title:
            title = "\n".join(wrap(chart.title, SIZE, 0.85 * options.width))
            figure.suptitle(title, x=0.02, ha="left", fontproperties=font(SIZE, title, bold=True))
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_fontproperties(font(SMALL, label.get_text()))
        if len(chart.columns) > 1 and chart.form != "grid":
            figure.legend(
                loc="outside lower left",
                ncols=4,
                frameon=False,
                prop=font(SMALL, "".join([*chart.columns, *chart.rows])),
            )
        return write(figure, format, chart.title, settings)


def texts_of(chart: Chart) -> tuple[str, ...]:
    """The text in a figure of the chart that users may have written, such as names."""
    return (chart.title, *chart.rows, *chart.columns, *chart.groups)


def _drawable(chart: Chart) -> Chart:
    return replace(
        chart,
        title=drawable(chart.title),
        rows=tuple(map(drawable, chart.rows)),
        columns=tuple(map(drawable, chart.columns)),
        groups=tuple(map(drawable, chart.groups)),
    )


def _grid(axes: Axes, chart: Chart) -> None:
    """Shaded cells with their numbers; cells beyond chance have a frame, cells without a value are grey."""
    rows, columns = chart.values.shape
    places, most = _blocks(axes, chart)
    colours = matplotlib.colormaps["Blues"]
    names = max(text_width(name, SMALL) for name in chart.rows)
    room = (axes.figure.get_figwidth() - names) / columns - GAP  # type: ignore[union-attr]  # it has one
    size = 6.5 if max(text_width(_number(value), 6.5) for value in chart.values.ravel().tolist()) <= room else 5.0
    for row in range(rows):
        for column in range(columns):
            value = float(chart.values[row, column])
            marked = chart.marked is not None and bool(chart.marked[row, column])
            chance = chart.marked is not None and not marked
            shade = NOTHING if np.isnan(value) or chance else colours(value / most[row])
            edge, corner = INK if marked else "white", (column + 0.04, places[row] + 0.04)
            axes.add_patch(Rectangle(corner, 0.92, 0.92, fc=shade, ec=edge, lw=0.7 if marked else 0))
            ink = FAINT if chance else "white" if value / most[row] > 0.6 else INK
            text, middle = _number(value), places[row] + 0.52
            axes.text(column + 0.5, middle, text, color=ink, ha="center", va="center", fontproperties=font(size))
    axes.set_xlim(0, columns)
    axes.set_ylim(places[-1] + 1, 0)
    axes.set_xticks(np.arange(columns) + 0.5, chart.columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(places + 0.5, chart.rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(chart.unit, fontproperties=font(SMALL))


def _blocks(axes: Axes, chart: Chart) -> tuple[Floats, Floats]:
    """The position of each row below its heading, and the largest value under the same heading: (R,), (R,)."""
    groups = np.array(chart.groups or [""] * len(chart.rows))
    places, most = np.arange(len(groups), dtype=np.float64), np.ones(len(groups))
    left = blended_transform_factory(axes.figure.transFigure, axes.transData)
    for heading in dict.fromkeys(groups):
        here = groups == heading
        most[here] = max(1.0, float(np.nanmax(chart.values[here], initial=0)))
        if heading:
            places[np.argmax(here) :] += 1
            top = places[here][0] - 0.2
            axes.text(0.02, top, heading, transform=left, in_layout=False, fontproperties=font(SMALL, heading))
    return places, most


def _points(axes: Axes, chart: Chart) -> None:
    """One mark per column beside each row, with its interval."""
    rows, columns = chart.values.shape
    places = np.arange(rows, dtype=np.float64)
    for column in range(columns):
        shift = 0.75 * ((column + 0.5) / columns - 0.5)
        mark, colour = MARKS[column % len(MARKS)], colour_of(chart.columns[column], column)
        value = chart.values[:, column]
        spread: Any = None
        if chart.low is not None and chart.high is not None and np.isfinite(chart.low[:, column]).any():
            spread = np.maximum([value - chart.low[:, column], chart.high[:, column] - value], 0)
        axes.errorbar(value, places + shift, xerr=spread, fmt=mark, color=colour, ms=3.5, lw=0.8, capsize=1.5, label=chart.columns[column])  # noqa: E501 # fmt: skip
    axes.set_ylim(max(rows, 1) - 0.5, -0.5)
    axes.set_yticks(places, chart.rows)
    axes.set_xlim(0, 1.02 if chart.low is None else None)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
    axes.set_xlabel(chart.unit, fontproperties=font(SMALL))


def _lines(axes: Axes, chart: Chart) -> None:
    """One line per row over what the columns count; the first row, the mean, is drawn in ink."""
    steps = [float(column) for column in chart.columns]
    for row, name in enumerate(chart.rows):
        colour, dash = (INK, "-") if row == 0 else (colour_of(name, row - 1), dash_of(name, row - 1))
        axes.plot(
            steps, chart.values[row], dash, color=colour, lw=1.8 if row == 0 else 1.0, marker=".", ms=3, label=name
        )
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.set_xlabel(chart.across, fontproperties=font(SMALL))
    axes.set_ylabel(chart.unit, fontproperties=font(SMALL))


def _number(value: float) -> str:
    """The text of a cell; empty if the value is close to zero."""
    return f"{value:.2f}".removeprefix("0") if value >= 0.095 else ""


def _tallest(chart: Chart) -> float:
    """Height in inches of the slanted column names of a grid."""
    return 0.04 * max(map(len, chart.columns), default=0) if chart.form == "grid" else 0.0


def _csv(chart: Chart) -> bytes:
    """One line per row, after its heading if there are any; with intervals each column is followed by its ends."""
    ends = [] if chart.low is None or chart.high is None else [("_low", chart.low), ("_high", chart.high)]
    parts = [("", chart.values), *ends]
    header = [f"{name}{end}" for name in chart.columns for end, _ in parts]
    numbers = np.stack([part for _, part in parts], axis=2).reshape(len(chart.rows), -1)
    lines = [[None if np.isnan(value) else f"{value:.6g}" for value in row] for row in numbers]
    names = list(zip(chart.groups, chart.rows, strict=True)) if chart.groups else [(name,) for name in chart.rows]
    table_lines = [[*name, *line] for name, line in zip(names, lines, strict=True)]
    return table([["", *[""] * bool(chart.groups), *header], *table_lines], chart.settings)


def _npz(chart: Chart) -> bytes:
    """Values and names, and intervals, marks and row headings if there are any."""
    more = {"low": chart.low, "high": chart.high, "beyond_chance": chart.marked}
    more["groups"] = np.array(chart.groups) if chart.groups else None
    return npz(
        values=chart.values,
        rows=np.array(chart.rows),
        columns=np.array(chart.columns),
        unit=np.array(chart.unit),
        settings=np.array(chart.settings),
        **{name: array for name, array in more.items() if array is not None},
    )
