"""The player on the page: turns a rollout, or any timeline of the API, into what player.js plays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from frontend.components.assets import register, unheard
from frontend.components.colours import coloured

_PLAYER = register("player")
DISAGREEMENT = "Disagreement, times its mean on data"
DOUBTS = {"disagreement": DISAGREEMENT, "process_doubt": "Doubt of the process, times its mean on data"}
GUESSES = {"members": "Members", "guesses": "Guesses"}
MOST_ACTIONS = 3  # charts of single actions
SCORED = {"PSNR in dB": "psnr", "SSIM": "ssim"}
Bands = Mapping[str, Mapping[str, Sequence[float | None]]]  # name of a line -> {"low": (S,), "high": (S,)}
RANGES = {"PSNR in dB": [10, 40], "SSIM": [0, 1]}


def player(
    key: str, rollout: Mapping[str, Any], *, scores: Mapping[str, Any] | None = None, step: int | None = None
) -> int | None:
    """Play a rollout, its samples and its branch beside it; returns the step that the user left it at.

    `scores`: PSNR and SSIM over episodes, drawn as a band around the rollout's own.
    """
    edited = rollout.get("edited")
    strips = [("main", rollout["frames"]), ("branch", edited and edited["frames"]), ("samples", rollout.get("samples"))]
    strips += [(name, rollout.get(name)) for name in GUESSES]
    there = {name: uri for name, uri in strips if uri}
    content = {
        "strips": list(there.values()),
        "rows": _rows(list(there), int(rollout.get("drawn") or 0), comparable=rollout["comparable"]),
        "cell": rollout["cell"],
        "steps": len(rollout["steps"]),
        "context": rollout["context"],
        "curves": [_scaled(curve) for curve in _curves(rollout, edited, scores)],
    }
    return _mount(key, content, step)


def play_timeline(
    key: str, timeline: Mapping[str, Any], *, step: int | None = None, bands: Mapping[str, Bands] | None = None
) -> int | None:
    """Play rows of pictures with their charts; returns the step that the user left it at.

    `bands`: for the chart of PSNR and that of SSIM, low and high over episodes by the name of the line.
    """
    content = {
        "strips": [timeline["frames"]],
        "rows": [
            {
                **coloured(row, "title"),
                "title": _capital(row["title"]),
                "strip": 0,
                "row": number,
                "kind": _kind(row["kind"]),
            }
            for number, row in enumerate(timeline["rows"])
        ],
        "cell": timeline["cell"],
        "steps": len(timeline["steps"]),
        "first": timeline["steps"][0],
        "context": timeline["context"],
        "curves": [_scaled(_banded(curve, (bands or {}).get(curve["title"], {}))) for curve in timeline["curves"]],
    }
    return _mount(key, content, step)


def _mount(key: str, content: Mapping[str, Any], step: int | None) -> int | None:
    version = hashlib.sha1(json.dumps(content).encode(), usedforsecurity=False).hexdigest()
    answer = _PLAYER(key=key, data={**content, "version": version, "step": step}, on_step_change=unheard)
    return None if answer.step is None else int(answer.step)


def _rows(strips: Sequence[str], drawn: int, *, comparable: bool) -> list[dict[str, Any]]:
    """Rows of the available strips; the samples' own strip ends with their spread.

    Not `comparable`: the true frames followed other actions, so there is no error to show.
    """
    rows: list[dict[str, Any]] = [
        {"title": "Truth" if comparable else "As recorded", "strip": 0, "row": 0, "kind": "truth"},
        {"title": "Model", "strip": 0, "row": 1, "kind": "model"},
    ]
    if comparable:
        rows.append({"title": "Error", "strip": 0, "row": 2, "kind": "unframed"})
    if "branch" in strips:
        place = strips.index("branch")
        rows.append({"title": "Branch", "strip": place, "row": 1, "kind": "model"})
        rows.append({"title": "Branch against model", "strip": place, "row": 2, "kind": "unframed"})
    if "samples" in strips:
        place = strips.index("samples")
        rows += [
            {"title": f"Sample {number + 1}", "strip": place, "row": number, "kind": "model"} for number in range(drawn)
        ]
        rows.append({"title": "Spread", "note": "SD × 4", "strip": place, "row": drawn, "kind": "unframed"})
    for name in GUESSES.keys() & set(strips):
        place = strips.index(name)
        rows.append({"title": GUESSES[name], "note": "SD × 4", "strip": place, "row": 0, "kind": "unframed"})
    return rows


def _curves(
    rollout: Mapping[str, Any], edited: Mapping[str, Any] | None, scores: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The charts that have numbers: reward, value, PSNR, SSIM, spread, actions; the branch as a further line.

    PSNR and SSIM are shown beside guesses that need no model; they are left out where the recorded frames followed
    other actions.
    """
    wanted = {
        "Reward": (("true", "reward"), ("predicted", "predicted_reward")),
        "Value": (("model", "value"),),
        "PSNR in dB": (("model", "psnr"),),
        "SSIM": (("model", "ssim"),),
        "Spread of samples": (("grey levels", "spread"),),
    }
    curves = []
    for title, lines in wanted.items():
        key = lines[-1][1]
        if title in SCORED:
            if rollout["comparable"]:
                curves.append({"title": title, "lines": _scored(rollout, key, scores)})
            continue
        drawn = [{"name": name, "values": rollout[key]} for name, key in lines if rollout.get(key)]
        if edited and edited.get(key):
            drawn.append({"name": "branch", "values": edited[key]})
        if drawn:
            curves.append({"title": title, "lines": drawn})
    for column in DOUBTS.keys() & rollout.keys():
        named = {"model": column, "branch": f"edited_{column}"}
        drawn = [{"name": name, "values": rollout[key]} for name, key in named.items() if rollout.get(key)]
        curves.append({"title": DOUBTS[column], "lines": drawn})
    return curves + _actions(rollout, edited)


def bands_of(scores: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The model's band that holds 80% of the episodes, by chart."""
    return {
        title: {end: scores[key]["model"][end] for end in ("low", "high") if end in scores[key]["model"]}
        for title, key in SCORED.items()
    }


def _banded(curve: Mapping[str, Any], bands: Bands) -> dict[str, Any]:
    return {**curve, "lines": [{**line, **bands.get(line["name"], {})} for line in curve["lines"]]}


def _scored(rollout: Mapping[str, Any], key: str, scores: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """PSNR or SSIM of the model, with the band over episodes, and of the repeated last frame and the mean image."""
    band = scores[key]["model"] if scores else {}
    model: dict[str, Any] = {
        "name": "model",
        "values": rollout[key],
        **{end: band[end] for end in ("low", "high") if end in band},
    }
    return [model, *({"name": name, "values": values} for name, values in rollout["baselines"][key].items())]


def _scaled(curve: Mapping[str, Any]) -> dict[str, Any]:
    """A chart on its fixed axis, where it has one: so that noise does not fill the height.

    Dimensions have their colours.
    """
    lines = [coloured(line, "name") for line in curve["lines"]]
    fixed = {"range": RANGES[curve["title"]]} if curve["title"] in RANGES else {}
    return {**curve, **fixed, "lines": lines}


def _actions(rollout: Mapping[str, Any], edited: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The first few actions, with those of the branch, where the policy may choose others there."""
    taken = rollout.get("actions") or [[]]
    curves = []
    for number in range(min(len(taken[0]), MOST_ACTIONS)):
        lines = [{"name": "model", "values": [row[number] for row in taken]}]
        if edited and edited.get("actions"):
            lines.append({"name": "branch", "values": [row[number] for row in edited["actions"]]})
        curves.append({"title": f"Action {number}", "lines": lines})
    return curves


def _kind(kind: str) -> str:
    """What the player draws around a row: a difference has no border."""
    return "unframed" if kind == "difference" else kind


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
