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
    named = {number: row.partition(": ")[2] for number, row in enumerate(chart.rows) if ": " in row}
    best = {number: int(chart.values[number].argmax()) for number in named}
    assert len(named) == 9 and list(dict.fromkeys(best.values())) == list(range(len(set(best.values()))))
    assert all(chart.columns[best[number]].startswith(name) for number, name in named.items())
    assert chart.marked is not None and all(chart.marked[place] for place in best.items())
    assert sorted(chart.columns) == sorted(name.replace("_", " ") for name in table["factor_names"])


def test_interventions_stand_below_each_other_and_what_cannot_be_told_has_no_value() -> None:
    checkpoint = load_checkpoint(read_info(FOLDER, FOLDER.name, "shipped"))
    table = checked(checkpoint)
    chart = interventions_chart(checkpoint, table)
    count = len(chart.rows) // 2
    drawn, moved = chart.values[:count], chart.values[count:]
    assert chart.rows[:count] == chart.rows[count:]
    assert len(set(chart.groups[:count])) == len(set(chart.groups[count:])) == 1
    for number, row in enumerate(chart.rows[:count]):
        knob = row.partition(": ")[2].removesuffix(" sin").removesuffix(" cos")
        assert not knob or chart.columns[moved[number].argmax()] == knob, "the simulator confirms every name"
        if knob in ("background colour", "light"):
            assert chart.columns[np.nanargmax(drawn[number])] == knob
    blank = {name for name, column in zip(chart.columns, drawn.T, strict=True) if np.isnan(column).all()}
    assert {"distal", "spinner angle"} <= blank < set(chart.columns), "what the probe cannot see"
    assert "grey" in chart.unit
    alone = interventions_chart(checkpoint, {**table, "set": None, "why": "no simulator"})
    assert len(alone.rows) == count and not np.isnan(alone.values).any() and "no simulator" in alone.title
