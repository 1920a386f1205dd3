"""Learns a behaviour in imagination: one update of actor and critic from states that the world model saw."""

from typing import Any

import torch
from torch import Tensor

from backend.data.resume import Randomness
from backend.pipeline.methods.behaviour import Judge
from backend.pipeline.methods.parts import Parts
from backend.pipeline.settings import LearningSettings
from backend.pipeline.update import Update
from models.actor_critic import Imagined
from models.returns import ReturnScale
from models.rssm import Observed
from models.types import Batch

IMAGINED_AT_ONCE = 512


class BehaviourLearner:
    """Actor, critic and their optimisers, trained in imagination with the method's rewards and further losses."""

    def __init__(self, settings: LearningSettings, parts: Parts, randomness: Randomness, device: str) -> None:
        self.settings, self.parts, self.randomness, self.device = settings, parts, randomness, device
        adam = settings.adam_eps, settings.clip_norm
        self.update_actor = Update(parts.actor_critic.actor.parameters(), settings.actor_rate, *adam)
        self.update_critic = Update(parts.actor_critic.critic.parameters(), settings.critic_rate, *adam)
        rival = parts.behaviour.rival
        self.update_rival = Update(rival.network.parameters(), rival.rate, *adam) if rival else None
        self.return_scale = ReturnScale().to(device) if settings.normalise_returns else None

    def set_pace(self, pace: float) -> None:
        """Sets the learning rates of the following updates, as a share of those in the settings."""
        self.update_actor.set_rate(pace * self.settings.actor_rate)
        self.update_critic.set_rate(pace * self.settings.critic_rate)
        if self.update_rival and self.parts.behaviour.rival:
            self.update_rival.set_rate(pace * self.parts.behaviour.rival.rate)

    def learn(self, observed: Observed, batch: Batch) -> dict[str, Tensor]:
        """One update from the world model's outputs for a batch; returns metrics.

        On CPUs, imagination starts from a few hundred states at a time, which fit the caches.
        """
        behaviour, actor_critic = self.parts.behaviour, self.parts.actor_critic
        seen = Observed(observed.states.detach(), observed.prior.detach(), observed.posterior.detach())
        for tutor in behaviour.tutors:
            tutor.begin(seen, batch)
        if behaviour.judge is None:
            return self._learn_from_tutors()
        start = behaviour.judge.begin(seen, batch)
        chances = actor_critic.chances(start, self.settings.horizon, self.randomness.torch)
        count = len(start.deter)
        at_once = count if self.device.startswith("cuda") else IMAGINED_AT_ONCE
        metrics: dict[str, Tensor] = {}
        for first in range(0, count, at_once):
            rows = slice(first, min(first + at_once, count))
            imagined = actor_critic.imagine(
                self.parts.world_model, start.part(rows), chances.part(rows), behaviour.dream
            )
            share = (rows.stop - rows.start) / count
            for name, value in self._add(behaviour.judge, imagined, rows, share).items():
                metrics[name] = metrics.get(name, 0) + share * value.detach().mean()
        self.update_actor.step()
        self.update_critic.step()
        if self.update_rival:
            self.update_rival.step()
        return metrics

    def _learn_from_tutors(self) -> dict[str, Tensor]:
        """One update of the actor without imagination."""
        losses = [tutor.losses(self.parts.actor_critic, None, slice(None)) for tutor in self.parts.behaviour.tutors]
        loss = torch.stack([each["actor"].mean() for each in losses]).sum()
        self.update_actor(loss)
        return {"actor": loss.detach()}

    def _add(self, judge: Judge, imagined: Imagined, rows: slice, share: float) -> dict[str, Tensor]:
        """Adds the gradients of some rows, which are the given share of all; returns their losses, of any shape."""
        settings, behaviour, world_model = self.settings, self.parts.behaviour, self.parts.world_model
        losses = self.parts.actor_critic.losses(
            world_model,
            imagined,
            settings.gamma,
            settings.lam,
            settings.entropy,
            self.return_scale,
            lambda _: judge.reward(world_model, imagined, rows),
        )
        sums = {name: value.mean() for name, value in losses.items()}
        for tutor in behaviour.tutors:
            for name, value in tutor.losses(self.parts.actor_critic, imagined, rows).items():
                sums[name] = sums[name] + value.mean()
        self.update_actor.add(share * sums["actor"])
        self.update_critic.add(share * sums["critic"])
        if behaviour.rival and self.update_rival:
            sums["rival"] = behaviour.rival.loss(imagined, self.randomness.torch)
            self.update_rival.add(share * sums["rival"])
        return {**sums, "entropy": imagined.entropy}

    def check(self) -> None:
        """Raises Diverged if an update had to be refused."""
        self.update_actor.check()
        self.update_critic.check()
        if self.update_rival:
            self.update_rival.check()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, except the networks."""
        return {
            "actor": self.update_actor.state_dict(),
            "critic": self.update_critic.state_dict(),
            "return_scale": self.return_scale.state_dict() if self.return_scale else {},
            "rival": self.update_rival.state_dict() if self.update_rival else {},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave."""
        self.update_actor.load_state_dict(state["actor"])
        self.update_critic.load_state_dict(state["critic"])
        if self.update_rival:
            self.update_rival.load_state_dict(state["rival"])
        if self.return_scale:
            self.return_scale.load_state_dict(state["return_scale"])
