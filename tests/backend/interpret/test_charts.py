"""Charts of tables: rows and columns in an order that can be read, numbers as they were."""

import numpy as np

from backend.data.catalogue import SHIPPED
from backend.data.checkpoint import load_checkpoint, read_info
from backend.interpret.charts import factors_chart


def test_names_of_the_shipped_model_stand_on_the_diagonal() -> None:
    folder = SHIPPED / "finger-episode-factors"
    checkpoint = load_checkpoint(read_info(folder, folder.name, "shipped"))
    table = checkpoint.factors
    assert table is not None
    chart = factors_chart(checkpoint, table)
    assert [row.partition(": ")[2] for row in chart.rows] == list(chart.columns[: len(chart.rows)])
    assert (chart.values.argmax(axis=1) == np.arange(len(chart.rows))).all()
    assert chart.marked is not None and chart.marked[np.arange(5), np.arange(5)].all()
    assert sorted(chart.columns) == sorted(name.replace("_", " ") for name in table["factor_names"])
