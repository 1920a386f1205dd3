"""Toy clips of a white square that moves on a ground of one colour, another in each clip, and models of them."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.config import VideoModelConfig
from models.initialise import scale_initially
from models.losses import total
from models.types import Batch, normalise
from models.video_model import Objective, VideoModel

STEPS, SIDE, SQUARE = 4, 64, 20


class Clips(NamedTuple):
    """B clips of STEPS frames."""

    batch: Batch
    colour: Tensor  # (B, 3) of the ground, in [0, 1]
    corner: Tensor  # (B, T, 2) of the square, in pixels


def clips_of(count: int, seed: int) -> Clips:
    """The square jumps among 16 places."""
    generator = torch.Generator().manual_seed(seed)
    colour = torch.randint(30, 200, (count, 3), generator=generator)
    image = colour[:, None, None, None].expand(-1, STEPS, SIDE, SIDE, -1).to(torch.uint8)
    corner = 1 + 14 * torch.randint(4, (count, STEPS, 2), generator=generator)
    for clip, places in zip(image, corner.tolist(), strict=True):
        for frame, (top, left) in zip(clip, places, strict=True):
            frame[top : top + SQUARE, left : left + SQUARE] = 255
    first = torch.zeros(count, STEPS, dtype=torch.bool)
    first[:, 0] = True
    empty = torch.zeros(count, STEPS)
    batch = Batch(image, empty[..., None][..., :0], empty, empty, first, empty[..., None][..., :0])
    return Clips(batch, colour.float() / 255, corner)


def learned(vision: str, updates: int) -> VideoModel:
    """A small video model of such clips, new ones at each update."""
    torch.manual_seed(0)
    sizes = VideoModelConfig(latents=8, stoch=16, deter=32, hidden=32, kernels=(8, 8, 16, 32, 64), vision=vision)
    model, generator = VideoModel(sizes), torch.Generator().manual_seed(1)
    scale_initially(model)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    weights = {"image": 1.0, "dynamics": 0.1, "latent": 0.01}
    for update in range(updates):
        losses = model.infer(clips_of(8, 1000 + update).batch, generator, Objective(free_nats=0.0)).losses
        optimiser.zero_grad()
        total(losses, weights).backward()  # type: ignore[no-untyped-call] # torch stub
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100)
        optimiser.step()
    return model.eval().requires_grad_(False)


class Swapped(NamedTuple):
    """Pictures of the states of clips, drawn beside a frame of another clip, measured."""

    to_other: float  # mean distance of the ground's colour to the other clip's, in [0, 1]
    to_own: float
    away: float  # median distance of the square from its own place, in pixels
    colour: float  # R2 of the own ground's colour, read linearly from the states
    place: float  # of the square's place


def swapped(model: VideoModel, count: int = 64) -> Swapped:
    """Each clip beside the first frame of the one before it."""
    batch, colour, corner = clips_of(count, 7)
    image = normalise(batch.image)
    feature = model.observe(model.encode(image).mean, None, batch.is_first).states.feature
    drawn = torch.stack([model.in_context(image[row - 1, 0]).decode(feature[row]) for row in range(count)]) + 0.5
    ground = drawn.flatten(3).median(-1).values
    apart = (drawn - ground[..., None, None]).abs().mean(2)
    weight = (apart / apart.amax((-1, -2), keepdim=True).clamp(min=1e-6) - 0.5).clamp(min=0)
    line, mass = torch.arange(SIDE), weight.sum((-1, -2)).clamp(min=1e-6)
    centre = torch.stack([(weight.sum(axis) * line).sum(-1) / mass for axis in (-1, -2)], -1)
    shade = ground.mean(1)
    return Swapped(
        to_other=float((shade - colour.roll(1, 0)).abs().mean()),
        to_own=float((shade - colour).abs().mean()),
        away=float((centre - corner - (SQUARE - 1) / 2).norm(dim=-1).median()),
        colour=_read(feature, colour.repeat_interleave(STEPS, 0)),
        place=_read(feature, corner.flatten(0, 1).float()),
    )


def _read(feature: Tensor, truth: Tensor) -> float:
    """R2 on the second half of what a ridge regression reads, fitted on the first."""
    rows = feature.flatten(0, 1)
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
    half = len(rows) // 2
    seen, later = rows[:half], rows[half:]
    weights = torch.linalg.solve(seen.T @ seen + torch.eye(rows.shape[1]), seen.T @ truth[:half])
    error = (later @ weights - truth[half:]).square().sum()
    return 1 - float(error / (truth[half:] - truth[half:].mean(0)).square().sum())
