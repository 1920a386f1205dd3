"""Tables of numbers as charts: what the pages show beside pictures, ready to be drawn or written as a table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from backend.data.checkpoint import Checkpoint
from backend.interpret.encoded import INACTIVE_KL, Flags, Floats
from backend.interpret.grouping import group_of, groups_of, human_name
from backend.interpret.names import dimension_names
from backend.interpret.request import ViewError
from backend.interpret.view import provenance_of


@dataclass(frozen=True)
class Chart:
    """R named rows of C named columns, drawn as a grid of shaded cells, as points beside each row, or as lines."""

    kind: str  # the request that its files reopen
    form: Literal["grid", "points", "lines"]
    title: str
    provenance: Mapping[str, Any]  # of the checkpoint: see `backend.interpret.view.provenance_of`
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats  # (R, C); NaN for missing values
    unit: str
    settings: str  # one line of JSON
    low: Floats | None = None  # (R, C) ends of 95% intervals
    high: Floats | None = None
    marked: Flags | None = None  # (R, C) cells that exceed chance
    across: str = ""  # what the columns count, if they are numbers
    groups: tuple[str, ...] = ()  # R headings: rows of a grid under one heading share a scale of shades


def factors_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """Normalised mutual information of active dimensions with factors: the answer of `factors_of`."""
    dims, rows = _active(checkpoint)
    nmi = np.array(table["nmi"], np.float64).reshape(checkpoint.model.config.latents, -1)
    null = np.array(table["null"], np.float64).reshape(nmi.shape)
    names = list(table["factor_names"])
    entries = {entry["dim"]: entry for entry in table["dimensions"]}
    named = [names.index(entries[dim]["factor"]) for dim in dims if entries[dim]["status"] == "named"]
    order = list(dict.fromkeys([*named, *range(len(names))]))  # so that names are on the diagonal
    return Chart(
        kind="factors",
        form="grid",
        title=f"Factors of {checkpoint.info.name}",
        rows=rows,
        columns=tuple(names[column].replace("_", " ") for column in order),
        values=np.maximum(nmi[np.ix_(dims, order)], 0),
        marked=(nmi > null)[np.ix_(dims, order)],
        unit="NMI, framed beyond chance",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "factors", {}),
    )


def intervals_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """Best and second NMI of active dimensions with their intervals, and chance: the answer of `intervals_of`.

    Raises ViewError.
    """
    marked = (("nmi", "interval"), ("second_nmi", "second_interval"))
    entries = {entry["dim"]: entry for entry in table["dimensions"]}
    names = dimension_names(checkpoint)
    found = [(names[dim], entries[dim]) for dim in _active(checkpoint)[0] if dim in entries]
    if not found:
        raise ViewError("checkpoint", f"no factor varies in the frames of {checkpoint.info.name}")
    marks = [
        [(entry[key], *(entry[around] or (None, None))) for key, around in marked] + [(entry["null"], None, None)]
        for _, entry in found
    ]
    values, low, high = np.moveaxis(np.array(marks, np.float64), 2, 0)
    rows = ((name, human_name(entry["factor"])) for name, entry in found)
    return Chart(
        kind="intervals",
        form="points",
        title=f"Best factors of {checkpoint.info.name}, {table['frames']:,} frames of {table['episodes']} episodes",
        rows=tuple(name.title if name.name == factor else f"{name.title} ({factor})" for name, factor in rows),
        columns=("best factor", "second factor", "chance"),
        values=values,
        low=low,
        high=high,
        unit="NMI, 95% intervals over episodes",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "intervals", {}),
    )


def interventions_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """What edits of active dimensions draw, and how far dimensions move when a factor is set: the answer of `verdicts`.

    Columns are the factors with either measurement, or all if none has one. Raises ViewError without factors.
    """
    dims, rows = _active(checkpoint)
    labels = dimension_names(checkpoint)
    measured = {"What an edit of 1 σ draws, in σ of the factor": table["draws"]}
    if table["set"]:
        measured["What setting the factor over its middle 90% moves, in σ"] = table["set"]["factors"]
    blocks = {
        heading: {item["factor"]: np.array(item["moves"])[dims] for item in items}
        for heading, items in measured.items()
    }
    told = [item["factor"] for items in measured.values() for item in items]
    named = [group_of(str(labels[dim].factor)) for dim in dims if labels[dim].status == "named"]
    factors = tuple(dict.fromkeys([*(name for name in named if name in told), *told])) or groups_of(list(table["seen"]))
    if not factors:
        raise ViewError("checkpoint", f"nothing is known of the frames of {checkpoint.info.name}: {table['why']}")
    unset = f"; factors were not set: {table['why']}" if table["why"] else ""
    nothing = np.full(len(dims), np.nan)
    values = np.stack([np.stack([block.get(factor, nothing) for factor in factors], 1) for block in blocks.values()])
    return Chart(
        kind="interventions",
        form="grid",
        title=f"Interventions on {checkpoint.info.name}{unset}",
        rows=rows * len(blocks),
        columns=tuple(factor.replace("_", " ") for factor in factors),
        values=values.reshape(-1, len(factors)),
        groups=tuple(heading for heading in blocks for _ in dims),
        unit="grey: cannot be measured" if np.isnan(values).any() else "",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "interventions", {}),
    )


def leakage_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """How far each active dimension moves for an edit of each: the answer of `leakage_of`."""
    dims, rows = _active(checkpoint)
    return Chart(
        kind="leakage",
        form="grid",
        title=f"Leakage of {checkpoint.info.name}, diagonal share {table['diagonal_share']:.2f}",
        rows=rows,
        columns=tuple(f"dim {dim}" for dim in dims),
        values=np.array(table["matrix"], np.float64)[np.ix_(dims, dims)],
        unit=f"σ moved for an edit of {table['sigmas']:g} σ",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "leakage", {}),
    )


def invariance_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """How far latents and pictures move with each factor, and the noise: the answer of `invariance_of`."""
    found, unknown = table["factors"], np.full((len(table["factors"]), 2), np.nan)
    ends = np.array([entry["interval"] for entry in found], np.float64).reshape(-1, 2)
    low, high = (np.c_[ends[:, side], unknown] for side in (0, 1))
    return Chart(
        kind="invariance",
        form="points",
        title=f"Invariance of {checkpoint.info.name}, {table['episodes']} episodes",
        rows=tuple(human_name(entry["factor"]) for entry in found),
        columns=("latents", "pictures", "noise of the latents"),
        values=np.array([[entry["moved"], entry["picture"], table["noise"]] for entry in found]).reshape(-1, 3),
        low=low,
        high=high,
        unit="distance moved, in that of two unrelated states, 95% intervals over episodes",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "invariance", {}),
    )


def forgetting_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """Every matrix of tasks, with averages and what was forgotten: the answer of `forgetting_of`."""
    tasks, rows, groups, cells = table["tasks"], list[str](), list[str](), list[list[Any]]()
    for measure in table["measures"]:
        found = [(row["after"], [*row["cells"], row["average"]]) for row in measure["rows"]]
        lost = "forgotten since", [*measure["forgotten"], None, measure["average_forgotten"]]
        for after, values in [*found, *([lost] if len(tasks) > 1 else [])]:
            rows.append(after)
            groups.append(f"{measure['title']}: {measure['unit']}")
            cells.append(values)
    ends = [[(cell and cell["interval"]) or (np.nan, np.nan) for cell in row] for row in cells]
    low, high = np.moveaxis(np.array(ends, np.float64), 2, 0)
    return Chart(
        kind="forgetting",
        form="grid",
        title=f"What {checkpoint.info.name} knows of its tasks",
        rows=tuple(rows),
        columns=(*tasks, "average"),
        values=np.array([[cell["mean"] if cell else np.nan for cell in row] for row in cells], np.float64),
        low=low,
        high=high,
        groups=tuple(groups),
        unit="grey: not measured",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "forgetting", {}),
    )


def sensitivity_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """How far outcomes move per sigma of active dimensions, strongest first: the answer of `sensitivity_of`."""
    dims, _ = _active(checkpoint)
    names = {label.dim: label.title for label in dimension_names(checkpoint)}
    found = [row for row in table["dimensions"] if row["dim"] in dims]
    found.sort(key=lambda row: -max(cell["share"] for cell in row["outcomes"].values()))
    cells = [[row["outcomes"][outcome] for outcome in table["outcomes"]] for row in found]
    return Chart(
        kind="sensitivity",
        form="points",
        title=f"Sensitivity of {checkpoint.info.name}, {table['frames']:,} frames of {table['episodes']} episodes",
        rows=tuple(names[row["dim"]] for row in found),
        columns=tuple(table["outcomes"]),
        values=np.array([[cell["share"] for cell in row] for row in cells]).reshape(len(cells), -1),
        low=np.array([[_scaled(cell, 0) for cell in row] for row in cells]).reshape(len(cells), -1),
        high=np.array([[_scaled(cell, 1) for cell in row] for row in cells]).reshape(len(cells), -1),
        unit="share of the outcome's spread for one σ",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "sensitivity", {"dataset": table["dataset"] or ""}),
    )


def transfer_chart(checkpoint: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """Matched correlation of the reference's active dimensions over training: the answer of `transfer_table`."""
    dimensions = [row for row in table["dimensions"] if row["active"]]
    means, chance = ([entry[key] for entry in table["checkpoints"]] for key in ("mean_correlation", "mean_null"))
    lines = [means, chance, *(row["correlation"] for row in dimensions)]
    return Chart(
        kind="carried",
        form="lines",
        title=f"Dimensions of {table['reference']['name']} in {checkpoint.info.name}",
        rows=("mean", "mean by chance", *(_titled(row["dim"], row["name"]) for row in dimensions)),
        columns=tuple(str(entry["steps"]) for entry in table["checkpoints"]),
        values=np.array([[np.nan if value is None else value for value in line] for line in lines]),
        unit="matched correlation",
        across="agent steps" if checkpoint.info.stage == "finetune" else "updates",
        provenance=provenance_of(checkpoint),
        settings=_settings(checkpoint, "carried", {"reference": table["reference"]["id"]}),
    )


def matches_chart(first: Checkpoint, second: Checkpoint, table: Mapping[str, Any]) -> Chart:
    """Correlation of matched dimensions of which at least one is active: the answer of `compare_checkpoints`."""
    found = [row for row in table["matches"] if row["first_active"] or row["second_active"]] or table["matches"]
    return Chart(
        kind="compare",
        form="points",
        title=f"Dimensions of {first.info.name} matched with {second.info.name}",
        rows=tuple(
            f"{_titled(row['first'], row['first_name'])} ↔ {_titled(row['second'], row['second_name'])}"
            for row in found
        ),
        columns=("correlation", "chance"),
        values=np.array([[row["correlation"], row["null"]] for row in found]).reshape(-1, 2),
        low=np.array([[row["interval"][0], np.nan] for row in found]).reshape(-1, 2),
        high=np.array([[row["interval"][1], np.nan] for row in found]).reshape(-1, 2),
        unit="|correlation|, 95% intervals over episodes",
        provenance=provenance_of(first),
        settings=_settings(first, "compare", {"other": second.info.id}),
    )


def _active(checkpoint: Checkpoint) -> tuple[list[int], tuple[str, ...]]:
    """Active dimensions, or all if none is, by descending KL; and their titles."""
    kl = checkpoint.statistics.kl
    names = dimension_names(checkpoint)
    ordered = [int(dim) for dim in np.argsort(-kl, kind="stable")]
    dims = [dim for dim in ordered if kl[dim] >= INACTIVE_KL] or ordered
    return dims, tuple(names[dim].title for dim in dims)


def _settings(checkpoint: Checkpoint, kind: str, view: Mapping[str, Any]) -> str:
    provenance = provenance_of(checkpoint)
    origin = {key: provenance[key] for key in ("checkpoint", "weights")}
    return json.dumps({"diswm": kind, **origin, "view": dict(view)}, sort_keys=True)


def _titled(dim: int, name: str | None) -> str:
    return f"dim {dim}: {name}" if name else f"dim {dim}"


def _scaled(cell: Mapping[str, Any], end: int) -> float:
    """One end of the interval of a size, as a share like the size itself."""
    return float(cell["interval"][end] * cell["share"] / cell["size"]) if cell["size"] else 0.0
