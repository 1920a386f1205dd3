"""Rollouts as films, figures and tables."""

from backend.export.film import Film
from backend.export.names import rollout_file_name
from backend.export.options import TABLE_FORMATS, ExportOptions, check_format
from backend.export.reel import REEL_FORMATS as ROLLOUT_FORMATS
from backend.export.reel import reel_film, render_reel
from backend.export.tables import rollout_csv, rollout_npz
from backend.interpret.reel import Reel
from backend.interpret.rollout import Rollout

__all__ = ["ROLLOUT_FORMATS", "reel_of", "render_rollout", "rollout_film"]


def render_rollout(rollout: Rollout, format: str, options: ExportOptions) -> bytes:
    """The rollout in any of its formats; equal rollouts give equal bytes. Raises ViewError."""
    check_format(format, ROLLOUT_FORMATS)
    if format in TABLE_FORMATS:
        return {"csv": rollout_csv, "npz": rollout_npz}[format](rollout)
    return render_reel(reel_of(rollout), format, options)


def rollout_film(rollout: Rollout, options: ExportOptions) -> Film:
    """Truth, model, error and what else there is, side by side, one frame per step."""
    return reel_film(reel_of(rollout), options)


def reel_of(rollout: Rollout) -> Reel:
    """The rollout's rows, and the name of its files."""
    return rollout.reel(rollout_file_name(rollout, "").rstrip("."))
