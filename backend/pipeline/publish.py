"""Publishes a trained model as a checkpoint that can be browsed: weights, statistics, a clip, provenance."""

import datetime
import json
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from backend.data.checkpoint import CARD, FACTORS, CheckpointInfo, load_checkpoint, read_info, save_checkpoint
from backend.data.clip import Clip
from backend.data.crash import crash_point
from backend.data.episodes import Episode
from backend.data.files import remove_folder, sweep, write_file, write_json
from backend.data.model_card import written_card
from backend.interpret.guesses import with_guesses
from backend.interpret.latents import encode_frames, statistics_of
from backend.interpret.quality import measure_quality
from backend.pipeline.returns import measured_returns
from models.actor_critic import ActorCritic
from models.browsable import Browsable
from models.traversal import LatentStatistics
from models.video_model import VideoModel

Masks = TypeVar("Masks", NDArray[np.bool_], NDArray[np.uint8], NDArray[np.float16])
Finding = Callable[[Clip, Path], dict[str, Any]]
"""What a method finds out about a checkpoint's clip, as JSON; it is given the run's folder too."""
Note = Callable[[str], None]  # takes one sentence for the run's log
CLIP_EPISODES, CLIP_FRAMES = 24, 50
MILESTONES = 8
FACTOR_EPISODES = 20  # fewer held-out episodes are too few to find factors


@dataclass(frozen=True)
class Provenance:
    """Where a checkpoint comes from; it travels inside the checkpoint and its exports."""

    name: str
    stage: str
    seed: int
    environment: str | None
    settings: dict[str, Any]
    dataset: str | None = None
    teacher: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def config(self, updates: int) -> dict[str, Any]:
        """The content of config.json besides the sizes of the networks."""
        return {
            "name": self.name,
            "stage": self.stage,
            "environment": self.environment,
            "steps": updates,
            "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seed": self.seed,
            "dataset": self.dataset,
            "teacher": self.teacher,
            "settings": self.settings,
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
            **self.extra,
        }


def publish(
    out: Path,
    model: VideoModel,
    actor_critic: ActorCritic | None,
    held_out: Sequence[Episode],
    provenance: Provenance,
    updates: int,
    last_update: int,
    note: Note,
    findings: Mapping[str, Finding] | None = None,
) -> Path:
    """Writes `out/checkpoints/update-…`, unless it exists already, and returns it; older ones are thinned out.

    The newest two stay, and about eight spread over the run. The last one also gets its factors.
    `findings` are what the method finds out about the clip, by the name of the file.
    """
    crash_point("between-state-and-weights")
    folder = out / "checkpoints" / f"update-{updates:09d}"
    sweep(folder.parent)
    config = provenance.config(updates)
    if folder.exists() and read_info(folder, folder.name, "run").config.get("updates") != config.get("updates"):
        remove_folder(folder)  # the model was trained further since then without another agent step
    if not folder.exists():
        model.eval()
        encoded = encode_frames(model, held_out)
        returns = measured_returns(out, provenance.settings) if actor_critic else None
        environment, source = provenance.environment, provenance.dataset or "held out"
        quality = measure_quality(model, held_out, environment, source=source, policy_return=returns)
        save_checkpoint(
            folder,
            model=model,
            actor_critic=actor_critic,
            config=config,
            clip=clip_of(held_out),
            statistics=statistics_of(encoded),
            quality=quality,
        )
        model.train()
        _thin(folder.parent, last_update)
        note(f"checkpoint {folder.name}: can be browsed now. {quality['sees']}")
    for name, find in (findings or {}).items():
        if not (folder / name).exists():
            write_json(folder / name, find(clip_of(held_out), out))
    explicable = len(held_out) >= FACTOR_EPISODES and model.capabilities.has_latents
    if updates >= last_update and explicable and not (folder / FACTORS).exists():
        note(f"finding what the dimensions mean, on {len(held_out)} held-out episodes")
        report = write_factors(folder, held_out, provenance.seed)
        named = sum(entry["status"] == "named" for entry in report["dimensions"])
        note(f"{named} of {len(report['dimensions'])} dimensions have a factor of their own")
    write_file(folder / CARD, written_card(read_info(folder, folder.name, "run")).encode())
    return folder


def write_factors(folder: Path, episodes: Sequence[Episode], seed: int) -> dict[str, Any]:
    """Finds what each dimension of a checkpoint means on these episodes, and saves it with the checkpoint.

    Episodes of a film have no factors; image statistics take their place.
    """
    from backend.interpret.factors import analyse  # slow to import, and only needed at the end of a run

    checkpoint = load_checkpoint(read_info(folder, folder.name, "run"))
    if episodes[0].factor_names:
        encoded = encode_frames(checkpoint.model, episodes)
    else:
        encoded = encode_frames(checkpoint.model, with_guesses(episode.image for episode in episodes), guessed=True)
    report = analyse(encoded, seed=seed)
    write_json(folder / FACTORS, json.loads(json.dumps(report)))
    return report


def publish_import(
    home: Path, prefix: str, about: dict[str, Any], model: Browsable, clip: Clip, statistics: LatentStatistics
) -> CheckpointInfo:
    """A model that was trained elsewhere as a checkpoint in `home/checkpoints`, completely or not at all.

    `prefix` begins its id; `about` adds to config.json, the name at least.
    """
    now = datetime.datetime.now(datetime.UTC)
    made = now.isoformat(timespec="seconds")
    config = {"stage": "import", "environment": None, "steps": 0, "created_at": made, "settings": {}, **about}
    id = f"{prefix}-{now:%Y%m%d%H%M%S%f}"
    target = home / "checkpoints" / id
    target.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(target, model=model, actor_critic=None, config=config, clip=clip, statistics=statistics)
    info = read_info(target, id, "import")
    write_file(target / CARD, written_card(info).encode())
    return info


def clip_of(episodes: Sequence[Episode]) -> Clip:
    """The first frames of some episodes, cut to one length; episodes that broke off early are left out."""
    usual = statistics.median_low(len(episode.image) for episode in episodes)
    length = min(CLIP_FRAMES, usual)
    chosen = [episode for episode in episodes if len(episode.image) >= length][:CLIP_EPISODES]
    image, action, reward, factors = (
        np.stack([getattr(episode, name)[:length] for episode in chosen])
        for name in ("image", "action", "reward", "factors")
    )
    agent = _cut([episode.agent for episode in chosen], length)
    part = _cut([episode.agent_part for episode in chosen], length)
    flow = _cut([episode.flow for episode in chosen], length)
    return Clip(image, action, reward, factors, chosen[0].factor_names, agent, part, flow)


def _cut(masks: Sequence[Masks | None], length: int) -> Masks | None:
    """Masks or flows of some episodes, cut to one length; None unless all have them."""
    known = [mask[:length] for mask in masks if mask is not None]
    return np.stack(known) if len(known) == len(masks) else None


def _thin(folder: Path, last_update: int) -> None:
    present = sorted(folder.glob("update-*"))
    spacing = max(last_update // MILESTONES, 1)
    seen: set[int] = set()
    for old in present[:-2]:
        milestone = int(old.name.removeprefix("update-")) // spacing
        if milestone in seen:
            remove_folder(old)
        seen.add(milestone)
