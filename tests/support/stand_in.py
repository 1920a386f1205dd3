"""A small HTTP stand-in of the API for the page's own tests: recorded answers with values of the tests' own, no model.

Presets, schemas, estimates and the refusal of settings are those of the application itself.
Answers that a schema describes are held against the API's schema in tests/frontend/test_stand_in.py, all others are
filled in from recorded ones (`recorded.like`).
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response

from backend.api import exception_handlers, presets
from backend.api.schemas import EstimateBody
from backend.main import PREFIX
from tests.support.serving import served
from tests.support.stand_in_data import add_data
from tests.support.stand_in_imagination import add_imagination
from tests.support.stand_in_runs import running_run
from tests.support.stand_in_views import add_views
from tests.support.stand_in_world import World, items, problem

__all__ = ["World", "create_app", "serve"]


def create_app(world: World) -> FastAPI:
    """The stand-in over a world."""
    app = FastAPI()
    _add_runs(app, world)
    add_views(app, world)
    add_imagination(app, world)
    add_data(app, world)
    _add_files(app)
    app.include_router(presets.router, prefix=PREFIX)  # after the schemas of views, which have a longer path
    exception_handlers.register(app)

    @app.middleware("http")
    async def remember(request: Request, call_next: Any) -> Response:
        while world.hang.is_set():
            await asyncio.sleep(0.05)
        world.requests.append((request.url.path, dict(request.query_params)))
        world.tokens.append(request.headers.get("authorization", ""))
        if world.problem and world.problem[0] in str(request.url):
            return problem(world.problem[1], **world.problem[2])
        answer: Response = await call_next(request)
        return answer

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


@contextmanager
def serve(world: World, port: int = 0) -> Iterator[str]:
    """Run the stand-in in a thread; yields its address."""
    with served(create_app(world), port=port, lifespan="off") as address:
        yield address


def _add_runs(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/runs")
    def runs(search: str = "", state: str = "", stage: str = "") -> dict[str, Any]:
        found = [advance(run) for run in world.runs.values() if search in run["name"]]
        found = [run for run in found if not state or run["state"] in state.split(",")]
        return items([run for run in found if not stage or run["stage"] in stage.split(",")])

    @app.post("/api/v1/runs", status_code=202)
    async def launch(request: Request) -> Any:
        body = await request.json()
        world.bodies.append(body)
        presets.estimate_run(
            EstimateBody(**{name: body[name] for name in ("stage", "preset", "settings") if name in body})
        )
        key = request.headers["Idempotency-Key"]
        if key not in world.keys:
            run = running_run(f"run-{len(world.runs) + 1}", body["stage"], body)
            world.runs[run["id"]] = run
            world.keys[key] = run["id"]
        return advance(world.runs[world.keys[key]])

    @app.get("/api/v1/curves")
    def curves(runs: str = "", sweep: str = "") -> dict[str, Any]:
        runs = ",".join(world.sweeps[sweep]) if sweep else runs
        known = [name for name in runs.split(",") if name in world.runs]
        steps, mean = [1000.0, 2000.0, 4000.0], [10.0, 60.0, 140.0]
        band = {"low": [value - 5 for value in mean], "high": [value + 5 for value in mean]}
        about = {"label": "diswm", "method": "diswm", "environment": "cartpole-swingup", "seeds": [0] * len(known)}
        group = {**about, **band, "runs": known, "environment_steps": steps, "mean": mean}
        paper = {"source": "finger-spin", "target": "cartpole-swingup", "method": "diswm"}
        published = {**paper, "environment_steps": [200000, 500000, 1000000], "returns": [699, 811, 862]}
        left_out = {name: f"{name} has not evaluated yet" for name in runs.split(",") if name not in known}
        return {"groups": [group], "published": [published], "note": "Read from plots.", "left_out": left_out}

    @app.get("/api/v1/sweeps")
    def sweeps() -> dict[str, Any]:
        return {"items": [_sweep(world, name) for name in world.sweeps]}

    @app.get("/api/v1/sweeps/{sweep}")
    def sweep_of(sweep: str) -> dict[str, Any]:
        return {**_sweep(world, sweep), "runs": [advance(world.runs[run]) for run in world.sweeps[sweep]]}

    @app.get("/api/v1/runs/{run}")
    def one(run: str) -> Any:
        if run not in world.runs:
            return problem(404, "No such run", f"There is no run {run!r}.", remedy="See the list of runs.")
        return advance(world.runs[run])

    @app.post("/api/v1/runs/{run}/{verb}")
    async def act(run: str, verb: str, request: Request) -> Any:
        world.bodies.append(await request.json())
        if verb == "clone":
            clone = running_run(f"{run}-clone", world.runs[run]["stage"])
            world.runs[clone["id"]] = clone
            return advance(clone)
        if verb == "cancel" and world.runs[run]["state"] != "running":
            return problem(409, "The run is not running", "It ended already.", remedy="Nothing to stop.")
        world.runs[run]["state"] = {"cancel": "cancelled", "resume": "running"}[verb]
        world.runs[run]["resumable"] = verb == "cancel"
        return advance(world.runs[run])

    @app.delete("/api/v1/runs/{run}", status_code=204)
    def delete(run: str) -> Response:
        del world.runs[run]
        return Response(status_code=204)

    @app.get("/api/v1/runs/{run}/metrics")
    def metrics(run: str, since: int = 0) -> dict[str, Any]:
        done = world.runs[run]["progress"]["done"] if world.runs[run]["progress"] else 500
        lines = [_metrics(step) for step in range(0, done, 10)]
        return {"items": lines[since:], "next": len(lines)}

    @app.get("/api/v1/runs/{run}/log")
    def log(since: int = 0) -> dict[str, Any]:
        text = "".join(
            f"00:{n // 60:02d}:{n % 60:02d} update {n * 10} image_loss {9000 / (n + 2):.1f}\n" for n in range(60)
        )
        return {"text": text[since:], "next": len(text)}


def _sweep(world: World, name: str) -> dict[str, Any]:
    runs = [world.runs[run] for run in world.sweeps[name]]
    states = {run["state"]: sum(other["state"] == run["state"] for other in runs) for run in runs}
    about = {"id": name, "stage": runs[0]["stage"], "created_at": runs[0]["created_at"], "varied": ["beta"]}
    return {**about, "count": len(runs), "states": states}


def _add_files(app: FastAPI) -> None:
    @app.post("/api/v1/pictures", status_code=201)
    async def pictures(request: Request) -> Any:
        async with request.form() as form:
            files = [(part.filename, await part.read()) for part in form.getlist("files")]
        if not files[-1][1].startswith(b"\x89PNG"):
            remedy = "Choose a PNG or JPEG file."
            return problem(
                422, "Picture refused", f"{files[-1][0]}: the file is neither a PNG nor a JPEG", remedy=remedy
            )
        return {"id": "0a" * 16, "url": f"/api/v1/pictures/{'0a' * 16}", "frames": len(files)}

    @app.post("/api/v1/views")
    async def views(request: Request) -> Any:
        async with request.form() as form:
            content = await form["file"].read()
        if not content.startswith(b"GIF89a"):
            return problem(422, "Invalid input", "the file carries no settings of DisWM Studio")
        view = {"episode": 1, "frame": 9, "dims": [2], "mode": "sigma", "range": 2.0, "columns": 7, "edits": {"1": 0.5}}
        return {"kind": "traversal", "checkpoint": "cartpole-small", "found": "cartpole-small", "view": view}


def advance(run: dict[str, Any]) -> dict[str, Any]:
    """A running run comes a little further each second."""
    if run["state"] == "running":
        done = min(run["progress"]["total"], int(run["_from"] + 40 * (time.time() - run["_since"])))
        total = run["progress"]["total"]
        run["progress"] |= {"done": done, "share": done / total, "eta_s": (total - done) / 40}
        if done == run["progress"]["total"]:
            run |= {"state": "succeeded", "checkpoint": "run-cartpole", "progress": None}
    return {name: value for name, value in run.items() if not name.startswith("_")}


def _metrics(step: int) -> dict[str, Any]:
    noise = np.random.default_rng(step).normal()
    return {
        "time": 1e9 + step,
        "phase": "pretrain",
        "updates": step,
        "agent_steps": 5 * step,
        "environment_steps": 10 * step,
        "loss": 900 / (1 + step / 40) + 8 * noise,
        "image_loss": 700 / (1 + step / 40) + 6 * noise,
        "kl": 12 + noise,
        "return": 40 + step / 5 + 10 * noise,
    }
