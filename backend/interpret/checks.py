"""Names checked by intervention in both directions, next to NMI; measured once and saved with the checkpoint."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from backend.data.checkpoint import CHECKS, Checkpoint
from backend.interpret.cards import factors_of
from backend.interpret.encoded import Floats
from backend.interpret.grouping import group_of
from backend.interpret.interventions import MIN_MOVE, MIN_SCORE, moves_in_pictures
from backend.interpret.names import dimension_names
from backend.interpret.simulation import NoSimulator, moves_in_simulator

MIN_RESPONSE = 0.5  # standard deviations that a latent moves while a factor goes from one end to the other

Progress = Callable[[float, str], None]


def interventions_of(
    checkpoint: Checkpoint, *, refresh: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Both measurements, read from the checkpoint's folder or made now and saved there: see `verdicts`.

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
    checkpoint.info.store_finding(CHECKS, found)
    return found


def checked(checkpoint: Checkpoint) -> dict[str, Any]:
    """`verdicts` of a checkpoint; names and interventions are computed first if they are not saved with it."""
    factors_of(checkpoint)
    return verdicts(checkpoint, interventions_of(checkpoint))


def verdicts(checkpoint: Checkpoint, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the measurements say about each dimension, next to its name from NMI.

    {"dimensions": [{"dim", "name", "status", "factor", "nmi", "drawn", "drawn_move", "drawn_agrees", "set", "set_move",
    "set_agrees", "also"}], "seen": {factor: R2 of the probe}, "draws": [{"factor", "moves": (Z)}] of those that it can
    tell,
    "set": the simulator's table or None, "why": why it is missing}.
    `drawn`: the factor that an edit of the dimension draws; `set`: the factor whose setting moves it most. `..._agrees`
    is None without a name from a factor, or if it cannot be determined. `also`: factors other than that of its name
    whose setting also moves the dimension.
    """
    entries = {entry["dim"]: entry for entry in (checkpoint.factors or {}).get("dimensions", [])}
    drawn, table = found["drawn"], found["set"]
    draws, dimensions = _draws(drawn), []
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
                **_verdict("drawn", label.dim, draws, MIN_MOVE, named),
                **_verdict("set", label.dim, table["factors"] if table else [], MIN_RESPONSE, named),
                "also": _also(label.dim, table["factors"] if table else [], named),
            }
        )
    seen = dict(zip(drawn["factor_names"], drawn["score"], strict=True))
    return {"dimensions": dimensions, "seen": seen, "draws": draws, "set": table, "why": found["why"]}


def known_checks(checkpoint: Checkpoint) -> dict[int, str]:
    """What interventions say about the names from NMI, by dimension; empty if they have not been measured yet.

    `confirmed`: all available evidence agrees; `shared`: it agrees, and other factors move the dimension too;
    `contradicted`: some evidence disagrees; `untold`: there is no evidence.
    """
    path = checkpoint.info.found(CHECKS)
    if not path.exists():
        return {}
    entries = verdicts(checkpoint, json.loads(path.read_bytes()))["dimensions"]
    return {entry["dim"]: _standing(entry) for entry in entries if entry["status"] == "named"}


def _standing(entry: Mapping[str, Any]) -> str:
    told = [entry[key] for key in ("drawn_agrees", "set_agrees") if entry[key] is not None]
    if not told:
        return "untold"
    if not all(told):
        return "contradicted"
    return "shared" if entry["also"] else "confirmed"


def _also(dim: int, factors: Sequence[Mapping[str, Any]], named: str | None) -> list[str]:
    """The other factors whose setting moves a dimension, strongest first."""
    own = None if named is None else group_of(named)
    moves = {item["factor"]: float(item["moves"][dim]) for item in factors if item["factor"] != own}
    return sorted((factor for factor, move in moves.items() if move >= MIN_RESPONSE), key=lambda factor: -moves[factor])


def _draws(drawn: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What edits draw of the factors that the probe can read; sine and cosine are one angle."""
    moves: dict[str, Floats] = {}
    for name, score, column in zip(drawn["factor_names"], drawn["score"], np.transpose(drawn["moves"]), strict=True):
        if score >= MIN_SCORE:
            moves[group_of(name)] = np.maximum(moves.get(group_of(name), 0.0), column)
    return [{"factor": factor, "moves": column.tolist()} for factor, column in moves.items()]


def _verdict(
    kind: str, dim: int, factors: Sequence[Mapping[str, Any]], least: float, named: str | None
) -> dict[str, Any]:
    names, moves = [item["factor"] for item in factors], [float(item["moves"][dim]) for item in factors]
    move = max(moves, default=0.0)
    factor = names[moves.index(move)] if moves and move >= least else None
    agrees = factor == group_of(named) if named is not None and group_of(named) in names else None
    return {kind: factor, f"{kind}_move": round(move, 4), f"{kind}_agrees": agrees}
