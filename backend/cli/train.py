"""`diswm collect`, `pretrain`, `finetune` and `pipeline`: a stage of the method in a folder."""

import contextlib
import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.cli.context import EXIT_TAKEN, checked_settings, complain, refuse_missing_tracker, where_looked
from backend.data.run_start import RunStart, read_run_start
from backend.pipeline.malloc import keep_freed_memory
from backend.runs.ids import new_run_id
from backend.runs.locks import Held, folder_lock, hold
from backend.runs.processes import RUN_VARIABLE, end_with_parent, give_way
from backend.runs.tracking.start import sent_beside

if TYPE_CHECKING:
    from backend.pipeline.settings import SettingsError, StageSettings
    from backend.pipeline.stages import StageResult

EXIT_FAILED, EXIT_BAD_SETTINGS, EXIT_STOPPED = 1, 2, 143
EXIT_NOT_WRITTEN = 74
"""EX_IOERR of sysexits.h: the stage failed, and its folder cannot store the reason."""
MAX_SEED = 2**63 - 1
STAGES = {
    "collect": "Collect distracting videos of an environment.",
    "pretrain": "Pretrain the action-free video model on a data set (--set dataset=ID).",
    "finetune": "Learn a world model and a policy online, distilled from a video model (--set teacher=ID).",
    "offline": "Learn a world model and a policy from recordings of an expert alone (--set demonstrations=ID).",
    "pipeline": "All of it: collect, pretrain, then fine-tune with the pretrained model as the teacher.",
}


@dataclass(frozen=True)
class Invocation:
    """A stage as requested on the command line."""

    stage: str
    preset: str | None  # None: that of the resumed run or of --settings-file, else `tiny`
    assignments: list[str]
    settings_file: Path | None
    seed: int | None  # None: the one that the run was started with, or 0
    device: str
    out: Path | None
    resume: bool
    name: str | None
    as_json: bool
    processes: int


def register(app: typer.Typer) -> None:
    """Add one command per stage; all take the same options."""
    for stage, summary in STAGES.items():
        app.command(stage, help=summary)(_command_of(stage))


def _command_of(stage: str) -> Any:
    def command(
        preset: Annotated[
            str | None,
            typer.Option(help="tiny, small or paper; tiny if neither --settings-file nor --resume is given."),
        ] = None,
        assignments: Annotated[
            list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; may be repeated.")
        ] = None,
        settings_file: Annotated[
            Path | None, typer.Option(help="JSON object of settings; --preset, if given, fills in the rest.")
        ] = None,
        seed: Annotated[
            int | None,
            typer.Option(min=0, max=MAX_SEED, help="0 if not given, or the seed of the run that is resumed."),
        ] = None,
        device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
        out: Annotated[
            Path | None, typer.Option(help="Folder of the run; a new one in DISWM_HOME/runs if not given.")
        ] = None,
        resume: Annotated[
            bool,
            typer.Option(
                "--resume",
                help="Resume what is in --out, with its settings; --set a larger number of steps to train for longer.",
            ),
        ] = False,
        name: Annotated[str | None, typer.Option(help="Name of the result.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")] = False,
        processes: Annotated[
            int | None,
            typer.Option(min=1, max=64, help="Processes on this machine that share each update of pretraining."),
        ] = None,
    ) -> None:
        ours = checked_settings()
        shared = processes or (ours.processes if stage in ("pretrain", "pipeline") else 1)
        given = stage, preset, assignments or [], settings_file, seed, device or ours.device, out, resume, name, as_json
        run(Invocation(*given, shared))

    return command


def run(invocation: Invocation) -> None:
    """Run the stage with exclusive use of its folder, and exit with the code of its outcome."""
    end_with_parent()
    give_way()
    keep_freed_memory()
    ours = checked_settings()
    refuse_missing_tracker(ours)
    home = ours.home
    out = (invocation.out or home / "runs" / new_run_id()).resolve()
    if not invocation.resume and _is_begun(out):
        complain(f"{out} already contains a run: add --resume to continue it, or choose another folder")
        raise typer.Exit(EXIT_BAD_SETTINGS)
    begun = read_run_start(out) if invocation.resume else None
    settings = _settings(invocation, begun, out)
    invocation = replace(
        invocation,
        seed=invocation.seed if invocation.seed is not None else begun.seed if begun else 0,
        name=invocation.name or (begun.name if begun else None),
        preset=invocation.preset or (begun.preset if begun else None if invocation.settings_file else "tiny"),
    )
    device = _device(invocation, settings, begun, home, out)
    from backend.pipeline.parallel import rank_by_torchrun

    if rank_by_torchrun():
        raise typer.Exit(_follow(invocation, settings, home, out))
    try:
        with hold(folder_lock(out)), sent_beside(out, ours.tracker) as beside:
            code = _carry_out(replace(invocation, device=device), settings, home, out)
        if beside is not None:
            beside.wait()
    except Held as error:
        complain(f"process {error.holder.get('pid', 'unknown')} writes into {out}: wait for it or end it")
        raise typer.Exit(EXIT_TAKEN) from None
    except OSError as error:
        complain(f"cannot write into {out}: {error.strerror}")
        raise typer.Exit(EXIT_FAILED) from None
    raise typer.Exit(code)


def _settings(invocation: Invocation, begun: RunStart | None, out: Path) -> "StageSettings":
    """The requested settings; exits with 2 if they are wrong, before anything slow is imported or written."""
    from backend.pipeline.builder import build_settings, merged, parse_assignments
    from backend.pipeline.continuing import check_continuation
    from backend.pipeline.settings import SettingsError

    try:
        given = merged(_from_file(invocation.settings_file), parse_assignments(invocation.assignments))
        if begun is None:
            base = invocation.preset or (None if invocation.settings_file else "tiny")
            return build_settings(invocation.stage, base, given)
        _check_same_run(invocation, begun)
        values = merged(begun.settings, given) if invocation.preset is None else given
        settings = build_settings(begun.stage, invocation.preset, values)
        check_continuation(begun.stage, begun.settings, settings, out)
        return settings
    except SettingsError as error:
        raise typer.Exit(_refuse(error, out)) from None


def _check_same_run(invocation: Invocation, begun: RunStart) -> None:
    from backend.pipeline.settings import Problem, SettingsError

    if invocation.stage != begun.stage:
        message = f"the folder holds a run of {begun.stage}: go on with diswm {begun.stage} --resume"
        raise SettingsError([Problem("/out", message)])
    if invocation.seed is not None and invocation.seed != begun.seed:
        raise SettingsError([Problem("/seed", f"the run was started with {begun.seed}, not {invocation.seed}")])


def _device(invocation: Invocation, settings: "StageSettings", begun: RunStart | None, home: Path, out: Path) -> str:
    """The device to run on; exits with 2, before the folder is touched, if the named one does not exist here."""
    from backend.pipeline.checks import check_references, choose_device
    from backend.pipeline.continuing import check_same_references
    from backend.pipeline.parallel import check_processes
    from backend.pipeline.settings import SettingsError

    try:
        check_references(settings, home, allow_path=True)
        device = choose_device(invocation.device)
        check_processes(settings, invocation.processes, device)
        if begun is not None:
            check_same_references(begun.stage, begun.settings, settings, home)
        return device
    except SettingsError as error:
        raise typer.Exit(_refuse(error, out)) from None


def _carry_out(invocation: Invocation, settings: "StageSettings", home: Path, out: Path) -> int:
    """Runs the stage from settings to result; returns its outcome as an exit code."""
    from backend.pipeline.report import Stopped
    from backend.pipeline.settings import SettingsError

    try:
        result = _stage(invocation, settings, home, out)
    except SettingsError as error:
        return _refuse(error, out)
    except Stopped as stopped:
        complain(f"{stopped}; go on with --resume --out {out}")
        return EXIT_STOPPED
    except Exception as error:
        from backend.cli.failures import describe

        failure = describe(error, out)
        if failure.unexpected:
            with contextlib.suppress(OSError):
                traceback.print_exc()
        complain(failure.message)
        written = _leave_error(out, failure.type, failure.message, failure.hint)
        return EXIT_FAILED if written else EXIT_NOT_WRITTEN
    _tell(result, out, as_json=invocation.as_json)
    return 0


def _stage(invocation: Invocation, settings: "StageSettings", home: Path, out: Path) -> "StageResult":
    from backend.pipeline.report import Reporter
    from backend.pipeline.stages import run_stage

    with Reporter(out, quiet=invocation.as_json).listening() as reporter:
        return run_stage(
            invocation.stage,
            settings,
            out=out,
            home=home,
            seed=invocation.seed or 0,
            device=invocation.device,
            name=invocation.name,
            preset=invocation.preset,
            reporter=reporter,
            processes=invocation.processes,
        )


def _follow(invocation: Invocation, settings: "StageSettings", home: Path, out: Path) -> int:
    """A further process of torchrun: computes along, and leaves folder and outcome to the first one."""
    from backend.pipeline.parallel import ProcessLost
    from backend.pipeline.report import Diverged
    from backend.pipeline.settings import PretrainSettings, SettingsError
    from backend.pipeline.stages import follow_pretraining

    assert isinstance(settings, PretrainSettings)  # checked
    try:
        follow_pretraining(settings, home=home, seed=invocation.seed or 0, device=invocation.device)
    except SettingsError as error:
        return _refuse(error, out)
    except (Diverged, ProcessLost) as error:
        complain(str(error))
        return EXIT_FAILED
    return 0


def _refuse(error: "SettingsError", out: Path) -> int:
    """Every problem in its own sentence; a worker reads them in the run's folder, which is otherwise unchanged."""
    for problem in error.problems:
        complain(f"{problem.pointer.lstrip('/').replace('/', '.')}: {problem.message}")
    references = "/dataset", "/demonstrations", "/teacher", "/teachers", "/films"
    if any(problem.pointer.endswith(references) for problem in error.problems):
        complain(where_looked())
    if RUN_VARIABLE in os.environ and out.is_dir():
        _leave_error(out, "invalid_settings", str(error), "Correct the settings and start again.")
    return EXIT_BAD_SETTINGS


def _is_begun(out: Path) -> bool:
    """Whether a stage wrote into the folder before; a lock file or a log is no start."""
    return any((out / name).exists() for name in ("settings.json", "progress.json", "result.json"))


def _from_file(path: Path | None) -> dict[str, Any]:
    from backend.pipeline.settings import Problem, SettingsError

    if path is None:
        return {}
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError([Problem("/settings-file", f"cannot read {path}: {error}")]) from None
    if not isinstance(values, dict):
        raise SettingsError([Problem("/settings-file", f"{path} does not hold a JSON object")])
    return values


def _leave_error(out: Path, kind: str, message: str, hint: str) -> bool:
    """Write what the worker reads after a failure; False if not even that can be written."""
    from backend.data.files import write_json
    from backend.pipeline.report import ERROR

    try:
        write_json(out / ERROR, {"type": kind, "message": message[:2000], "hint": hint})
    except OSError as error:
        complain(f"could not write {ERROR}: {error.strerror}")
        return False
    return True


def _tell(result: "StageResult", out: Path, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        return
    typer.echo(f"Done in {result.seconds:.0f} s: {out}")
    if result.dataset is not None:
        typer.echo(f"  data set    {result.dataset}")
    if result.checkpoint is not None:
        typer.echo(f"  checkpoint  {result.checkpoint}")
