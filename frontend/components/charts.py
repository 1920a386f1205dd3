"""Plotly figures as data: curves over training, the matrix of factors, intervals. Colours come from the theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from frontend.components.colours import dotted, plotly_line
from frontend.components.markdown import escape_plotly

Figure = dict[str, Any]

CONFIG = {"displaylogo": False, "displayModeBar": False}
MOST_POINTS, FEW_POINTS = 800, 30
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
BLUE, ORANGE, GREY = "#3f6fd1", "#c26a14", "#7a8594"  # identified, chance level, not identified


def curves(series: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, axis: str, log: bool = False) -> Figure:
    """Named lines over a step counter; long ones are thinned to the width of a screen."""
    lines = []
    for name, (x, y) in series.items():
        thin = max(1, len(x) // MOST_POINTS)
        mode = "lines" if len(x) > FEW_POINTS else "lines+markers"  # one point alone is no line
        line = {"type": "scatter", "mode": mode, "name": name, "line": {"width": 1.75, **plotly_line(name)}}
        lines.append({**line, "name": escape_plotly(name), "x": list(x[::thin]), "y": list(y[::thin])})
    layout = {
        "height": 260,
        "margin": MARGIN,
        "hovermode": "x unified",
        "showlegend": True,
        "legend": LEGEND,
        "uirevision": "keep",
        "xaxis": {"title": {"text": axis.replace("_", " ")}, "rangemode": "tozero"},
        "yaxis": {"type": "log" if log else "linear", "exponentformat": "power"},
    }
    return {"data": lines, "layout": layout}


def matrix(
    values: Sequence[Sequence[float]], rows: Sequence[str], columns: Sequence[str], *, name: str, most: float = 1.0
) -> Figure:
    """A heat map from 0 to `most` with its numbers; rows from top to bottom."""
    heat = {
        "type": "heatmap",
        "z": [list(row) for row in values],
        "x": [dotted(escape_plotly(name)) for name in columns],
        "y": [dotted(escape_plotly(name)) for name in rows],
        "coloraxis": "coloraxis",
        "text": [["" if value < 0.095 else f"{value:.2f}".removeprefix("0") for value in row] for row in values],
        "texttemplate": "%{text}",
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": f"%{{y}}<br>%{{x}}<br>{name} %{{z:.3f}}<extra></extra>",
    }
    layout = {
        "height": 90 + 30 * len(rows) + 6 * max(map(len, columns), default=0),
        "margin": MARGIN,
        "coloraxis": {"cmin": 0, "cmax": most, "colorbar": {"title": {"text": name}, "thickness": 12}},
        "xaxis": {"autotickangles": [0, -35], "showgrid": False},  # turned where they would not fit
        "yaxis": {"autorange": "reversed", "showgrid": False},
    }
    return {"data": [heat], "layout": layout}


def chapters(
    values: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    name: str,
    more_is_better: bool,
) -> Figure:
    """A heat map of numbers on any scale, darker where better; what is not known has no cell."""
    heat = {
        "type": "heatmap",
        "z": [list(row) for row in values],
        "x": [dotted(escape_plotly(column)) for column in columns],
        "y": [dotted(escape_plotly(row)) for row in rows],
        "coloraxis": "coloraxis",
        "text": [["" if value is None else f"{value:.3g}" for value in row] for row in values],
        "texttemplate": "%{text}",
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": f"%{{y}}<br>%{{x}}<br>{name} %{{z:.4g}}<extra></extra>",
    }
    layout = {
        "height": 120 + 34 * len(rows),
        "margin": MARGIN,
        "coloraxis": {"reversescale": not more_is_better, "colorbar": {"title": {"text": name}, "thickness": 12}},
        "xaxis": {"autotickangles": [0, -35], "showgrid": False, "type": "category"},
        "yaxis": {"autorange": "reversed", "showgrid": False, "type": "category"},
    }
    return {"data": [heat], "layout": layout}


def intervals(dimensions: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Figure:
    """Best NMI of each dimension with its interval, its second factor, and the null that it must exceed.

    Values below their null are grey; the axis includes every null, which may be above 1.
    """
    names = [dotted(escape_plotly(name)) for name in names]
    clear = [item["nmi"] > item["null"] for item in dimensions]
    spread = {
        "type": "data",
        "symmetric": False,
        "thickness": 1.5,
        "width": 4,
        "array": [item["interval"][1] - item["nmi"] for item in dimensions],
        "arrayminus": [item["nmi"] - item["interval"][0] for item in dimensions],
    }
    shades = {"color": [BLUE if told else GREY for told in clear]}
    best = _dots("best factor (grey: within chance)", dimensions, names, "nmi", "factor", {"size": 9, **shades})
    best |= {"error_x": {**spread, "color": GREY}}
    open_dot = {"size": 8, "symbol": "circle-open", "color": GREY}
    second = _dots("second factor", dimensions, names, "second_nmi", "second_factor", open_dot)
    chance = {"size": 14, "symbol": "line-ns-open", "line": {"width": 2}, "color": ORANGE}
    null = _dots("chance (factors shifted in time)", dimensions, names, "null", "factor", chance)
    most = max([1.0, *(item["null"] for item in dimensions)])
    layout = {
        "height": 90 + 26 * len(names),
        "margin": MARGIN,
        "legend": LEGEND,
        "xaxis": {"range": [0, 1.03 * most], "title": {"text": "normalised mutual information"}},
        "yaxis": {"autorange": "reversed"},
    }
    return {"data": [best, second, null], "layout": layout}


def moved(factors: Sequence[Mapping[str, Any]], names: Sequence[str], noise: float) -> Figure:
    """How far latents move with each factor, with intervals, and its pictures; a line where their own noise is."""
    names = [dotted(escape_plotly(name)) for name in names]
    spread = {
        "type": "data",
        "symmetric": False,
        "thickness": 1.5,
        "width": 4,
        "color": GREY,
        "array": [entry["interval"][1] - entry["moved"] for entry in factors],
        "arrayminus": [entry["moved"] - entry["interval"][0] for entry in factors],
    }
    dots = {"type": "scatter", "mode": "markers", "y": names}
    latents = {"size": 9, "color": [BLUE if entry["verdict"] == "beyond noise" else GREY for entry in factors]}
    pictures = {"size": 8, "symbol": "circle-open", "color": GREY}
    line = {"type": "line", "xref": "x", "yref": "paper", "x0": noise, "x1": noise, "y0": 0, "y1": 1}
    most = max([1.0, noise, *(max(entry["interval"][1], entry["picture"]) for entry in factors)])
    layout = {
        "height": 110 + 26 * len(names),
        "margin": MARGIN,
        "legend": LEGEND,
        "shapes": [{**line, "line": {"color": ORANGE, "width": 2}}],
        "xaxis": {"range": [0, 1.03 * most], "title": {"text": "distance moved; 1: two unrelated states"}},
        "yaxis": {"autorange": "reversed"},
    }
    data = [
        {**dots, "name": "latents", "x": [entry["moved"] for entry in factors], "marker": latents, "error_x": spread},
        {**dots, "name": "pictures", "x": [entry["picture"] for entry in factors], "marker": pictures},
    ]
    return {"data": data, "layout": layout}


def shares(dimensions: Sequence[Mapping[str, Any]], outcomes: Sequence[str], names: Sequence[str]) -> Figure:
    """How far each outcome moves per sigma of each dimension, as a share of its own spread, with intervals."""
    symbols = ("circle", "diamond", "square", "triangle-up", "cross", "x")
    data = []
    for index, outcome in enumerate(outcomes):
        cells = [row["outcomes"][outcome] for row in dimensions]
        unit = [cell["share"] / cell["size"] if cell["size"] else 0.0 for cell in cells]
        spread = {
            "type": "data",
            "symmetric": False,
            "thickness": 1.5,
            "width": 4,
            "array": [(cell["interval"][1] - cell["size"]) * of for cell, of in zip(cells, unit, strict=True)],
            "arrayminus": [(cell["size"] - cell["interval"][0]) * of for cell, of in zip(cells, unit, strict=True)],
        }
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": outcome,
                "x": [cell["share"] for cell in cells],
                "y": [dotted(escape_plotly(name)) for name in names],
                "marker": {"size": 9, "symbol": symbols[index % len(symbols)]},
                "error_x": spread,
                "hovertemplate": "%{y}: %{x:.3f}<extra>" + outcome + "</extra>",
            }
        )
    layout = {
        "height": 110 + 28 * len(names),
        "margin": MARGIN,
        "legend": LEGEND,
        "xaxis": {"rangemode": "tozero", "title": {"text": "share of the outcome's own spread, per σ"}},
        "yaxis": {"autorange": "reversed"},
    }
    return {"data": data, "layout": layout}


def _dots(
    name: str,
    dimensions: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    value: str,
    text: str,
    marker: Mapping[str, Any],
) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [item.get(value) for item in dimensions],
        "y": list(names),
        "text": [item.get(text) for item in dimensions],
        "marker": dict(marker),
        "hovertemplate": "%{y}<br>%{text}: %{x:.3f}<extra>" + name + "</extra>",
    }


def scatter(points: Mapping[str, Sequence[float]], x: str, y: str, colour: str) -> Figure:
    """Latent against factor, one dot per frame, in the colour of the dimension."""
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": list(points["latent"]),
        "y": list(points["factor"]),
        "marker": {"size": 5, "opacity": 0.6, "color": colour},
        "hovertemplate": f"{escape_plotly(x)} %{{x:.2f}}<br>{escape_plotly(y)} %{{y:.2f}}<extra></extra>",
    }
    axes = {"xaxis": {"title": {"text": escape_plotly(x)}}, "yaxis": {"title": {"text": escape_plotly(y)}}}
    return {"data": [dots], "layout": {"height": 280, "margin": MARGIN, "showlegend": False, **axes}}
