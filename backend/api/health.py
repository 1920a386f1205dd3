"""Whether the process is alive and ready, and its metrics."""

import os
import shutil
from pathlib import Path

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse, Response

from backend.api.deps import Serving
from backend.api.openapi import problem_response
from backend.api.runs import run_service_of
from backend.api.schemas import HealthView, ReadyView
from backend.data.places import SHIPPED
from backend.http.middleware.metrics import Gauge, render
from backend.http.problems import Fault, Problem

MIN_FREE_BYTES = 64 * 2**20

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def get_health(request: Request) -> HealthView:
    """The process is alive. The only path that needs no token."""
    return HealthView(version=request.app.version)


@router.get("/readyz", responses={503: problem_response("Something that the API needs is missing.")})
def get_readiness(request: Request, serving: Serving) -> ReadyView:
    """The store can be written, the disk has room, runs can be read, checkpoints can be read.

    Also lists the living workers; without one the API is still ready, and runs wait.
    """
    database, workers = _database(request)
    checks = {
        "home": _home(serving.home),
        "disk": _disk(serving.home),
        "database": database,
        "checkpoints": _readable(SHIPPED, serving.home / "checkpoints", serving.home / "runs"),
        "worker": f"ok: {workers or 'none, runs wait for one'}",
    }
    faults = [Fault(f"check:{name}", result) for name, result in checks.items() if not result.startswith("ok")]
    if faults:
        raise Problem(
            503,
            "not-ready",
            f"The API cannot work: {faults[0].detail}.",
            remedy="Correct the fields that errors lists; diswm doctor says more.",
            errors=faults,
            headers={"Retry-After": "10"},
        )
    return ReadyView(checks=checks)


@router.get(
    "/metrics", response_class=PlainTextResponse, responses={200: {"content": {"text/plain": {}}}}, tags=["health"]
)
def get_metrics(request: Request, serving: Serving) -> Response:
    """Counters of this process as Prometheus text."""
    executor = serving.executor
    single = {
        "diswm_queries_pending": ("Queries being computed or waiting for it.", executor.pending),
        "diswm_queries_computed": ("Queries computed since the start.", executor.computed),
        "diswm_queries_refused": ("Queries refused as overload since the start.", executor.refused),
        "diswm_answer_cache_bytes": ("Answers cached in memory.", executor.cache.used),
        "diswm_checkpoint_cache_bytes": ("Loaded checkpoints.", serving.checkpoints.used_bytes),
        "diswm_studies_pending": ("Long computations under way.", serving.long_jobs.pending),
        "diswm_disk_free_bytes": ("Room left under DISWM_HOME.", shutil.disk_usage(serving.home).free),
    }
    gauges = [Gauge(name, text, {"": float(value)}) for name, (text, value) in single.items()]
    try:
        runs = {f'state="{state}"': float(count) for state, count in run_service_of(request).store.counts().items()}
        gauges.append(Gauge("diswm_runs", "Runs by state.", runs))
        answers = 1.0
    except SQLAlchemyError:
        answers = 0.0
    gauges.append(Gauge("diswm_database_up", "1 where the table of runs answers.", {"": answers}))
    return PlainTextResponse(render(request.app.state.counts, gauges), media_type="text/plain; version=0.0.4")


def _database(request: Request) -> tuple[str, str]:
    """The counts from the table of runs, and the living workers of all machines."""
    try:
        store = run_service_of(request).store
        workers = [f"{name} ({', '.join(devices)})" for name, devices in sorted(store.workers().items())]
        return f"ok: {sum(store.counts().values())} runs", "; ".join(workers)
    except SQLAlchemyError as error:
        return f"the table of runs cannot be read ({type(error).__name__})", ""


def _home(home: Path) -> str:
    return "ok" if os.access(home, os.W_OK | os.X_OK) else "DISWM_HOME cannot be written"


def _readable(*folders: Path) -> str:
    """Looks only at the folders, so that ten thousand checkpoints take no longer than none."""
    closed = [folder for folder in folders if folder.exists() and not os.access(folder, os.R_OK | os.X_OK)]
    return f"{closed[0]} cannot be read" if closed else "ok"


def _disk(home: Path) -> str:
    free = shutil.disk_usage(home).free
    return "ok" if free >= MIN_FREE_BYTES else f"only {free // 2**20} MiB are free under DISWM_HOME"
