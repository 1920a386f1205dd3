"""Online learning: the teacher is fixed, its weight follows the step, and an interrupted run resumes bit for bit."""

import json
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backend.data.checkpoint import load_checkpoint, read_info
from backend.data.episodes import Episode, frames_only
from backend.envs.protocol import EnvironmentFailed, Step
from backend.envs.vector import ProcessEnvironment
from backend.pipeline.builder import build_settings
from backend.pipeline.distill import distill_weight
from backend.pipeline.environments import OneEnvironment
from backend.pipeline.evaluate import Uniform, episode_seed, evaluate
from backend.pipeline.finetune import Finetuning, Online
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source, with_targets
from backend.pipeline.publish import Provenance
from backend.pipeline.report import Reporter, Stopped
from backend.pipeline.settings import FinetuneSettings, SettingsError
from models.config import VideoModelConfig
from models.types import Batch
from models.video_model import VideoModel
from tests.support.playing import AtHand, Attentive, Slider

SHORT = {"agent_steps": 55, "evaluate_every": 1000, "checkpoint_every": 2}
SMALL = {
    "first_channels": 8,
    "latents": 4,
    "stoch": 8,
    "deter": 16,
    "hidden": 16,
    "units": 16,
    "batch": 4,
    "length": 6,
    "horizon": 4,
}


class StoppingReporter(Reporter):
    """Asks the run to stop after some agent steps, or after some units of a phase."""

    def __init__(self, out: Path, stop_after: int | tuple[str, int] | None) -> None:
        super().__init__(out, quiet=True)
        self._stop_after = stop_after
        self.phases: list[str] = []

    def progress(self, done: int, total: int, phase: str) -> None:
        super().progress(done, total, phase)
        self.phases += [phase] if phase not in self.phases[-1:] else []
        if isinstance(self._stop_after, tuple):
            self.stop_requested = phase == self._stop_after[0] and done >= self._stop_after[1]
        else:
            self.stop_requested = self._stop_after is not None and done >= self._stop_after


def settings(**changes: object) -> FinetuneSettings:
    base = {
        "agent_steps": 90, "prefill": 40, "first_updates": 2, "train_every": 5, "evaluate_every": 40,
        "evaluate_episodes": 2, "checkpoint_every": 4, "log_every": 1, "distill_steps": 50,
    }  # fmt: skip
    built = build_settings("finetune", "tiny", {**SMALL, **base, **changes})
    assert isinstance(built, FinetuneSettings)
    return built


def a_teacher() -> VideoModel:
    torch.manual_seed(7)
    return VideoModel(VideoModelConfig(latents=4, stoch=8, deter=16, hidden=16))


def finetuning(chosen: FinetuneSettings, seed: int = 0) -> Finetuning:
    return Finetuning(chosen, build_parts(chosen, Source(a_teacher(), 1), 1, seed), seed, "cpu")


def held_out() -> list[Episode]:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (2, 8, 64, 64, 3)).astype(np.uint8)
    episodes = [frames_only(frames) for frames in image]
    return [e._replace(action=np.zeros((8, 1), np.float32)) for e in episodes]


def online(
    out: Path,
    chosen: FinetuneSettings,
    stop_after: int | tuple[str, int] | None = None,
    seed: int = 0,
    explored: Sequence[Episode] = (),
) -> tuple[Online, Slider]:
    slider = Slider()
    run = finetuning(chosen, seed)
    provenance = Provenance("slider", "finetune", seed, "slider", {})
    reporter = StoppingReporter(out, stop_after)
    return Online(run, OneEnvironment(AtHand(slider)), held_out(), explored, out, provenance, reporter), slider


def lines_of(out: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "time"} for line in lines]


@pytest.mark.parametrize(("agent_steps", "told"), [(15, True), (90, False)])
def test_a_run_too_short_to_learn_anything_says_so(
    tmp_path: Path, agent_steps: int, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = online(tmp_path, settings(agent_steps=agent_steps))
    run.go()
    assert (run.run.updates == 0) == told
    assert ("nothing was learned" in capsys.readouterr().err) == told


SEEING_FIRST = {
    "seeing": 3,
    "settling": 4,
    "seeing_length": 2,
    "motion_weight": 8.0,
    "overshooting": 0.3,
    "initialisation": "scaled",
    "normalise_returns": True,
    "imagine_every": 2,
    "behaviour_after": 4,
}


class Whole(NamedTuple):
    """A run that was never interrupted: its folder and its last checkpoint."""

    out: Path
    final: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """With the usual settings."""
    out = tmp_path_factory.mktemp("whole")
    return Whole(out, online(out, settings())[0].go())


def check_equal(out: Path, final: Path, whole: Whole) -> None:
    """Every line of the curves and every weight are those of the run that was never interrupted."""
    assert lines_of(out) == lines_of(whole.out)
    assert (final / "model.safetensors").read_bytes() == (whole.final / "model.safetensors").read_bytes()


@pytest.mark.parametrize("cut", [13, 44, 80])
def test_a_run_cut_inside_an_episode_goes_on_bit_for_bit(tmp_path: Path, whole: Whole, cut: int) -> None:
    with pytest.raises(Stopped):
        online(tmp_path, settings(), stop_after=cut)[0].go()
    check_equal(tmp_path, online(tmp_path, settings())[0].go(), whole)


def test_a_run_that_first_learns_to_see_is_cut_and_goes_on_bit_for_bit(
    tmp_path: Path, shapes: list[tuple[int, int]]
) -> None:
    chosen = settings(averaging=0.7, cooling=0.25, cooling_length=8, **SEEING_FIRST)
    whole = Whole(tmp_path / "whole", online(tmp_path / "whole", chosen)[0].go())
    assert shapes == [(12, 2)] * 3 + [(4, 6)] * 4 + [(3, 8)] * 5
    with pytest.raises(Stopped):
        online(tmp_path / "cut", chosen, stop_after=44)[0].go()
    check_equal(tmp_path / "cut", online(tmp_path / "cut", chosen)[0].go(), whole)


def test_a_run_stopped_among_its_first_updates_goes_on_bit_for_bit(tmp_path: Path) -> None:
    chosen = settings(first_updates=6, checkpoint_every=100)
    whole, _ = online(tmp_path / "whole", chosen)
    final = whole.go()
    assert isinstance(whole.reporter, StoppingReporter)
    assert whole.reporter.phases == ["random steps", "first updates", "finetune"]
    for units in (3, 5):  # twice at the same agent step: the second save must not be taken for the first
        with pytest.raises(Stopped):
            online(tmp_path / "cut", chosen, stop_after=("first updates", units))[0].go()
    assert lines_of(tmp_path / "cut")[-1]["updates"] == 5
    resumed = online(tmp_path / "cut", chosen)[0].go()
    check_equal(tmp_path / "cut", resumed, Whole(tmp_path / "whole", final))


def test_a_run_stopped_in_an_evaluation_evaluates_again_and_goes_on_bit_for_bit(tmp_path: Path, whole: Whole) -> None:
    cut, slider = online(tmp_path, settings())
    first = episode_seed(0, "evaluate", 0)

    def stop_at_the_first_evaluation(seed: int) -> Step:
        cut.reporter.stop_requested = cut.reporter.stop_requested or seed == first
        return Slider.reset(slider, seed)

    slider.reset = stop_at_the_first_evaluation  # type: ignore[method-assign] # watches when it begins
    with pytest.raises(Stopped, match="40 agent steps"):
        cut.go()
    assert not [line for line in lines_of(tmp_path) if line["phase"] == "evaluate"]
    check_equal(tmp_path, online(tmp_path, settings())[0].go(), whole)


def test_a_run_killed_before_its_first_save_writes_no_line_twice(tmp_path: Path) -> None:
    chosen = settings(checkpoint_every=1000)
    online(tmp_path / "whole", chosen)[0].go()
    killed, slider = online(tmp_path / "killed", chosen)

    def die(action: NDArray[np.float32]) -> Step:
        if killed.agent_steps == 60:
            raise KeyboardInterrupt
        return Slider.step(slider, action)

    slider.step = die  # type: ignore[method-assign] # stands in for a kill
    with pytest.raises(KeyboardInterrupt):
        killed.go()
    assert lines_of(tmp_path / "killed")
    online(tmp_path / "killed", chosen)[0].go()
    assert lines_of(tmp_path / "killed") == lines_of(tmp_path / "whole")


class NotingRun(Finetuning):
    """Leaves a file when an update is done, named by the agent step that it is made at."""

    folder: Path

    def learn(self, batch: Batch, agent_steps: int) -> dict[str, torch.Tensor]:
        metrics = super().learn(batch, agent_steps)
        (self.folder / f"learned-{agent_steps}").touch()
        return metrics


def learning_beside(environment: ProcessEnvironment, chosen: FinetuneSettings, folder: Path, out: Path) -> Online:
    run = NotingRun(chosen, build_parts(chosen, Source(a_teacher(), 1), 1, 0), 0, "cpu")
    run.folder = folder
    provenance = Provenance("slider", "finetune", 0, "slider", {})
    return Online(run, OneEnvironment(environment), held_out(), [], out, provenance, StoppingReporter(out, None))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The metrics of a short run in an environment of this process."""
    out = tmp_path_factory.mktemp("undisturbed")
    online(out, settings(**SHORT))[0].go()
    return lines_of(out)


def test_learning_does_not_wait_for_the_environment(tmp_path: Path, undisturbed: list[dict[str, float]]) -> None:
    """The environment's process answers a step at which an update is due only when that update is made."""
    awaited = range(40, 56, 5)
    with closing(ProcessEnvironment("slider", partial(Attentive, tmp_path, awaited))) as environment:
        learning_beside(environment, settings(**SHORT), tmp_path, tmp_path / "run").go()
    assert {path.name for path in tmp_path.glob("learned-*")} == {f"learned-{step}" for step in awaited}
    assert lines_of(tmp_path / "run") == undisturbed  # nothing depends on who is faster


def test_an_environment_that_dies_while_something_is_learned_is_a_typed_failure(
    tmp_path: Path, undisturbed: list[dict[str, float]]
) -> None:
    factory = partial(Attentive, tmp_path, awaited=range(50, 51), fault=50)
    with (
        closing(ProcessEnvironment("slider", factory)) as environment,
        pytest.raises(EnvironmentFailed, match="exit status 9") as caught,
    ):
        learning_beside(environment, settings(**SHORT), tmp_path, tmp_path / "run").go()
    assert caught.value.kind == "died" and (tmp_path / "learned-50").exists()
    online(tmp_path / "run", settings(**SHORT))[0].go()  # goes on where it was saved
    assert lines_of(tmp_path / "run") == undisturbed


def test_the_checkpoint_acts_and_names_its_counters(whole: Whole) -> None:
    loaded = load_checkpoint(read_info(whole.final, "c", "run"))
    assert loaded.actor_critic is not None
    assert loaded.info.config["agent_steps"] == 90
    assert [steps for steps, _ in loaded.info.config["evaluations"]] == [40, 80, 90]
    first, *later = [line for line in lines_of(whole.out) if line["phase"] == "evaluate"]
    seeds = [episode_seed(0, "evaluate", index) for index in range(settings().evaluate_episodes)]
    at_random = evaluate(Uniform(1), [AtHand(Slider())], seeds)
    assert (first["random_return"], first["random_std"]) == pytest.approx((at_random.mean, at_random.std), rel=1e-4)
    assert len(later) == 2 and not any("random_return" in line for line in later)
    last = lines_of(whole.out)[-1]
    assert (last["agent_steps"], last["environment_steps"]) == (90, 180)


def test_the_teacher_does_not_move_and_everything_else_does() -> None:
    run = finetuning(settings(free_nats=0.0))
    teacher = run.parts.companions["teacher"]
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    parts = (run.agent.world_model, run.agent.actor_critic.actor, run.agent.actor_critic.critic)
    student = [value.clone() for part in parts for value in part.state_dict().values()]
    image = torch.randint(0, 255, (4, 6, 64, 64, 3), dtype=torch.uint8)
    is_first = torch.zeros(4, 6, dtype=torch.bool)
    is_first[:, 0] = True
    batch = Batch(image, torch.randn(4, 6, 1), torch.randn(4, 6), torch.ones(4, 6), is_first, torch.zeros(4, 6, 0))
    metrics = run.learn(with_targets(batch, run.parts.lessons), 0)
    assert metrics["distillation"].mean() > 0
    for key, value in teacher.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    after = [value for part in parts for value in part.state_dict().values()]
    moved = [not torch.equal(old, new) for old, new in zip(student, after, strict=True)]
    assert all(moved)


def test_distillation_pulls_the_student_towards_the_teacher() -> None:
    image = torch.randint(0, 255, (4, 6, 64, 64, 3), dtype=torch.uint8)
    is_first = torch.zeros(4, 6, dtype=torch.bool)
    is_first[:, 0] = True
    batch = Batch(image, torch.zeros(4, 6, 1), torch.zeros(4, 6), torch.ones(4, 6), is_first, torch.zeros(4, 6, 0))
    outcomes = {}
    for weight in (0.0, 10.0):
        chosen = settings(distill_start=weight, distill_end=weight, beta=0.0, learning_rate=3e-3)
        run = finetuning(chosen)
        for _ in range(12):
            metrics = run.learn(with_targets(batch, run.parts.lessons), 0)
        outcomes[weight] = float(metrics["distillation"].mean())
    assert outcomes[10.0] < 0.5 * outcomes[0.0]


def test_distill_weight_follows_the_step() -> None:
    assert distill_weight(0) == pytest.approx(0.1)
    assert distill_weight(25_000) == pytest.approx(0.055)
    assert distill_weight(50_000) == distill_weight(400_000) == pytest.approx(0.01)


def test_across_domains_distillation_starts_late_and_then_anneals() -> None:
    assert distill_weight(49_999, delay=50_000) == 0
    assert distill_weight(50_000, delay=50_000) == pytest.approx(0.1)
    assert distill_weight(75_000, delay=50_000) == pytest.approx(0.055)
    assert distill_weight(100_000, delay=50_000) == pytest.approx(0.01)


def test_the_weight_in_the_loss_is_that_of_the_current_step(whole: Whole) -> None:
    lines = [line for line in lines_of(whole.out) if line["phase"] == "finetune"]
    logged = {line["agent_steps"]: line["distill_weight"] for line in lines}
    assert len(logged) > 5
    for step, weight in logged.items():
        assert weight == pytest.approx(distill_weight(int(step), ramp=50))


def test_no_two_episodes_share_a_seed() -> None:
    seeds = [episode_seed(3, purpose, index) for purpose in ("train", "evaluate") for index in range(2000)]
    assert len(set(seeds)) == len(seeds)
    assert episode_seed(3, "train", 0) == episode_seed(3, "train", 0) != episode_seed(4, "train", 0)


def test_a_teacher_with_other_latents_is_refused() -> None:
    with pytest.raises(SettingsError, match="the video model has 4 latents, the world model 8"):
        finetuning(settings(latents=8))


def test_short_episodes_collected_first_are_learned_from_and_their_steps_count(tmp_path: Path) -> None:
    chosen = settings(agent_steps=40, prefill=8, evaluate_every=1000)
    run, _ = online(tmp_path, chosen, explored=held_out())
    assert run.agent_steps == 16, "two episodes of eight frames"
    run.go()
    first = lines_of(tmp_path)[0]
    assert first["phase"] == "finetune" and first["agent_steps"] <= 16 + chosen.train_every
    assert run.agent_steps == 40


def test_only_the_world_model_learns_before_behaviour_is_due() -> None:
    run = finetuning(settings(behaviour_after=1))
    image = torch.randint(0, 256, (4, 6, 64, 64, 3), dtype=torch.uint8)
    nothing = torch.zeros(4, 6)
    batch = Batch(image, nothing[..., None], nothing, nothing + 1, nothing.bool(), torch.zeros(4, 6, 0))
    batch = with_targets(batch, run.parts.lessons)
    before = [parameter.clone() for parameter in run.agent.actor_critic.parameters()]
    assert "actor" not in run.learn(batch, 0)
    assert all(map(torch.equal, before, run.agent.actor_critic.parameters()))
    assert "actor" in run.learn(batch, 1)
    assert not all(map(torch.equal, before, run.agent.actor_critic.parameters()))


def test_a_checkpoint_among_the_first_updates_shows_what_was_learned_by_then(tmp_path: Path) -> None:
    chosen = settings(first_updates=6, checkpoint_every=2)
    shown: list[int] = []
    for units in (2, 4):
        with pytest.raises(Stopped):
            online(tmp_path, chosen, stop_after=("first updates", units))[0].go()
        newest = sorted((tmp_path / "checkpoints").iterdir())[-1]
        shown.append(read_info(newest, "x", "run").config["updates"])
    assert shown == [2, 4]
