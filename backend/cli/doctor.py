"""`diswm doctor`: what works on this machine, and what to do where it does not."""

import io
import json
import os
import platform
import shutil
import sqlite3
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from pydantic import ValidationError

from backend.settings import Settings, TokenFileError, is_loopback

GIGABYTE = 1_000_000_000
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CODECS = (("libx264", "mp4", "yuv420p"), ("libvpx-vp9", "webm", "yuv420p"), ("gif", "gif", "rgb8"))
REINSTALL = "Install the packages again: rm -rf .venv && make setup"


@dataclass(frozen=True)
class Check:
    """The result of one check; a note is information that does not prevent anything."""

    name: str
    status: Literal["ok", "note", "broken"]
    found: str
    remedy: str | None = None


def register(app: typer.Typer) -> None:
    """Add `diswm doctor`."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Say what works on this machine, and what to do where it does not. Exits with 1 if something needed is broken."""
    checks = examine()
    healthy = all(check.status != "broken" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            typer.echo(f"{check.status:<7} {check.name:<10} {check.found}")
            if check.remedy:
                typer.echo(f"{'':<18} -> {check.remedy}")
    raise typer.Exit(0 if healthy else 1)


def examine() -> list[Check]:
    """Every check of this machine under the settings of this process, in the order of the report. Takes seconds."""
    torch = check_torch()
    of_torch = [check_gpu] if torch.status == "ok" else []
    machine = [check() for check in (*of_torch, check_rendering, check_codecs, check_browser)]
    return [check_python(), torch, *machine, *examine_settings(with_torch=torch.status == "ok")]


def examine_settings(with_torch: bool) -> list[Check]:
    """Whether what the `DISWM_*` variables ask for is available; `with_torch` includes the device."""
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(f"DISWM_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
        return [Check("settings", "broken", faults, "Correct these variables of the environment, or unset them")]
    device = [check_device(settings)] if with_torch else []
    checks = (check_disk, check_database, check_store, check_access, check_tracker)
    return [*device, *(check(settings) for check in checks)]


def check_python() -> Check:
    """The interpreter and the machine."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Check("python", "ok", found)


def check_torch() -> Check:
    """Whether torch computes on the CPU."""
    try:
        import torch
    except ImportError as error:
        return Check("torch", "broken", str(error), REINSTALL)
    product = (torch.ones(8, 8) @ torch.ones(8, 8)).sum().item()
    if product != 512.0:
        return Check("torch", "broken", f"{torch.__version__} multiplies wrongly ({product} for 512)", REINSTALL)
    capability = torch.backends.cpu.get_cpu_capability()
    return Check("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads, {capability}")


def check_gpu() -> Check:
    """The GPUs that torch can compute on; having none is not a fault."""
    import torch

    if not torch.cuda.is_available():
        if shutil.which("nvidia-smi") and torch.version.cuda is None:
            remedy = "Put a CUDA build into .venv: .venv/bin/pip install --force-reinstall -c constraints.txt torch"
            return Check("gpu", "note", "a GPU driver is here, but this torch is built for the CPU only", remedy)
        return Check("gpu", "note", "none: everything runs on the CPU; preset paper is made for a GPU")
    try:
        names = [_describe_gpu(index) for index in range(torch.cuda.device_count())]
    except RuntimeError as error:
        remedy = "Update the driver, or run on the CPU: DISWM_DEVICE=cpu"
        return Check("gpu", "broken", str(error).splitlines()[0], remedy)
    return Check("gpu", "ok", "; ".join(names))


def check_rendering() -> Check:
    """Whether MuJoCo can draw without a display, and through which library."""
    from backend.envs.gl import BACKENDS, PACKAGES, probe, wrong_device

    chosen = os.environ.get("MUJOCO_GL")
    if chosen in (None, "", "egl") and (wrong := wrong_device()) is not None:
        return Check("rendering", "broken", str(probe("egl")), wrong)
    failures = {backend: probe(backend) for backend in ([chosen] if chosen else BACKENDS)}
    works = [backend for backend, failure in failures.items() if failure is None]
    fails = [f"{backend}: {failure}" for backend, failure in failures.items() if failure is not None]
    if works:
        others = "".join(f"; {failure}" for failure in fails)
        return Check("rendering", "ok", f"{works[0]} draws{others}")
    if chosen:
        remedy = f"Unset MUJOCO_GL (it asks for {chosen}): the first of {', '.join(BACKENDS)} that draws is taken"
    else:
        remedy = f"As root: {PACKAGES}"
    return Check("rendering", "broken", "; ".join(fails), remedy)


def check_codecs() -> Check:
    """Whether each codec of the exports writes a film that reads back."""
    try:
        failures = [f"{codec}: {error}" for codec, *rest in CODECS if (error := _try_codec(codec, *rest))]
    except ImportError as error:
        return Check("codecs", "broken", str(error), REINSTALL)
    if failures:
        return Check("codecs", "broken", "; ".join(failures), REINSTALL)
    return Check("codecs", "ok", ", ".join(codec for codec, *_ in CODECS) + " write and read")


def check_device(settings: Settings) -> Check:
    """Whether the device that DISWM_DEVICE asks for is there."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    present = {"auto", "cpu", *(["cuda"] if gpus else []), *(f"cuda:{index}" for index in range(gpus))}
    if settings.device not in present:
        remedy = f"Set DISWM_DEVICE to one of: {', '.join(sorted(present))}"
        return Check("device", "broken", f"DISWM_DEVICE={settings.device} is not on this machine", remedy)
    uses = "cuda" if settings.device == "auto" and gpus else settings.device.replace("auto", "cpu")
    return Check("device", "ok", f"{settings.device}: runs use {uses}")


def check_disk(settings: Settings) -> Check:
    """Whether DISWM_HOME can be written, and how much space is free."""
    existing = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        remedy = "Set DISWM_HOME to a folder that you may write"
        return Check("disk", "broken", f"{existing} is not a folder that can be written", remedy)
    free = shutil.disk_usage(existing).free / GIGABYTE
    found = f"{free:.1f} GB free for {settings.home}"
    remedy = "Free some space, or set DISWM_HOME to a larger disk"
    if free < 0.5:
        return Check("disk", "broken", found, remedy)
    if free < 10:
        return Check("disk", "note", f"{found}; the replay of a paper run takes up to 7", remedy)
    return Check("disk", "ok", found)


def check_database(settings: Settings) -> Check:
    """Whether the runs' database answers; for SQLite also whether its library has the WAL-reset defect."""
    from sqlalchemy import make_url, text
    from sqlalchemy.exc import SQLAlchemyError

    from backend.runs.database import connect

    remedy = "Correct DISWM_DATABASE_URL (sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME), or unset it"
    try:
        url = make_url(settings.url_of_database)
        if url.get_backend_name() == "sqlite":
            return _check_sqlite(Path(url.database or ":memory:"))
        with connect(settings.url_of_database).connect() as connection:
            connection.execute(text("select 1"))
    except (SQLAlchemyError, ImportError) as error:
        return Check("database", "broken", str(error).splitlines()[0], remedy)
    return Check("database", "ok", f"{url.render_as_string(hide_password=True)} answers")


def check_store(settings: Settings) -> Check:
    """Whether the store of the files of runs can be used, and refuses a second writer."""
    from backend.data.store.opening import open_store, try_store
    from backend.data.store.protocol import StoreError

    try:
        objects = open_store(settings.store)
        if objects is None:
            return Check("store", "ok", "none: files of runs are in DISWM_HOME")
        try_store(objects)
    except StoreError as error:
        return Check("store", "broken", str(error), "Correct DISWM_STORE, AWS_ENDPOINT_URL and the keys in AWS_*")
    return Check("store", "ok", f"{settings.store} can be written once and read")


def check_access(settings: Settings) -> Check:
    """Whether the API may listen on its configured address."""
    try:
        token = settings.read_token()
    except TokenFileError as error:
        return Check("access", "broken", str(error))
    if not is_loopback(settings.host) and token is None:
        remedy = "Set DISWM_TOKEN, or DISWM_HOST=127.0.0.1"
        return Check("access", "broken", f"{settings.host} can be reached by others and no token is set", remedy)
    return Check("access", "ok", f"API on {settings.url_of_api}, {'with a token' if token else 'no token needed'}")


def check_tracker(settings: Settings) -> Check:
    """Where the metrics of runs are sent, and whether that can work."""
    from backend.runs.tracking.mlflow_run import MlflowRun
    from backend.runs.tracking.tracker import NotSent, why_unusable

    if settings.tracker is None:
        return Check("tracker", "ok", "none: metrics of runs stay in metrics.jsonl and TensorBoard")
    if why := why_unusable(settings.tracker):
        return Check("tracker", "broken", why)
    kind, _, address = settings.tracker.partition(":")
    if kind == "wandb":
        place = "kept in each run's folder for wandb sync" if address else "sent by W&B's client, as it is logged in"
        return Check("tracker", "ok", f"{settings.tracker}: {place}")
    try:
        MlflowRun(address).check()
    except NotSent as error:
        return Check("tracker", "note", str(error), "Runs go on without it, and send their metrics when it answers")
    return Check("tracker", "ok", f"{address} answers")


class Installed(NamedTuple):
    """A program that starts."""

    path: str
    version: str


def installed_browser() -> Installed | None:
    """The first of BROWSERS that starts: Ubuntu's chromium-browser may only ask for a snap."""
    for name in BROWSERS:
        if path := shutil.which(name):
            done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
            if done.returncode == 0:
                return Installed(path, done.stdout.strip())
    return None


def check_browser() -> Check:
    """Chromium, which only the tests need."""
    if browser := installed_browser():
        return Check("browser", "ok", f"{browser.version} (only the tests use it)")
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    if found := sorted(cache.glob("chromium*")):
        return Check("browser", "ok", f"Playwright's {found[-1].name} (only the tests use it)")
    return Check("browser", "note", "no Chromium; only the tests need it", "make test installs it as root")


def _describe_gpu(index: int) -> str:
    """Name and free memory of a GPU after a product on it. Raises RuntimeError if it cannot compute."""
    import torch

    (torch.ones(8, 8, device=f"cuda:{index}") @ torch.ones(8, 8, device=f"cuda:{index}")).sum().item()
    free, total = torch.cuda.mem_get_info(index)
    return f"{torch.cuda.get_device_name(index)}, {free / GIGABYTE:.0f} of {total / GIGABYTE:.0f} GB free"


def _try_codec(codec: str, container: str, pixel_format: str) -> str | None:
    """Write three frames in memory and read them back: None if they came back, else why not."""
    import av
    import numpy as np

    target = io.BytesIO()
    try:
        with av.open(target, "w", format=container) as film:
            stream = film.add_stream(codec, rate=10)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 64, pixel_format
            for level in (0, 128, 255):
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), level, np.uint8), format="rgb24")
                film.mux(stream.encode(frame))
            film.mux(stream.encode(None))
        target.seek(0)
        with av.open(target, "r") as written:
            count = len(list(written.decode(video=0)))
    except (av.FFmpegError, ValueError) as error:
        return str(error)
    return None if count == 3 else f"{count} of 3 frames came back"


def _check_sqlite(file: Path) -> Check:
    from backend.runs.database import journal_mode

    mode = journal_mode(sqlite3.sqlite_version_info)
    library = f"SQLite {sqlite3.sqlite_version}"
    if file.is_file():
        try:
            connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
            [[verdict]] = connection.execute("PRAGMA quick_check(1)").fetchall()
            connection.close()
        except sqlite3.Error as error:
            verdict = str(error)
        if verdict != "ok":
            return Check("database", "broken", f"{file}: {verdict}", "Move the file away; runs in DISWM_HOME/runs stay")
    if mode == "WAL":
        return Check("database", "ok", f"{library}, WAL, {file}")
    found = f"{library} has the WAL-reset defect: the rollback journal is used, which writes a little slower; {file}"
    return Check("database", "note", found, "Nothing needs doing; SQLite 3.51.3 or newer allows WAL")
