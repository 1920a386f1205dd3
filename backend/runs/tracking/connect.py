"""Makes the tracker that a setting names."""

from pathlib import Path

from backend.runs.tracking.mlflow_run import MlflowRun
from backend.runs.tracking.tracker import Tracker
from backend.runs.tracking.wandb_run import WandbRun


def connect(tracker: str, folder: Path) -> Tracker:
    """The tracker that the setting names; makes no connection yet."""
    kind, _, where = tracker.partition(":")
    if kind == "mlflow":
        return MlflowRun(where)
    return WandbRun(folder, offline=where == "offline")
