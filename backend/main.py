"""The API as an application: middleware, error handlers, routers, and objects that live as long as the process."""

import importlib.metadata
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from backend.api import (
    atlas,
    checkpoints,
    curves,
    dataset_frames,
    datasets,
    docs,
    exception_handlers,
    exports,
    factors,
    foreign_models,
    gallery,
    health,
    imagination,
    measuring,
    methods,
    notes,
    openapi,
    pictures,
    play,
    presets,
    quality,
    reopen,
    runs,
    sweeps,
    tasks,
    views,
)
from backend.api.deps import Services, refuse_unknown_parameters
from backend.api.under_way import sweep_outcomes
from backend.api.uploads import FOLDER as UPLOAD_FOLDER
from backend.data.files import sweep, sweep_tree
from backend.data.store.opening import HOME_ALONE
from backend.http.middleware.body import BodyGuard, BodyRules
from backend.http.middleware.metrics import RequestCounts, RequestLog
from backend.http.middleware.security import SECURITY_HEADERS, Security, SecurityRules
from backend.http.problems import unexpected
from backend.runs.arrivals import Arrivals
from backend.runs.shared import SharedFiles
from backend.settings import Settings, get_settings

PREFIX = "/api/v1"
TAKES_FILES = ("datasets", "datasets/preview", "checkpoints", "models", "pictures", "views")
UPLOADS = {f"{PREFIX}/{name}": frozenset({"multipart/form-data"}) for name in TAKES_FILES}
ROUTERS = (
    presets,
    methods,
    tasks,
    runs,
    sweeps,
    curves,
    datasets,
    dataset_frames,
    checkpoints,
    foreign_models,
    pictures,
    atlas,
    factors,
    measuring,
    notes,
    quality,
    imagination,
    play,
    exports,
    gallery,
    views,
    reopen,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API for these settings (by default those of the process)."""
    settings = settings or get_settings()
    app = FastAPI(
        title="DisWM Studio",
        version=importlib.metadata.version("diswm-studio"),
        dependencies=[Depends(refuse_unknown_parameters)],
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=True,
    )
    app.state.settings = settings
    app.state.counts = RequestCounts()
    app.add_middleware(BodyGuard, rules=BodyRules.of(settings, UPLOADS))
    app.add_middleware(Security, rules=SecurityRules.of(settings))
    app.add_middleware(RequestLog, counts=app.state.counts)
    exception_handlers.register(app)
    app.add_exception_handler(Exception, _answer_unexpected)
    app.include_router(health.router)
    app.include_router(docs.router)
    for module in ROUTERS:
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(views.routes(), prefix=PREFIX)
    app.openapi = openapi.document(app)  # type: ignore[method-assign]  # the documented way to extend the document
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    settings.home.mkdir(parents=True, exist_ok=True)
    _sweep(settings.home)
    services = app.state.services = Services.of(settings)
    threading.Thread(target=services.checkpoints.prepare, daemon=True).start()
    arrivals = Arrivals(partial(_shared_files, app)) if settings.store != HOME_ALONE else None
    if arrivals is not None:
        arrivals.start()
    try:
        yield
    finally:
        if arrivals is not None:
            arrivals.stop()
        services.close()


def _shared_files(app: FastAPI) -> SharedFiles:
    shared = runs.run_service(app.state).shared
    assert shared is not None
    return shared


def _sweep(home: Path) -> None:
    """Removes half-written files of processes that are gone; a run cleans up its own folder."""
    sweep(home)
    for name in (UPLOAD_FOLDER, "datasets", "checkpoints", "shipped", "exports", "pictures", "plays"):
        sweep_tree(home / name)
    sweep_outcomes(home)
    for pattern in ("runs/*/checkpoints/*", "runs/*/*/checkpoints/*"):  # if labels are written from here
        for folder in home.glob(pattern):
            sweep(folder)


async def _answer_unexpected(_request: Request, _error: Exception) -> Response:
    """Answers 500 without details of the failure; the server logs the traceback afterwards."""
    response = unexpected().response()
    response.headers.update(SECURITY_HEADERS)
    return response
