"""The protocol of a model from another project: what it declares, and the few steps that views need."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from models.types import Belief, Gaussian, State

MOST_PIXELS, MOST_LATENTS, MOST_CLASSES, MOST_DETER, MOST_ACTIONS = 512, 256, 256, 65_536, 4096


class LayoutError(ValueError):
    """Files or sizes do not match a layout; the message is one sentence."""


@dataclass(frozen=True)
class Spec:
    """What a model declares about itself. Raises LayoutError for sizes that cannot be shown."""

    channels: int  # of the pictures it takes: 1 or 3
    height: int
    width: int
    latents: int  # Z: dimensions, or groups of classes
    classes: int = 0  # K of each latent; 0 of Gaussian latents
    deter: int = 0  # D, of the deterministic state; 0 of a model without memory
    action_size: int = 0  # A
    decodes: bool = True
    recurrent: bool = False  # whether it can imagine a next step

    def __post_init__(self) -> None:
        limits = {
            "height": (8, MOST_PIXELS),
            "width": (8, MOST_PIXELS),
            "latents": (1, MOST_LATENTS),
            "classes": (0, MOST_CLASSES),
            "deter": (0, MOST_DETER),
            "action_size": (0, MOST_ACTIONS),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise LayoutError(f"the model's {name} must be from {low} to {high}, got {value!r:.40}")
        if self.channels not in (1, 3):
            raise LayoutError(f"the model takes pictures of {self.channels!r:.40} channels; 1 and 3 can be shown")
        if self.height != self.width:
            raise LayoutError(f"the model takes pictures of {self.height} x {self.width}; only squares can be shown")

    @property
    def stoch(self) -> int:
        """S: entries of a state's `stoch`."""
        return self.latents * max(self.classes, 1)

    @property
    def kind(self) -> str:
        """Of the latents: gaussian or categorical."""
        return "categorical" if self.classes else "gaussian"


class Adapter(nn.Module, ABC):
    """A model from another project. Nothing in it is sampled: means and likeliest classes are propagated.

    A model without memory needs `encode`, `posterior` and `decode`. Observing one step is `advance`, then `posterior`;
    imagining one is `advance`, then `prior`. Pictures are (B, C, H, W) in 0..1. `stoch` of a state is (B, Z), or
    one-hot and flat (B, Z * K) if latents are classes.
    """

    spec: Spec

    @abstractmethod
    def encode(self, image: Tensor) -> Tensor:
        """What the model sees of pictures: (B, C, H, W) -> (B, E)."""

    @abstractmethod
    def posterior(self, deter: Tensor, seen: Tensor) -> Belief:
        """The latents, given the history and the encoded picture: (..., D), (..., E) -> a Gaussian or classes."""

    @abstractmethod
    def decode(self, state: State) -> Tensor:
        """The picture of a state: (B, .) -> (B, C, H, W), about 0..1. Not called for a model that does not decode."""

    def prior(self, deter: Tensor) -> Belief:
        """The latents expected before seeing a picture: (..., D) -> a Gaussian or classes; N(0, I) without memory."""
        mean = deter.new_zeros(*deter.shape[:-1], self.spec.stoch)
        return Gaussian(mean, mean + 1)

    def initial(self, batch: int) -> State:
        """The state before the first picture of an episode, (B, .)."""
        zeros = next(self.parameters()).new_zeros
        return State(zeros(batch, self.spec.deter), zeros(batch, self.spec.stoch))

    def advance(self, state: State, action: Tensor) -> Tensor:  # noqa: ARG002 # without memory nothing moves
        """The deterministic state of the next step: (B, .), actions (B, A) that lead there -> (B, D)."""
        return state.deter

    def reward(self, state: State) -> Tensor | None:  # noqa: ARG002 # models with a reward head read it
        """Mean reward of arriving in a state, (B,); None for a model without rewards."""
        return None


class Layout(Protocol):
    """How the files of one project become an adapter. `options` are plain values that are stored in config.json."""

    name: str
    about: str  # one sentence: which project's files these are

    def recognises(self, keys: frozenset[str]) -> bool:
        """Whether tensors with these names have this layout."""

    def convert(
        self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Options for `build`, and the weights by the adapter's own names. Raises LayoutError."""

    def build(self, options: Mapping[str, Any]) -> Adapter:
        """The network, its weights not yet set. Raises LayoutError."""
