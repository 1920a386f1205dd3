"""Pretraining (eq. 2): the action-free video model learns from videos full of distractions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from backend.data.episodes import DatasetInfo, Episode, read_episodes
from backend.data.replay import Replay, TooShort
from backend.data.resume import Randomness, load_training, save_training
from backend.pipeline.config import PretrainSettings, Problem, SettingsError
from backend.pipeline.precision import convolve_in, image_precision
from backend.pipeline.publish import Provenance, publish
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.update import Update
from models.config import VideoModelConfig
from models.conv import conv_kernels
from models.losses import total
from models.types import Batch
from models.video_model import Inference, VideoModel


class Pretraining:
    """A video model, its optimiser and generators: everything that `step` changes and a resume restores."""

    def __init__(self, settings: PretrainSettings, seed: int, device: str) -> None:
        self.settings = settings
        self.device = device
        self.updates = 0
        self.randomness = Randomness(seed, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = VideoModel(_sizes(settings)).to(device)
        convolve_in(image_precision(device), self.model)
        self.update = Update(self.model.parameters(), settings.learning_rate, settings.adam_eps, settings.clip_norm)

    def step(self, batch: Batch) -> tuple[Inference, float]:
        """One update on a batch: its inference and the gradient norm."""
        moved = Batch(*(part.to(self.device) for part in batch))
        inference = self.model.infer(moved, self.randomness.torch, self.settings.kl_balance, self.settings.free_nats)
        norm = self.update(total(inference.losses, self.weights(self.updates)))
        self.updates += 1
        return inference, norm

    def weights(self, update: int) -> dict[str, float]:
        """The weight of each loss at an update."""
        settings = self.settings
        beta = settings.beta * warmth(update, settings.beta_warmup)
        constraints = dict.fromkeys(self.model.encoder.constraints, beta)
        return {"image": 1.0, "dynamics": settings.dynamics_weight, **constraints}

    def save(self, folder: Path) -> None:
        """Keeps everything that the next step depends on."""
        state = {
            "updates": self.updates,
            "model": self.model.state_dict(),
            "update": self.update.state_dict(),
            "randomness": self.randomness.state_dict(),
        }
        save_training(folder, self.updates, state)

    def restore(self, folder: Path) -> None:
        """Goes on from the newest whole save in `folder`, if there is one."""
        state = load_training(folder)
        if state is not None:
            self.updates = state["updates"]
            self.model.load_state_dict(state["model"])
            self.update.load_state_dict(state["update"])
            self.randomness.load_state_dict(state["randomness"])


def pretrain(
    settings: PretrainSettings,
    dataset: DatasetInfo,
    out: Path,
    *,
    provenance: Provenance,
    device: str,
    reporter: Reporter,
) -> Path:
    """Trains a video model on a data set and writes checkpoints into `out/checkpoints`; returns the last.

    Goes on from `out/resume` where that exists. Raises SettingsError where the data set does not fit
    the settings, Stopped after a save when asked to stop, Diverged.
    """
    training, held_out = split(list(read_episodes(dataset.folder)), settings.held_out)
    replay = Replay(action_size=training[0].action.shape[-1])
    replay.extend(training)
    run = Pretraining(settings, provenance.seed, device)
    run.restore(out / "resume")
    reporter.cut_metrics("pretrain", run.updates)
    reporter.progress(run.updates, settings.updates, "pretrain")
    while run.updates < settings.updates:
        inference, norm = run.step(_sample(replay, settings, run.randomness.numpy))
        if run.updates % settings.log_every == 0:
            losses = {name: float(value.detach().mean()) for name, value in inference.losses.items()}
            reporter.log("pretrain", {**losses, "gradient_norm": norm}, updates=run.updates)
        reporter.progress(run.updates, settings.updates, "pretrain")
        last = run.updates == settings.updates
        if run.updates % settings.checkpoint_every == 0 or last or reporter.stop_requested:
            reporter.sync()
            run.save(out / "resume")
            publish(out, run.model, None, held_out, provenance, run.updates, settings.updates, reporter.note)
        if reporter.stop_requested and not last:
            raise Stopped(f"stopped and saved after {run.updates} updates")
    return publish(out, run.model, None, held_out, provenance, run.updates, settings.updates, reporter.note)


def warmth(update: int, warmup: int) -> float:
    """How far beta has grown: linear from 0 to 1 over `warmup` updates, 1 without a warm-up."""
    return min(update / warmup, 1.0) if warmup else 1.0


def split(episodes: Sequence[Episode], held_out: int) -> tuple[list[Episode], list[Episode]]:
    """The episodes to train on and the last `held_out` ones, at most half of them all."""
    if len(episodes) < 2:
        message = f"the data set has {len(episodes)} episode; at least 2 are needed, one of them held out"
        raise SettingsError([Problem("/dataset", message)])
    kept = min(held_out, len(episodes) // 2)
    return list(episodes[:-kept]), list(episodes[-kept:])


def _sizes(settings: PretrainSettings) -> VideoModelConfig:
    sizes = VideoModelConfig(settings.latents, settings.stoch, settings.deter, settings.hidden)
    if settings.vision == "vae":
        return sizes
    kernels = conv_kernels()
    return replace(sizes, vision=settings.vision, kernels=kernels, latents=kernels[-1])


def _sample(replay: Replay, settings: PretrainSettings, rng: np.random.Generator) -> Batch:
    try:
        return replay.sample(settings.batch, settings.length, rng)
    except TooShort as error:
        raise SettingsError([Problem("/length", str(error))]) from None
