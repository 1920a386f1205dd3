"""After DDFlow and SelFlow (arXiv 1902.09145, 1904.09117) and DistillFlow (2106.04195): flow learned from frames alone.

A network learns which way each pixel moves to the next frame, from likeness of colours. Then a copy of it stands still
and is the teacher: of frames that are moved, in other light and partly hidden the network shall say what the teacher
says of the whole ones, where that is confident. The world model and the policy learn as ever, and see no flow.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from backend.pipeline.methods.parts import Lesson, Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.flow import FlowSection
from backend.pipeline.settings import LearningSettings
from models.flow import FlowNetwork, both_ways
from models.flow_losses import flow_distance, photometric, smoothness
from models.harder import harder_pair
from models.types import Batch, normalise
from models.video_model import Inference
from models.warp import seen_again, trusted


def build(settings: LearningSettings, _source: Source | None, action_size: int) -> Parts:
    """DisWM's networks without a video model, and a network of flow that learns beside them."""
    own = settings.own(FlowSection)
    parts = standard_parts(settings, replace(sizes_of(settings, action_size), flow_units=own.flow_units))
    network = parts.world_model.flow
    assert network is not None, "it was asked for"
    teacher = FlowTeacher(network, round(own.flow_alone * settings.behaviour_after))
    whole = Photometric(network, own.flow_pairs, own.photometric_weight, own.flow_smoothness)
    harder = FromHarder(network, teacher, whole, own.flow_distillation)
    lessons = {"photometric": whole, "flow_student": harder}
    return replace(parts, lessons=lessons, companions={**parts.companions, "flow_teacher": teacher})


class FlowTeacher(nn.Module):
    """A copy that follows the network through the first updates, then stands still."""

    updates: Tensor

    def __init__(self, network: FlowNetwork, after: int) -> None:
        """`after`: how many updates it follows."""
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.after = after
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def follow(self, network: FlowNetwork) -> None:
        """Counts an update, and takes over the weights if it is one of the first."""
        self.updates += 1
        early = self.updates <= self.after
        for own, present in zip(self.network.parameters(), network.parameters(), strict=True):
            own.copy_(torch.where(early, present, own))

    @torch.no_grad()
    def says(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """The flow (N, 2, H, W) of pairs of frames (N, 3, H, W), and where it is confident, (N, 1, H, W) of 0 and 1."""
        forward, backward = both_ways(self.network, first, second)
        return forward, seen_again(forward, backward)


class Photometric(Lesson):
    """Each pixel shall look like the one that it moves to, in both directions."""

    weight_name = "photometric_weight"

    def __init__(self, network: FlowNetwork, pairs: int, weight: float, smooth: float) -> None:
        self._network, self._pairs, self._weight, self._smooth = network, pairs, weight, smooth
        self.latest = torch.zeros(0), torch.zeros(0)  # the pairs of frames

    def weight(self, _agent_step: int, _update: int) -> float:
        """Constant."""
        return self._weight

    def loss(self, batch: Batch, _target: Tensor, _inference: Inference, generator: torch.Generator | None) -> Tensor:
        """The mean over pairs of frames that are drawn from the batch, the same at each step: (B, T)."""
        self.latest = drawn_pairs(normalise(batch.image), self._pairs, generator)
        return self.of_pairs(*self.latest).mean().expand(batch.image.shape[:2])

    def of_pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """The loss of each pair of frames (N, 3, H, W) in [-0.5, 0.5], over both directions: (N,)."""
        forward, backward = both_ways(self._network, first, second)
        there, back = forward.detach(), backward.detach()
        likeness = photometric(first, second, forward, trusted(seen_again(there, back)))
        likeness = likeness + photometric(second, first, backward, trusted(seen_again(back, there)))
        return (likeness + self._smooth * (smoothness(first, forward) + smoothness(second, backward))) / 2


class FromHarder(Lesson):
    """The flow of harder frames is taught by the teacher's of the whole ones, where that is confident."""

    weight_name = "flow_distillation"

    def __init__(self, network: FlowNetwork, teacher: FlowTeacher, whole: Photometric, weight: float) -> None:
        """`whole`: the lesson that draws the pairs of frames."""
        self._network, self._teacher, self._whole, self._weight = network, teacher, whole, weight

    def weight(self, _agent_step: int, update: int) -> float:
        """0 while the teacher still follows, then constant."""
        return self._weight if update >= self._teacher.after else 0.0

    def loss(self, batch: Batch, _target: Tensor, _inference: Inference, generator: torch.Generator | None) -> Tensor:
        """The mean over the pairs of the photometric loss, the same at each step: (B, T)."""
        self._teacher.follow(self._network)
        return self.of_pairs(*self._whole.latest, generator).mean().expand(batch.image.shape[:2])

    def of_pairs(self, first: Tensor, second: Tensor, generator: torch.Generator | None) -> Tensor:
        """The distance of the network's flow of each harder pair from the teacher's, where that is confident: (N,)."""
        first, second, flow, confident = harder_pair(first, second, *self._teacher.says(first, second), generator)
        return flow_distance(self._network(first, second), flow, confident)


def drawn_pairs(image: Tensor, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Frames and the next ones at places drawn from sequences (B, T, C, H, W): (count, C, H, W) twice."""
    rows, steps = image.shape[:2]
    row = torch.randint(rows, (count,), generator=generator, device=image.device)
    step = torch.randint(steps - 1, (count,), generator=generator, device=image.device)
    return image[row, step], image[row, step + 1]
