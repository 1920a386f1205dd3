"""What a model of another project computes from given images, under the names that such models use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.interpret.encode import Arrays, actions_of
from backend.interpret.request import ViewError
from models.adapters.adapted import Adapted
from models.types import Belief, Categorical, State

AT_ONCE = 256


@torch.no_grad()
def encode_adapted(model: Adapted, arrays: Mapping[str, Any]) -> Arrays:
    """Latents, states and reconstructions of images; means and likeliest classes are propagated.

    arrays: `image` uint8, (N, H, W, C), or (B, T, H, W, C) for a recurrent model, maybe with `action` (B, T, A) and
    `is_first` (B, T). Answers float32 `latent_mean` and `latent_logvar` (..., Z) or `post_logit` (..., Z, K); of a
    recurrent model `deter` (..., D); `decoded` (..., H, W, C), about 0..1. Raises ViewError.
    """
    image = torch.from_numpy(_checked(model, arrays["image"])).movedim(-1, -3).float() / 255
    lead = image.shape[:-3]
    seen = torch.cat([model.adapter.encode(part) for part in torch.split(image.flatten(0, -4), AT_ONCE)])
    seen = seen.reshape(*lead, -1)
    states, belief = _followed(model, seen, arrays) if model.config.spec.recurrent else _alone(model, seen)
    values = _named(belief)
    if model.config.spec.recurrent:
        values["deter"] = states.deter
    if model.config.spec.decodes:
        values["decoded"] = _decoded(model, states)
    return {name: value.numpy() for name, value in values.items()}


def _checked(model: Adapted, image: Any) -> Any:
    spec = model.config.spec
    axes, wanted = (5, "(B, T") if spec.recurrent else (4, "(N")
    shape = (spec.height, spec.width, spec.channels)
    if image.dtype != np.uint8 or image.ndim != axes or image.shape[-3:] != shape or not image.size:
        needed = f"{wanted}, {', '.join(map(str, shape))})"
        raise ViewError("image", f"is {image.dtype} {image.shape}, needed is uint8 {needed}")
    return image


def _alone(model: Adapted, seen: Tensor) -> tuple[State, Belief]:
    deter = seen.new_zeros(*seen.shape[:-1], 0)
    belief = model.adapter.posterior(deter, seen)
    return State(deter, belief.mean), belief


def _followed(model: Adapted, seen: Tensor, arrays: Mapping[str, Any]) -> tuple[State, Belief]:
    lead = (seen.shape[0], seen.shape[1])
    action = actions_of(arrays.get("action"), *lead, model.config.action_size)
    first = arrays.get("is_first")
    if first is None:
        first = np.arange(lead[1]) == np.zeros((lead[0], 1))
    if first.shape != lead or not np.isin(first, (0, 1)).all():
        raise ViewError("is_first", f"is {first.dtype} {first.shape}, needed are 0 and 1 of {lead}")
    states = model.observe(seen, action, torch.from_numpy(first.astype(bool))).states
    return states, model.adapter.posterior(states.deter, seen)


def _named(belief: Belief) -> dict[str, Tensor]:
    if isinstance(belief, Categorical):
        return {"post_logit": belief.logits}
    return {"latent_mean": belief.mean, "latent_logvar": 2 * belief.std.log()}


def _decoded(model: Adapted, states: State) -> Tensor:
    count = states.stoch.shape[:-1].numel()
    flat = State(*(part.reshape(count, part.shape[-1]) for part in states))
    starts = range(0, len(flat.stoch), AT_ONCE)
    drawn = torch.cat([model.adapter.decode(flat.part(slice(start, start + AT_ONCE))) for start in starts])
    return drawn.movedim(-3, -1).reshape(*states.stoch.shape[:-1], *drawn.shape[-2:], drawn.shape[-3])
