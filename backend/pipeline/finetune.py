"""Online learning (eq. 5): act, remember, distil, and learn a behaviour in imagination."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from backend.data.episodes import Episode
from backend.data.replay import Replay, replay_device
from backend.data.resume import load_training, save_training
from backend.envs.experts import adviser
from backend.pipeline.curriculum import shape
from backend.pipeline.environments import EnvironmentPool
from backend.pipeline.evaluate import Uniform, episode_seed, evaluate
from backend.pipeline.experience import Experience
from backend.pipeline.learner import Learning
from backend.pipeline.methods.parts import Parts, target_of
from backend.pipeline.publish import Provenance, publish
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.settings import FinetuneSettings


class Finetuning(Learning):
    """What is learned while acting."""

    settings: FinetuneSettings

    def __init__(self, settings: FinetuneSettings, parts: Parts, seed: int, device: str) -> None:
        super().__init__(settings, parts, seed, device)


class Online:
    """The loop of online learning: acting, replay, updates, evaluation and saving."""

    def __init__(
        self,
        run: Finetuning,
        environments: EnvironmentPool,
        held_out: list[Episode],
        explored: Sequence[Episode],
        out: Path,
        provenance: Provenance,
        reporter: Reporter,
    ) -> None:
        self.run, self.environments, self.held_out = run, environments, held_out
        self.out, self.provenance, self.reporter = out, provenance, reporter
        self.settings = run.settings
        capacity, lessons = self.settings.replay_capacity, run.parts.lessons
        twice = self.settings.looks_twice
        place = replay_device(run.device, capacity, channels=7 if twice else 3)
        target = partial(target_of, lessons) if lessons else None
        action_size, motion = run.agent.world_model.config.action_size, self.settings.motion_weight > 0
        advise = adviser(self.settings.environment) if self.settings.advice else None
        replay = Replay(action_size, capacity, place, target, motion, advise, twice)
        replay.extend(explored)
        self.experience = Experience(
            run.agent, environments, replay, out / "replay", provenance.seed, run.device, agent_steps=len(replay)
        )
        self.returns: list[list[float]] = []  # [agent steps, mean return] of each evaluation
        self._saved = 0  # number of checkpoints due so far that are saved

    @property
    def agent_steps(self) -> int:
        """Agent steps taken so far."""
        return self.experience.agent_steps

    def go(self) -> Path:
        """Runs to the end and returns the last checkpoint; raises Stopped after a save."""
        self._restore()
        self._catch_up()
        while not self._finished:
            if self._evaluation_is_due:
                self._evaluate()
            self._step()
            self._report()
            if not self._finished:
                self._check_stop()
        if not self.run.updates:
            self.reporter.note(
                "nothing was learned: no update was due between the end of the first episode and agent step "
                f"{self.agent_steps}; take more agent steps, several episodes of them"
            )
        if not self.returns or self.returns[-1][0] < self.agent_steps:
            self._evaluate()
        return self._save()

    def _step(self) -> None:
        """One agent step; an update that is due runs while the environment takes it, and so does not see that step."""
        settings = self.settings
        noise = self.run.randomness.torch if self.agent_steps >= settings.prefill else None
        self.experience.begin_step(self.run.randomness.numpy, noise)
        learnable = self.agent_steps >= settings.prefill and len(self.experience.replay) > settings.longest
        if learnable and self.agent_steps % settings.train_every == 0:
            self._learn()
        ended = self.experience.finish_step()
        if ended is not None:
            self._log("episode", {"episode_return": ended})
        self._catch_up()
        self._save_if_due()

    def _catch_up(self) -> None:
        """The remaining first updates after the very first; a run that was stopped among them continues here."""
        while 0 < self.run.updates < self.settings.first_updates:
            self._check_stop()
            self._learn()
            self.reporter.progress(self.run.updates, self.settings.first_updates, "first updates")
            self._save_if_due()

    def _save_if_due(self) -> None:
        if self.run.updates // self.settings.checkpoint_every > self._saved and not self._finished:
            self._save()

    def _report(self) -> None:
        if self.agent_steps < self.settings.prefill:
            self.reporter.progress(self.agent_steps, self.settings.prefill, "random steps")
        else:
            self.reporter.progress(self.agent_steps, self.settings.agent_steps, "finetune")

    def _check_stop(self) -> None:
        if self.reporter.stop_requested:
            self._save()
            raise Stopped(f"stopped and saved after {self.agent_steps} agent steps")

    def _learn(self) -> None:
        run, settings = self.run, self.settings
        size = shape(settings, run.updates, self.agent_steps / settings.agent_steps)
        batch = self.experience.replay.sample(*size, run.randomness.numpy)
        metrics = run.learn(batch, self.agent_steps)
        if run.updates % settings.log_every == 0:
            run.check()
            values = {name: float(value.mean()) for name, value in metrics.items()}
            self._log("finetune", values | run.lesson_weights(self.agent_steps) | run.parts.notes())

    @property
    def _finished(self) -> bool:
        return self.agent_steps >= self.settings.agent_steps

    @property
    def _evaluation_is_due(self) -> bool:
        evaluated = self.returns[-1][0] if self.returns else 0
        every = self.settings.evaluate_every
        return self.experience.between_episodes and self.agent_steps // every > evaluated // every

    def _evaluate(self) -> None:
        """Evaluates between two episodes; an evaluation that is stopped starts over after a resume.

        The first plays its episodes a second time, with random actions.
        """
        count = self.settings.evaluate_episodes
        first = len(self.returns) * count
        seeds = [episode_seed(self.provenance.seed, "evaluate", first + index) for index in range(count)]
        environments = self.environments.evaluating(self.agent_steps)
        agent = self.run.published.eval()
        play = partial(evaluate, environments=environments, seeds=seeds, between_steps=self._check_stop)
        outcome = play(agent, device=self.run.device)
        values = outcome.metrics("evaluation")
        if outcome.success_rate is not None:
            values["success_rate"] = outcome.success_rate
        if not self.returns:
            values |= play(Uniform(agent.world_model.config.action_size)).metrics("random")
        self.run.agent.train()
        self.experience.begin()
        self.returns.append([float(self.agent_steps), outcome.mean])
        self._log("evaluate", values)

    def _log(self, phase: str, values: dict[str, float]) -> None:
        steps = self.agent_steps
        control = steps * self.settings.action_repeat
        self.reporter.log(phase, values, updates=self.run.updates, agent_steps=steps, environment_steps=control)

    def _save(self) -> Path:
        self.run.check()
        self._saved = self.run.updates // self.settings.checkpoint_every
        state = {"run": self.run.state_dict(), "experience": self.experience.state_dict(), "returns": self.returns}
        self.reporter.sync()
        save_training(self.out / "resume", self.agent_steps + self.run.updates, state)  # grows with either
        counts = {"agent_steps": self.agent_steps, "updates": self.run.updates}
        extra = {**self.provenance.extra, **counts, "evaluations": self.returns}
        provenance = replace(self.provenance, extra=extra)
        agent, last = self.run.published, self.settings.agent_steps
        return publish(
            self.out,
            agent.world_model,
            agent.actor_critic,
            self.held_out,
            provenance,
            self.agent_steps,
            last,
            self.reporter.note,
            self.run.parts.findings,
        )

    def _restore(self) -> None:
        state = load_training(self.out / "resume")
        if state is None:
            self.experience.begin()
        else:
            self.run.load_state_dict(state["run"])
            self._saved = self.run.updates // self.settings.checkpoint_every
            self.returns = state["returns"]
            self.experience.load_state_dict(state["experience"])
        for phase in ("episode", "finetune"):
            self.reporter.cut_metrics(phase, self.run.updates, self.agent_steps)
        evaluated_at = int(self.returns[-1][0]) if self.returns else 0
        self.reporter.cut_metrics("evaluate", self.run.updates, evaluated_at)
