"""A life-long world model (arXiv 2303.06572): tasks one after another, with invented episodes of the earlier ones."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from backend.pipeline.methods.parts import Lesson, Parts, Source, sizes_of, standard_parts
from backend.pipeline.methods.sections.lifelong import LifelongSection
from backend.pipeline.rehearsal import NoMoreThanBefore, Rehearsal, first_frames_loss
from backend.pipeline.settings import LearningSettings
from models.actor_critic import ActorCritic
from models.agent import Agent
from models.tasks import TaskRSSM
from models.types import Batch
from models.video_model import Inference
from models.world_model import WorldModel


def build(settings: LearningSettings, source: Source | None, action_size: int) -> Parts:
    """DisWM's networks with the task's label in the state; after a chapter, they go on with its weights."""
    own, earlier = settings.own(LifelongSection), source and source.model
    task = 0 if earlier is None else earlier.config.task + 1
    padded = max(action_size, earlier.config.action_size if earlier else 0)
    sizes = sizes_of(settings, padded)
    sizes = replace(sizes, deter=sizes.deter + own.most_tasks, tasks=own.most_tasks, task=task)
    parts = standard_parts(settings, sizes)
    rssm = parts.world_model.rssm
    assert isinstance(rssm, TaskRSSM)
    parts = replace(parts, lessons={"first_frames": Drawn(parts.world_model)}, prepare=(partial(labelled, rssm),))
    return parts if source is None else _after(parts, source, own)


def _after(parts: Parts, source: Source, own: LifelongSection) -> Parts:
    earlier, policy = source.model, source.actor_critic
    assert isinstance(earlier, WorldModel) and policy is not None, "checked with the settings"
    _continue_from(parts.world_model, parts.actor_critic, earlier, policy)
    rehearsal = Rehearsal(Agent(earlier, policy), earlier.config.task + 1, own.rehearsed, torch.initial_seed())
    add = partial(rehearsal.added, action_size=parts.world_model.config.action_size)
    behaviour = replace(parts.behaviour, tutors=(*parts.behaviour.tutors, NoMoreThanBefore(own.caution)))
    return replace(
        parts,
        prepare=(*parts.prepare, add),
        behaviour=behaviour,
        companions={**parts.companions, "rehearsal": rehearsal},
    )


def labelled(rssm: TaskRSSM, batch: Batch) -> Batch:
    """A batch of the present task with its label behind the actions: (B, T, A + K)."""
    label = rssm.label(len(batch.action)).unsqueeze(1).expand(-1, batch.action.shape[1], -1)
    return batch._replace(action=torch.cat([batch.action, label], -1))


class Drawn(Lesson):
    """The generator of first frames; nothing else learns from its loss.

    Its target is the most that a state may be worth: infinity, unless the sequence is invented.
    """

    weight_name, target_size = "first_frames_weight", 1

    def __init__(self, world_model: WorldModel) -> None:
        self._world_model = world_model

    def weight(self, _agent_step: int, _update: int) -> float:
        """1."""
        return 1.0

    def target(self, image: Tensor) -> Tensor:
        """No bound, (N, 1)."""
        return image.new_full((len(image), 1), torch.inf, dtype=torch.float32)

    def loss(self, batch: Batch, _target: Tensor, _inference: Inference, generator: torch.Generator | None) -> Tensor:
        """Of each sequence's first frame, the same at every step: (B, T)."""
        return first_frames_loss(self._world_model, batch, generator).unsqueeze(1).expand(batch.reward.shape)


@torch.no_grad()
def _continue_from(model: WorldModel, behaviour: ActorCritic, earlier: WorldModel, policy: ActorCritic) -> None:
    """Takes over all weights; those of actions that the earlier tasks did not have stay as they were drawn."""
    for network, old in ((model, earlier), (behaviour, policy)):
        own = network.state_dict()
        for key, value in old.state_dict().items():
            if own[key].shape == value.shape:
                own[key].copy_(value)
    enter, old_enter = model.rssm.get_parameter("enter.weight"), earlier.rssm.get_parameter("enter.weight")
    enter[:, : old_enter.shape[1]] = old_enter
    _copy_outputs(behaviour.actor[-1], policy.actor[-1])


def _copy_outputs(layer: nn.Module, old: nn.Module) -> None:
    """The actor's means and spreads of the actions that both have."""
    assert isinstance(layer, nn.Linear) and isinstance(old, nn.Linear)
    size, known = layer.out_features // 2, old.out_features // 2
    for start, old_start in ((0, 0), (size, known)):
        layer.weight[start : start + known] = old.weight[old_start : old_start + known]
        layer.bias[start : start + known] = old.bias[old_start : old_start + known]
