"""Charts of tables: rows and columns in an order that can be read, numbers as they were."""

import numpy as np

from backend.data.catalogue import SHIPPED
from backend.data.checkpoint import load_checkpoint, read_info
from backend.interpret.charts import factors_chart, interventions_chart
from backend.interpret.checks import checked

FOLDER = SHIPPED / "finger-episode-factors"


def test_names_of_the_shipped_model_stand_on_the_diagonal() -> None:
    checkpoint = load_checkpoint(read_info(FOLDER, FOLDER.name, "shipped"))
    table = checkpoint.factors
    assert table is not None
    chart = factors_chart(checkpoint, table)
    assert [row.partition(": ")[2] for row in chart.rows] == list(chart.columns[: len(chart.rows)])
    assert (chart.values.argmax(axis=1) == np.arange(len(chart.rows))).all()
    assert chart.marked is not None and chart.marked[np.arange(5), np.arange(5)].all()
    assert sorted(chart.columns) == sorted(name.replace("_", " ") for name in table["factor_names"])


def test_interventions_stand_below_each_other_and_what_cannot_be_told_has_no_value() -> None:
    checkpoint = load_checkpoint(read_info(FOLDER, FOLDER.name, "shipped"))
    table = checked(checkpoint)
    chart = interventions_chart(checkpoint, table)
    drawn, moved = chart.values[:5], chart.values[5:]
    assert chart.rows[:5] == chart.rows[5:] and len(set(chart.groups[:5])) == len(set(chart.groups[5:])) == 1
    assert (moved.argmax(axis=1) == np.arange(5)).all(), "names stand on the diagonal"
    assert (np.nanargmax(drawn[:4], axis=1) == np.arange(4)).all()
    blank = {name for name, column in zip(chart.columns, drawn.T, strict=True) if np.isnan(column).all()}
    assert blank == {"body colour", "proximal", "distal", "spinner angle"}, "small things that the probe cannot see"
    assert "grey" in chart.unit
    alone = interventions_chart(checkpoint, {**table, "set": None, "why": "no simulator"})
    assert len(alone.rows) == 5 and not np.isnan(alone.values).any() and "no simulator" in alone.title
