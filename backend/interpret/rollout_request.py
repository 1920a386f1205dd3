"""What a reader asks to see of a rollout, checked before anything is computed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.data.checkpoint import Checkpoint
from backend.interpret.imagination import Edit
from backend.interpret.request import MAX_EDIT, ViewError, check_index, check_number

ACTIONS = ("recorded", "policy", "zero", "given")
MAX_HORIZON = 500
MAX_SAMPLES = 16
MAX_FRAMES = 4_000
_EDIT = re.compile(r"(\d+):([-+]?[0-9.]+(?:e[-+]?\d+)?)@(\d+)(\+?)", re.IGNORECASE)


@dataclass(frozen=True)
class RolloutRequest:
    """Watch `context` frames of an episode of the clip, then imagine `horizon` steps.

    actions: the clip's, the policy's, zeros, or `given` (horizon rows of A numbers). samples: 1 follows the mean;
    more draw that many futures beside it with `seed`. edits: the branch that is compared with the plain future.
    """

    episode: int = 0
    context: int = 5
    horizon: int = 25
    actions: str = "recorded"
    given: tuple[tuple[float, ...], ...] = ()
    samples: int = 1
    seed: int = 0
    edits: tuple[Edit, ...] = ()

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    def check(self, checkpoint: Checkpoint) -> None:
        """Raises ViewError unless this checkpoint can answer."""
        episodes, length = checkpoint.clip.image.shape[:2]
        check_index("episode", self.episode, episodes, "episode")
        _check_count("context", self.context, length)
        _check_count("horizon", self.horizon, MAX_HORIZON)
        _check_count("samples", self.samples, MAX_SAMPLES)
        check_index("seed", self.seed, 2**63, "seed")
        frames = self.steps * (self.samples + 2)
        if frames > MAX_FRAMES:
            raise ViewError("horizon", f"{frames} frames are more than {MAX_FRAMES}; take fewer steps or samples")
        for edit in self.edits:
            check_index("edit", edit.dim, checkpoint.model.config.latents, "dimension")
            check_index("edit", edit.step, self.steps, "step")
            check_number("edit", edit.value, -MAX_EDIT, MAX_EDIT, f"the value of dimension {edit.dim}")
        _check_actions(self, checkpoint, length)

    def to_json(self) -> dict[str, Any]:
        """The request as the query of the HTTP route names it."""
        return {
            "episode": self.episode,
            "context": self.context,
            "horizon": self.horizon,
            "actions": self.actions,
            **({"given": [list(row) for row in self.given]} if self.given else {}),
            "samples": self.samples,
            "seed": self.seed,
            "edit": ",".join(format_edit(edit) for edit in self.edits),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "RolloutRequest":
        """What `to_json` wrote; missing keys keep their defaults, unknown ones raise ViewError."""
        known = {"episode", "context", "horizon", "actions", "given", "samples", "seed", "edit"}
        if unknown := sorted(values.keys() - known):
            raise ViewError(unknown[0], f"is not part of a rollout; known are {', '.join(sorted(known))}")
        given = {key: value for key, value in values.items() if key not in ("given", "edit")}
        actions = tuple(tuple(row) for row in values.get("given") or ())
        return cls(**given, given=actions, edits=parse_edits(values.get("edit") or ""))


def parse_edits(text: str) -> tuple[Edit, ...]:
    """`7:1.5@12,3:-2@12+` -> edits; a plus holds the value from that step on. Raises ViewError."""
    edits = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _EDIT.fullmatch(part)
        if match is None:
            raise ViewError("edit", f"{part!r} is not dim:value@step, such as 7:1.5@12 (or 7:1.5@12+ to hold it)")
        dim, value, step, hold = match.groups()
        try:
            edits.append(Edit(int(dim), float(value), int(step), bool(hold)))
        except ValueError:
            raise ViewError("edit", f"{value!r} is not a number") from None
    return tuple(edits)


def format_edit(edit: Edit) -> str:
    """The inverse of `parse_edits`, of one edit."""
    return f"{edit.dim}:{edit.value!r}@{edit.step}{'+' if edit.hold else ''}"


def _check_count(field: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ViewError(field, f"{value!r} is not a whole number from 1 to {most}")


def _check_actions(request: RolloutRequest, checkpoint: Checkpoint, length: int) -> None:
    size = checkpoint.model.config.action_size
    if request.actions not in ACTIONS:
        raise ViewError("actions", f"{request.actions!r} is not one of {', '.join(ACTIONS)}")
    if request.actions == "policy" and checkpoint.actor_critic is None:
        raise ViewError("actions", f"{checkpoint.info.name} has no policy; take recorded or zero actions")
    if size and checkpoint.clip.action.shape[2] != size:
        raise ViewError("actions", f"the clip has actions of size {checkpoint.clip.action.shape[2]}, the model {size}")
    if request.actions == "recorded" and size and request.steps > length:
        raise ViewError("horizon", f"the episode has {length} frames: context and horizon together are at most that")
    if request.actions == "given":
        if len(request.given) != request.horizon:
            raise ViewError("given", f"{len(request.given)} actions for {request.horizon} imagined steps")
        for row in request.given:
            if len(row) != size:
                raise ViewError("given", f"an action of {len(row)} numbers, the model takes {size}")
            for value in row:
                check_number("given", value, -1, 1, "every number of an action")
