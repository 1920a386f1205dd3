"""Tables of numbers: JSON for the page, a figure for a paper, or a table for a script."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backend.data.catalogue import NotFound, checkpoints_of_run
from backend.data.checkpoint import CHECKS, Checkpoint, CheckpointInfo
from backend.export.options import ExportOptions
from backend.interpret import charts
from backend.interpret.cards import factors_of
from backend.interpret.charts import Chart
from backend.interpret.checks import checked, known_checks
from backend.interpret.factors import intervals_of
from backend.interpret.forgetting import forgetting_of
from backend.interpret.invariance import invariance_of
from backend.interpret.leakage import leakage_of
from backend.interpret.matching import compare_checkpoints
from backend.interpret.names import beyond_chance, dimension_names
from backend.interpret.request import ViewError
from backend.interpret.sensitivity import sensitivity_of
from backend.interpret.table_request import CompareRequest, SensitivityRequest, TransferRequest
from backend.interpret.transfer import transfer_table
from backend.views.kinds import Builder, Conflict, Ingredients, Sources, Store, View, named

if TYPE_CHECKING:
    from backend.export.render import ExportedFile

Table = Mapping[str, Any]
_NOTHING = Conflict("nothing-to-draw", "Choose a checkpoint of videos whose factors are known.")


def factors_table(checkpoint: Checkpoint) -> dict[str, Any]:
    """factors.json with the names that people gave: these take precedence, and are also listed under `labels`."""
    table = checkpoint.factors or factors_of(checkpoint)  # computed again if the folder cannot be written to
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


def table_of(
    find: Callable[[Checkpoint], Table], draw: Callable[[Checkpoint, Table], Chart]
) -> Callable[[Ingredients, Any], View]:
    """A table about one checkpoint alone."""
    return lambda ingredients, request: _view(
        request, find(ingredients.checkpoint), lambda table: draw(ingredients.checkpoint, table)
    )


def _sensitivity(ingredients: Ingredients, request: SensitivityRequest) -> View:
    checkpoint = ingredients.checkpoint
    table = sensitivity_of(checkpoint, ingredients.dataset)
    return _view(request, table, lambda found: charts.sensitivity_chart(checkpoint, found))


def _transfer(ingredients: Ingredients, request: TransferRequest) -> View:
    reference, *stage = ingredients.others
    return _view(
        request, transfer_table(reference, stage), lambda found: charts.transfer_chart(ingredients.checkpoint, found)
    )


def _compared(ingredients: Ingredients, request: CompareRequest) -> View:
    pair = ingredients.checkpoint, ingredients.others[0]
    return _view(request, compare_checkpoints(*pair), lambda found: charts.matches_chart(*pair, found))


def _view(request: Any, table: Table, draw: Callable[[Table], Chart]) -> View:
    def to_file(format: str, options: ExportOptions) -> "ExportedFile":
        from backend.export.render import export_chart  # loads matplotlib, so only when needed

        return export_chart(draw(table), format, options)

    return View(request.to_json(), lambda: dict(table), to_file)


def _dataset(_info: CheckpointInfo, request: SensitivityRequest, store: Store) -> Sources:
    if not request.dataset:
        return Sources()
    try:
        return Sources(dataset=store.dataset(request.dataset))
    except NotFound as error:
        raise ViewError("dataset", f"there is {error}") from None


def _followed(info: CheckpointInfo, request: TransferRequest, store: Store) -> Sources:
    """The checkpoint whose dimensions are followed, and those to follow them through: the same stage of the run."""
    history = checkpoints_of_run(store.home, info)
    stage = [entry for entry in history if entry.stage == info.stage] or [info]
    return Sources((_reference(request.reference, info, history or [info], store), *stage))


def _reference(name: str, info: CheckpointInfo, history: list[CheckpointInfo], store: Store) -> CheckpointInfo:
    """The checkpoint whose dimensions are followed: named, else the video model or teacher, else the run's first."""
    if name:
        return named(store, "reference", name)
    pretrained = [entry for entry in history if entry.stage == "pretrain"]
    if info.stage == "finetune" and pretrained:
        return pretrained[-1]
    teacher = info.config.get("teacher")
    if info.stage == "finetune" and teacher:
        try:
            return store.find(str(teacher))
        except NotFound:
            pass  # deleted: the run's first checkpoint is the next best
    return history[0]


def _other(_info: CheckpointInfo, request: CompareRequest, store: Store) -> Sources:
    return Sources((named(store, "other", request.other),))


FACTORS = Builder(table_of(factors_table, charts.factors_chart), lambda *_: 1, first=("factors",), conflict=_NOTHING)
INTERVALS = Builder(
    table_of(lambda one: intervals_of(factors_table(one)), charts.intervals_chart),
    lambda *_: 1,
    first=("factors",),
    conflict=_NOTHING,
)
INTERVENTIONS = Builder(
    table_of(checked, charts.interventions_chart),
    lambda *_: 100,
    long=lambda info, *_: not info.found(CHECKS).is_file(),  # must be measured first, which takes a minute
    first=("factors", "interventions"),
    conflict=_NOTHING,
)
LEAKAGE = Builder(table_of(leakage_of, charts.leakage_chart), lambda info, *_: 32 * info.latents, conflict=_NOTHING)
INVARIANCE = Builder(
    table_of(invariance_of, charts.invariance_chart), lambda *_: 600, long=lambda *_: True, conflict=_NOTHING
)
FORGETTING = Builder(
    table_of(forgetting_of, charts.forgetting_chart),
    lambda *_: 1,
    conflict=Conflict("no-chapters", "Choose the last checkpoint of a run of lifelong."),
)
SENSITIVITY = Builder(
    _sensitivity,
    lambda info, *_: 50 * info.latents,
    sources=_dataset,
    long=lambda _, __, sources: sources.dataset is not None,
    conflict=Conflict("no-policy", "Choose a checkpoint of a fine-tuned agent."),
)
CARRIED = Builder(_transfer, lambda *_: 1, sources=_followed, long=lambda *_: True, conflict=_NOTHING)
COMPARE = Builder(_compared, lambda *_: 500, sources=_other, conflict=_NOTHING)
