"""The player on the page: turns a rollout, or any reel of the API, into what player.js plays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from frontend.components.assets import register, unheard

_PLAYER = register("player", scripts=("canvas.js", "curves.js", "player.js"))
MOST_ACTIONS = 3  # charts of single actions


def player(key: str, rollout: Mapping[str, Any], *, step: int | None = None) -> int | None:
    """Play a rollout, its samples and its branch beside it; returns the step that the user left it at."""
    edited = rollout.get("edited")
    strips = [("main", rollout["frames"]), ("branch", edited and edited["frames"]), ("samples", rollout.get("samples"))]
    there = {name: uri for name, uri in strips if uri}
    content = {
        "strips": list(there.values()),
        "rows": _rows(list(there), int(rollout.get("drawn") or 0)),
        "cell": rollout["cell"],
        "steps": len(rollout["steps"]),
        "context": rollout["context"],
        "curves": _curves(rollout, edited),
    }
    return _mount(key, content, step)


def play_reel(key: str, reel: Mapping[str, Any], *, step: int | None = None) -> int | None:
    """Play rows of pictures with their charts; returns the step that the user left it at."""
    content = {
        "strips": [reel["frames"]],
        "rows": [
            {
                **row,
                "title": _capital(row["title"]),
                "strip": 0,
                "row": number,
                "kind": _kind(row["kind"]),
            }
            for number, row in enumerate(reel["rows"])
        ],
        "cell": reel["cell"],
        "steps": len(reel["steps"]),
        "context": reel["context"],
        "curves": reel["curves"],
    }
    return _mount(key, content, step)


def _mount(key: str, content: Mapping[str, Any], step: int | None) -> int | None:
    version = hashlib.sha1(json.dumps(content).encode(), usedforsecurity=False).hexdigest()
    answer = _PLAYER(key=key, data={**content, "version": version, "step": step}, on_step_change=unheard)
    return None if answer.step is None else int(answer.step)


def _rows(strips: Sequence[str], drawn: int) -> list[dict[str, Any]]:
    """Rows of the strips that there are; the samples' own strip ends with their spread."""
    rows = [
        {"title": "Truth", "strip": 0, "row": 0, "kind": "truth"},
        {"title": "Model", "strip": 0, "row": 1, "kind": "model"},
        {"title": "Error", "strip": 0, "row": 2, "kind": "plain"},
    ]
    if "branch" in strips:
        place = strips.index("branch")
        rows.append({"title": "Branch", "strip": place, "row": 1, "kind": "model"})
        rows.append({"title": "Branch against model", "strip": place, "row": 2, "kind": "plain"})
    if "samples" in strips:
        place = strips.index("samples")
        rows += [
            {"title": f"Sample {number + 1}", "strip": place, "row": number, "kind": "model"} for number in range(drawn)
        ]
        rows.append({"title": "Spread", "note": "SD × 4", "strip": place, "row": drawn, "kind": "plain"})
    return rows


def _curves(rollout: Mapping[str, Any], edited: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The charts that have numbers: reward, value, PSNR, SSIM, spread, actions; the branch as a further line."""
    wanted = {
        "Reward": (("true", "reward"), ("predicted", "predicted_reward")),
        "Value": (("model", "value"),),
        "PSNR in dB": (("model", "psnr"),),
        "SSIM": (("model", "ssim"),),
        "Spread of samples": (("grey levels", "spread"),),
    }
    curves = []
    for title, lines in wanted.items():
        drawn = [{"name": name, "values": rollout[key]} for name, key in lines if rollout.get(key)]
        key = lines[-1][1]
        if edited and edited.get(key):
            drawn.append({"name": "branch", "values": edited[key]})
        if drawn:
            curves.append({"title": title, "lines": drawn})
    return curves + _actions(rollout, edited)


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
    return "plain" if kind == "difference" else kind


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
