"""Everything that a model computes from given images, as arrays: raw data for further analyses."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from backend.interpret.request import ViewError
from models.browsable import Browsable
from models.types import normalise

Arrays = dict[str, npt.NDArray[np.float32]]


@torch.no_grad()
def encode_sequences(model: Browsable, image: npt.NDArray[Any], action: npt.NDArray[Any] | None = None) -> Arrays:
    """Latents, recurrent states and reconstructions of B sequences, from their first frame on; means are propagated.

    image: (B, T, 64, 64, 3) uint8. action: (B, T, A), action[:, t] led to image[:, t]; zeros if missing, ignored by an
    action-free model. Answers float32 `latent_mean`, `latent_logvar` (B, T, Z), `prior_mean`, `prior_std`,
    `post_mean`, `post_std` (B, T, S), `deter` (B, T, D), `decoded` (B, T, 64, 64, 3) around [-0.5, 0.5], laid out
    as `image` is. Raises ViewError naming the array that does not fit.
    """
    if image.dtype != np.uint8 or image.ndim != 5 or image.shape[2:] != (64, 64, 3) or not image.size:
        raise ViewError("image", f"is {image.dtype} {image.shape}, needed is uint8 (B, T, 64, 64, 3)")
    known = actions_of(action, image.shape[0], image.shape[1], model.config.action_size)
    parts = [_encode(model, torch.from_numpy(image[row : row + 1]), known[row : row + 1]) for row in range(len(image))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _encode(model: Browsable, image: torch.Tensor, action: torch.Tensor) -> Arrays:
    latent = model.encode(normalise(image))
    observed = model.observe(latent.mean, action)
    values = {
        "latent_mean": latent.mean,
        "latent_logvar": latent.logvar,
        "prior_mean": observed.prior.mean,
        "prior_std": observed.prior.std,
        "post_mean": observed.posterior.mean,
        "post_std": observed.posterior.std,
        "deter": observed.states.deter,
        "decoded": model.in_context(normalise(image[0, 0])).decode(observed.states.feature).movedim(-3, -1),
    }
    return {name: value.numpy() for name, value in values.items()}


def actions_of(action: npt.NDArray[Any] | None, batch: int, length: int, size: int) -> torch.Tensor:
    """Actions (B, T, A) as numbers, zeros if there are none. Raises ViewError."""
    if action is None or not size:
        return torch.zeros(batch, length, size)
    if action.shape != (batch, length, size) or not np.issubdtype(action.dtype, np.number):
        raise ViewError("action", f"is {action.dtype} {action.shape}, needed is {(batch, length, size)}")
    if not np.isfinite(action).all():
        raise ViewError("action", "holds NaN or infinity")
    return torch.from_numpy(action.astype(np.float32))
