"""Generated rehearsal: the model of earlier tasks invents episodes of them, which are learned with the new ones."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.actor_critic import ActorCritic, Imagined
from models.agent import Agent
from models.first_frames import SIZE, FirstFrames
from models.rssm import Observed
from models.tasks import TaskRSSM
from models.types import Batch, State, normalise, to_uint8
from models.world_model import WorldModel

RANDOM = 0.2  # share of invented actions that are random, as released


class Invented(NamedTuple):
    """M invented sequences of earlier tasks."""

    image: Tensor  # (M, T, H, W, C) uint8
    action: Tensor  # (M, T, A)
    reward: Tensor  # (M, T)
    discount: Tensor  # (M, T)
    label: Tensor  # (M, K)
    value: Tensor  # (M, T), of the earlier critic


class Rehearsal(nn.Module):
    """A frozen agent of `learned` tasks, which invents sequences from generated first frames.

    Sequence n is drawn with a seed of its own, so that a resumed run invents what an undisturbed one does.
    """

    batches: Tensor

    def __init__(self, earlier: Agent, learned: int, share: float, seed: int) -> None:
        """`share`: invented sequences for each real one."""
        super().__init__()
        self.agent = earlier.eval().requires_grad_(False)
        self.learned, self._share, self._seed = learned, share, seed
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def train(self, mode: bool = True) -> "Rehearsal":  # noqa: ARG002 # torch's signature
        """Stays as it is: the earlier agent does not learn."""
        return self

    def added(self, batch: Batch, action_size: int) -> Batch:
        """A batch whose actions are (B, T, A + K), followed by invented sequences; their target is their value.

        No pixel counts as moving in them, and no expert advises.
        """
        count = round(self._share * len(batch.image))
        if not count:
            return batch
        made = self.invent(count, batch.image.shape[1], batch.image.device)
        padded = functional.pad(made.action, (0, action_size - made.action.shape[-1]))
        label = made.label.unsqueeze(1).expand(-1, padded.shape[1], -1)
        starts = torch.zeros_like(made.reward, dtype=torch.bool)
        starts[:, 0] = True
        more = {
            "image": made.image,
            "action": torch.cat([padded, label], -1),
            "reward": made.reward,
            "discount": made.discount,
            "is_first": starts,
            "target": made.value.unsqueeze(-1),
        }
        if batch.moving.dim() > 1:
            more["moving"] = batch.moving.new_zeros(count, *batch.moving.shape[1:])
        return batch._replace(**{name: torch.cat([getattr(batch, name), part]) for name, part in more.items()})

    @torch.no_grad()
    def invent(self, count: int, length: int, device: torch.device) -> Invented:
        """M sequences of T frames of earlier tasks, each task as likely."""
        generator = torch.Generator(device).manual_seed(self._seed + int(self.batches))
        self.batches += 1
        model, rssm = self.agent.world_model, _rssm_of(self.agent.world_model)
        task = torch.randint(self.learned, (count,), generator=generator, device=device)
        label = functional.one_hot(task, rssm.config.tasks).float()
        frame = _first_frames_of(model).draw(label, torch.randn(count, SIZE, generator=generator, device=device))
        seen = model.encode(frame).mean.unsqueeze(1)
        states = [model.observe(seen, state=rssm.begun(label)).states.at(0)]
        actions = [label.new_zeros(count, rssm.config.action_size)]
        for _ in range(length - 1):
            actions.append(self._act(states[-1], generator))
            noise = torch.randn(states[-1].stoch.shape, generator=generator, device=device)
            states.append(rssm.imagine_step(states[-1], actions[-1], noise))
        feature = torch.stack([state.feature for state in states], 1)
        value, discount = self.agent.actor_critic.value(feature), model.discount(feature).round()
        image = to_uint8(model.decode(feature))
        return Invented(image, torch.stack(actions, 1), model.reward(feature), discount, label, value)

    def _act(self, state: State, generator: torch.Generator) -> Tensor:
        """What the earlier actor does, or with a small chance anything: (M, A)."""
        policy = self.agent.actor_critic.policy(state.feature)
        shape, device = policy.mean.shape, policy.mean.device
        chosen = policy.sample(torch.rand(shape, generator=generator, device=device))
        anything = 2 * torch.rand(shape, generator=generator, device=device) - 1
        chance = torch.rand(shape[0], 1, generator=generator, device=device)
        return torch.where(chance < RANDOM, anything, chosen)


class NoMoreThanBefore:
    """A loss of the critic where it values an invented state higher than the earlier critic did."""

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._feature, self._most = torch.zeros(0), torch.zeros(0)

    def begin(self, observed: Observed, batch: Batch) -> None:
        """States of the batch, and the values that they may have: infinity for real ones, (B, T, 1)."""
        self._feature, self._most = observed.states.feature, batch.target[..., 0]

    def losses(self, actor_critic: ActorCritic, _imagined: Imagined | None, _rows: slice) -> Mapping[str, Tensor]:
        """0.5 max(0, value - earlier value)^2, on average over invented states, ()."""
        excess = functional.relu(actor_critic.value(self._feature) - self._most)
        return {"critic": self._weight * 0.5 * excess.square().sum() / self._most.isfinite().sum().clamp(min=1)}


def first_frames_loss(model: WorldModel, batch: Batch, generator: torch.Generator | None) -> Tensor:
    """The generator's loss of the first frame of each sequence, whose actions end in its label: (B,)."""
    frame, label = normalise(batch.image[:, 0]), batch.action[:, 0, model.config.action_size :]
    noise = torch.randn(len(frame), SIZE, generator=generator, device=frame.device)
    return _first_frames_of(model).loss(frame, label, noise)


def _rssm_of(model: WorldModel) -> TaskRSSM:
    assert isinstance(model.rssm, TaskRSSM), "checked with the settings"
    return model.rssm


def _first_frames_of(model: WorldModel) -> FirstFrames:
    assert model.first_frames is not None, "checked with the settings"
    return model.first_frames
