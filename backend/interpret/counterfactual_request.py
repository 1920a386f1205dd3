"""What a counterfactual is asked: which factor is set in the simulator, to what, and which dimension in the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.data.checkpoint import Checkpoint
from backend.envs.protocol import CONTROL_TASKS
from backend.interpret.request import ViewError, check_index, check_number
from backend.interpret.rollout_request import MAX_HORIZON

SETTABLE = ("body_colour", "floor_colour", "background_colour", "light", "camera_angle")
MOST_STEPS = 200
ACTIONS = ("recorded", "zero")
_FIELDS = ("factor", "to", "dim", "seed", "episode", "context", "horizon", "step", "actions")


@dataclass(frozen=True)
class CounterfactualRequest:
    """Set `factor` to `to` on reaching `step`, and hold dimension `dim` in the model.

    to: None takes the end of the factor's range in the clip that lies farther away. dim: None takes the dimension that
    goes with the factor most. step: None takes the first imagined one. seed: of the episode that is lived. actions:
    those of an episode of the clip, or zeros.
    """

    factor: str
    to: float | None = None
    dim: int | None = None
    seed: int = 0
    episode: int = 0
    context: int = 5
    horizon: int = 10
    step: int | None = None
    actions: str = "recorded"

    @property
    def since(self) -> int:
        """The first step that differs."""
        return self.context if self.step is None else self.step

    @property
    def steps(self) -> int:
        """Context and horizon together."""
        return self.context + self.horizon

    def check(self, checkpoint: Checkpoint) -> None:
        """Raises ViewError unless this checkpoint and its environment can answer."""
        episodes, length = checkpoint.clip.image.shape[:2]
        can_be_set = settable(checkpoint)
        if not can_be_set:
            raise ViewError("factor", f"{checkpoint.info.name} comes from no simulator whose factors can be set")
        if self.factor not in can_be_set:
            raise ViewError("factor", f"{self.factor!r} cannot be set; there is {', '.join(can_be_set)}")
        low, high = factor_range(checkpoint, self.factor)
        if self.to is not None:
            check_number("to", self.to, low, high, f"{self.factor} in this checkpoint's clip")
        if self.dim is not None:
            check_index("dim", self.dim, checkpoint.model.config.latents, "dimension")
        check_index("seed", self.seed, 2**63, "seed")
        check_index("episode", self.episode, episodes, "episode")
        for name, value in (("context", self.context), ("horizon", self.horizon)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= min(MAX_HORIZON, MOST_STEPS):
                raise ViewError(name, f"{value!r} is not a whole number from 1 to {MOST_STEPS}")
        if self.actions not in ACTIONS:
            raise ViewError("actions", f"{self.actions!r} is not one of {', '.join(ACTIONS)}")
        most = length if self.actions == "recorded" else MOST_STEPS
        if self.steps > most:
            raise ViewError("horizon", f"{self.steps} steps are more than {most}; take fewer, or zero actions")
        check_index("step", self.since, self.steps, "step")

    def to_json(self) -> dict[str, Any]:
        """The request as the query of the HTTP route names it."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CounterfactualRequest":
        """What `to_json` wrote; missing keys keep their defaults, unknown ones raise ViewError."""
        if unknown := sorted(values.keys() - set(_FIELDS)):
            raise ViewError(unknown[0], f"is not part of a counterfactual; known are {', '.join(_FIELDS)}")
        if "factor" not in values:
            raise ViewError("factor", "is missing")
        return cls(**values)


def settable(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The factors that can be set in the simulator which this checkpoint's clip comes from."""
    known = checkpoint.clip.factor_names
    if checkpoint.info.environment not in CONTROL_TASKS or not {"light", "camera_angle"} <= set(known):
        return ()
    return tuple(name for name in SETTABLE if name in known)


def factor_range(checkpoint: Checkpoint, factor: str) -> tuple[float, float]:
    """Least and greatest value of a factor in the clip: what the model may be asked about."""
    values = checkpoint.clip.factors[..., checkpoint.clip.factor_names.index(factor)]
    return float(values.min()), float(values.max())
