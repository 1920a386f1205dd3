"""Views of imagination as work for the workshop: their queries, read strictly, and their answers as JSON or files."""

from collections.abc import Callable, Hashable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from backend.data.checkpoint import Checkpoint, CheckpointInfo
from backend.export.names import counterfactual_file_name, temporal_file_name, together_file_name
from backend.export.options import FIGURE_FORMATS, FILM_FORMATS, TABLE_FORMATS, ExportOptions
from backend.http.responses import Answer
from backend.interpret.counterfactual import counterfactual
from backend.interpret.counterfactual_request import CounterfactualRequest
from backend.interpret.reel import Reel
from backend.interpret.request import ViewError
from backend.interpret.rollout_request import MAX_FRAMES, MAX_HORIZON, RolloutRequest
from backend.interpret.steering import steer
from backend.interpret.temporal import TemporalRequest, temporal_traversal
from backend.interpret.together import roll_out_together
from backend.views.checkpoint_cache import Library
from backend.views.formats import MEDIA_TYPES
from backend.views.images import contact_sheet, data_uri
from backend.views.jobs import Plan
from backend.views.params import (
    Flag,
    Index,
    Number,
    RenderQuery,
    Seed,
    read_dims,
    read_edits,
    refuse_over_budget,
)
from backend.views.serializers import CELL, json_answer

REEL_FORMATS = ("json", *FILM_FORMATS, *FIGURE_FORMATS, *TABLE_FORMATS)
MAX_IDS = 2400  # characters of a list of checkpoints
_Format = Annotated[
    str | None,
    Field(max_length=20, json_schema_extra={"enum": list(REEL_FORMATS)}, description="Else `Accept` decides."),
]
_Factor = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9_]+$")]


class StretchQuery(RenderQuery):
    """A stretch of an episode observed, then imagined."""

    episode: Index = Field(0, description="Episode of the checkpoint's clip.")
    context: Index = Field(5, json_schema_extra={"minimum": 1}, description="Steps observed.")
    horizon: Index = Field(25, json_schema_extra={"minimum": 1, "maximum": MAX_HORIZON}, description="Steps imagined.")
    actions: Literal["recorded", "policy", "zero"] = Field("recorded", description="What the agent does meanwhile.")
    format: _Format = None

    def stretch(self) -> RolloutRequest:
        """The rollout that it is; raises Problem where it costs too much."""
        refuse_over_budget((self.context + self.horizon) * 2, MAX_FRAMES, "query:horizon", "frames")
        return RolloutRequest(self.episode, self.context, self.horizon, self.actions)


class TemporalFileQuery(StretchQuery):
    """Dimensions held from a step on, and the file that it is wanted as."""

    dims: str = Field(
        "active",
        max_length=2000,
        json_schema_extra={"pattern": r"^(active|all|[0-9]{1,4}(,[0-9]{1,4}){0,255})$"},
        description="A row each: `active` (the eight that carry most), `all`, or `3,7` in this order.",
    )
    sigmas: Number = Field(
        2.0,
        json_schema_extra={"minimum": -20, "maximum": 20},
        description="Where they are held: mean plus so many standard deviations.",
    )
    hold: str = Field("", max_length=4000, description="`dim:value`, for dimensions that are held elsewhere.")
    step: Index | None = Field(None, description="The first step that is edited; the first imagined one if not given.")
    together: Flag = Field(False, description="One more row, with all of them held at once.")

    def request(self, info: CheckpointInfo) -> TemporalRequest:
        """What interpret is asked; raises Problem or ViewError where it cannot be answered."""
        try:
            hold = read_edits(self.hold, info.latents)
        except ViewError as error:
            raise ViewError("hold", error.message) from error
        dims = None if hold and self.dims == "active" else read_dims(self.dims, info.latents)
        return TemporalRequest(self.stretch(), dims, self.sigmas, self.step, self.together, hold)


class TogetherFileQuery(StretchQuery):
    """One stretch imagined by several checkpoints, and the file that it is wanted as."""

    others: str = Field(
        "",
        alias="with",
        max_length=MAX_IDS,
        description="Ids of further checkpoints, by commas, in the order of the rows; empty: those of the same run.",
    )


class CounterfactualFileQuery(RenderQuery):
    """A factor changed in the simulator and in the model, and the file that it is wanted as."""

    factor: _Factor = Field(description="What is changed, such as `light`.")
    to: Number | None = Field(None, description="Its new value, of the clip's range; the farther end if not given.")
    dim: Index | None = Field(None, description="The dimension that is edited; the factor's own if not given.")
    seed: Seed = Field(0, description="Of the episode that is lived.")
    episode: Index = Field(0, description="Episode of the clip that the actions are of.")
    context: Index = Field(5, json_schema_extra={"minimum": 1}, description="Steps observed.")
    horizon: Index = Field(10, json_schema_extra={"minimum": 1, "maximum": 200}, description="Steps imagined.")
    step: Index | None = Field(None, description="The first step that differs; the first imagined one if not given.")
    actions: Literal["recorded", "zero"] = Field("recorded", description="What the agent does meanwhile.")
    format: _Format = None

    def request(self) -> CounterfactualRequest:
        """What interpret is asked."""
        names = ("factor", "to", "dim", "seed", "episode", "context", "horizon", "step", "actions")
        return CounterfactualRequest(**{name: getattr(self, name) for name in names})


def plan_temporal(info: CheckpointInfo, library: Library, query: TemporalFileQuery, format: str) -> Plan:
    """A temporal traversal, as JSON or as a file; raises Problem or ViewError before any of it is done."""
    asked, options = query.request(info), query.options()

    def make(checkpoint: Checkpoint) -> Reel:
        traversal = temporal_traversal(checkpoint, asked)
        return traversal.reel(temporal_file_name(traversal))

    rows = len(asked.dims or asked.hold or range(8)) + 2
    return _plan(("temporal", repr(asked)), [info], library, format, options, asked.rollout.steps * rows, make)


def plan_together(infos: Sequence[CheckpointInfo], library: Library, query: TogetherFileQuery, format: str) -> Plan:
    """Rollouts of several checkpoints over the first one's clip; raises Problem or ViewError."""
    asked, options = query.stretch(), query.options()
    key = ("together", repr(asked), tuple(library.version(info) for info in infos))

    def make(checkpoint: Checkpoint) -> Reel:
        others = [library.load(info) for info in infos[1:]]
        found = roll_out_together([checkpoint, *others], asked)
        return found.reel(together_file_name(found))

    return _plan(key, infos, library, format, options, asked.steps * (len(infos) + 1), make)


def plan_counterfactual(info: CheckpointInfo, library: Library, query: CounterfactualFileQuery, format: str) -> Plan:
    """A change in the simulator beside the one that the model predicts; raises Problem or ViewError."""
    asked, options = query.request(), query.options()
    asked.check(library.load(info))

    def make(checkpoint: Checkpoint) -> Reel:
        found = counterfactual(checkpoint, asked)
        return found.reel(counterfactual_file_name(found))

    return _plan(("counterfactual", repr(asked)), [info], library, format, options, 2000, make)._replace(long=True)


def plan_steering(
    info: CheckpointInfo, library: Library, episode: int, context: int, actions: list[list[float]]
) -> Plan:
    """One more step by hand: `context` steps of the episode were observed, then these actions done."""
    key = ("steer", library.version(info), episode, context, repr(actions))

    def make() -> Answer:
        position = steer(library.load(info), episode, context, actions)
        policy = None if position.policy is None else [round(float(value), 6) for value in position.policy]
        return json_answer(
            {
                "step": position.step,
                "frame": data_uri(position.image, "jpeg"),
                "predicted_reward": position.predicted_reward,
                "value": position.value,
                "policy": policy,
            }
        )

    return Plan(key, 2 + (context + len(actions)) / 4, make)


def draw_reel(checkpoint: str, reel: Reel, format: str, options: ExportOptions) -> Answer:
    """A reel as JSON or as a file; raises ViewError."""
    if format != "json":
        from backend.export.render import export_reel  # loads matplotlib: not before it is needed

        file = export_reel(reel, format, options)
        return Answer(file.content, file.media_type, file.file_name, file.warning)
    return json_answer({"checkpoint": checkpoint, **reel_json(reel)})


def reel_json(reel: Reel) -> dict[str, Any]:
    """What the page's player plays."""
    return {
        "kind": reel.kind,
        "title": reel.title,
        "context": reel.context,
        "cell": CELL,
        "steps": list(range(reel.steps)),
        "frames": data_uri(contact_sheet([strip.frames for strip in reel.strips]), "jpeg"),
        "rows": [{"title": strip.title, "note": strip.note, "kind": strip.kind} for strip in reel.strips],
        "curves": [
            {"title": chart, "lines": [{"name": name, "values": values} for name, values in lines.items()]}
            for chart, lines in reel.curves.items()
        ],
        "file_name": f"{reel.name}.gif",
        **reel.facts,
    }


def _plan(
    key: Hashable,
    infos: Sequence[CheckpointInfo],
    library: Library,
    format: str,
    options: ExportOptions,
    cost: float,
    make: Callable[[Checkpoint], Reel],
) -> Plan:
    info = infos[0]
    whole = (key, library.version(info), format, options if format != "json" else None)
    assert format in MEDIA_TYPES
    return Plan(whole, cost, lambda: draw_reel(info.id, make(library.load(info)), format, options))
