"""The rollout player on the page: turns a rollout of the API into what player.js plays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from frontend.components.assets import register, unheard

_PLAYER = register("player", scripts=("canvas.js", "player.js"))


def player(key: str, rollout: Mapping[str, Any], *, step: int | None = None) -> int | None:
    """Play a rollout, its branch beside it where there is one; returns the step that the user left it at."""
    edited = rollout.get("edited")
    content = {
        "strips": [rollout["frames"], *([edited["frames"]] if edited else [])],
        "rows": _rows(bool(edited)),
        "cell": rollout["cell"],
        "steps": len(rollout["steps"]),
        "context": rollout["context"],
        "curves": _curves(rollout, edited),
    }
    version = hashlib.sha1(json.dumps(content).encode(), usedforsecurity=False).hexdigest()
    answer = _PLAYER(key=key, data={**content, "version": version, "step": step}, on_step_change=unheard)
    return None if answer.step is None else int(answer.step)


def _rows(branched: bool) -> list[dict[str, Any]]:
    rows = [
        {"title": "Truth", "strip": 0, "row": 0, "kind": "truth"},
        {"title": "Model", "strip": 0, "row": 1, "kind": "model"},
        {"title": "Error", "strip": 0, "row": 2, "kind": "plain"},
    ]
    branch = [
        {"title": "Branch", "strip": 1, "row": 1, "kind": "model"},
        {"title": "Branch against model", "strip": 1, "row": 2, "kind": "plain"},
    ]
    return rows + (branch if branched else [])


def _curves(rollout: Mapping[str, Any], edited: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The charts that have numbers: reward, value, PSNR, spread; the branch as a further line."""
    wanted = {
        "Reward": (("true", "reward"), ("predicted", "predicted_reward")),
        "Value": (("model", "value"),),
        "PSNR in dB": (("model", "psnr"),),
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
    return curves
