"""The intrinsic bonus of APV: how far the video is from what was seen before, by nearest neighbours."""

import torch
from torch import Tensor, nn

MOMENTUM = 0.99  # of the running mean that bonuses are divided by


class NeighbourBonus(nn.Module):
    """Mean distance of a short sequence to its nearest neighbours among those of earlier batches.

    A sequence of features is averaged over its steps and projected at random; earlier ones are in a queue. Nothing
    here is learned. Source: APV, section 3.3.
    """

    projection: Tensor
    queue: Tensor
    state: Tensor  # entries ever queued, batches ever seen
    scale: Tensor

    def __init__(
        self, feature: int, size: int = 128, queue: int = 4096, neighbours: int = 16, length: int = 5, seed: int = 0
    ) -> None:
        """Sizes: of a feature and of its projection; length of the queue; k; steps of a sequence."""
        super().__init__()
        self.neighbours, self.length = neighbours, length
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("projection", torch.randn(feature, size, generator=generator) / feature**0.5)
        self.register_buffer("queue", torch.zeros(queue, size))
        self.register_buffer("state", torch.zeros(2, dtype=torch.long))
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def forward(self, feature: Tensor) -> Tensor:
        """(B, T, F) -> (B, T), 1 on average; then these sequences are added to the queue.

        A step gets the value of the sequence that begins there; the last steps, where none fits, get the last value.
        While the queue has fewer than k sequences the bonus is 0.
        """
        batch, steps, _ = feature.shape
        assert steps >= self.length, f"sequences of {self.length} steps do not fit {steps}"
        pooled = feature.unfold(1, self.length, 1).mean(-1)  # (B, T - length + 1, F)
        projected = (pooled @ self.projection).flatten(0, 1)
        distance = self._distance(projected).reshape(batch, -1)
        self._join(projected)
        rest = distance[:, -1:].expand(-1, self.length - 1)
        return torch.cat([distance, rest], 1) / self.scale

    def _distance(self, projected: Tensor) -> Tensor:
        """Mean distance (M,) to the k nearest of the queue; keeps the running mean up to date."""
        held = min(int(self.state[0]), len(self.queue))
        if held < self.neighbours:
            return projected.new_zeros(len(projected))
        distance = torch.cdist(projected, self.queue[:held]).topk(self.neighbours, largest=False).values.mean(-1)
        momentum = MOMENTUM if self.state[1] else 0.0
        self.scale.mul_(momentum).add_((1 - momentum) * distance.mean().clamp(min=1e-8))
        self.state[1] += 1
        return distance

    def _join(self, projected: Tensor) -> None:
        """Writes the newest entries over the oldest."""
        size = len(self.queue)
        newest = projected[-size:]
        place = (self.state[0] + len(projected) - len(newest) + torch.arange(len(newest), device=newest.device)) % size
        self.queue[place] = newest
        self.state[0] += len(projected)
