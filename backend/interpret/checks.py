"""Names checked by intervention both ways, beside what NMI says; measured once and kept with the checkpoint."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backend.data.checkpoint import CHECKS, Checkpoint
from backend.interpret.cards import READ_ONLY
from backend.interpret.encoded import Floats
from backend.interpret.grouping import group_of
from backend.interpret.interventions import MIN_MOVE, MIN_SCORE, moves_in_pictures
from backend.interpret.names import dimension_names
from backend.interpret.simulation import NoSimulator, moves_in_simulator

MIN_RESPONSE = 0.5  # standard deviations that a latent goes while a factor goes from one end to the other

Progress = Callable[[float, str], None]


def interventions_of(
    checkpoint: Checkpoint, *, refresh: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Both measurements, from the checkpoint's folder or made now and kept there: see `verdicts`.

    {"drawn": {"factor_names", "score": (F), "moves": (Z, F)}, "set": {"factors", "scenes"} or None, "why": text}.
    """
    path = checkpoint.info.found(CHECKS)
    if path.exists() and not refresh:
        known: dict[str, Any] = json.loads(path.read_bytes())
        return known
    report = progress or (lambda _done, _phase: None)
    report(0.0, "editing dimensions")
    drawn = moves_in_pictures(checkpoint)
    found: dict[str, Any] = {"drawn": drawn, "set": None, "why": ""}
    try:
        found["set"] = moves_in_simulator(checkpoint, lambda done, phase: report(0.3 + 0.7 * done, phase))
    except NoSimulator as error:
        found["why"] = str(error)
    try:
        checkpoint.info.keep(CHECKS, found)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
    return found


def verdicts(checkpoint: Checkpoint, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the measurements say of each dimension, beside its name from NMI.

    {"dimensions": [{"dim", "name", "status", "factor", "nmi", "drawn", "drawn_move", "drawn_agrees", "set", "set_move",
    "set_agrees"}], "seen": {factor: R2 of the probe}, "set": the simulator's table or None, "why": why it is missing}.
    `drawn`: the factor that an edit of the dimension draws; `set`: the factor whose setting moves it most. `..._agrees`
    is None where there is no name from a factor, or where nothing can tell.
    """
    entries = {entry["dim"]: entry for entry in (checkpoint.factors or {}).get("dimensions", [])}
    dimensions = []
    for label in dimension_names(checkpoint):
        entry = entries.get(label.dim, {})
        named = entry.get("factor") if entry.get("status") == "named" else None
        dimensions.append(
            {
                "dim": label.dim,
                "name": label.name,
                "status": entry.get("status"),
                "factor": entry.get("factor"),
                "nmi": entry.get("nmi"),
                **_drawn(label.dim, found["drawn"], named),
                **_set(label.dim, found["set"], named),
            }
        )
    drawn = found["drawn"]
    seen = dict(zip(drawn["factor_names"], drawn["score"], strict=True))
    return {"dimensions": dimensions, "seen": seen, "set": found["set"], "why": found["why"]}


def _drawn(dim: int, drawn: Mapping[str, Any], named: str | None) -> dict[str, Any]:
    names, visible = drawn["factor_names"], np.asarray(drawn["score"]) >= MIN_SCORE
    known = {group_of(name) for name, sees in zip(names, visible, strict=True) if sees}
    moves = np.where(visible, drawn["moves"][dim], 0) if names else np.zeros(0)
    return _verdict("drawn", [group_of(name) for name in names], moves, MIN_MOVE, named, known)


def _set(dim: int, table: Mapping[str, Any] | None, named: str | None) -> dict[str, Any]:
    factors = table["factors"] if table else []
    names = [item["factor"] for item in factors]
    moves = np.array([item["moves"][dim] for item in factors])
    return _verdict("set", names, moves, MIN_RESPONSE, named, set(names))


def _verdict(
    kind: str, names: list[str], moves: Floats, least: float, named: str | None, known: set[str]
) -> dict[str, Any]:
    best = int(np.argmax(moves)) if len(moves) else None
    move = float(moves[best]) if best is not None else 0.0
    factor = names[best] if best is not None and move >= least else None
    checkable = named is not None and group_of(named) in known
    agrees = factor == group_of(named) if named is not None and checkable else None
    return {kind: factor, f"{kind}_move": round(move, 4), f"{kind}_agrees": agrees}
