"""Rollouts as films, figures and tables."""

from backend.export.film import Film
from backend.export.names import rollout_file_name
from backend.export.options import TABLE_FORMATS, ExportOptions, check_format
from backend.export.tables import rollout_csv, rollout_npz
from backend.export.timeline import TIMELINE_FORMATS as ROLLOUT_FORMATS
from backend.export.timeline import render_timeline, timeline_film
from backend.interpret.rollout import Rollout
from backend.interpret.timeline import Timeline

__all__ = ["ROLLOUT_FORMATS", "render_rollout", "rollout_film", "timeline_of"]


def render_rollout(rollout: Rollout, format: str, options: ExportOptions) -> bytes:
    """The rollout in any of its formats; equal rollouts give equal bytes. Raises ViewError."""
    check_format(format, ROLLOUT_FORMATS)
    if format in TABLE_FORMATS:
        return {"csv": rollout_csv, "npz": rollout_npz}[format](rollout)
    return render_timeline(timeline_of(rollout), format, options)


def rollout_film(rollout: Rollout, options: ExportOptions) -> Film:
    """Truth, model, error and further rows side by side, one frame per step."""
    return timeline_film(timeline_of(rollout), options)


def timeline_of(rollout: Rollout) -> Timeline:
    """The rollout's rows, and the name of its files."""
    return rollout.timeline(rollout_file_name(rollout, "").rstrip("."))
