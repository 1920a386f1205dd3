"""Charts below the pictures of a figure, with fixed axes: PSNR and SSIM with baselines and bands, or weights."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backend.export.colours import INK, PALETTE
from backend.export.letters import drawable
from backend.export.typography import font
from backend.interpret.calibration import ERROR_CHART, INSIDE_CHART, WIDTH_CHART
from backend.interpret.disagreement import DISAGREEMENT, PROCESS
from backend.interpret.flow import COLOURS
from backend.interpret.flow import ERROR as FLOW_ERROR
from backend.interpret.similarity import MEAN, REPEAT
from backend.interpret.teachers import WEIGHTS
from backend.interpret.timeline import BAND_PERCENT, Curve, Timeline

RANGES: dict[str, tuple[float, float] | None] = {
    DISAGREEMENT.chart: None,
    PROCESS.chart: None,
    "PSNR in dB": (10.0, 40.0),
    "SSIM": (0.0, 1.0),
    WEIGHTS: (0.0, 1.0),
    INSIDE_CHART: (0.0, 1.0),
    ERROR_CHART: None,
    WIDTH_CHART: None,
    FLOW_ERROR: None,
    COLOURS: None,
}
"""Charts of figures with their fixed axes, as on the page: noise fills no height. None: from 0 to the most."""
HEIGHT, GAP, FOOT = 0.8, 0.12, 0.5  # inches of a chart, between two, and of the steps and names below the last
SMALL = 6.5  # points
GUESSES = {REPEAT: "--", MEAN: ":"}  # dashes of the predictions that need no model


def charts_of(timeline: Timeline) -> list[str]:
    """The charts that have numbers."""
    return [
        title
        for title in RANGES
        if any(value is not None for line in timeline.curves.get(title, {}).values() for value in line)
    ]


def height_of(charts: list[str]) -> float:
    """Inches that the charts take."""
    return len(charts) * (HEIGHT + GAP) + FOOT if charts else 0.0


def draw_scores(figure: Figure, timeline: Timeline, top: float, left: float, right: float) -> None:
    """The charts from `top` down; step 0 is at `left` and the last one at `right`, all in inches."""
    width, height = figure.get_size_inches()
    charts = charts_of(timeline)
    for number, title in enumerate(charts):
        foot = top + number * (HEIGHT + GAP) + HEIGHT
        axes = figure.add_axes((left / width, 1 - foot / height, (right - left) / width, HEIGHT / height))
        _draw(axes, timeline, title)
        axes.tick_params(labelbottom=title == charts[-1])
    if charts:
        _draw_names(axes, timeline)


def _draw(axes: Axes, timeline: Timeline, title: str) -> None:
    steps, bands = np.arange(timeline.steps), timeline.bands
    place = 0
    for name, values in timeline.curves[title].items():
        if name in GUESSES:
            axes.plot(steps, _numbers(values), GUESSES[name], color=INK, lw=0.8, label=name)
            continue
        colour = PALETTE[place % len(PALETTE)]
        place += 1
        axes.plot(steps, _numbers(values), color=colour, lw=1.2, label=drawable(name))
        band = bands.charts.get(title, {}).get(name) if bands else None
        if band:
            axes.fill_between(steps, _numbers(band.low), _numbers(band.high), color=colour, alpha=0.18, lw=0)
    axes.axvline(timeline.context - 0.5, color=INK, lw=0.5, alpha=0.5)
    axes.set_xlim(0, timeline.steps - 1)
    low, high = RANGES[title] or (0.0, _most(timeline, title))
    axes.set_ylim(low, high)
    axes.set_yticks(np.linspace(low, high, 3))
    axes.set_ylabel(title, fontproperties=font(SMALL))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=2, width=0.5)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font(SMALL))


def _most(timeline: Timeline, title: str) -> float:
    """The largest number of a chart, at least 1."""
    lines = timeline.curves[title].values()
    return max([1.0, *(math.ceil(value) for line in lines for value in line if value is not None)])


def _draw_names(axes: Axes, timeline: Timeline) -> None:
    bands = timeline.bands
    about = f"bands: {BAND_PERCENT}% of {bands.episodes} episodes" if bands else ""
    axes.set_xlabel(f"step{'; ' if about else ''}{about}", fontproperties=font(SMALL), labelpad=2)
    names = "".join(name for line in timeline.curves.values() for name in line)
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, -0.42), ncols=4, frameon=False, borderaxespad=0, prop=font(SMALL, names)
    )


def _numbers(values: Curve) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], np.float64)
