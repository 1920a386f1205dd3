"""Flow: which way each pixel of an episode moves, where the network is confident of it, and how right that is."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.data.checkpoint import Checkpoint
from backend.interpret.flow_errors import MOVES, Errors, Estimate, Flow, errors, estimated, unlike
from backend.interpret.flow_request import FlowRequest
from backend.interpret.imagination import follow, recorded
from backend.interpret.resample import interval_of_mean
from backend.interpret.rollout import branch_of
from backend.interpret.timeline import Curve, Strip, Timeline, curve
from backend.interpret.view import Picture, provenance_of
from backend.interpret.wheel import overlaid, unsure
from models.types import normalise

ERROR = "Error in pixels"
COLOURS = "Difference of colours"
FLOW, STILL = "flow", "standing still"
MOST_EPISODES = 6  # that the numbers are measured on
FEW_EPISODES = 5  # fewer are too few for an interval
LIMITS = (
    "Plain surfaces look alike wherever they move, and shadows and flickering colours have no flow of their own: there "
    "it guesses. Neither the world model nor its policy uses it."
)
Table = dict[str, tuple[Errors, ...]]  # of each way of telling the flow, its errors by episode


def flow_timeline(checkpoint: Checkpoint, request: FlowRequest, name: str) -> Timeline:
    """The episode, its flow and where it is confident, beside the true one if known; `name` is that of the files.

    S is one less than the episode's frames, as nothing follows the last. Raises ViewError.
    """
    request.check(checkpoint)
    network, clip, episode = checkpoint.flow, checkpoint.clip, request.episode
    assert network is not None, "checked with the request"
    image, true = clip.image[episode], None if clip.flow is None else clip.flow[episode][:-1]
    found, seen = estimated(network, image), _seen(checkpoint, episode)
    scale = _scale(found.flow if true is None else true[..., :2].astype(np.float32))
    strips = [
        Strip("episode", "recorded", image[:-1], "truth"),
        Strip("flow", "estimated", overlaid(image[:-1], found.flow, scale)),
        Strip("confidence", "hatched: unsure", unsure(image[:-1], ~found.confident)),
        Strip("model", "flow of its pictures", overlaid(seen[:-1], estimated(network, seen).flow, scale)),
    ]
    table = _measured(checkpoint) if true is not None else {}
    if true is not None:
        way, hidden = true[..., :2].astype(np.float32), true[..., 2] > 0
        strips.insert(
            2, Strip("true flow", "hatched: hidden", unsure(overlaid(image[:-1], way, scale), hidden), "truth")
        )
    provenance = provenance_of(checkpoint)
    origin = {key: provenance[key] for key in ("checkpoint", "weights")}
    return Timeline(
        kind="flow",
        title=f"Optical flow, {checkpoint.info.name}",
        name=name,
        context=len(image) - 1,
        strips=tuple(strips),
        curves=_curves(found, image, true),
        settings=json.dumps({"diswm": "flow", **origin, "view": request.to_json()}, sort_keys=True),
        facts={"errors": _rows(table), "scale": round(scale, 1), "says": says(table, found, image)},
    )


def says(table: Table, found: Estimate, image: NDArray[np.uint8]) -> str:
    """How right the flow is beside standing still, and what it is confident of."""
    sure = f"Of this episode it is confident of {found.confident.mean():.0%} of the pixels."
    if not table:
        along, still = unlike(found.flow, image).mean(), unlike(0 * found.flow, image).mean()
        return (
            f"Moved back along the flow, a next frame differs from this one by {along:.2f} of 255 on average, as it is "
            f"by {still:.2f}. {sure} No true flow is known of these episodes: diswm collect --set true_flow=true keeps "
            f"it. {LIMITS}"
        )
    flow, still = (np.array([each.moving for each in table[name]]) for name in (FLOW, STILL))
    known = np.isfinite(flow)
    if not known.any():
        return f"Nothing moves by more than {MOVES} pixels in these episodes. {sure} {LIMITS}"
    sentence = (
        f"Where something moves, the flow is off by {flow[known].mean():.2f} pixels over {known.sum()} episodes; "
        f"standing still would be off by {still[known].mean():.2f}. "
    )
    if known.sum() < FEW_EPISODES:
        sentence += "So few episodes are too few for an interval."
    else:
        low, high = interval_of_mean((still - flow)[known])
        gain = f"95% of the difference are {low:.2f} to {high:.2f} pixels"
        sentence += f"{gain}." if low > 0 else f"{gain}: no better than standing still."
    return f"{sentence} {sure} {LIMITS}"


def _measured(checkpoint: Checkpoint) -> Table:
    """Errors of the first episodes of the clip, whose true flow is known."""
    network, clip = checkpoint.flow, checkpoint.clip
    assert network is not None and clip.flow is not None
    chosen = [(image, true[:-1]) for image, true in zip(clip.image, clip.flow, strict=True)][:MOST_EPISODES]
    found = [estimated(network, image).flow for image, _ in chosen]
    return {
        FLOW: tuple(errors(flow, true) for flow, (_, true) in zip(found, chosen, strict=True)),
        STILL: tuple(errors(0 * flow, true) for flow, (_, true) in zip(found, chosen, strict=True)),
    }


def _rows(table: Table) -> list[dict[str, Any]]:
    """The mean errors of each way of telling the flow, and their 95% if episodes are enough; None if not known."""
    rows = []
    for name, measured in table.items():
        row: dict[str, Any] = {"name": name}
        for column, values in zip(Errors._fields, np.array(measured).T, strict=True):
            row[column] = _spread(values[np.isfinite(values)])
        rows.append(row)
    return rows


def _spread(values: NDArray[np.float64]) -> dict[str, Any] | None:
    if not len(values):
        return None
    enough = len(values) >= FEW_EPISODES
    return {"mean": float(values.mean()), "interval": interval_of_mean(values).tolist() if enough else None}


def _curves(
    found: Estimate, image: NDArray[np.uint8], true: NDArray[np.float16] | None
) -> Mapping[str, Mapping[str, Curve]]:
    """At each step, the error where something moves, or without the true flow how unlike the frames are."""
    both = {FLOW: found.flow, STILL: 0 * found.flow}
    if true is None:
        return {COLOURS: {name: curve(unlike(flow, image)) for name, flow in both.items()}}
    return {ERROR: {name: curve(_moving(flow, true)) for name, flow in both.items()}}


def _moving(flow: Flow, true: NDArray[np.float16]) -> Sequence[float]:
    return [errors(flow[step, None], true[step, None]).moving for step in range(len(flow))]


def _scale(flow: Flow) -> float:
    """The way in pixels that is drawn in full colour: nearly the longest of the episode, and at least one."""
    length = np.linalg.norm(flow, axis=-1)
    moving = length[length > MOVES]
    return max(1.0, float(np.percentile(moving, 95))) if len(moving) else 1.0


@torch.inference_mode()
def _seen(checkpoint: Checkpoint, episode: int) -> Picture:
    """The model's pictures of its states along the episode, (T, 64, 64, 3)."""
    clip, steps = checkpoint.clip, checkpoint.clip.image.shape[1]
    latent = checkpoint.model.encode(normalise(torch.from_numpy(clip.image[episode]))).mean
    action = torch.from_numpy(clip.action[episode])
    return branch_of(checkpoint, follow(checkpoint.model, latent, steps, recorded(action), [()])).image
