"""An adapter as a model that views can look at: ranges, channels and latents are all translated here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.adapters.adapter import Adapter, Spec
from models.browsable import Browsable
from models.rssm import Recurrence
from models.types import Belief, Capabilities, Categorical, Gaussian, State

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in grey
POINT = 1e-6  # standard deviation of values that are not random


@dataclass(frozen=True)
class AdaptedConfig:
    """What config.json says about an adapted model."""

    layout: str
    options: Mapping[str, Any]
    spec: Spec

    @property
    def latents(self) -> int:
        """Z."""
        return self.spec.latents

    @property
    def action_size(self) -> int:
        """A."""
        return self.spec.action_size

    @property
    def state_stoch(self) -> int:
        """S."""
        return self.spec.stoch


def capabilities_of_spec(spec: Spec) -> Capabilities:
    """The capabilities of a model that declares this."""
    scales = not spec.classes and not spec.recurrent
    return Capabilities(decodes=spec.decodes, imagines=spec.recurrent, has_latents=True, has_scales=scales)


class Steps(Recurrence):
    """The adapter's own steps. It has no weights; those belong to the model."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self._adapter = (adapter,)  # not registered, so that each weight has one name

    @property
    def adapter(self) -> Adapter:
        """The adapter whose steps these are."""
        return self._adapter[0]

    def initial(self, batch: int) -> State:
        return self.adapter.initial(batch)

    def restarted(self, state: State, keep: Tensor) -> State:
        first = self.initial(len(keep))
        restarted = (now * keep + then * (1 - keep) for now, then in zip(state, first, strict=True))
        return State(*restarted)

    def advance(self, state: State, action: Tensor | None) -> Tensor:
        known = state.deter.new_zeros(len(state.deter), self.adapter.spec.action_size) if action is None else action
        return self.adapter.advance(state, known)

    def prior(self, deter: Tensor) -> Belief:
        return self.adapter.prior(deter)

    def posterior(self, deter: Tensor, latent: Tensor) -> Belief:
        return self.adapter.posterior(deter, latent)


class StaticSteps(Steps):
    """Steps of a model without memory, whose `encode` has already turned the picture into latents."""

    def posterior(self, deter: Tensor, latent: Tensor) -> Belief:  # noqa: ARG002 # nothing was before
        stoch = put_latents(latent, self.adapter.spec.classes)
        return Gaussian(stoch, torch.full_like(stoch, POINT))


class Adapted(Browsable):
    """A recurrent model from elsewhere: its latents depend on the history, so they are read off the posterior."""

    kind = "adapter"
    config: AdaptedConfig
    steps: type[Steps] = Steps

    def __init__(self, adapter: Adapter, layout: str, options: Mapping[str, Any]) -> None:
        super().__init__()
        spec = adapter.spec
        self.config = AdaptedConfig(layout, dict(options), spec)
        self.image_size, self.classes = (spec.height, spec.width), spec.classes
        self.adapter = adapter
        self.rssm = self.steps(adapter)

    def sizes(self) -> dict[str, Any]:
        return asdict(self.config)

    @property
    def capabilities(self) -> Capabilities:
        return capabilities_of_spec(self.config.spec)

    def encode(self, image: Tensor) -> Gaussian:
        seen = self._seen(image)
        return Gaussian(seen, torch.full_like(seen, POINT))

    def decode(self, feature: Tensor) -> Tensor:
        image = self.adapter.decode(self._state(feature.reshape(-1, feature.shape[-1]))).sub(0.5)
        return image.expand(-1, 3, -1, -1).reshape(*feature.shape[:-1], 3, *self.image_size)

    def latents(self, deter: Tensor, seen: Tensor) -> Tensor:
        return read_latents(self.rssm.posterior(deter, seen))

    def expected_latents(self, deter: Tensor) -> Tensor:
        return read_latents(self.rssm.prior(deter))

    def stoch_of(self, deter: Tensor, latent: Tensor) -> Tensor:  # noqa: ARG002 # latents are all of `stoch`
        return put_latents(latent, self.classes)

    def placed(self, state: State, edits: Sequence[Mapping[int, float]]) -> Tensor | None:
        latent = take_latents(state.stoch, self.classes).clone()
        for row, edit in enumerate(edits):
            for dim, value in edit.items():
                latent[row, dim] = value
        return put_latents(latent, self.classes)

    def reward(self, feature: Tensor) -> Tensor | None:
        found = self.adapter.reward(self._state(feature.reshape(-1, feature.shape[-1])))
        return None if found is None else found.reshape(feature.shape[:-1])

    def _seen(self, image: Tensor) -> Tensor:
        pictures = image.reshape(-1, *image.shape[-3:]).add(0.5)
        if self.config.spec.channels == 1:
            pictures = (pictures * pictures.new_tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
        return self.adapter.encode(pictures).reshape(*image.shape[:-3], -1)

    def _state(self, feature: Tensor) -> State:
        size = self.config.spec.stoch
        return State(feature[..., size:], feature[..., :size])


class Static(Adapted):
    """A model without memory: its latents depend only on the picture, and the picture only on the latents."""

    steps = StaticSteps

    def encode(self, image: Tensor) -> Gaussian:
        seen = self._seen(image)
        belief = self.adapter.posterior(seen.new_zeros(*seen.shape[:-1], 0), seen)
        if isinstance(belief, Categorical):
            latent = read_latents(belief)
            return Gaussian(latent, torch.full_like(latent, POINT))
        return Gaussian(belief.mean, belief.std)

    def latents(self, deter: Tensor, seen: Tensor) -> Tensor:  # noqa: ARG002 # nothing was before
        return seen


def read_latents(belief: Belief) -> Tensor:
    """The latents (..., Z) of a belief: the mean, or the number of the likeliest class."""
    return belief.classes.to(belief.logits.dtype) if isinstance(belief, Categorical) else belief.mean


def put_latents(latent: Tensor, classes: int) -> Tensor:
    """`stoch` (..., S) with these latents (..., Z): the numbers themselves, or each class as one-hot."""
    if not classes:
        return latent
    chosen = latent.round().long().clamp(0, classes - 1)
    return functional.one_hot(chosen, classes).to(latent.dtype).flatten(-2)


def take_latents(stoch: Tensor, classes: int) -> Tensor:
    """The latents (..., Z) contained in `stoch` (..., S): the inverse of `put_latents`."""
    return stoch.reshape(*stoch.shape[:-1], -1, classes).argmax(-1).to(stoch.dtype) if classes else stoch


def adapted(adapter: Adapter, layout: str, options: Mapping[str, Any]) -> Adapted:
    """The adapter as a model that views can look at, in evaluation mode."""
    made = Adapted if adapter.spec.recurrent else Static
    model = made(adapter, layout, options)
    return model.eval().requires_grad_(False)
