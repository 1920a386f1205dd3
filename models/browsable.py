"""What views need from a model of any project: observe, imagine, decode, and change one latent."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

from torch import Tensor, nn

from models.rssm import Observed, Recurrence
from models.types import Capabilities, Gaussian, State

IMAGE_SIZE = (64, 64)  # height and width of a frame


class Sizes(Protocol):
    """The sizes that views need to know."""

    @property
    def latents(self) -> int:
        """Z, the latents that can be traversed."""

    @property
    def action_size(self) -> int:
        """A; 0 for a model without actions."""

    @property
    def state_stoch(self) -> int:
        """S, of a state's `stoch`."""


class Browsable(nn.Module, ABC):
    """A model that can be viewed.

    `encode` gives what the recurrent model sees of a picture. For most models that are the latents themselves; where
    they depend on the history, `latents` extracts them and `stoch_of` replaces them.
    """

    kind: ClassVar[str]  # the key of its sizes in a checkpoint's config.json
    config: Sizes
    rssm: Recurrence
    image_size: tuple[int, int] = IMAGE_SIZE
    classes: int = 0  # of each latent; 0 if latents are numbers

    @abstractmethod
    def sizes(self) -> dict[str, Any]:
        """What config.json stores about it, as plain values."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """The capabilities of this model."""

    @abstractmethod
    def encode(self, image: Tensor) -> Gaussian:
        """The encoded pictures: (..., 3, H, W) in [-0.5, 0.5] -> (..., E)."""

    @abstractmethod
    def decode(self, feature: Tensor) -> Tensor:
        """Mean image of a state's feature: (..., S + D) -> (..., 3, H, W) around [-0.5, 0.5]."""

    def in_context(self, image: Tensor) -> Self:  # noqa: ARG002 # models whose decoder sees a frame take it
        """The same model, which draws every state beside this frame (3, H, W); itself if it draws states alone."""
        return self

    def latents(self, deter: Tensor, seen: Tensor) -> Tensor:  # noqa: ARG002 # others need the history
        """The latents of an encoded picture: (..., D), (..., E) -> (..., Z)."""
        return seen

    def expected_latents(self, deter: Tensor) -> Tensor:
        """The latents that are expected before anything is seen: (..., D) -> (..., Z)."""
        return deter.new_zeros(*deter.shape[:-1], self.config.latents)

    def stoch_of(self, deter: Tensor, latent: Tensor) -> Tensor:
        """`stoch` of a state with these latents: (..., D), (..., Z) -> (..., S)."""
        return self.rssm.posterior(deter, latent).mean

    def placed(self, state: State, edits: Sequence[Mapping[int, float]]) -> Tensor | None:  # noqa: ARG002
        """`stoch` of K states (K, .) after one edit each, dimension -> value, if latents are part of the state.

        None if they are not: then the state moves as far as the posterior does.
        """
        return None

    def reward(self, feature: Tensor) -> Tensor | None:  # noqa: ARG002 # models with a reward head read it
        """Mean reward of arriving in a state, (..., S + D) -> (...); None for a model without rewards."""
        return None

    def observe(
        self,
        latent: Tensor,
        action: Tensor | None = None,
        is_first: Tensor | None = None,
        state: State | None = None,
        noise: Tensor | None = None,
    ) -> Observed:
        """`Recurrence.observe`; an action-free model drops the actions."""
        known = self._known(action)
        if is_first is not None and state is None:
            return self.rssm.observe_whole(latent, known, is_first, noise)
        return self.rssm.observe(latent, known, is_first, state, noise)

    def imagine(self, state: State, steps: int, action: Tensor | None = None, noise: Tensor | None = None) -> State:
        """`Recurrence.imagine`; an action-free model drops the actions."""
        return self.rssm.imagine(state, steps, self._known(action), noise)

    def _known(self, action: Tensor | None) -> Tensor | None:
        return action if self.config.action_size else None
