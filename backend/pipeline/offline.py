"""Offline learning: a world model from recordings, then a policy in it that imitates an expert. Nothing acts."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from backend.data.episodes import Episode
from backend.data.replay import Replay, replay_device
from backend.data.resume import load_training, save_training
from backend.pipeline.cuda_graph import Recorded, graph_recorder
from backend.pipeline.curriculum import shape
from backend.pipeline.environments import EnvironmentPool
from backend.pipeline.evaluate import Uniform, episode_seed, evaluate
from backend.pipeline.learner import Learning
from backend.pipeline.methods.parts import Parts, target_of
from backend.pipeline.publish import Provenance, publish
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.settings import OfflineSettings
from models.agent import Agent
from models.likeness import policy_likeness
from models.rssm import Observed
from models.types import Batch, State, normalise

MEASURED_STEPS = (1, 5, 15)  # of imagination, at which the distance to the expert is logged
MOST_MEASURED = 16  # held-out demonstrations


class Recordings(NamedTuple):
    """The episodes to learn from: the world model from all of them, the policy from the demonstrations."""

    everything: Sequence[Episode]
    demonstrations: Sequence[Episode]
    held_out: Sequence[Episode]  # demonstrations that nothing learns from


class OfflineLearning(Learning):
    """First the world model learns; then it is frozen, and the policy learns in it."""

    settings: OfflineSettings

    def __init__(self, settings: OfflineSettings, parts: Parts, seed: int, device: str) -> None:
        super().__init__(settings, parts, seed, device)
        self.recorded_behaviour = Recorded(self.work_of_behaviour, self, graph_recorder(self.randomness.torch))

    @property
    def imitates(self) -> bool:
        """Whether the next update is one of the policy."""
        return self.updates >= self.settings.behaviour_after

    def work_at(self, update: int) -> Recorded:
        return self.recorded_model if update < self.settings.behaviour_after else self.recorded_behaviour

    def work_of_behaviour(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """One update of the policy alone, from the means of the expert's states."""
        *arrays, _, _, _ = inputs
        batch = Batch(*arrays)
        return self.behaviour.learn(watched(self.agent, batch.image, batch.action), batch)


class Offline:
    """The loop of offline learning: updates, evaluation and saving."""

    def __init__(
        self,
        run: OfflineLearning,
        recordings: Recordings,
        environments: EnvironmentPool | None,
        out: Path,
        provenance: Provenance,
        reporter: Reporter,
    ) -> None:
        self.run, self.settings, self.environments = run, run.settings, environments
        self.held_out = list(recordings.held_out)
        self.out, self.provenance, self.reporter = out, provenance, reporter
        self._everything, self._expert = self._replay(recordings.everything), self._replay(recordings.demonstrations)
        self.evaluations: list[list[float]] = []  # [updates, mean return] of each evaluation
        self._evaluated = 0  # updates at the last one

    def go(self) -> Path:
        """Runs to the end and returns the last checkpoint; raises Stopped after a save."""
        self._restore()
        run, settings = self.run, self.settings
        self.reporter.progress(run.updates, settings.updates, "offline")
        while run.updates < settings.updates:
            replay = self._expert if run.imitates else self._everything
            size = shape(settings, run.updates, run.updates / settings.updates)
            metrics = run.learn(replay.sample(*size, run.randomness.numpy), run.updates)
            self.reporter.progress(run.updates, settings.updates, "offline")
            if run.updates % settings.log_every == 0:
                run.check()
                values = {name: float(value.mean()) for name, value in metrics.items()}
                values |= run.lesson_weights(run.updates) | run.parts.notes()
                self.reporter.log("offline", values, updates=run.updates)
            if run.imitates and run.updates % settings.evaluate_every == 0:
                self._evaluate()
            if self.reporter.stop_requested and run.updates < settings.updates:
                self._save()
                raise Stopped(f"stopped and saved after {run.updates} updates")
            if run.updates % settings.checkpoint_every == 0 and run.updates < settings.updates:
                self._save()
        if self._evaluated < run.updates:
            self._evaluate()
        return self._save()

    def _evaluate(self) -> None:
        """How far the policy's imagined states are from the expert's, and the return of episodes that it plays."""
        run, count = self.run, self.settings.evaluate_episodes
        self._evaluated = run.updates
        self.reporter.log("imitation", expert_distance(run.published, self.held_out, run.device), updates=run.updates)
        if self.environments is None or not count:
            return
        first = len(self.evaluations) * count
        seeds = [episode_seed(self.provenance.seed, "evaluate", first + index) for index in range(count)]
        agent = run.published.eval()
        environments = self.environments.evaluating(0)
        outcome = evaluate(agent, environments, seeds, run.device)
        run.agent.train()
        values = outcome.metrics("evaluation")
        if not self.evaluations:
            random = evaluate(Uniform(agent.world_model.config.action_size), environments, seeds)
            values |= random.metrics("random")
        self.evaluations.append([float(run.updates), outcome.mean])
        self.reporter.log("evaluate", values, updates=run.updates)

    def _save(self) -> Path:
        run = self.run
        run.check()
        self.reporter.sync()
        state = {"run": run.state_dict(), "evaluations": self.evaluations, "evaluated": self._evaluated}
        save_training(self.out / "resume", run.updates, state)
        extra = {**self.provenance.extra, "updates": run.updates, "evaluations": self.evaluations}
        return publish(
            self.out,
            run.published.world_model,
            run.published.actor_critic,
            self.held_out,
            replace(self.provenance, extra=extra),
            run.updates,
            self.settings.updates,
            self.reporter.note,
            run.parts.findings,
        )

    def _restore(self) -> None:
        state = load_training(self.out / "resume")
        if state is not None:
            self.run.load_state_dict(state["run"])
            self.evaluations, self._evaluated = state["evaluations"], state["evaluated"]
        for phase in ("offline", "imitation", "evaluate"):
            self.reporter.cut_metrics(phase, self.run.updates)

    def _replay(self, episodes: Sequence[Episode]) -> Replay:
        run, frames = self.run, sum(len(episode.image) for episode in episodes)
        lessons = run.parts.lessons
        replay = Replay(
            run.agent.world_model.config.action_size,
            frames,
            replay_device(run.device, frames),
            (lambda image: target_of(lessons, image)) if lessons else None,
            self.settings.motion_weight > 0,
        )
        replay.extend(episodes)
        return replay


@torch.no_grad()
def watched(agent: Agent, image: torch.Tensor, action: torch.Tensor) -> Observed:
    """What the world model believes along sequences (B, T, H, W, C) uint8 with actions (B, T, A), by its means."""
    latent = agent.world_model.encode(normalise(image)).mean
    return agent.world_model.observe(latent, action)


def expert_distance(agent: Agent, episodes: Sequence[Episode], device: str) -> dict[str, float]:
    """1 - likeness of the policy's imagined states to the expert's after some steps, `latent_distance_5` after 5."""
    chosen = episodes[:MOST_MEASURED]
    length = min(len(episode.image) for episode in chosen)
    horizon = min(max(MEASURED_STEPS), length - 1)
    image, action = (
        torch.from_numpy(np.stack([getattr(episode, name)[:length] for episode in chosen])).to(device)
        for name in ("image", "action")
    )
    states: State = watched(agent, image, action).states
    alike = policy_likeness(agent.world_model.rssm, agent.actor_critic, states, horizon).mean(0)
    return {f"latent_distance_{step}": 1 - float(alike[step - 1]) for step in MEASURED_STEPS if step <= horizon}
