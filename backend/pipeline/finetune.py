"""Online learning (eq. 5): act, remember, distil, and learn a behaviour in imagination."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from backend.data.episodes import Episode
from backend.data.replay import Replay
from backend.data.resume import Randomness, load_training, save_training
from backend.pipeline.acting import Experience
from backend.pipeline.config import FinetuneSettings, Problem, SettingsError
from backend.pipeline.distill import Teacher, distill_weight
from backend.pipeline.evaluate import Player, episode_seed, evaluate
from backend.pipeline.publish import Provenance, publish
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.update import Update
from models.actor_critic import ActorCritic
from models.agent import Agent
from models.config import ActorCriticConfig, WorldModelConfig
from models.losses import total
from models.types import Batch
from models.video_model import VideoModel
from models.world_model import WorldModel


class Finetuning:
    """World model, behaviour, their optimisers and generators: what `learn` changes and a resume restores."""

    def __init__(
        self, settings: FinetuneSettings, teacher: Teacher | None, action_size: int, seed: int, device: str
    ) -> None:
        self.settings, self.device = settings, device
        self.teacher = None if teacher is None else teacher.to(device)
        self.updates = 0
        self.randomness = Randomness(seed, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            world_model, actor_critic = _networks(settings, action_size)
        self.agent = Agent(world_model, actor_critic).to(device)
        adam = settings.adam_eps, settings.clip_norm
        self.update_model = Update(world_model.parameters(), settings.learning_rate, *adam)
        self.update_actor = Update(actor_critic.actor.parameters(), settings.actor_rate, *adam)
        self.update_critic = Update(actor_critic.critic.parameters(), settings.critic_rate, *adam)

    def learn(self, batch: Batch, agent_steps: int) -> dict[str, torch.Tensor]:
        """One update of the world model, then of actor and critic in its imagination; returns metrics."""
        moved = Batch(*(part.to(self.device) for part in batch))
        settings, world_model, behaviour = self.settings, self.agent.world_model, self.agent.actor_critic
        generator = self.randomness.torch
        teacher = self.teacher.latent(moved.image) if self.teacher else None
        inference = world_model.infer_online(moved, teacher, generator, settings.kl_balance, settings.free_nats)
        self.update_model(total(inference.losses, self.weights(agent_steps)))

        start = inference.observed.states.detach().flatten()
        imagined = behaviour.imagine(world_model, start, settings.horizon, generator)
        losses = behaviour.losses(world_model, imagined, settings.gamma, settings.lam, settings.entropy)
        self.update_actor(losses["actor"].mean())
        self.update_critic(losses["critic"].mean())
        self.updates += 1
        if self.updates % settings.slow_critic_every == 0:
            behaviour.refresh()
        entropy = imagined.entropy.detach()
        return {name: value.detach() for name, value in {**inference.losses, **losses}.items()} | {"entropy": entropy}

    def weights(self, agent_steps: int) -> dict[str, float]:
        """The weight of each loss of the world model at an agent step."""
        settings = self.settings
        weights = {
            "image": 1.0,
            "dynamics": settings.dynamics_weight,
            "latent": settings.beta,
            "reward": settings.reward_scale,
        }
        if settings.discount_layers:
            weights["discount"] = 1.0
        if self.teacher:
            weights["distillation"] = distill_weight(
                agent_steps,
                start=settings.distill_start,
                end=settings.distill_end,
                ramp=settings.distill_steps,
                delay=settings.distill_delay,
            )
        return weights

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, but the replay."""
        return {
            "updates": self.updates,
            "agent": self.agent.state_dict(),
            "randomness": self.randomness.state_dict(),
            "model": self.update_model.state_dict(),
            "actor": self.update_actor.state_dict(),
            "critic": self.update_critic.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.updates = state["updates"]
        self.agent.load_state_dict(state["agent"])
        self.randomness.load_state_dict(state["randomness"])
        self.update_model.load_state_dict(state["model"])
        self.update_actor.load_state_dict(state["actor"])
        self.update_critic.load_state_dict(state["critic"])


class Online:
    """The loop of online learning: who acts, what is remembered, when is learned, evaluated and saved."""

    def __init__(
        self,
        run: Finetuning,
        player: Player,
        held_out: list[Episode],
        out: Path,
        provenance: Provenance,
        reporter: Reporter,
    ) -> None:
        self.run, self.player, self.held_out = run, player, held_out
        self.out, self.provenance, self.reporter = out, provenance, reporter
        self.settings = run.settings
        replay = Replay(run.agent.world_model.config.action_size, self.settings.replay_capacity)
        self.experience = Experience(run.agent, player, replay, out / "replay", provenance.seed, run.device)
        self.returns: list[list[float]] = []  # [agent steps, mean return] of each evaluation
        self._saved = 0  # checkpoints' worth of updates that are saved

    @property
    def agent_steps(self) -> int:
        """Agent steps taken so far."""
        return self.experience.agent_steps

    def go(self) -> Path:
        """Runs to the end and returns the last checkpoint; raises Stopped after a save."""
        self._restore()
        while not self._finished:
            self._step()
            self.reporter.progress(self.agent_steps, self.settings.agent_steps, "finetune")
            if self.reporter.stop_requested and not self._finished:
                self._save()
                raise Stopped(f"stopped and saved after {self.agent_steps} agent steps")
        if not self.returns or self.returns[-1][0] < self.agent_steps:
            self._evaluate()
        return self._save()

    def _step(self) -> None:
        settings = self.settings
        noise = self.run.randomness.torch if self.agent_steps >= settings.prefill else None
        ended = self.experience.step(self.run.randomness.numpy, noise)
        if ended is not None:
            self._log("episode", {"episode_return": ended})
        learnable = self.agent_steps >= settings.prefill and len(self.experience.replay) > settings.length
        if learnable and self.agent_steps % settings.train_every == 0:
            for _ in range(settings.first_updates if self.run.updates == 0 else 1):
                self._learn()
        if ended is not None and self.agent_steps // settings.evaluate_every > self._evaluated:
            self._evaluate()
        if self.run.updates // settings.checkpoint_every > self._saved and not self._finished:
            self._save()

    def _learn(self) -> None:
        run, settings = self.run, self.settings
        batch = self.experience.replay.sample(settings.batch, settings.length, run.randomness.numpy)
        metrics = run.learn(batch, self.agent_steps)
        if run.updates % settings.log_every == 0:
            values = {name: float(value.mean()) for name, value in metrics.items()}
            weight = run.weights(self.agent_steps).get("distillation", 0.0)
            self._log("finetune", {**values, "distill_weight": weight})

    @property
    def _finished(self) -> bool:
        return self.agent_steps >= self.settings.agent_steps

    @property
    def _evaluated(self) -> int:
        return int(self.returns[-1][0]) // self.settings.evaluate_every if self.returns else 0

    def _evaluate(self) -> None:
        """Evaluates between two episodes, in the same environment."""
        count = self.settings.evaluate_episodes
        first = len(self.returns) * count
        seeds = [episode_seed(self.provenance.seed, "evaluate", first + index) for index in range(count)]
        self.run.agent.eval()
        outcome = evaluate(self.run.agent, self.player, seeds, self.run.device)
        self.run.agent.train()
        self.experience.begin()
        self.returns.append([float(self.agent_steps), outcome.mean])
        self._log("evaluate", {"evaluation_return": outcome.mean, "evaluation_std": outcome.std})

    def _log(self, phase: str, values: dict[str, float]) -> None:
        steps = self.agent_steps
        control = steps * self.settings.action_repeat
        self.reporter.log(phase, values, updates=self.run.updates, agent_steps=steps, environment_steps=control)

    def _save(self) -> Path:
        self._saved = self.run.updates // self.settings.checkpoint_every
        state = {"run": self.run.state_dict(), "experience": self.experience.state_dict(), "returns": self.returns}
        save_training(self.out / "resume", self.agent_steps, state)
        extra = {**self.provenance.extra, "agent_steps": self.agent_steps, "evaluations": self.returns}
        provenance = replace(self.provenance, extra=extra)
        agent, last = self.run.agent, self.settings.agent_steps
        return publish(
            self.out, agent.world_model, agent.actor_critic, self.held_out, provenance, self.agent_steps, last
        )

    def _restore(self) -> None:
        state = load_training(self.out / "resume")
        if state is None:
            self.experience.begin()
            return
        self.run.load_state_dict(state["run"])
        self._saved = self.run.updates // self.settings.checkpoint_every
        self.returns = state["returns"]
        self.experience.load_state_dict(state["experience"])
        for phase in ("episode", "finetune", "evaluate"):
            self.reporter.cut_metrics(phase, self.run.updates, self.agent_steps)


def teacher_for(settings: FinetuneSettings, model: VideoModel) -> Teacher:
    """A teacher from a loaded video model; raises SettingsError where its latents do not match."""
    if model.config.latents != settings.latents:
        message = f"the video model has {model.config.latents} latents, the world model {settings.latents}"
        raise SettingsError([Problem("/latents", message)])
    return Teacher(model)


def _networks(settings: FinetuneSettings, action_size: int) -> tuple[WorldModel, ActorCritic]:
    config = WorldModelConfig(
        latents=settings.latents,
        stoch=settings.stoch,
        deter=settings.deter,
        hidden=settings.hidden,
        action_size=action_size,
        discount_layers=settings.discount_layers,
        head_units=settings.units,
    )
    behaviour = ActorCriticConfig(feature=config.feature, action_size=action_size, units=settings.units)
    return WorldModel(config), ActorCritic(behaviour)
