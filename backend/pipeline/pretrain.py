"""Pretraining (eq. 2): the action-free video model learns from videos full of distractions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backend.data.episodes import DatasetInfo, episode_places, read_place
from backend.data.replay import Replay, TooShort, replay_device
from backend.data.resume import Randomness, load_training, save_training
from backend.pipeline.cuda_graph import Recorded, graph_recorder
from backend.pipeline.curriculum import beta, cooled, dynamics_weight, initialised, objective, shape
from backend.pipeline.held_out import split
from backend.pipeline.precision import convolve_in, image_precision
from backend.pipeline.publish import Provenance, publish
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.settings import PretrainSettings, Problem, SettingsError
from backend.pipeline.update import Update
from models.config import VideoModelConfig, kernels
from models.dreamer_convolutions import conv_kernels
from models.losses import total
from models.types import Batch
from models.video_model import VideoModel


class Pretraining:
    """A video model, its optimiser and generators: everything that `step` changes and a resume restores."""

    def __init__(self, settings: PretrainSettings, seed: int, device: str) -> None:
        self.settings = settings
        self.device = device
        self.updates = 0
        self.randomness = Randomness(seed, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = initialised(VideoModel(_sizes(settings)), settings).to(device)
        convolve_in(image_precision(device), self.model)
        self._update = Update(self.model.parameters(), settings.learning_rate, settings.adam_eps, settings.clip_norm)
        self._objective = objective(settings)
        self.recorded = Recorded(self.work, self, graph_recorder(self.randomness.torch))

    def step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """One update on a batch: its losses, (B, T) each, and the gradient norm, `gradient_norm`, ()."""
        settings, update = self.settings, self.updates
        inputs = (*batch, torch.tensor(beta(settings, update)), torch.tensor(dynamics_weight(settings, update)))
        self._update.set_rate(settings.learning_rate * cooled(settings, update / settings.updates))
        figures = self.recorded(*(part.to(self.device, non_blocking=True) for part in inputs))
        self.updates += 1
        return figures

    def work(self, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The update as work for the device only: a batch's arrays, beta, dynamics weight; never waits for the host."""
        *batch, constraint, dynamics = inputs
        losses = self.model.infer(Batch(*batch), self.randomness.torch, self._objective).losses
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
            "update": self._update.state_dict(),
            "randomness": self.randomness.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave."""
        self.updates = state["updates"]
        self.model.load_state_dict(state["model"])
        self._update.load_state_dict(state["update"])
        self.randomness.load_state_dict(state["randomness"])


def pretrain(
    settings: PretrainSettings,
    dataset: DatasetInfo,
    out: Path,
    *,
    start: VideoModel | None = None,
    provenance: Provenance,
    device: str,
    reporter: Reporter,
) -> Path:
    """Trains a video model on a data set and writes checkpoints into `out/checkpoints`; returns the last.

    Training starts from the weights of `start`, a model of the same sizes, if one is given.

    Continues from `out/resume` if that exists. Raises SettingsError if the data set does not fit
    the settings, Stopped after a save when asked to stop, Diverged.
    """
    training, withheld = split(episode_places(dataset.folder), settings.held_out)
    place = replay_device(device, dataset.frames)
    replay = Replay(dataset.action_size, dataset.frames, place, motion=settings.motion_weight > 0)
    replay.extend(
        read_place(episode) for episode in training
    )  # one after the other, so that frames are in memory only once
    held_out = [read_place(episode) for episode in withheld]
    run = Pretraining(settings, provenance.seed, device)
    if start is not None:
        run.model.load_state_dict(start.state_dict())
    state = load_training(out / "resume")
    if state is not None:
        run.load_state_dict(state)
    reporter.cut_metrics("pretrain", run.updates)
    reporter.progress(run.updates, settings.updates, "pretrain")
    while run.updates < settings.updates:
        figures = run.step(_sample(replay, shape(settings, run.updates), run.randomness.numpy))
        reporter.progress(run.updates, settings.updates, "pretrain")
        last, stopping = run.updates == settings.updates, reporter.stop_requested
        saving = run.updates % settings.checkpoint_every == 0 or last or stopping
        logging = run.updates % settings.log_every == 0
        if saving or logging:
            run.check()
        if logging:
            values = {name: float(value.mean()) for name, value in figures.items()}
            reporter.log("pretrain", values, updates=run.updates)
        if saving:
            reporter.sync()
            save_training(out / "resume", run.updates, run.state_dict())
            publish(out, run.model, None, held_out, provenance, run.updates, settings.updates, reporter.note)
        if stopping and not last:
            raise Stopped(f"stopped and saved after {run.updates} updates")
    return publish(out, run.model, None, held_out, provenance, run.updates, settings.updates, reporter.note)


def _sizes(settings: PretrainSettings) -> VideoModelConfig:
    sizes = VideoModelConfig(
        settings.latents, settings.stoch, settings.deter, settings.hidden, kernels=kernels(settings.first_channels)
    )
    if settings.vision == "vae":
        return sizes
    deep = conv_kernels()
    return replace(sizes, vision=settings.vision, kernels=deep, latents=deep[-1])


def _sample(replay: Replay, shape: tuple[int, int], rng: np.random.Generator) -> Batch:
    try:
        return replay.sample(*shape, rng)
    except TooShort as error:
        raise SettingsError([Problem("/length", str(error))]) from None
