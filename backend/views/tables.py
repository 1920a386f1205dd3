"""Tables of numbers as work for the workshop: JSON for the page, a figure for a paper, or a table for a script."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backend.data.catalogue import NotFound, checkpoints_of_run, find_dataset
from backend.data.checkpoint import CHECKS, Checkpoint, CheckpointInfo
from backend.export.options import FIGURE_FORMATS, TABLE_FORMATS, WIDTHS, ExportOptions
from backend.http.problems import Fault, Problem
from backend.http.responses import Answer
from backend.interpret.cards import factors_of
from backend.interpret.carried import carried_over
from backend.interpret.charts import (
    Chart,
    carried_chart,
    factors_chart,
    intervals_chart,
    interventions_chart,
    leakage_chart,
    matches_chart,
    sensitivity_chart,
)
from backend.interpret.checks import checked, known_checks
from backend.interpret.factors import intervals_of
from backend.interpret.leakage import leakage_of
from backend.interpret.matching import compare_checkpoints
from backend.interpret.names import beyond_chance, dimension_names
from backend.interpret.request import ViewError
from backend.interpret.sensitivity import sensitivity_of
from backend.views.checkpoint_cache import Library
from backend.views.jobs import Plan
from backend.views.params import Flag, Width
from backend.views.serializers import json_answer

CHART_FORMATS = ("json", *FIGURE_FORMATS, *TABLE_FORMATS)

Table = Mapping[str, Any]


class ChartQuery(BaseModel):
    """A table of numbers and the file that it is wanted as."""

    model_config = ConfigDict(frozen=True)

    width: Width = Field(5.5, json_schema_extra={"enum": list(WIDTHS)}, description="Inches of a figure.")
    title: Flag = Field(True, description="Whether a figure says on top what it shows.")
    format: str | None = Field(
        None, max_length=20, json_schema_extra={"enum": list(CHART_FORMATS)}, description="Else `Accept` decides."
    )


class FactorsQuery(ChartQuery):
    """Factors, or names checked by intervention, to be waited for or not."""

    wait: Flag = Field(False, description="Wait until they are computed (up to a minute).")


class SensitivityQuery(ChartQuery):
    """Sensitivity over the clip, or over a data set."""

    dataset: str = Field("", max_length=200, description="Id of a data set; the checkpoint's own clip if not given.")


class CarriedQuery(ChartQuery):
    """What training carried over."""

    reference: str = Field(
        "", max_length=200, description="Whose dimensions are followed; the run's video model if not given."
    )


class CompareQuery(ChartQuery):
    """Two checkpoints."""

    other: str = Field(max_length=200, description="The checkpoint to compare with.")


def plan_factors(info: CheckpointInfo, library: Library, query: ChartQuery, format: str) -> Plan:
    """Factors of a checkpoint; they are computed first where none are kept with it."""

    def make() -> tuple[Table, Callable[[], Chart]]:
        checkpoint = library.load(info)
        table = factors_table(checkpoint)
        return table, lambda: factors_chart(checkpoint, table)

    return _plan(("factors", library.version(info)), 1, query, format, make)


def plan_intervals(info: CheckpointInfo, library: Library, query: ChartQuery, format: str) -> Plan:
    """The best factors of each dimension with their intervals; computed first where none are kept with it."""

    def make() -> tuple[Table, Callable[[], Chart]]:
        checkpoint = library.load(info)
        table = intervals_of(factors_table(checkpoint))
        return table, lambda: intervals_chart(checkpoint, table)

    return _plan(("intervals", library.version(info)), 1, query, format, make)


def plan_interventions(info: CheckpointInfo, library: Library, query: ChartQuery, format: str) -> Plan:
    """Names checked both ways by intervention; measured first, which takes long, where that is not kept with it."""

    def make() -> tuple[Table, Callable[[], Chart]]:
        checkpoint = library.load(info)
        table = checked(checkpoint)
        return table, lambda: interventions_chart(checkpoint, table)

    measured = info.found(CHECKS).is_file()
    return _plan(("interventions", library.version(info)), 100, query, format, make, long=not measured)


def plan_leakage(info: CheckpointInfo, library: Library, query: ChartQuery, format: str) -> Plan:
    """How far each latent moves when the picture of an edit of another is encoded again."""

    def make() -> tuple[Table, Callable[[], Chart]]:
        checkpoint = library.load(info)
        table = leakage_of(checkpoint)
        return table, lambda: leakage_chart(checkpoint, table)

    return _plan(("leakage", library.version(info)), 32 * info.latents, query, format, make)


def plan_sensitivity(info: CheckpointInfo, library: Library, query: SensitivityQuery, format: str) -> Plan:
    """How far reward, value and actions move for one sigma of each dimension; raises ViewError."""
    try:
        dataset = find_dataset(library.home, query.dataset) if query.dataset else None
    except NotFound as error:
        raise ViewError("dataset", f"there is {error}") from None

    def make() -> tuple[Table, Callable[[], Chart]]:
        checkpoint = library.load(info)
        try:
            table = sensitivity_of(checkpoint, dataset)
        except ViewError as error:
            raise _conflict(error, "no-policy", "Take a checkpoint of a fine-tuned agent.") from error
        return table, lambda: sensitivity_chart(checkpoint, table)

    key = ("sensitivity", library.version(info), None if dataset is None else (dataset.id, dataset.frames))
    return _plan(key, 50 * info.latents, query, format, make, long=dataset is not None)


def plan_carried(info: CheckpointInfo, library: Library, query: CarriedQuery, format: str) -> Plan:
    """The dimensions of one checkpoint followed through another's run; raises ViewError."""
    history = checkpoints_of_run(library.home, info)
    first = _reference(query.reference, info, history, library)
    stage = [entry for entry in history if entry.stage == info.stage] or [info]

    def make() -> tuple[Table, Callable[[], Chart]]:
        checkpoint = library.load(info)
        table = carried_over(library.load(first), [library.load(entry) for entry in stage])
        return table, lambda: carried_chart(checkpoint, table)

    key = ("carried", library.version(first), tuple(library.version(entry) for entry in stage))
    return _plan(key, 1, query, format, make, long=True)


def plan_comparison(
    info: CheckpointInfo, second: CheckpointInfo, library: Library, query: ChartQuery, format: str
) -> Plan:
    """Which dimension of one checkpoint is which of another."""

    def make() -> tuple[Table, Callable[[], Chart]]:
        pair = library.load(info), library.load(second)
        table = compare_checkpoints(*pair)
        return table, lambda: matches_chart(*pair, table)

    return _plan(("compare", library.version(info), library.version(second)), 500, query, format, make)


def factors_table(checkpoint: Checkpoint) -> dict[str, Any]:
    """factors.json with the names that people gave: they win, and are listed under `labels` as well."""
    table = checkpoint.factors or factors_of(checkpoint)  # again where the folder cannot be written to
    names, checks = dimension_names(checkpoint), known_checks(checkpoint)
    dimensions = [
        {
            **entry,
            "name": names[entry["dim"]].name,
            "name_source": names[entry["dim"]].source,
            "beyond_chance": beyond_chance(entry),
            "check": checks.get(entry["dim"]),
        }
        for entry in table["dimensions"]
    ]
    labels = [{"dim": dim, **vars(label)} for dim, label in sorted(checkpoint.labels.items())]
    return {"refused": [], **table, "dimensions": dimensions, "labels": labels}


def _plan(
    key: Hashable,
    cost: float,
    query: ChartQuery,
    format: str,
    make: Callable[[], tuple[Table, Callable[[], Chart]]],
    *,
    long: bool = False,
) -> Plan:
    def draw() -> Answer:
        table, chart = make()
        if format == "json":
            return json_answer(dict(table))
        from backend.export.render import export_chart  # loads matplotlib: not before it is needed

        try:
            file = export_chart(chart(), format, ExportOptions(width=query.width, title=query.title))
        except ViewError as error:
            raise _conflict(error, "nothing-to-draw", "Take a checkpoint of videos whose factors are known.") from error
        return Answer(file.content, file.media_type, file.file_name, file.warning)

    whole = (key, format, (query.width, query.title) if format in FIGURE_FORMATS else None)
    return Plan(whole, cost, draw, long)


def _reference(name: str, info: CheckpointInfo, history: list[CheckpointInfo], library: Library) -> CheckpointInfo:
    """The checkpoint whose dimensions are followed: named, else the video model or teacher, else the run's first."""
    if name:
        try:
            return library.find(name)
        except NotFound as error:
            raise ViewError("reference", str(error)) from None
    pretrained = [entry for entry in history if entry.stage == "pretrain"]
    if info.stage == "finetune" and pretrained:
        return pretrained[-1]
    teacher = info.config.get("teacher")
    if info.stage == "finetune" and teacher:
        try:
            return library.find(str(teacher))
        except NotFound:
            pass  # it was deleted since: the run's own first checkpoint is the next best
    return history[0]


def _conflict(error: ViewError, type: str, remedy: str) -> Exception:
    """409 where it is the checkpoint of which this cannot be said; else the error itself."""
    if error.field != "checkpoint":
        return error
    fault = Fault("path:checkpoint", error.message)
    return Problem(409, type, f"{error.message}.", remedy=remedy, errors=[fault])
