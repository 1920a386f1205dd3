"""Teachers: how a gate weighs several teachers along an episode and over training, and what that shows."""

import json
from collections.abc import Mapping
from typing import Any

import torch

from backend.data.checkpoint import Checkpoint
from backend.interpret.imagination import follow, recorded
from backend.interpret.rollout import branch_of
from backend.interpret.teachers_request import TeachersRequest
from backend.interpret.timeline import Strip, Timeline, curve
from backend.interpret.view import provenance_of
from models.types import normalise

WEIGHTS = "Weight of each teacher"
FEW_EPISODES = 5  # fewer are too few for an interval
UNMOVED = 0.01  # a change of the weights that is called none


def teachers_timeline(checkpoint: Checkpoint, request: TeachersRequest, name: str) -> Timeline:
    """The episode, what the model sees of it, and the weights beside; `name` is that of the files. Raises ViewError."""
    request.check(checkpoint)
    found = checkpoint.teachers
    assert found is not None, "checked with the request"
    weights = {
        title: curve(each[request.episode]) for title, each in zip(found["teachers"], found["weights"], strict=True)
    }
    provenance = provenance_of(checkpoint)
    origin = {key: provenance[key] for key in ("checkpoint", "weights")}
    image = checkpoint.clip.image[request.episode]
    return Timeline(
        kind="teachers",
        title=f"Teachers, {checkpoint.info.name}",
        name=name,
        context=len(image),
        strips=(Strip("episode", "recorded", image, "truth"), Strip("model", "observed", _seen(checkpoint, request))),
        curves={WEIGHTS: weights},
        settings=json.dumps({"diswm": "teachers", **origin, "view": request.to_json()}, sort_keys=True),
        facts={"teachers": _rows(found), "history": found["history"], "says": says(found)},
    )


def says(found: Mapping[str, Any]) -> str:
    """What the weights show, beside equal ones and beside those for the student of another episode."""
    names, mean = found["teachers"], found["mean"]
    best = max(range(len(names)), key=mean.__getitem__)
    equal, episodes = 1 / len(names), len(found["weights"][0])
    sentences = [f"{names[best]} has {mean[best]:.2f} of the weight over the clip; equal weights would be {equal:.2f}."]
    low, high = found["interval"][best]
    if episodes < FEW_EPISODES:
        sentences.append(f"{episodes} episodes are too few for an interval.")
    elif low <= equal:
        sentences.append(f"Over {episodes} episodes 95% are {low:.2f} to {high:.2f}: no more than equal weights.")
    else:
        sentences.append(f"Over {episodes} episodes 95% are {low:.2f} to {high:.2f}.")
    if found["moved"] is not None:
        sentences.append(
            f"Beside the student of another episode a weight changes by {found['moved']:.3f}"
            + (
                ": these weights do not depend on what the student sees."
                if found["moved"] < UNMOVED
                else " on average: the weights depend on what the student sees."
            )
        )
    sentences.append("A weight says which teacher the student was drawn to, not which one is right.")
    return " ".join(sentences)


def _rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, mean weight, its interval if episodes are enough, weight beside another student, and mean distance."""
    swapped = found["swapped"] or [None] * len(found["teachers"])
    few = len(found["weights"][0]) < FEW_EPISODES
    intervals = [None] * len(swapped) if few else found["interval"]
    columns = found["teachers"], found["mean"], intervals, swapped, found["distance"]
    keys = "name", "weight", "interval", "swapped", "distance"
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


@torch.inference_mode()
def _seen(checkpoint: Checkpoint, request: TeachersRequest) -> Any:
    """The model's pictures of its states along the episode, (S, 64, 64, 3)."""
    clip, steps = checkpoint.clip, checkpoint.clip.image.shape[1]
    latent = checkpoint.model.encode(normalise(torch.from_numpy(clip.image[request.episode]))).mean
    action = torch.from_numpy(clip.action[request.episode])
    return branch_of(checkpoint, follow(checkpoint.model, latent, steps, recorded(action), [()])).image
