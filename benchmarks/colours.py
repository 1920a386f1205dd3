"""Do states hold the pose under colours never seen? recore, with and without its contrast, beside two others.

python -m benchmarks.colours --out .diswm/colours            (about ten minutes of one CPU core)
python -m benchmarks.colours --out /tmp/few --updates 20     (to see that all of it works)

Recordings of cartpole-swingup under the paper's flickering colours set-a; on them a world model learns, with actions,
by each method. A ridge regression from its states to the pose is fitted on these and other recordings of set-a, and
asked on others of set-a and of set-b. Results go to benchmarks/results/colours.md.
"""

import argparse
import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from backend.data.episodes import Episode, read_episodes
from backend.data.replay import Replay
from backend.pipeline.builder import build_settings
from backend.pipeline.finetune import Finetuning
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Parts
from backend.pipeline.settings import FinetuneSettings
from benchmarks.stages import RESULTS, stage
from benchmarks.table import processor
from models.types import normalise

TASK, STEPS = "cartpole-swingup", 24
LEARNED, ASKED = 60, 30  # episodes to learn from, and of each further recording
POSE = ("cart_position", "pole_angle_sin", "pole_angle_cos")
PENALTY = 100.0  # of the ridge, on standardised features
ARMS: dict[str, dict[str, object]] = {
    "recore": {"method": "recore"},
    "dreamerv2": {"method": "dreamerv2"},
    "recore without contrast": {"method": "recore", "contrast_weight": 0.0},
    "diswm-no-distillation": {"method": "diswm-no-distillation"},
}

Array = npt.NDArray[np.float64]


class Result(NamedTuple):
    """Of one model: mean R2 of the pose in each set of colours, of the colours themselves, and the last losses."""

    arm: str
    seen: float
    unseen: float
    colour: float
    contrast: float | None


def main() -> None:
    """Records, learns, asks, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".diswm/colours"))
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    chosen = parser.parse_args()
    learned = _recorded(chosen.out, "set-a", 1, LEARNED, second_look=True)
    asked = [
        _recorded(chosen.out, colours, seed, ASKED) for colours, seed in (("set-a", 2), ("set-a", 3), ("set-b", 4))
    ]
    results: list[Result] = []
    for arm, seed in ((arm, seed) for arm in chosen.arms for seed in chosen.seeds):
        results.append(_of(arm, learned, asked, chosen.updates, seed))
        text = _table(results, chosen.updates)
        (RESULTS if chosen.updates >= 100 else chosen.out).joinpath("colours.md").write_text(text)
    print(text)


def _recorded(out: Path, colours: str, seed: int, episodes: int, *, second_look: bool = False) -> list[Episode]:
    """Short episodes under smooth random actions, from anywhere."""
    folder = out / f"{colours}-{seed}"
    if not (folder / "result.json").exists():
        wanted = {"environment": TASK, "distraction": colours, "episodes": episodes, "episode_steps": STEPS}
        stage("collect", folder, seed, wanted | {"second_look": second_look}, preset="tiny")
    return list(read_episodes(folder / "dataset"))


def _of(arm: str, learned: list[Episode], asked: list[list[Episode]], updates: int, seed: int) -> Result:
    values = {"environment": TASK, "distraction": "set-a", "initialisation": "scaled", **ARMS[arm]}
    settings = build_settings("finetune", "tiny", values)
    assert isinstance(settings, FinetuneSettings)
    settings = settings.model_copy(update={"behaviour_after": updates})
    parts = build_parts(settings, None, learned[0].action.shape[1], seed)
    losses = _learn(settings, parts, learned, updates, seed)
    asked = [learned + asked[0], *asked[1:]]
    fitted, same, other = (_states(parts, episodes) for episodes in asked)
    pose, colours = ([_columns(episodes, names) for episodes in asked] for names in (POSE, _colours(asked[0])))
    result = Result(
        arm,
        read(fitted, pose[0], same, pose[1]),
        read(fitted, pose[0], other, pose[2]),
        read(fitted, colours[0], same, colours[1]),
        losses.get("contrast"),
    )
    print(result, flush=True)
    return result


def _learn(
    settings: FinetuneSettings, parts: Parts, episodes: list[Episode], updates: int, seed: int
) -> dict[str, float]:
    """The world model and what is learned along with it; no behaviour, nothing acts. Returns the last losses."""
    run = Finetuning(settings, parts, seed, "cpu")
    frames = sum(len(episode.image) for episode in episodes)
    replay = Replay(parts.world_model.config.action_size, frames, second_look=settings.looks_twice)
    replay.extend(episodes)
    metrics: dict[str, torch.Tensor] = {}
    for _ in range(updates):
        metrics = run.learn(replay.sample(settings.batch, settings.length, run.randomness.numpy), 0)
    run.check()
    return {name: float(value.mean()) for name, value in metrics.items()}


@torch.no_grad()
def _states(parts: Parts, episodes: list[Episode]) -> Array:
    """Features (N, F) of the states along episodes, by their means; the first quarter of each is left out."""
    model, features = parts.world_model, []
    for episode in episodes:
        latent = model.encode(normalise(torch.from_numpy(episode.image))).mean[None]
        states = model.observe(latent, torch.from_numpy(episode.action)[None]).states
        features.append(states.feature[0, STEPS // 4 :].double().numpy())
    return np.concatenate(features)


def _columns(episodes: list[Episode], names: tuple[str, ...]) -> Array:
    """The factors (N, F) of the same frames."""
    columns = [episodes[0].factor_names.index(name) for name in names]
    return np.concatenate([episode.factors[STEPS // 4 :, columns] for episode in episodes]).astype(np.float64)


def _colours(episodes: list[Episode]) -> tuple[str, ...]:
    return tuple(name for name in episodes[0].factor_names if name.endswith(("_red", "_green", "_blue")))


def read(fitted: Array, known: Array, asked: Array, truth: Array) -> float:
    """Mean R2 over factors (N, F) that a ridge fitted on features (N, K) reads from others (M, K)."""
    centre, spread = fitted.mean(0), fitted.std(0) + 1e-6
    rows, others = (fitted - centre) / spread, (asked - centre) / spread
    weights = np.linalg.solve(rows.T @ rows + PENALTY * np.eye(rows.shape[1]), rows.T @ (known - known.mean(0)))
    error = np.square(others @ weights + known.mean(0) - truth).mean(0)
    return float((1 - error / truth.var(0)).mean())


def _table(results: list[Result], updates: int) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# The pose under colours never seen",
        "",
        f"`python -m benchmarks.colours --updates {updates}`, {today}, {processor()}, one thread. World models of "
        f"{TASK}, {LEARNED} episodes of {STEPS} steps under set-a, {updates} updates of 8 x 8 frames, preset tiny; no "
        f"behaviour. Mean R² over {len(POSE)} numbers of the pose ({', '.join(POSE)}) that a ridge reads from states, "
        f"fitted on {LEARNED + ASKED} episodes of set-a, asked on {ASKED} others; and of the colours of set-a. One "
        "line is one seed.",
        "",
        "| method | pose, set-a | pose, set-b | colours, set-a | contrast, nats |",
        "|---|---|---|---|---|",
    ]
    for arm, seen, unseen, colour, contrast in results:
        told = "" if contrast is None else f"{contrast:.2f}"
        lines.append(f"| {arm} | {seen:.2f} | {unseen:.2f} | {colour:.2f} | {told} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
