"""Pretraining (eq. 2): the action-free video model learns from videos full of distractions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from backend.data.episodes import DatasetInfo, Place, episode_places, read_place
from backend.data.replay import Sequences, TooShort, replay_device
from backend.data.resume import Randomness, load_training, save_training
from backend.data.unpacked import Tell, frames_of
from backend.pipeline.averaging import Average
from backend.pipeline.cuda_graph import Recorded, graph_recorder
from backend.pipeline.curriculum import beta, cooled, dynamics_weight, initialised, objective, shape
from backend.pipeline.held_out import split
from backend.pipeline.parallel import Team, team
from backend.pipeline.precision import convolve_in, image_precision
from backend.pipeline.publish import Provenance, publish
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.settings import PretrainSettings, Problem, SettingsError
from backend.pipeline.update import Update
from models.config import WITH_LATENTS, VideoModelConfig, kernels
from models.dreamer_convolutions import conv_kernels
from models.losses import total
from models.share import ALONE, Share
from models.types import Batch
from models.video_model import VideoModel


class Pretraining:
    """A video model, its optimiser and generators: everything that `step` changes and a resume restores."""

    def __init__(self, settings: PretrainSettings, seed: int, device: str, share: Share = ALONE) -> None:
        self.settings = settings
        self.device = device
        self.share = share
        self.updates = 0
        self.randomness = Randomness(seed, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = initialised(VideoModel(_sizes(settings)), settings).to(device)
        convolve_in(image_precision(device), self.model)
        self._average = Average(self.model, settings.averaging) if settings.averaging else None
        rates = settings.learning_rate, settings.adam_eps, settings.clip_norm
        self._update = Update(self.model.parameters(), *rates, share)
        self._objective = objective(settings)
        recorder = graph_recorder(self.randomness.torch) if share.size == 1 else None
        self.recorded = Recorded(self.work, self, recorder)

    def step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """One update on this process's rows of a batch: losses, (B, T) each, and `gradient_norm`, ()."""
        settings, update = self.settings, self.updates
        inputs = (*batch, torch.tensor(beta(settings, update)), torch.tensor(dynamics_weight(settings, update)))
        self._update.set_rate(settings.learning_rate * cooled(settings, update / settings.updates))
        figures = self.recorded(*(part.to(self.device, non_blocking=True) for part in inputs))
        self.updates += 1
        if self._average:
            self._average.follow(self.model, self.updates)
        return figures

    @property
    def published(self) -> VideoModel:
        """The model of checkpoints: with averaged weights, if they are averaged."""
        return self._average.network if self._average else self.model

    def work(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The update as work for the device only: a batch's arrays, beta, dynamics weight; never waits for the host."""
        *batch, constraint, dynamics = inputs
        losses = self.model.infer(Batch(*batch), self.randomness.torch, self._objective, self.share).losses
        weights: dict[str, float | torch.Tensor] = {"image": 1.0, "dynamics": dynamics}
        weights |= dict.fromkeys(self.model.encoder.constraints, constraint)
        if self._objective.overshooting:
            weights["overshooting"] = self.settings.overshooting
        norm = self._update(total(losses, weights))
        return {**{name: value.detach() for name, value in losses.items()}, "gradient_norm": norm}

    def check(self) -> None:
        """Raises Diverged if an update had to be refused."""
        self._update.check()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "updates": self.updates,
            "model": self.model.state_dict(),
            **({"average": self._average.state_dict()} if self._average else {}),
            "update": self._update.state_dict(),
            "randomness": self.randomness.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave."""
        self.updates = state["updates"]
        self.model.load_state_dict(state["model"])
        if self._average:
            self._average.load_state_dict(state.get("average", state["model"]))
        self._update.load_state_dict(state["update"])
        self.randomness.load_state_dict(state["randomness"])


class Step(NamedTuple):
    """One update that all processes have made."""

    values: dict[str, float] | None  # mean losses over the whole batch and gradient norm, at every log_every-th
    stopping: bool  # whether the stage was asked to stop


def pretrain(
    settings: PretrainSettings,
    dataset: DatasetInfo,
    out: Path,
    *,
    start: VideoModel | None = None,
    provenance: Provenance,
    device: str,
    reporter: Reporter,
    processes: int = 1,
) -> Path:
    """Trains a video model on a data set and writes checkpoints into `out/checkpoints`; returns the last.

    Training starts from the weights of `start`, a model of the same sizes, if one is given. Several processes share
    each batch, which must divide evenly among them (`parallel.check_processes`).

    Continues from `out/resume` if that exists. Raises SettingsError if the data set does not fit
    the settings, Stopped after a save when asked to stop, Diverged, ProcessLost.
    """
    with team(processes, partial(follow, settings, dataset, provenance.seed, device)) as together:
        run, frames, withheld = _begun(settings, dataset, provenance.seed, device, together, _unpacking(reporter))
        held_out = [read_place(episode) for episode in withheld]
        if start is not None:
            run.model.load_state_dict(start.state_dict())
        state = load_training(out / "resume")
        if state is not None:
            run.load_state_dict(state)
        together.given(run.state_dict())
        reporter.cut_metrics("pretrain", run.updates)

        def stop() -> bool:
            """Report how far it is; whether to stop here."""
            reporter.progress(run.updates, settings.updates, "pretrain")
            return reporter.stop_requested

        stop()
        for step in _updates(run, frames, together, stop):
            last = run.updates == settings.updates
            if step.values is not None:
                reporter.log("pretrain", step.values, updates=run.updates)
            if run.updates % settings.checkpoint_every == 0 or last or step.stopping:
                run.check()
                reporter.sync()
                save_training(out / "resume", run.updates, run.state_dict())
                publish(out, run.published, None, held_out, provenance, run.updates, settings.updates, reporter.note)
            if step.stopping and not last:
                raise Stopped(f"stopped and saved after {run.updates} updates")
        return publish(out, run.published, None, held_out, provenance, run.updates, settings.updates, reporter.note)


def follow(settings: PretrainSettings, dataset: DatasetInfo, seed: int, device: str, together: Team) -> None:
    """What a further process does: the same updates on its own rows, until the first process stops."""
    run, frames, _ = _begun(settings, dataset, seed, device, together, _silent)
    run.load_state_dict(together.given(run.state_dict()))
    for step in _updates(run, frames, together, lambda: False):
        if step.stopping:
            return


def _begun(
    settings: PretrainSettings, dataset: DatasetInfo, seed: int, device: str, together: Team, tell: Tell
) -> tuple[Pretraining, Sequences, Sequence[Place]]:
    """A run at its start, the frames that it learns from, and the episodes that it does not."""
    training, withheld = split(episode_places(dataset.folder), settings.held_out)
    own = together.device(device)
    frames = frames_of(
        dataset,
        [*training, *withheld],
        len(training),
        device=replay_device(own, dataset.frames),
        motion=settings.motion_weight > 0,
        tell=tell,
    )
    return Pretraining(settings, seed, own, together.share), frames, withheld


def _silent(_done: int, _total: int) -> None:
    """A further process reports nothing of its start: the first one does."""


def _unpacking(reporter: Reporter) -> Tell:
    """Report how many episodes are unpacked. Raises Stopped when asked to stop meanwhile."""

    def tell(done: int, total: int) -> None:
        reporter.progress(done, total, "unpacked episodes")
        if reporter.stop_requested:
            raise Stopped("stopped while unpacking the data set; nothing was learned yet")

    return tell


def _updates(run: Pretraining, frames: Sequences, together: Team, stop: Callable[[], bool]) -> Iterator[Step]:
    """The updates that are left, in step with the other processes. Raises Diverged in all of them."""
    settings = run.settings
    while run.updates < settings.updates:
        size = shape(settings, run.updates, run.updates / settings.updates)
        figures = run.step(_sample(frames, size, run.randomness.numpy, together.share))
        values = None
        if run.updates % settings.log_every == 0:
            run.check()
            means = together.share.average(torch.stack([value.mean() for value in figures.values()]))
            values = dict(zip(figures, means.tolist(), strict=True))
        yield Step(values, together.any(stop()))


def _sizes(settings: PretrainSettings) -> VideoModelConfig:
    sizes = VideoModelConfig(
        settings.latents, settings.stoch, settings.deter, settings.hidden, kernels=kernels(settings.first_channels)
    )
    if settings.vision in WITH_LATENTS:
        return replace(sizes, vision=settings.vision)
    deep = conv_kernels()
    return replace(sizes, vision=settings.vision, kernels=deep, latents=deep[-1])


def _sample(frames: Sequences, shape: tuple[int, int], rng: np.random.Generator, share: Share) -> Batch:
    batch, length = shape
    try:
        return frames.sample(batch, length, rng, share.rows(batch))
    except TooShort as error:
        raise SettingsError([Problem("/length", str(error))]) from None
