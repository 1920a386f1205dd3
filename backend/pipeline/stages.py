"""The stages of the method, run in a folder: collect, pretrain, finetune, and all of them as one pipeline."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from backend.data.catalogue import find_checkpoint, newest_checkpoint
from backend.data.checkpoint import FORGETTING, load_checkpoint, read_forgetting
from backend.data.crash import crash_point
from backend.data.episodes import DatasetInfo, Episode, episode_places, read_episodes, read_place
from backend.data.files import write_json
from backend.data.run_start import RunStart, write_run_start
from backend.pipeline.chapters import Bench, forgetting_table
from backend.pipeline.checks import (
    check_rewarded,
    choose_device,
    dataset_of,
    recordings_of,
    start_of,
    teacher_of,
    teachers_of,
)
from backend.pipeline.collect import collect
from backend.pipeline.environments import pad_actions
from backend.pipeline.estimates import HELD_OUT
from backend.pipeline.finetune import Finetuning, Online
from backend.pipeline.held_out import split
from backend.pipeline.methods.build import build_parts
from backend.pipeline.methods.parts import Source
from backend.pipeline.offline import Offline, OfflineLearning, Recordings
from backend.pipeline.parallel import by_torchrun
from backend.pipeline.precision import multiply_fast
from backend.pipeline.pretrain import follow, pretrain
from backend.pipeline.publish import Provenance
from backend.pipeline.report import ERROR, METRICS, RESULT, Reporter, Stopped
from backend.pipeline.run_environments import (
    Films,
    acting_environments,
    first_films,
    one_environment,
    recorded_environments,
)
from backend.pipeline.settings import (
    CollectSettings,
    FinetuneSettings,
    OfflineSettings,
    PipelineSettings,
    PretrainSettings,
    StageSettings,
)
from backend.pipeline.tasks import CHAPTERS, described, tasks_of

SCENE = ("look", "action_repeat")  # the settings of a data set that are needed to render more of its frames


@dataclass(frozen=True)
class StageResult:
    """The result of a finished stage: ids of checkpoint and data set, last metrics, seconds since its last start."""

    run: str
    checkpoint: str | None
    dataset: str | None
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class _Context:
    """What every stage gets in addition to its settings."""

    out: Path
    home: Path
    name: str
    seed: int
    device: str
    reporter: Reporter
    processes: int = 1


def run_stage(
    stage: str,
    settings: StageSettings,
    *,
    out: Path,
    home: Path,
    seed: int,
    device: str = "auto",
    name: str | None = None,
    preset: str | None = None,
    reporter: Reporter,
    processes: int = 1,
) -> StageResult:
    """Runs a stage in the folder `out`, continuing from what is there; writes result.json.

    `preset` is only recorded; the settings are complete without it. `processes` share the updates of pretraining.

    Raises SettingsError, Stopped, Diverged, EnvironmentFailed and errors of the operating system.
    """
    begun = time.monotonic()
    context = _Context(out, home, name or out.name, seed, choose_device(device), reporter, processes)
    multiply_fast(context.device)
    reporter.note(f"{stage} on {context.device}, seed {seed}")
    for outcome in (RESULT, ERROR):  # of an earlier start
        (out / outcome).unlink(missing_ok=True)
    write_run_start(out, RunStart(stage, seed, settings.model_dump(mode="json"), name, preset))
    dataset: str | None = None
    if isinstance(settings, CollectSettings):
        dataset = collect(settings, out, seed, reporter, first_films(settings, home), name).id
    elif isinstance(settings, PretrainSettings):
        dataset = _pretrain(settings, context)
    elif isinstance(settings, FinetuneSettings):
        _finetune(settings, context)
    elif isinstance(settings, OfflineSettings):
        dataset = _offline(settings, context)
    else:
        dataset = _pipeline(settings, context)
    checkpoint = out.name if newest_checkpoint(out) else None
    result = StageResult(out.name, checkpoint, dataset, _last_metrics(out), round(time.monotonic() - begun, 1))
    write_json(out / RESULT, asdict(result))
    crash_point("result-written")
    reporter.note(f"{stage} is done; this session took {result.seconds:,.0f} s")
    return result


def follow_pretraining(settings: PretrainSettings, *, home: Path, seed: int, device: str) -> None:
    """The part of a further process of torchrun, which writes nothing. Raises SettingsError, Diverged, ProcessLost."""
    chosen = choose_device(device)
    dataset = dataset_of(settings, home, allow_path=True)
    with by_torchrun() as together:
        follow(settings, dataset, seed, chosen, together)


def _pretrain(settings: PretrainSettings, context: _Context) -> str:
    dataset = dataset_of(settings, context.home, allow_path=True)
    _pretrain_on(dataset, settings, context)
    return dataset.id


def _pretrain_on(dataset: DatasetInfo, settings: PretrainSettings, context: _Context) -> Path:
    provenance = Provenance(
        context.name,
        "pretrain",
        context.seed,
        dataset.environment,
        settings.model_dump(mode="json"),
        dataset=dataset.id,
        extra=_scene_of(dataset),
    )
    found = start_of(settings, context.home, allow_path=True)
    start = None if found is None else load_checkpoint(found).video_model
    return pretrain(
        settings,
        dataset,
        context.out,
        start=start,
        provenance=provenance,
        device=context.device,
        reporter=context.reporter,
        processes=context.processes,
    )


def _scene_of(dataset: DatasetInfo) -> dict[str, Any]:
    """What a checkpoint keeps of its data set, to render more such frames."""
    return {"dataset_settings": {name: dataset.settings[name] for name in SCENE if name in dataset.settings}}


def _finetune(settings: FinetuneSettings, context: _Context) -> None:
    found = teachers_of(settings, context.home, allow_path=True)
    if settings.teacher is not None:
        found.insert(0, teacher_of(settings.teacher, context.home, allow_path=True))
    _finetune_from([teacher.folder for teacher in found], settings, context)


def _finetune_from(folders: Sequence[Path], settings: FinetuneSettings, context: _Context) -> None:
    sources, earlier = [], None
    for folder in folders:
        loaded = load_checkpoint(find_checkpoint(context.home, str(folder), allow_path=True))
        size, policy = loaded.clip.action.shape[-1], loaded.actor_critic
        sources.append(Source(loaded.video_model, size, loaded.clip, loaded.info.name, actor_critic=policy))
        earlier = earlier or loaded.info
    source = sources[0]._replace(others=tuple(sources[1:])) if sources else None
    tasks = tasks_of(settings, earlier.config if earlier else None)
    films = first_films(settings, context.home)
    held_out = _held_out(settings, context, films)
    provenance = Provenance(
        context.name,
        "finetune",
        context.seed,
        settings.environment,
        settings.model_dump(mode="json"),
        dataset=held_out.id,
        teacher=settings.teacher,
        extra={CHAPTERS: described(tasks)} if tasks else {},
    )
    parts = build_parts(settings, source, held_out.action_size, context.seed)
    action_size = parts.world_model.config.action_size
    episodes = pad_actions(list(read_episodes(held_out.folder)), action_size)
    explored = pad_actions(_explored(settings, context, films), action_size)
    run = Finetuning(settings, parts, context.seed, context.device)
    with closing(acting_environments(settings, films)) as environments:
        last = Online(run, environments, episodes, explored, context.out, provenance, context.reporter).go()
    if tasks and not (last / FORGETTING).exists():
        before = read_forgetting(earlier) if earlier else None
        write_json(last / FORGETTING, _forgetting(run, tasks, before, context))


def _forgetting(
    run: Finetuning, tasks: Sequence[CollectSettings], before: Mapping[str, Any] | None, context: _Context
) -> dict[str, Any]:
    """How well the agent knows each of its tasks after this chapter."""
    reporter = context.reporter

    def between_steps() -> None:
        if reporter.stop_requested:
            raise Stopped("stopped while the tasks were measured")

    def record(task: CollectSettings, number: int) -> list[Episode]:
        folder, films = context.out / "tasks" / str(number), first_films(task, context.home)
        info = collect(task, folder, number, reporter, films, phase=f"episodes of task {number + 1}")
        return list(read_episodes(info.folder))

    bench = Bench(
        lambda task: one_environment(task, first_films(task, context.home), task.distraction),
        record,
        context.device,
        between_steps,
    )
    reporter.note(f"measuring what is left of {len(tasks)} task{'s' * (len(tasks) > 1)}")
    return forgetting_table(run.published.eval(), tasks, before, run.settings.evaluate_episodes, bench)


def _offline(settings: OfflineSettings, context: _Context) -> str:
    recorded = recordings_of(settings, context.home, allow_path=True)
    demonstrations, further = recorded
    training, withheld = split(episode_places(demonstrations.folder), settings.held_out)
    expert = [read_place(place) for place in training]
    others = list(read_episodes(further.folder)) if further else []
    check_rewarded(settings, recorded, [*others, *expert])
    recordings = Recordings([*others, *expert], expert, [read_place(place) for place in withheld])
    provenance = Provenance(
        context.name,
        "offline",
        context.seed,
        demonstrations.environment,
        settings.model_dump(mode="json"),
        dataset=demonstrations.id,
        extra=_scene_of(demonstrations),
    )
    parts = build_parts(settings, None, demonstrations.action_size, context.seed)
    run = OfflineLearning(settings, parts, context.seed, context.device)
    out, reporter = context.out, context.reporter
    with ExitStack() as stack:
        environments = None
        if recorded.environment and settings.evaluate_episodes:
            environments = stack.enter_context(
                closing(recorded_environments(demonstrations, settings.evaluate_episodes))
            )
        Offline(run, recordings, environments, out, provenance, reporter).go()
    return demonstrations.id


def _held_out(settings: FinetuneSettings, context: _Context, films: Films) -> DatasetInfo:
    """Short episodes from anywhere in the environment, on which every checkpoint of the run is explained."""
    wanted = _short_episodes(settings, settings.held_out, settings.held_out_steps)
    out, seed = context.out / "held-out", context.seed + 1
    return collect(wanted, out, seed, context.reporter, films, phase=HELD_OUT)


def _explored(settings: FinetuneSettings, context: _Context, films: Films) -> list[Episode]:
    """Short episodes that are put into the replay before the agent acts."""
    wanted: tuple[tuple[str, Literal["smooth", "expert"], int, int], ...] = (
        ("explored", "smooth", settings.explore_episodes, context.seed + 2),
        ("demonstrated", "expert", settings.demonstrations, context.seed + 3),
    )
    found = list[Episode]()
    for name, policy, count, seed in wanted:
        if count:
            short = _short_episodes(settings, count, settings.explore_steps, policy, settings.looks_twice)
            phase = f"{name} episodes"
            info = collect(short, context.out / name, seed, context.reporter, films, phase=phase)
            found += read_episodes(info.folder)
    return found


def _short_episodes(
    settings: FinetuneSettings,
    episodes: int,
    steps: int,
    policy: Literal["smooth", "expert"] = "smooth",
    second_look: bool = False,
) -> CollectSettings:
    return CollectSettings(
        environment=settings.environment,
        distraction=settings.distraction,
        films=settings.films,
        action_repeat=settings.action_repeat,
        look=settings.look,
        episodes=episodes,
        episode_steps=steps,
        policy=policy,
        second_look=second_look,
    )


def _pipeline(settings: PipelineSettings, context: _Context) -> str:
    films = first_films(settings.collect, context.home)
    name = f"{context.name} (data set)"
    dataset = collect(settings.collect, context.out / "collect", context.seed, context.reporter, films, name)
    inner = replace(context, out=context.out / "pretrain", name=f"{context.name} (video model)")
    video_model = _pretrain_on(dataset, settings.pretrain, inner)
    _finetune_from([video_model], settings.finetune, replace(context, out=context.out / "finetune"))
    return dataset.id


def _last_metrics(out: Path) -> dict[str, float]:
    path = out / METRICS
    if not path.exists():
        return {}
    metrics: dict[str, float] = {}
    for line in path.read_text().splitlines():
        metrics.update({key: value for key, value in json.loads(line).items() if isinstance(value, int | float)})
    return metrics
