"""Descriptive file names: `diswm_walker-walk_my-run-s0_dim07-hip-angle_ep0-frame25_pm2sd.gif`."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from backend.interpret.calibration_request import CalibrationRequest
from backend.interpret.charts import Chart
from backend.interpret.contexts_request import ContextsRequest
from backend.interpret.counterfactual import Counterfactual
from backend.interpret.flow_request import FlowRequest
from backend.interpret.imitation import Imitation
from backend.interpret.names import DimensionName
from backend.interpret.rollout import Rollout
from backend.interpret.teachers_request import TeachersRequest
from backend.interpret.temporal import TemporalTraversal
from backend.interpret.together import Together
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import TraversalView

MAX_NAMED_ROWS = 2
NAMELESS = "unnamed"


def file_name(view: TraversalView, format: str) -> str:
    """Environment, checkpoint and seed, what is shown, and over which range."""
    parts = ["diswm", subject(view.provenance), _rows(view.labels), _range(view.request)]
    parts += _base(view)
    return f"{'_'.join(parts)}.{format}"


def rollout_file_name(rollout: Rollout, format: str) -> str:
    """Environment, checkpoint and seed, episode, lengths, actions and edits."""
    request = rollout.request
    parts = ["diswm", subject(rollout.provenance), f"rollout-ep{request.episode}"]
    parts += [f"{request.context}seen-{request.horizon}imagined", request.actions]
    parts += [f"edit-{_rows(rollout.labels)}"] if rollout.labels else []
    return f"{'_'.join(parts)}.{format}"


def temporal_file_name(traversal: TemporalTraversal) -> str:
    """Environment, checkpoint and seed, episode, and which dimensions are held where; without ending."""
    rollout, request = traversal.untouched, traversal.request
    where = f"{'p' if request.sigmas >= 0 else 'm'}{abs(request.sigmas):g}sd".replace(".", "p")
    where = "as-chosen" if request.hold else where
    place = subject(rollout.provenance)
    since = f"from{request.since}-ep{rollout.request.episode}"
    return f"diswm_{place}_hold-{_rows(traversal.labels)}_{where}_{since}"


def together_file_name(together: Together) -> str:
    """Environment, first checkpoint and its seed, episode, and how many checkpoints; without ending."""
    first = together.rollouts[0]
    place = subject(first.provenance)
    lengths = f"{first.request.context}seen-{first.request.horizon}imagined"
    return f"diswm_{place}_{len(together.rollouts)}checkpoints_ep{first.request.episode}_{lengths}"


def imitation_file_name(view: Imitation) -> str:
    """Environment, checkpoint and seed, episode and lengths; without ending."""
    request = view.request
    lengths = f"{request.context}seen-{request.horizon}imagined"
    return f"diswm_{subject(view.provenance)}_imitation-ep{request.episode}_{lengths}"


def teachers_file_name(provenance: Mapping[str, Any], request: TeachersRequest) -> str:
    """Environment, checkpoint and seed, and the episode; without ending."""
    return f"diswm_{subject(provenance)}_teachers-ep{request.episode}"


def flow_file_name(provenance: Mapping[str, Any], request: FlowRequest) -> str:
    """Environment, checkpoint and seed, and the episode; without ending."""
    return f"diswm_{subject(provenance)}_flow-ep{request.episode}"


def calibration_file_name(provenance: Mapping[str, Any], request: CalibrationRequest) -> str:
    """Environment, checkpoint and seed, the episode and lengths; without ending."""
    lengths = f"{request.context}seen-{request.horizon}imagined"
    return f"diswm_{subject(provenance)}_calibration-ep{request.episode}_{lengths}"


def contexts_file_name(provenance: Mapping[str, Any], request: ContextsRequest) -> str:
    """Environment, checkpoint and seed, and the episode; without ending."""
    return f"diswm_{subject(provenance)}_contexts-ep{request.episode}"


def counterfactual_file_name(view: Counterfactual) -> str:
    """Environment, checkpoint and seed, the factor and its new value, and the dimension; without ending."""
    value = f"{view.after:.2f}".replace(".", "p").replace("-", "m")
    return f"diswm_{subject(view.provenance)}_{slug(view.request.factor)}-to-{value}_{_rows([view.label])}"


def play_file_name(provenance: Mapping[str, Any], seed: int, steps: int) -> str:
    """Environment, checkpoint and seed, the episode's seed, and how many steps were played; without ending."""
    return f"diswm_{subject(provenance)}_play-seed{seed}-{steps}steps"


def chart_file_name(chart: Chart, format: str) -> str:
    """Environment, checkpoint and seed, and what the numbers are about."""
    return f"diswm_{subject(chart.provenance)}_{chart.kind}.{format}"


def bundle_name(view: TraversalView) -> str:
    """The name of the zip, and of the folder inside it."""
    return file_name(view, "zip").replace("diswm_", "diswm-bundle_", 1)


def subject(provenance: Mapping[str, Any]) -> str:
    """`walker-walk_my-run-s0`: distinguishes files of two checkpoints, or of two seeds of one."""
    place, name, seed = slug(provenance["environment"] or ""), slug(provenance["name"]), provenance["seed"]
    name += "" if seed is None else f"-s{seed}"
    return name if place == NAMELESS or name.startswith(place) else f"{place}_{name}"


def slug(text: str) -> str:
    """Letters, digits and dashes of a name; never empty, never a path."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")[:40].strip("-") or NAMELESS


def _rows(labels: Sequence[DimensionName]) -> str:
    if len(labels) > MAX_NAMED_ROWS:
        return f"{len(labels)}dims"
    return "-".join(f"dim{label.dim:02d}{_named(label.name)}" for label in labels)


def _named(name: str | None) -> str:
    """A name without any letter from a to z is left out."""
    short = slug(name or "")
    return "" if short == NAMELESS else f"-{short}"


def _base(view: TraversalView) -> list[str]:
    request = view.request
    if request.base == "prior":
        return ["prior"]
    if request.base == "picture":
        return [slug(view.base or "picture")]
    place = f"ep{request.episode}-frame{request.frame}"
    if request.base == "dataset":
        return [f"{slug(view.base or 'dataset')}-{place}"]
    return [place]


def _range(request: TraversalRequest) -> str:
    reach = f"{request.reach:g}".replace(".", "p")
    return {
        "sigma": f"pm{reach}sd",
        "fixed": f"pm{reach}",
        "quantile": f"mid{reach}pct",
        "minmax": "min-max",
        "offset": f"frame-pm{reach}",
    }[request.mode]
