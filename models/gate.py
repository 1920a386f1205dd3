"""Several teachers and a gate that weighs them at each frame (Vid2Act, arXiv 2306.03360)."""

import torch
from torch import Tensor, nn

from models.layers import mlp

GATE_UNITS = 64
LEAST = 0.1  # share of a teacher's loss that counts whatever its weight


class TeacherGate(nn.Module):
    """Turns each teacher's features into the student's, and weighs the teachers by both.

    `sees_student=False` repeats the released gate, one linear layer: the student's part of its output is the same for
    all teachers and cancels in the softmax, so that it can only judge a teacher by the teacher's own features.
    """

    mean_weight: Tensor

    def __init__(self, teachers: int, feature: int, *, sees_student: bool = True) -> None:
        super().__init__()
        self.adapters = nn.ModuleList(nn.Linear(feature, feature) for _ in range(teachers))
        self.sees_student = sees_student
        self.judge = mlp(3 * feature, GATE_UNITS, 1, 1) if sees_student else nn.Linear(2 * feature, 1)
        self.register_buffer("mean_weight", torch.full((teachers,), 1 / teachers))

    def adapted(self, features: Tensor) -> Tensor:
        """The teachers' features in the student's terms: (n, ..., F) -> (n, ..., F)."""
        return torch.stack([adapter(one) for adapter, one in zip(self.adapters, features, strict=True)])

    def weights(self, features: Tensor, adapted: Tensor, student: Tensor) -> Tensor:
        """The weight of each teacher, which sum to 1: features and adapted (n, ..., F), student (..., F) -> (n, ...).

        Its gradient reaches the gate alone.
        """
        seen = student.detach().expand_as(features)
        parts = [features, seen]
        if self.sees_student:
            parts.append((adapted.detach() - seen).square())
        judged: Tensor = self.judge(torch.cat(parts, -1))
        return judged.squeeze(-1).softmax(0)

    def loss(self, features: Tensor, student: Tensor) -> tuple[Tensor, Tensor]:
        """How far the student is from the teachers as weighed, (...), and the weights, (n, ...).

        A tenth of every teacher's distance always counts, so that the gate can change its mind; the released code
        takes the larger of weight and 0.1 instead, which leaves a gate below 0.1 without a gradient.
        """
        adapted = self.adapted(features)
        weights = self.weights(features, adapted, student)
        distance = (adapted - student).square().mean(-1)
        return ((LEAST + (1 - LEAST) * weights) * distance).sum(0), weights

    @torch.no_grad()
    def note(self, weights: Tensor) -> None:
        """Keeps the mean weights (n, ...) of a batch, to be logged."""
        self.mean_weight.copy_(weights.flatten(1).mean(1))
