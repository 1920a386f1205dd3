"""Return curves as a figure for a paper and as a text table."""

import json
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from matplotlib.figure import Figure

from backend.data.curves import RETURNS
from backend.export.colours import DASHES, MARKS, PALETTE
from backend.export.figure import drawing, write
from backend.export.letters import drawable, noted
from backend.export.typography import font

WIDTH, HEIGHT, DPI = 5.5, 3.2, 300
SIZE = 7.5
LEGEND_WIDTH, LEGEND_LINE = 112, 0.14  # characters and inches of a line
NEAR = 4  # published marks are drawn if ours come within so many times of the first; else ours would be too small


def render_curves(comparison: Mapping[str, Any], format: str) -> bytes:
    """The comparison of `backend.data.curves.compare_curves` as png, svg or pdf; equal ones give equal bytes."""
    labels = [str(group["label"]) for group in comparison["groups"]]
    with drawing():
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        for index, group in enumerate(comparison["groups"]):
            steps, colour = group["environment_steps"], PALETTE[index % len(PALETTE)]
            dash = DASHES[index // len(PALETTE) % len(DASHES)]
            runs = len(group["runs"])
            name = f"{drawable(group['label'])} ({runs} {'run' if runs == 1 else 'runs'})"
            axes.plot(steps, group["mean"], dash, color=colour, linewidth=1.2, marker=".", markersize=3, label=name)
            axes.fill_between(steps, group["low"], group["high"], color=colour, alpha=0.18, linewidth=0)
        for row in comparison["random"]:
            name = f"random actions in {row['environment']}"
            axes.axhline(row["mean"], color="#666666", linewidth=0.9, linestyle=":", label=name)
            if row["low"] is not None:
                axes.axhspan(row["low"], row["high"], color="#666666", alpha=0.12, linewidth=0)
        last = max((group["environment_steps"][-1] for group in comparison["groups"]), default=0.0)
        near = [row for row in comparison["published"] if NEAR * last >= row["environment_steps"][0]]
        for index, row in enumerate(near):
            name = f"paper: {row['method']}, {row['source']} to {row['target']}"
            mark, face = MARKS[index % len(MARKS)], ("none", "#666666")[index // len(MARKS) % 2]
            axes.plot(row["environment_steps"], row["returns"], mark, color="#666666", markersize=3.5, mfc=face, label=name)  # noqa: E501 # fmt: skip
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("environment steps", fontproperties=font(SIZE))
        axes.set_ylabel("episode return", fontproperties=font(SIZE))
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_fontproperties(font(SIZE - 1))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.5)
        handles, names = axes.get_legend_handles_labels()
        names = ["\n".join(wrap(name, LEGEND_WIDTH)) for name in names]
        columns = 2 if max(map(len, names), default=0) <= LEGEND_WIDTH // 2 else 1
        lines = sum(name.count("\n") + 1 for name in names)
        figure.set_figheight(HEIGHT + LEGEND_LINE * -(-lines // columns))  # the axes keep their size
        style = {"frameon": False, "prop": font(SIZE - 1.5, "".join(labels)), "ncols": columns}
        figure.legend(handles, names, loc="outside upper left", **style)
        return write(figure, format, "Return curves", noted(_settings(comparison), labels))


def table_of_curves(comparison: Mapping[str, Any]) -> str:
    """One line per group, one for random actions per environment, and one per published figure."""
    lines = [f"{'method':<44} {'runs':>4} {'environment steps':>18} {'return':>9} {'+-':>7}"]
    for group in comparison["groups"]:
        spread = group["high"][-1] - group["mean"][-1]
        steps = f"{group['environment_steps'][-1]:,.0f}"
        lines.append(
            f"{group['label']:<44} {len(group['runs']):>4} {steps:>18} {group['mean'][-1]:>9.1f} {spread:>7.1f}"
        )
    for row in comparison["random"]:
        label = f"random actions in {row['environment']}"
        spread = "" if row["low"] is None else f" {row['high'] - row['mean']:>7.1f} over episodes"
        lines.append(f"{label:<44} {row['runs']:>4} {'':>18} {row['mean']:>9.1f}{spread}")
    if comparison["published"]:
        lines += ["", f"{'published':<44} {'':>4} {'0.2M / 0.5M / end':>36}"]
    for row in comparison["published"]:
        name = f"{row['method']}, {row['source']} to {row['target']}"
        lines.append(f"{name:<44} {'':>4} {' / '.join(f'{value:g}' for value in row['returns']):>36}")
    return "\n".join([*lines, "", comparison["note"]])


def _settings(comparison: Mapping[str, Any]) -> str:
    """The settings that reopen the plot of these runs."""
    runs = [run for group in comparison["groups"] for run in group["runs"]]
    return json.dumps({"diswm": RETURNS, "view": {"runs": runs}}, sort_keys=True)
