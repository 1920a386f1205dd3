"""Latent traversal: edit one latent of a frame, keep everything else, decode.

Traversals start from the posterior mean, no cell sees another cell's edit, and nothing is sampled, so
the columns of a row differ only by the edit; at the frame's own value a cell is the reconstruction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.browsable import Browsable
from models.types import State

RANGE_MODES = ("sigma", "fixed", "quantile", "minmax", "offset")
PART = 128  # cells decoded at once: with more, activations no longer fit the cache (a sixth slower on a CPU)
LEAST_HALF = 1e-6  # for a row whose range is a point, so that no two columns are equal


class Anchor(NamedTuple):
    """The base frame of a traversal: its latent mean (Z,), the recurrent state h (D,) it was seen in, and itself."""

    latent: Tensor
    deter: Tensor
    image: Tensor | None = None  # (3, H, W), for a decoder that sees a frame beside the state; None at the prior


@dataclass(frozen=True)
class LatentStatistics:
    """The aggregate posterior over many frames, one value per dimension, (Z,) each."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]  # of a sample: variance of the means plus mean of the variances
    minimum: NDArray[np.float64]  # of the means
    maximum: NDArray[np.float64]
    kl: NDArray[np.float64]  # mean KL to N(0, 1), nats
    quantiles: NDArray[np.float64]  # (101, Z): 0 %, 1 %, ... 100 % of the means

    @classmethod
    def of(cls, mean: NDArray[Any], logvar: NDArray[Any]) -> "LatentStatistics":
        """Statistics of N frames from their latent means and log variances, (N, Z) each."""
        means, variances = mean.astype(np.float64), np.exp(logvar.astype(np.float64))
        return cls(
            mean=means.mean(0),
            std=np.sqrt(means.var(0) + variances.mean(0)),
            minimum=means.min(0),
            maximum=means.max(0),
            kl=0.5 * (variances + means**2 - 1 - np.log(variances)).mean(0),
            quantiles=np.quantile(means, np.linspace(0, 1, 101), axis=0),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists, for `from_json`."""
        return {name: value.tolist() for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LatentStatistics":
        """The statistics that `to_json` wrote."""
        return cls(**{name: np.asarray(value, np.float64) for name, value in values.items()})


@torch.no_grad()
def anchor_at(
    model: Browsable, image: Tensor, frame: int, action: Tensor | None = None, history: bool = True
) -> Anchor:
    """The base frame `image[frame]` of a clip (T, 3, H, W), after the frames before it.

    `action` is (T, A), ignored by an action-free model, zeros if missing. Without `history` the frame
    is treated as the first of its episode, as in the paper's figures.
    """
    start = 0 if history else frame
    clip = image[start : frame + 1].unsqueeze(0)
    seen = model.encode(clip).mean
    size = model.config.action_size
    known = clip.new_zeros(1, clip.shape[1], size) if action is None else action[start : frame + 1].unsqueeze(0)
    if not history:
        known = torch.zeros_like(known)
    deter = model.observe(seen, known).states.deter[0, -1]
    return Anchor(model.latents(deter, seen[0, -1]), deter, image[frame])


@torch.no_grad()
def prior_anchor(model: Browsable) -> Anchor:
    """The mean of the prior as the first frame of an episode."""
    state = model.rssm.initial(1)
    deter = model.rssm.advance(state, state.deter.new_zeros(1, model.config.action_size))[0]
    return Anchor(model.expected_latents(deter), deter)


@torch.no_grad()
def decode_latents(model: Browsable, anchor: Anchor, latent: Tensor) -> Tensor:
    """Decodes latents (M, Z) in the anchor's history, in batches of PART -> (M, 3, H, W)."""
    deter = anchor.deter.expand(latent.shape[0], -1)
    feature = State(deter, model.stoch_of(deter, latent)).feature
    beside = model if anchor.image is None else model.in_context(anchor.image)
    return torch.cat([beside.decode(part) for part in torch.split(feature, PART)])


def reconstruct(model: Browsable, anchor: Anchor) -> Tensor:
    """The anchor itself, decoded: (3, H, W)."""
    return decode_latents(model, anchor, anchor.latent.unsqueeze(0))[0]


def edited_latents(
    anchor: Anchor, dims: Sequence[int], values: Tensor, edits: Mapping[int, float] | None = None
) -> Tensor:
    """The latents of a grid, (R, N, Z): row r sets dimension dims[r] to values[r], the rest stays as in the anchor.

    `edits` are first set in every cell, so they move the base of the whole grid.
    """
    base = anchor.latent.clone()
    for dim, value in (edits or {}).items():
        base[dim] = value
    latent = base.expand(*values.shape, -1).clone()
    for row, dim in enumerate(dims):
        latent[row, :, dim] = values[row]
    return latent


def traverse(
    model: Browsable,
    anchor: Anchor,
    dims: Sequence[int],
    values: Tensor,
    edits: Mapping[int, float] | None = None,
) -> Tensor:
    """The grid of a traversal: values (R, N) for R dimensions -> images (R, N, 3, H, W)."""
    latent = edited_latents(anchor, dims, values, edits)
    images = decode_latents(model, anchor, latent.flatten(0, 1))
    return images.reshape(*values.shape, *images.shape[1:])


def footprint(images: Tensor) -> Tensor:
    """Where a row changes the picture: (R, N, 3, H, W) -> (R, H, W), mean range of the colours over the row."""
    return (images.amax(1) - images.amin(1)).mean(1)


def row_values(
    mode: str,
    latent: NDArray[Any],
    statistics: LatentStatistics,
    dims: Sequence[int],
    extent: float,
    columns: int,
) -> NDArray[np.float64]:
    """The values that each row takes, (R, N): ascending, in equal steps from one end of its range to the other.

    sigma: mean +- extent std of the aggregate posterior, so the same positions in std for every row; fixed:
    0 +- extent; quantile: the central `extent` per cent; minmax: least to greatest mean seen; offset: the frame's value
    +- extent. The frame's own value (`place_of`) may be between two columns or outside the range.
    """
    centre = np.asarray(latent, np.float64)
    low, high = (bound[list(dims)] for bound in _bounds(mode, centre, statistics, extent))
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, LEAST_HALF)
    weight = np.linspace(-1, 1, columns) if columns > 1 else np.zeros(1)
    return middle[:, None] + half[:, None] * weight


def class_values(
    latent: NDArray[Any], statistics: LatentStatistics, dims: Sequence[int], classes: int, columns: int
) -> NDArray[np.float64]:
    """The classes that each row shows, (R, N), ascending: the frame's own, then those of most frames, then the first.

    If there are fewer classes than columns, the last class is repeated.
    """
    rows = []
    for dim in dims:
        usage = np.bincount(statistics.quantiles[:, dim].round().astype(int).clip(0, classes - 1), minlength=classes)
        usage[int(latent[dim])] = len(statistics.quantiles) + 1
        chosen = sorted(np.argsort(-usage, kind="stable")[:columns].tolist())
        rows.append(chosen + chosen[-1:] * (columns - len(chosen)))
    return np.array(rows, np.float64)


def place_of(value: float, row: NDArray[np.float64]) -> float:
    """The place of a value in a row of N ascending values: 0 is the first column, N - 1 the last; it may be outside."""
    if len(row) == 1:
        return 0.0
    if row[0] <= value <= row[-1]:
        return float(np.interp(value, row, np.arange(len(row))))  # classes are not in equal steps
    return float((value - row[0]) / (row[-1] - row[0]) * (len(row) - 1))


def _bounds(
    mode: str, latent: NDArray[np.float64], statistics: LatentStatistics, extent: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if mode == "sigma":
        return statistics.mean - extent * statistics.std, statistics.mean + extent * statistics.std
    if mode == "fixed":
        return np.full_like(latent, -extent), np.full_like(latent, extent)
    if mode == "quantile":
        ranks = np.linspace(0, 100, 101)
        tails = (50 - extent / 2, 50 + extent / 2)
        low, high = (np.array([np.interp(tail, ranks, column) for column in statistics.quantiles.T]) for tail in tails)
        return low, high
    if mode == "minmax":
        return statistics.minimum, statistics.maximum
    if mode == "offset":
        return latent - extent, latent + extent
    raise ValueError(f"unknown range mode {mode!r}; one of {', '.join(RANGE_MODES)}")
