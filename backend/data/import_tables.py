"""The JSON files of an imported checkpoint must be as this version writes them, because the page relies on it."""

import json
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)] | None


class _Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Description(BaseModel):
    """config.json: what lists show; the sizes of the networks are checked against their weights."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    name: Annotated[Text, Field(min_length=1)]
    stage: Text
    environment: Text | None = None
    steps: Annotated[int, Field(ge=0, lt=2**63)]
    created_at: Text
    seed: int | None = None
    dataset: Text | None = None
    teacher: Text | None = None
    settings: dict[str, Any] = {}
    versions: dict[str, Any] = {}


class _Scatter(_Closed):
    latent: list[float]
    factor: list[float]


class _Dimension(_Closed):
    dim: int
    kl: float
    std: float
    status: Literal["named", "mixed", "unnamed", "inactive"]
    name: Text | None
    factor: Text | None
    nmi: float | None
    margin: float | None
    interval: Interval
    null: float | None
    sign: int | None
    spearman: float | None
    mutual_information: float | None
    second_factor: Text | None
    second_nmi: float | None
    second_interval: Interval
    scatter: _Scatter | None = None


class DimensionTable(_Closed):
    """A finding with one entry per dimension."""

    @abstractmethod
    def fits(self, latents: int) -> bool:
        """Whether every table has this number of dimensions."""


class Factors(DimensionTable):
    """factors.json, as `backend.interpret.factors.analyse` gives it: Z dimensions in order, tables of (Z, F)."""

    dimensions: list[_Dimension]
    factor_names: list[Text]
    nmi: list[list[float]]
    null: list[list[float]]
    nmi_unadjusted: list[list[float]]
    metrics: dict[str, float | dict[str, float | list[float] | None] | None]
    frames: int
    episodes: int
    seed: int
    guessed: bool
    refused: list[Text] = []
    warnings: list[Text]

    def fits(self, latents: int) -> bool:
        """One entry per dimension, in order, of factors that are named."""
        shape = (latents, len(self.factor_names))
        names = {None, *self.factor_names}
        return (
            [entry.dim for entry in self.dimensions] == list(range(latents))
            and all(entry.factor in names and entry.second_factor in names for entry in self.dimensions)
            and all(_is_table(table, *shape) for table in (self.nmi, self.null, self.nmi_unadjusted))
        )


class _Drawn(_Closed):
    factor_names: list[Text]
    score: list[float]
    moves: list[list[float]]


class _Moved(_Closed):
    factor: Text
    low: float
    high: float
    moves: list[float]


class _Simulated(_Closed):
    factors: list[_Moved]
    scenes: int


class Interventions(DimensionTable):
    """interventions.json, as `backend.interpret.checks.interventions_of` gives it."""

    drawn: _Drawn
    set: _Simulated | None
    why: Text

    def fits(self, latents: int) -> bool:
        """One row per dimension, one column per factor; from the simulator one number per dimension."""
        names = self.drawn.factor_names
        moved = self.set.factors if self.set else []
        return (
            len(self.drawn.score) == len(names)
            and _is_table(self.drawn.moves, latents, len(names))
            and all(len(item.moves) == latents for item in moved)
        )


Number = float | None
Curve = dict[Text, Number]


class _Right(_Closed):
    observed: Number = None
    imagined: Curve


class _Part(_Right):
    mean_image: Number


class _Curves(_Closed):
    model: Curve
    repeat_last: Curve
    mean_image: Curve
    observed_mean: Curve


class _Returns(_Closed):
    mean: float
    std: Number
    episodes: int | None
    random: Number
    most_likely: Number = None


class Quality(_Closed):
    """What `backend.interpret.quality.measure_quality` answers, in statistics.json or quality.json."""

    agent_right: _Right
    guesses_right: dict[Text, _Right]
    parts: dict[Text, _Part] = {}
    psnr: _Curves
    agent_psnr: _Curves
    reconstruction: dict[Literal["psnr", "agent_psnr"], Curve]
    intervals: dict[Text, Any]
    beats: dict[Text, int | None]
    sees: Text
    mask: Literal["simulator", "moving", "none"]
    part: Text
    agent_share: float
    context: int
    episodes: int
    frames: int
    source: Text
    policy_return: _Returns | None

    @field_validator("intervals")
    @classmethod
    def _pairs(cls, value: dict[str, Any]) -> dict[str, Any]:
        _check_pairs(value, depth=5)
        return value


def _check_pairs(tree: dict[str, Any], depth: int) -> None:
    """Raises ValueError unless every leaf is a pair of numbers or null, and no path longer than `depth`."""
    if not depth:
        raise ValueError("is nested too deep")
    for leaf in tree.values():
        if isinstance(leaf, dict):
            _check_pairs(leaf, depth - 1)
        else:
            _PAIR.validate_python(leaf, strict=True)


class _History(_Closed):
    steps: list[int]
    weights: list[list[float]]


class Weighed(_Closed):
    """teachers.json, as `backend.pipeline.teachers.weighed_clip` gives it."""

    teachers: Annotated[list[Text], Field(min_length=2, max_length=64)]
    weights: list[list[list[float]]]
    mean: list[float]
    interval: list[Annotated[list[float], Field(min_length=2, max_length=2)]]
    swapped: list[float] | None
    moved: float | None
    distance: list[float]
    history: _History

    @model_validator(mode="after")
    def _one_of_each(self) -> "Weighed":
        """One entry per teacher; every teacher has the same episodes and frames."""
        count, shapes = len(self.teachers), {tuple(map(len, episodes)) for episodes in self.weights}
        lists: list[Sequence[object]] = [self.weights, self.mean, self.interval, self.distance]
        lists += [self.swapped] if self.swapped is not None else []
        steps, rows = self.history.steps, self.history.weights
        if any(len(each) != count for each in (*lists, *rows)) or len(shapes) != 1 or len(rows) != len(steps):
            raise ValueError(f"does not hold the weights of {count} teachers")
        return self


class _Task(_Closed):
    environment: Text
    distraction: Text
    films: Text | None
    action_repeat: int
    look: Text


Scores = Annotated[list[Annotated[list[float], Field(min_length=1, max_length=1000)]], Field(min_length=1)]


class _Chapter(_Closed):
    returned: Scores = Field(alias="return")
    psnr: Scores
    reward_error: Scores


class Forgotten(_Closed):
    """forgetting.json, as `backend.pipeline.chapters.forgetting_table` gives it."""

    tasks: Annotated[list[_Task], Field(min_length=1, max_length=64)]
    random: list[list[float] | None]
    rows: list[_Chapter | None]

    @model_validator(mode="after")
    def _a_row_for_each_task(self) -> "Forgotten":
        """One row per task; each has the tasks so far, and the last is there."""
        count = len(self.tasks)
        if len(self.rows) != count or len(self.random) != count or self.rows[-1] is None or not self.random[-1]:
            raise ValueError(f"does not hold a row for each of {count} tasks")
        for place, row in enumerate(self.rows, 1):
            if row is not None and {len(row.returned), len(row.psnr), len(row.reward_error)} != {place}:
                raise ValueError(f"row {place} does not hold {place} tasks")
        return self


_PAIR: TypeAdapter[list[float] | None] = TypeAdapter(Interval)


class _Label(_Closed):
    name: Text
    note: Text = ""
    author: Text = ""
    written_at: Text = ""
    carried_from: Text | None = None


Labels = TypeAdapter(dict[Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,3})$")], _Label])


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file, without NaN, infinities or numbers that become one. Raises ValueError."""
    try:
        value = json.loads(path.read_bytes(), parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("is nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("is not JSON object")
    return value


def first_fault(error: ValidationError) -> str:
    """Where a table is wrong, and what is wrong there."""
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])[:80] or 'it'}: {fault['msg']}"


def check_labels(labels: Mapping[str, Any], latents: int) -> None:
    """Raises ValueError for labels of dimensions that are not there, or that are no labels."""
    Labels.validate_python(labels)
    beyond = [dim for dim in labels if int(dim) >= latents]
    if beyond:
        raise ValueError(f"there is no dimension {beyond[0]}")


def _is_table(rows: list[list[float]], height: int, width: int) -> bool:
    return len(rows) == height and all(len(row) == width for row in rows)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is no number in JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"holds {digits[:40]}, which is too large")
    return value
