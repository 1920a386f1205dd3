"""What a method learns with: one update of its world model, then of its behaviour in imagination (eq. 5)."""

from typing import Any

import torch
from torch import nn

from backend.data.resume import Randomness
from backend.pipeline.averaging import Average
from backend.pipeline.cuda_graph import Recorded, graph_recorder
from backend.pipeline.curriculum import beta, cooled, dynamics_weight, objective
from backend.pipeline.imagination import BehaviourLearner
from backend.pipeline.methods.parts import Parts, lesson_losses
from backend.pipeline.precision import convolve_in, image_precision
from backend.pipeline.settings import LearningSettings
from backend.pipeline.update import Update
from models.agent import Agent
from models.losses import total
from models.rssm import Observed
from models.types import Batch


class Learning:
    """World model, behaviour, their optimisers and generators: what `learn` changes and a resume restores."""

    def __init__(self, settings: LearningSettings, parts: Parts, seed: int, device: str) -> None:
        self.settings, self.parts, self.device = settings, parts, device
        self.updates = 0
        self.randomness = Randomness(seed, device)
        self.agent = Agent(parts.world_model, parts.actor_critic).to(device)
        convolve_in(image_precision(device), self.agent)
        self._average = Average(self.agent, settings.averaging) if settings.averaging else None
        self.companions = nn.ModuleDict(dict(parts.companions)).to(device)
        learned = [weight for lesson in parts.lessons.values() for weight in lesson.learned()]
        taught = [*parts.world_model.parameters(), *learned]
        self.update_model = Update(taught, settings.learning_rate, settings.adam_eps, settings.clip_norm)
        self.behaviour = BehaviourLearner(settings, parts, self.randomness, device)
        self._objective = objective(settings)
        recorder = graph_recorder(self.randomness.torch)
        self.recorded = Recorded(self.work, self, recorder)
        self.recorded_model = Recorded(self.work_of_model, self, recorder)

    def learn(self, batch: Batch, done: int) -> dict[str, torch.Tensor]:
        """One update of the world model, then of actor and critic in its imagination; returns metrics.

        `done` is what the run did so far, of `settings.amount`.
        """
        prepared = Batch(*(part.to(self.device, non_blocking=True) for part in batch))
        for prepare in self.parts.prepare:
            prepared = prepare(prepared)
        settings, update = self.settings, self.updates
        pace = cooled(settings, done / settings.amount)
        self.update_model.set_rate(pace * settings.learning_rate)
        self.behaviour.set_pace(pace)
        taught = [lesson.weight(done, update) for lesson in self.parts.lessons.values()]
        schedule = taught, beta(settings, update), dynamics_weight(settings, update)
        weights = (torch.tensor(weight).to(self.device, non_blocking=True) for weight in schedule)
        metrics = self.work_at(update)(*prepared, *weights)
        self.updates += 1
        if self._average:
            self._average.follow(self.agent, self.updates)
        if self.updates % self.settings.slow_critic_every == 0:
            self.agent.actor_critic.refresh()
        return metrics

    def work_at(self, update: int) -> Recorded:
        """What is learned at an update."""
        return self.recorded_model if update < self.settings.behaviour_after else self.recorded

    def work(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The update as work for the device only, which never waits for the host.

        A batch's arrays, weights of lessons (L,), beta, dynamics weight -> metrics.
        """
        losses, observed, batch = self._learn_model(*inputs)
        return losses | self.behaviour.learn(observed, batch)

    def work_of_model(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The same without learning a behaviour."""
        return self._learn_model(*inputs)[0]

    def _learn_model(self, *inputs: torch.Tensor) -> tuple[dict[str, torch.Tensor], Observed, Batch]:
        """One update of the world model: its losses, (B, T) each, its outputs for the batch, and the batch."""
        *arrays, taught, constraint, dynamics = inputs
        batch, parts, generator = Batch(*arrays), self.parts, self.randomness.torch
        inference = parts.world_model.infer_online(batch, generator, self._objective)
        losses, weights = inference.losses, dict[str, float | torch.Tensor](parts.weights)
        weights |= {"dynamics": dynamics, **dict.fromkeys(parts.constraints, constraint)}
        losses |= lesson_losses(parts.lessons, batch, inference, generator)
        weights |= dict(zip(parts.lessons, taught, strict=True))
        self.update_model(total(losses, weights))
        return {name: value.detach() for name, value in losses.items()}, inference.observed, batch

    @property
    def published(self) -> Agent:
        """The agent of checkpoints and evaluations: with averaged weights, if they are averaged."""
        return self._average.network if self._average else self.agent

    def check(self) -> None:
        """Raises Diverged if an update had to be refused."""
        self.update_model.check()
        self.behaviour.check()

    def lesson_weights(self, done: int) -> dict[str, float]:
        """The weight of every lesson at this point of the run and the next update, by its name among the metrics."""
        lessons = self.parts.lessons.values()
        return {lesson.weight_name: lesson.weight(done, self.updates) for lesson in lessons}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, except the replay."""
        return {
            "updates": self.updates,
            "agent": self.agent.state_dict(),
            **({"average": self._average.state_dict()} if self._average else {}),
            "helpers": self.companions.state_dict(),
            "randomness": self.randomness.state_dict(),
            "model": self.update_model.state_dict(),
            **self.behaviour.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave."""
        self.updates = state["updates"]
        self.agent.load_state_dict(state["agent"])
        if self._average:
            self._average.load_state_dict(state.get("average", state["agent"]))
        self.companions.load_state_dict(state["helpers"])
        self.randomness.load_state_dict(state["randomness"])
        self.update_model.load_state_dict(state["model"])
        self.behaviour.load_state_dict(state)
