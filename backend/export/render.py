"""Writes a view as a file for both the command line and the API, so that they give equal bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from backend.data.checkpoint import Checkpoint
from backend.export.animation import render_animation
from backend.export.bundle import build_bundle
from backend.export.captions import texts_of
from backend.export.chart import render_chart
from backend.export.chart import texts_of as texts_of_chart
from backend.export.figure import render_figure
from backend.export.letters import warning_of
from backend.export.names import bundle_name, chart_file_name, file_name, rollout_file_name
from backend.export.options import (
    FIGURE_FORMATS,
    FILM_FORMATS,
    MEDIA_TYPES,
    TABLE_FORMATS,
    ExportOptions,
    check_format,
)
from backend.export.rollout import render_rollout, timeline_of
from backend.export.tables import traversal_csv, traversal_npz
from backend.export.timeline import render_timeline
from backend.export.timeline import texts_of as texts_of_timeline
from backend.export.viewer import render_viewer
from backend.interpret.base import BaseFrames
from backend.interpret.charts import Chart
from backend.interpret.request import ViewError
from backend.interpret.rollout import build_rollout, scores_over_episodes
from backend.interpret.rollout_request import RolloutRequest
from backend.interpret.timeline import Timeline
from backend.interpret.traversal_request import MAX_FILE_CELLS, TraversalRequest
from backend.interpret.view import TraversalView, build_view, rows_of

TRAVERSAL_FORMATS = (*FIGURE_FORMATS, *FILM_FORMATS, *TABLE_FORMATS, "html", "zip")


@dataclass(frozen=True)
class ExportedFile:
    """The bytes of a file, its name and media type, and notes for the reader."""

    content: bytes
    file_name: str
    media_type: str
    warning: str = ""


def export_traversal(
    checkpoint: Checkpoint,
    request: TraversalRequest,
    format: str,
    options: ExportOptions | None = None,
    frames: BaseFrames | None = None,
) -> ExportedFile:
    """A traversal in one of TRAVERSAL_FORMATS (zip is the paper bundle), from `frames` where the request says so.

    Raises ViewError.
    """
    chosen = options or ExportOptions()
    check_format(format, TRAVERSAL_FORMATS)
    chosen.check()
    cells = len(rows_of(request, checkpoint.statistics)) * request.columns
    if cells > MAX_FILE_CELLS:
        raise ViewError(
            "dims", f"{cells:,} cells are more than a file holds ({MAX_FILE_CELLS:,}); use fewer dims or columns"
        )
    view = build_view(checkpoint, request, frames)
    name = bundle_name(view) if format == "zip" else file_name(view, format)
    return ExportedFile(render_view(view, format, chosen), name, MEDIA_TYPES[format], _warning(format, texts_of(view)))


def render_view(view: TraversalView, format: str, options: ExportOptions) -> bytes:
    """The bytes of a view that is built already; raises ViewError."""
    check_format(format, TRAVERSAL_FORMATS)
    if format in FIGURE_FORMATS:
        return render_figure(view, format, options)
    if format in FILM_FORMATS:
        return render_animation(view, format, options)
    makers = {"csv": traversal_csv, "npz": traversal_npz, "html": render_viewer}
    return makers[format](view) if format in makers else build_bundle(view, options)


def export_rollout(
    checkpoint: Checkpoint, request: RolloutRequest, format: str, options: ExportOptions | None = None
) -> ExportedFile:
    """A rollout in one of `backend.export.rollout.ROLLOUT_FORMATS`; raises ViewError."""
    rollout = build_rollout(checkpoint, request)
    if rollout.comparable and format not in FILM_FORMATS:
        rollout = replace(rollout, scores=scores_over_episodes(checkpoint, request))
    content = render_rollout(rollout, format, options or ExportOptions())
    warning = _warning(format, texts_of_timeline(timeline_of(rollout)))
    return ExportedFile(content, rollout_file_name(rollout, format), MEDIA_TYPES[format], warning)


def export_timeline(timeline: Timeline, format: str, options: ExportOptions | None = None) -> ExportedFile:
    """Rows of pictures over time in one of `backend.export.timeline.TIMELINE_FORMATS`; raises ViewError."""
    content = render_timeline(timeline, format, options or ExportOptions())
    return ExportedFile(
        content, f"{timeline.name}.{format}", MEDIA_TYPES[format], _warning(format, texts_of_timeline(timeline))
    )


def export_chart(chart: Chart, format: str, options: ExportOptions | None = None) -> ExportedFile:
    """A chart of numbers in one of `backend.export.chart.CHART_FORMATS`; raises ViewError."""
    content = render_chart(chart, format, options or ExportOptions())
    warning = _warning(format, texts_of_chart(chart))
    return ExportedFile(content, chart_file_name(chart, format), MEDIA_TYPES[format], warning)


def _warning(format: str, texts: Iterable[str]) -> str:
    """Only for files in which we draw the letters; for tables and pages the program that opens them does."""
    return "" if format in (*TABLE_FORMATS, "html") else warning_of(texts)
