"""Vid2Act (arXiv 2306.03360): several frozen teachers, a gate that weighs them by frame, and hints of their actions."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from backend.data.checkpoint import TEACHERS
from backend.pipeline.methods.parts import Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.teachers import TeachersSection
from backend.pipeline.settings import LearningSettings
from backend.pipeline.teachers import weighed_clip
from models.action_memory import ActionMemory, SourceBatch
from models.actor_critic import ActorCritic
from models.gate import TeacherGate
from models.types import Batch, normalise
from models.video_model import Inference, VideoModel

REMEMBERED = 64  # states of each source in an update of the action memory


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """DisWM's networks, taught by the features of several teachers, whose sources' actions are hinted to the actor."""
    assert source is not None, "check_source has made sure of it"
    sources, own = source.all, settings.own(TeachersSection)
    parts = standard_parts(settings, sizes_of(settings, action_size))
    feature = parts.world_model.config.feature
    hinted = replace(parts.actor_critic.config, sources=len(sources), hint=own.hint_size, memory_units=own.memory_units)
    actor_critic = ActorCritic(hinted)
    assert actor_critic.memory is not None
    gate = TeacherGate(len(sources), feature, sees_student=own.teachers_gate == "seeing")
    watching = Teachers([one.model for one in sources])
    taught = Taught(watching, gate, own.teachers_weight)
    told = Told(SourceActions(sources, action_size), taught, actor_critic.memory)
    names = numbered([one.name for one in sources])
    return replace(
        parts,
        actor_critic=actor_critic,
        lessons={"teachers": taught, "hint": told},
        companions={**parts.companions, "teachers": watching, "gate": gate, "sources": told.actions},
        notes=taught.notes,
        findings={TEACHERS: partial(weighed_clip, parts.world_model, watching.features, gate, names)},
    )


def numbered(names: Sequence[str]) -> list[str]:
    """The names of teachers, with their place where there is no name or several have one."""
    return [
        name if name and names.count(name) == 1 else f"{name or 'teacher'} {place}"
        for place, name in enumerate(names, 1)
    ]


class Teachers(nn.Module):
    """Frozen models that look at the same frames and actions as the student."""

    def __init__(self, models: Sequence[VideoModel]) -> None:
        super().__init__()
        self._each = tuple(models)
        self.models = nn.ModuleList(models).eval().requires_grad_(False)
        self.latents = [model.config.latents for model in models]

    def train(self, mode: bool = True) -> "Teachers":  # noqa: ARG002 # torch's signature
        """Stays as it is: teachers do not learn."""
        return self

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Every teacher's latents of images (..., H, W, C) uint8, side by side: (..., sum of Z)."""
        place = next(self.parameters()).device
        return torch.cat([model.encode(normalise(image.to(place))).mean for model in self._each], -1)

    @torch.no_grad()
    def follow(self, latents: Tensor, action: Tensor, is_first: Tensor) -> Tensor:
        """Every teacher's features along sequences of its latents (B, T, .) and actions (B, T, A): (n, B, T, F)."""
        features = []
        for model, latent in zip(self._each, torch.split(latents, self.latents, -1), strict=True):
            led = fitted(action, model.config.action_size)
            features.append(model.observe(latent, led, is_first).states.feature)
        return torch.stack(features)

    def features(self, image: Tensor, action: Tensor, is_first: Tensor) -> Tensor:
        """Every teacher's features of sequences (B, T, H, W, C) uint8: (n, B, T, F)."""
        return self.follow(self.encode(image), action, is_first)


def fitted(action: Tensor, size: int) -> Tensor:
    """Actions (..., A) of another size: filled up with zeros, or cut."""
    return functional.pad(action, (0, size - action.shape[-1]))


class Taught:
    """The lesson of the teachers: the student's features are drawn to theirs, as weighed."""

    weight_name = "teachers_weight"

    def __init__(self, teachers: Teachers, gate: TeacherGate, weight: float) -> None:
        self.target_size = sum(teachers.latents)
        self.gate, self._teachers, self._weight = gate, teachers, weight
        self.latest = torch.zeros(0), torch.zeros(0)  # student's features (B, T, F), weights (n, B, T)

    def weight(self, _agent_step: int, _update: int) -> float:
        """Constant."""
        return self._weight

    def target(self, image: Tensor) -> Tensor:
        """The teachers' latents of images (N, H, W, C) uint8, side by side."""
        return self._teachers.encode(image)

    def loss(self, batch: Batch, target: Tensor, inference: Inference, _generator: torch.Generator | None) -> Tensor:
        """`TeacherGate.loss`, (B, T)."""
        student = inference.observed.states.feature
        loss, weights = self.gate.loss(self._teachers.follow(target, batch.action, batch.is_first), student)
        self.gate.note(weights)
        self.latest = student.detach(), weights.detach()
        return loss

    def learned(self) -> list[nn.Parameter]:
        """Adapters and gate."""
        return list(self.gate.parameters())

    def notes(self) -> dict[str, float]:
        """Each teacher's mean weight in the last batch, by its number from 1."""
        return {f"teacher_{place}": weight for place, weight in enumerate(self.gate.mean_weight.tolist(), 1)}


class SourceActions(nn.Module):
    """The states of each teacher along its own clip, and the actions that were taken in them."""

    def __init__(self, sources: Sequence[Source], action_size: int) -> None:
        super().__init__()
        self.count = len(sources)
        for place, source in enumerate(sources):
            feature, action = _source_states(source, action_size)
            self.register_buffer(f"feature_{place}", feature, persistent=False)
            self.register_buffer(f"action_{place}", action, persistent=False)

    def draw(self, gate: TeacherGate, generator: torch.Generator | None) -> SourceBatch:
        """States of every source in the student's features, and their actions: REMEMBERED of each."""
        features, actions = [], []
        for place, adapter in enumerate(gate.adapters):
            feature, action = self.get_buffer(f"feature_{place}"), self.get_buffer(f"action_{place}")
            rows = torch.randint(len(feature), (REMEMBERED,), generator=generator, device=feature.device)
            features.append(adapter(feature[rows]))
            actions.append(action[rows])
        number = torch.arange(self.count, device=actions[0].device).repeat_interleave(REMEMBERED)
        return SourceBatch(torch.cat(features).detach(), torch.cat(actions), number)


@torch.no_grad()
def _source_states(source: Source, action_size: int) -> tuple[Tensor, Tensor]:
    """Features (M, F) along the clip that came with a teacher, and the action taken next in each (M, A)."""
    assert source.clip is not None, "a teacher is a checkpoint, which has a clip"
    model = source.model.eval()
    features = []
    for image, action in zip(source.clip.image, source.clip.action, strict=True):
        latent = model.encode(normalise(torch.from_numpy(image))).mean
        features.append(model.observe(latent[None], torch.from_numpy(action)[None]).states.feature[0, :-1])
    action = fitted(torch.from_numpy(source.clip.action)[:, 1:], action_size).flatten(0, 1)
    return torch.cat(features), action.clone()


class Told:
    """The lesson of the action memory, which learns what each source did, and which source to choose in a state."""

    weight_name, target_size = "hint_weight", 0

    def __init__(self, actions: SourceActions, taught: Taught, memory: ActionMemory) -> None:
        self.actions, self._taught, self._memory = actions, taught, memory

    def weight(self, _agent_step: int, _update: int) -> float:
        """1: nothing else learns from this loss."""
        return 1.0

    def target(self, image: Tensor) -> Tensor:
        """None: (N, 0)."""
        return image.new_zeros(len(image), 0, dtype=torch.float32)

    def loss(self, _batch: Batch, _target: Tensor, _inference: Inference, generator: torch.Generator | None) -> Tensor:
        """Of the choice in each state of the batch, (B, T), plus the mean over some states of each source."""
        drawn = self.actions.draw(self._taught.gate, generator)
        noise = self._memory.noise(len(drawn.source), generator, drawn.action.device)
        return self._memory.choice_loss(*self._taught.latest) + self._memory.loss(drawn, noise).mean()

    def learned(self) -> list[nn.Parameter]:
        """The memory's weights."""
        return list(self._memory.parameters())
