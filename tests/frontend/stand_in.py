"""A small HTTP stand-in of the API for the page's own tests: contract-shaped answers, drawn pictures, no model."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import uvicorn
from drawing import CELL, FACTORS, KL, LATENTS, animate, data_uri, encode, frame_latent, scene
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from stand_in_runs import PRESETS, SCHEMAS, finished_run, running_run, settings_problems

NAMES = {0: "cart position", 1: "pole angle", 2: "body hue", 3: "floor hue", 4: "sky hue", 5: "light", 6: "camera"}


@dataclass
class World:
    """What the stand-in knows; a test may change any of it."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[int, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 100
    problem: tuple[str, int, dict[str, Any]] | None = None

    def query_of(self, path: str) -> dict[str, str]:
        """The query of the last request whose path ends so."""
        return next(query for asked, query in reversed(self.requests) if asked.endswith(path))

    @classmethod
    def furnished(cls) -> "World":
        """Two checkpoints, three runs, two data sets: a workplace in use."""
        runs = [running_run("run-walker", "finetune"), finished_run("run-cartpole", "pretrain")]
        runs.append({**finished_run("run-broken", "pretrain"), "state": "diverged", "checkpoint": None})
        runs[-1]["error"] = {
            "type": "diverged",
            "message": "The image loss became NaN at update 412.",
            "hint": "Lower model_lr (now 0.003) and resume: the last finite checkpoint is kept.",
        }
        return cls(
            runs={run["id"]: run for run in runs},
            checkpoints=[_checkpoint("cartpole-small", "shipped"), _checkpoint("run-cartpole", "run")],
            datasets=[_dataset("cartpole-clips"), _dataset("my-videos", kind="clips", guessed=True)],
        )


def create_app(world: World) -> FastAPI:
    """The stand-in over a world."""
    app = FastAPI()
    _add_runs(app, world)
    _add_views(app, world)
    _add_imagination(app, world)
    _add_datasets(app, world)
    _add_files(app)

    @app.middleware("http")
    async def remember(request: Request, call_next: Any) -> Response:
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
    server = uvicorn.Server(uvicorn.Config(create_app(world), port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def problem(status: int, title: str = "Problem", detail: str = "", **more: Any) -> JSONResponse:
    """An error as the API sends it."""
    body = {"type": "/problems/stand-in", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def items(found: list[Any]) -> dict[str, Any]:
    """One page of a list, the last."""
    return {"items": found, "next_cursor": None}


def _add_runs(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/presets")
    def presets() -> dict[str, Any]:
        return items(PRESETS)

    @app.get("/api/v1/schemas/{stage}")
    def schema(stage: str) -> Any:
        return SCHEMAS[stage] if stage in SCHEMAS else problem(404, "Not found", f"No stage {stage!r}.")

    @app.get("/api/v1/runs")
    def runs() -> dict[str, Any]:
        return items([advance(run) for run in world.runs.values()])

    @app.post("/api/v1/runs", status_code=202)
    async def launch(request: Request) -> Any:
        body = await request.json()
        world.bodies.append(body)
        wrong = settings_problems(body["stage"], body.get("settings", {}))
        if wrong:
            return problem(
                422,
                "The settings do not fit",
                "Nothing was started.",
                errors=wrong,
                remedy="Correct the marked fields and launch again.",
            )
        key = request.headers["Idempotency-Key"]
        if key not in world.keys:
            run = running_run(f"run-{len(world.runs) + 1}", body["stage"], body)
            world.runs[run["id"]] = run
            world.keys[key] = run["id"]
        return world.runs[world.keys[key]]

    @app.get("/api/v1/curves")
    def curves(runs: str) -> dict[str, Any]:
        known = [name for name in runs.split(",") if name in world.runs]
        steps, mean = [1000.0, 2000.0, 4000.0], [10.0, 60.0, 140.0]
        band = {"low": [value - 5 for value in mean], "high": [value + 5 for value in mean]}
        about = {"label": "diswm", "method": "diswm", "environment": "cartpole-swingup", "seeds": [0] * len(known)}
        group = {**about, **band, "runs": known, "environment_steps": steps, "mean": mean}
        paper = {"source": "finger-spin", "target": "cartpole-swingup", "method": "diswm"}
        published = {**paper, "environment_steps": [200000, 500000, 1000000], "returns": [699, 811, 862]}
        left_out = {name: f"{name} has not evaluated yet" for name in runs.split(",") if name not in known}
        return {"groups": [group], "published": [published], "note": "Read from plots.", "left_out": left_out}

    @app.get("/api/v1/runs/{run}")
    def one(run: str) -> Any:
        if run not in world.runs:
            return problem(404, "No such run", f"There is no run {run!r}.", remedy="See the list of runs.")
        return advance(world.runs[run])

    @app.post("/api/v1/runs/{run}/{verb}")
    def act(run: str, verb: str) -> Any:
        if verb == "clone":
            clone = running_run(f"{run}-clone", world.runs[run]["stage"])
            world.runs[clone["id"]] = clone
            return clone
        if verb == "cancel" and world.runs[run]["state"] != "running":
            return problem(409, "The run is not running", "It ended already.", remedy="Nothing to stop.")
        world.runs[run]["state"] = {"cancel": "cancelled", "resume": "running"}[verb]
        world.runs[run]["resumable"] = verb == "cancel"
        return world.runs[run]

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


def _add_views(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/checkpoints")
    def checkpoints(cursor: int = 0) -> dict[str, Any]:
        last = cursor + world.page_size
        following = str(last) if last < len(world.checkpoints) else None
        return {"items": world.checkpoints[cursor:last], "next_cursor": following}

    @app.get("/api/v1/checkpoints/{checkpoint}")
    def one(checkpoint: str) -> Any:
        found = [item for item in world.checkpoints if item["id"] == checkpoint]
        if not found:
            return problem(
                404, "No such checkpoint", f"There is no checkpoint {checkpoint!r}.", remedy="Choose one of the list."
            )
        std = np.where(KL > 0.01, 1.0, 0.01).tolist()
        statistics = {"mean": [0.0] * LATENTS, "std": std, "kl": KL.tolist()}
        clip = {"episodes": 4, "length": 40, "factor_names": list(FACTORS)}
        config = {"seed": 0, "settings": {"beta": 0.015}}
        return {
            **found[0],
            "config": config,
            "clip": clip,
            "statistics": statistics,
            "policy": True,
            "actions": 2,
            "settable": ["light", "camera_angle"],
            "card": "# Cartpole\nTrained by the `small` preset.",
        }

    @app.get("/api/v1/checkpoints/{checkpoint}/frame")
    def frame(episode: int = 0, frame: int = 0) -> Response:
        return Response(encode(scene(frame_latent(episode, frame))), media_type="image/png")

    @app.get("/api/v1/checkpoints/{checkpoint}/atlas")
    def atlas(request: Request) -> Any:
        view = View(dict(request.query_params), world)
        if view.columns % 2 == 0:
            errors = [{"pointer": "query:columns", "detail": "An odd number is needed.", "suggestion": "7"}]
            return problem(422, "The view does not fit", "columns must be odd.", errors=errors)
        pictures = view.pictures(np.argsort(-KL))
        prints = [(np.abs(row.astype(float) - row[len(row) // 2]).mean((0, 3)) * 2).clip(0, 255) for row in pictures]
        return {
            "cell": CELL,
            "columns": view.columns,
            "rows": [view.row(int(dim)) for dim in np.argsort(-KL)],
            "image": data_uri(np.concatenate([np.concatenate(list(row), 1) for row in pictures]), "webp"),
            "footprint": data_uri(np.concatenate(prints).astype(np.uint8)),
            "original": data_uri(scene(frame_latent(view.episode, view.frame))),
            "reconstruction": data_uri(scene(view.latent)),
        }

    @app.get("/api/v1/checkpoints/{checkpoint}/traversal")
    def traversal(request: Request, checkpoint: str, format: str = "json") -> Any:
        view = View(dict(request.query_params), world)
        stem = f"diswm_cartpole-swingup_{view.stem()}_pm{view.extent:g}sd"
        if format == "json":
            return {"checkpoint": checkpoint, "dims": [view.row(dim) for dim in view.dims], "file_name": stem}
        rows = view.pictures(view.dims)
        frames = [np.concatenate(list(rows[:, column])) for column in range(view.columns)]
        content = animate(frames, 10) if format == "gif" else encode(np.concatenate(frames, 1))
        return _file(content, f"{stem}.{format}")

    @app.get("/api/v1/checkpoints/{checkpoint}/factors")
    def factors() -> dict[str, Any]:
        return _factors(world)

    @app.get("/api/v1/checkpoints/{checkpoint}/labels")
    def labels() -> dict[str, Any]:
        return items([{"note": "", "author": "", **label, "dim": dim} for dim, label in world.labels.items()])

    @app.get("/api/v1/checkpoints/{checkpoint}/interventions")
    def interventions() -> dict[str, Any]:
        return _interventions()

    @app.put("/api/v1/checkpoints/{checkpoint}/labels/{dim}")
    async def label(dim: int, request: Request) -> Any:
        world.labels[dim] = {**await request.json(), "dim": dim}
        return world.labels[dim]

    @app.get("/api/v1/checkpoints/{checkpoint}/factors/{dim}")
    def card(dim: int) -> dict[str, Any]:
        places = [{"episode": episode, "frame": 3 * episode} for episode in range(4)]
        latent = np.linspace(-2, 2, 100)
        scatter = {"latent": latent.tolist(), "factor": np.sin(latent).tolist()}
        entry = next(item for item in _factors(world)["dimensions"] if item["dim"] == dim)
        return {**entry, "scatter": scatter, "extremes": {"low": places, "high": places[::-1]}}

    @app.get("/api/v1/checkpoints/{checkpoint}/leakage")
    def leakage() -> dict[str, Any]:
        matrix = np.eye(LATENTS) * 0.9 + 0.02
        return {
            "matrix": matrix.tolist(),
            "diagonal_share": 0.71,
            "active": list(range(8)),
            "frames": 16,
            "sigmas": 1.0,
        }

    @app.get("/api/v1/checkpoints/{checkpoint}/sensitivity")
    def sensitivity() -> dict[str, Any]:
        outcomes = ["reward", "value", "action 0"]
        share = {name: {"mean": 0.1, "size": 0.2, "interval": [0.1, 0.3], "share": 0.4} for name in outcomes}
        dimensions = [
            {"dim": dim, "name": f"dim {dim}", "status": "named", "outcomes": share} for dim in range(LATENTS)
        ]
        return {"outcomes": outcomes, "dimensions": dimensions, "frames": 160, "episodes": 4}

    @app.get("/api/v1/checkpoints/{checkpoint}/compare")
    def compare() -> dict[str, Any]:
        matches = [
            {
                "first": dim,
                "second": (dim + 1) % 8 if dim < 8 else dim,
                "correlation": max(0.05, 0.97 - 0.08 * dim),
                "sign": 1 if dim % 2 else -1,
                "first_name": NAMES.get(dim),
                "first_active": dim < 12,
                "second_active": dim < 12,
                "second_name": NAMES.get((dim + 1) % 8 if dim < 8 else dim),
            }
            for dim in range(LATENTS)
        ]
        return {
            "matches": matches,
            "mean_correlation": 0.81,
            "same_environment": True,
            "kept": ["cart position", "pole angle"],
            "lost": ["camera"],
            "gained": ["speed"],
        }

    @app.get("/api/v1/checkpoints/{checkpoint}/rollout")
    def rollout(
        episode: int = 0,
        context: int = 5,
        horizon: int = 25,
        samples: int = 1,
        edit: str | None = None,
        format: str = "json",
    ) -> Any:
        steps = context + horizon
        truth = np.stack([scene(frame_latent(episode, step)) for step in range(steps)])
        drift = np.linspace(0, 1.5, steps)
        if format != "json":
            return _file(animate(list(truth), 10), f"diswm_cartpole-swingup_rollout-h{horizon}.{format}")
        plain = _future(episode, truth, drift, context)
        edited = _future(episode, truth, drift + 1.0, context) if edit else None
        return {
            "context": context,
            "horizon": horizon,
            "cell": CELL,
            "steps": list(range(steps)),
            "spread": np.linspace(0, 20, steps).tolist() if samples > 1 else None,
            "samples": data_uri(np.concatenate([np.concatenate(list(truth), 1)] * (samples + 1)))
            if samples > 1
            else None,
            "drawn": samples if samples > 1 else 0,
            **plain,
            "edited": edited,
        }


def _add_imagination(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/checkpoints/{checkpoint}/temporal")
    def temporal(
        episode: int = 0, context: int = 5, horizon: int = 14, dims: str = "0,1", step: int | None = None
    ) -> Any:
        titles = ["untouched", *(f"dim {dim}" for dim in dims.split(","))]
        since = context if step is None else step
        return {**_reel(titles, episode, context, horizon), "kind": "temporal", "since": since, "held": []}

    @app.get("/api/v1/checkpoints/{checkpoint}/rollouts")
    def rollouts(request: Request, episode: int = 0, context: int = 5, horizon: int = 25) -> Any:
        titles = ["truth", *request.query_params["with"].split(",")]
        return {**_reel(titles, episode, context, horizon), "kind": "together", "known": context + horizon}

    @app.get("/api/v1/checkpoints/{checkpoint}/counterfactual")
    def counterfactual(factor: str, context: int = 5, horizon: int = 14, seed: int = 0) -> Any:
        told = {
            "factor": factor,
            "before": 0.4,
            "after": 0.9,
            "dim": 5,
            "name": "light",
            "value": 1.5,
            "explained": 0.8,
        }
        others = [{"dim": dim, "name": f"dim {dim}", "explained": 0.8 - 0.3 * abs(dim - 5)} for dim in (5, 4, 3)]
        titles = ["world", "world, changed", "true change", "model", "model, edited", "predicted change"]
        reel = _reel(titles, seed, context, horizon)
        return {**reel, "kind": "counterfactual", "since": context, "dimensions": others, **told}

    @app.get("/api/v1/checkpoints/{checkpoint}/history")
    def history(checkpoint: str) -> dict[str, Any]:
        known = {item["id"]: item for item in world.checkpoints}
        last = known.get(checkpoint) or _checkpoint(checkpoint, "run")
        earlier = [{**last, "id": f"{checkpoint}.update-{count}", "steps": count} for count in (100, 200)]
        return items([*earlier, last] if last["source"] == "run" else [last])

    @app.get("/api/v1/checkpoints/{checkpoint}/carried")
    def carried(checkpoint: str, reference: str = "cartpole-small") -> dict[str, Any]:
        steps = (100, 200, 300)
        entry = {
            "name": checkpoint,
            "stage": "finetune",
            "kept": ["pole angle"],
            "lost": ["camera"],
            "gained": ["speed"],
        }
        rows = [
            {
                "dim": dim,
                "name": NAMES.get(dim),
                "kl": float(KL[dim]),
                "active": bool(KL[dim] > 0.05),
                "correlation": [0.9 - 0.1 * number - 0.05 * dim for number in range(3)],
                "match": [dim] * 3,
                "sign": [1, 1, -1],
                "fate": {0: "kept", 6: "lost"}.get(dim),
            }
            for dim in range(8)
        ]
        ids = [f"{checkpoint}.update-100", f"{checkpoint}.update-200", checkpoint]
        return {
            "reference": {"id": reference, "name": reference},
            "checkpoints": [
                {**entry, "id": id, "steps": step, "mean_correlation": 0.9 - step / 1000}
                for id, step in zip(ids, steps, strict=True)
            ],
            "dimensions": rows,
            "frames": 160,
        }

    @app.post("/api/v1/checkpoints/{checkpoint}/steer")
    async def steer(request: Request) -> Any:
        body = await request.json()
        world.bodies.append(body)
        taken = body.get("actions", [])
        latent = frame_latent(body["episode"], body["context"])
        latent[:2] += np.array(taken).reshape(-1, 2).sum(axis=0)
        step = body["context"] - 1 + len(taken)
        numbers = {"predicted_reward": float(latent[0]), "value": 10.0 - step, "policy": [0.5, -0.5]}
        return {"step": step, "frame": data_uri(scene(latent)), **numbers}


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


def _add_datasets(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/datasets")
    def datasets() -> dict[str, Any]:
        return items(world.datasets)

    @app.get("/api/v1/datasets/{dataset}")
    def one(dataset: str) -> Any:
        return next(item for item in world.datasets if item["id"] == dataset)

    @app.get("/api/v1/datasets/{dataset}/frames/{n}")
    def frame(n: int) -> Response:
        return Response(encode(scene(frame_latent(n // 40, n % 40))), media_type="image/png")

    @app.get("/api/v1/datasets/{dataset}/strip")
    def strip() -> Response:
        rows = [np.concatenate([scene(frame_latent(e, 4 * n)) for n in range(10)], 1) for e in range(3)]
        return Response(encode(np.concatenate(rows), "webp"), media_type="image/webp")

    @app.post("/api/v1/datasets", status_code=201)
    async def upload(request: Request) -> Any:
        async with request.form() as form:
            files = [(part.filename, await part.read()) for part in form.getlist("files")]
            name = str(form["name"])
        if any(content[:4] == b"text" for _, content in files):
            return problem(
                422,
                "Not a video",
                f"{files[0][0]} is text, not a video.",
                remedy="Upload mp4, webm, avi or gif clips, or npz episodes.",
            )
        world.datasets.append(_dataset(name, kind="clips", guessed=True))
        return world.datasets[-1]


@dataclass
class View:
    """A traversal request, as the stand-in understands it."""

    query: dict[str, str]
    world: World

    def __post_init__(self) -> None:
        self.episode, self.frame = int(self.query.get("episode", 0)), int(self.query.get("frame", 0))
        self.columns, self.extent = int(self.query.get("columns", 7)), float(self.query.get("range", 2))
        self.latent = frame_latent(self.episode, self.frame)
        for pair in filter(None, self.query.get("edits", "").split(",")):
            self.latent[int(pair.split(":")[0])] = float(pair.split(":")[1])
        chosen = self.query.get("dims", "active")
        active = [int(dim) for dim in np.argsort(-KL) if KL[dim] > 0.01]
        self.dims = active if chosen in ("active", "all") else [int(dim) for dim in chosen.split(",")]

    def values(self, dim: int) -> np.ndarray:
        half = self.columns // 2
        low, middle, high = -self.extent, self.latent[dim], self.extent
        return np.concatenate([np.linspace(low, middle, half + 1)[:-1], np.linspace(middle, high, half + 1)])

    def pictures(self, dims: Any) -> np.ndarray:
        edits = [
            [self.latent + (value - self.latent[dim]) * (np.arange(LATENTS) == dim) for value in self.values(dim)]
            for dim in dims
        ]
        return np.stack([np.stack([_scene(tuple(latent)) for latent in row]) for row in edits])

    def row(self, dim: int) -> dict[str, Any]:
        label = self.world.labels.get(dim, {}).get("name")
        name = label or NAMES.get(dim) or f"dim {dim}"
        status = "inactive" if KL[dim] < 0.01 else "named" if dim in NAMES else "unnamed"
        nmi = 0.85 - 0.05 * dim if dim in NAMES else 0.05
        return {
            "dim": dim,
            "source": "person" if label else "factor" if dim in NAMES else "number",
            "name": name,
            "kl": float(KL[dim]),
            "status": status,
            "nmi": nmi,
            "values": self.values(dim).tolist(),
        }

    def stem(self) -> str:
        return f"dim{self.dims[0]:02d}-{NAMES[self.dims[0]].replace(' ', '-')}" if len(self.dims) == 1 else "grid"


@lru_cache(maxsize=20_000)
def _scene(latent: tuple[float, ...]) -> np.ndarray:
    return scene(np.array(latent))


def advance(run: dict[str, Any]) -> dict[str, Any]:
    """A running run comes a little further each second."""
    if run["state"] == "running":
        done = min(run["progress"]["total"], int(run["_from"] + 40 * (time.time() - run["_since"])))
        run["progress"] |= {"done": done, "eta_s": (run["progress"]["total"] - done) / 40}
        if done == run["progress"]["total"]:
            run |= {"state": "succeeded", "checkpoint": "run-cartpole", "progress": None}
    return run


def _file(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"}
    return Response(content, media_type=f"image/{name.rsplit('.', 1)[1]}", headers=headers)


def _future(episode: int, truth: np.ndarray, drift: np.ndarray, context: int) -> dict[str, Any]:
    model = np.stack(
        [
            scene(frame_latent(episode, step) + (step >= context) * drift[step] * (np.arange(LATENTS) < 3))
            for step in range(len(truth))
        ]
    )
    error = np.abs(truth.astype(int) - model).astype(np.uint8)
    strip = np.concatenate([np.concatenate(list(row), 1) for row in (truth, model, error)])
    psnr = [10 * np.log10(65025 / max(1.0, float((e.astype(float) ** 2).mean()))) for e in error]
    reward = np.sin(np.arange(len(truth)) / 6) ** 2
    return {
        "frames": data_uri(strip, "webp"),
        "psnr": psnr,
        "reward": reward.tolist(),
        "predicted_reward": (reward * (1 - 0.2 * drift)).tolist(),
        "value": (12 + 3 * np.cos(np.arange(len(truth)) / 8) - drift).tolist(),
    }


def _reel(titles: list[str], episode: int, context: int, horizon: int) -> dict[str, Any]:
    """Rows of pictures that drift apart, a chart of one line a row."""
    steps = context + horizon
    rows = []
    for row in range(len(titles)):
        drift = [(step >= context) * 0.4 * row * (np.arange(LATENTS) == row) for step in range(steps)]
        rows.append(np.concatenate([scene(frame_latent(episode, step) + drift[step]) for step in range(steps)], 1))
    lines = [{"name": title, "values": np.linspace(0, row, steps).tolist()} for row, title in enumerate(titles)]
    return {
        "context": context,
        "cell": CELL,
        "steps": list(range(steps)),
        "frames": data_uri(np.concatenate(rows), "webp"),
        "rows": [{"title": title, "note": "", "kind": "truth" if title == "truth" else "model"} for title in titles],
        "curves": [{"title": "Change in grey levels", "lines": lines}],
        "file_name": "diswm.gif",
    }


def _factors(world: World) -> dict[str, Any]:
    random = np.random.default_rng(0)
    nmi = random.uniform(0, 0.08, (LATENTS, len(FACTORS)))
    for dim in range(7):
        nmi[dim, dim] = 0.85 - 0.05 * dim
    dimensions = []
    for dim in range(LATENTS):
        order = np.argsort(-nmi[dim])
        best, second = nmi[dim, order[0]], nmi[dim, order[1]]
        status = "inactive" if KL[dim] < 0.01 else "named" if dim in NAMES else "unnamed"
        dimensions.append(
            {
                "dim": dim,
                "kl": float(KL[dim]),
                "std": 1.0,
                "status": status,
                "factor": FACTORS[order[0]],
                "name": world.labels.get(dim, {}).get("name") or NAMES.get(dim),
                "nmi": float(best),
                "margin": float(best - second),
                "interval": [float(best - 0.04), float(best + 0.03)],
                "null": 0.06,
                "sign": 1,
                "second_factor": FACTORS[order[1]],
                "second_nmi": float(second),
            }
        )
    metrics = {"mig": 0.52, "dci": 0.61, "sap": 0.33, "infom": 0.7, "infoe": 0.64, "infoc": 0.58}
    intervals = {name: [value - 0.05, value + 0.04] for name, value in metrics.items()}
    return {
        "dimensions": dimensions,
        "factor_names": list(FACTORS),
        "nmi": nmi.tolist(),
        "null": (nmi * 0 + 0.06).tolist(),
        "metrics": {**metrics, "intervals": intervals},
        "frames": 5000,
        "episodes": 40,
        "seed": 0,
        "guessed": False,
        "labels": [{**label, "dim": dim} for dim, label in world.labels.items()],
    }


def _interventions() -> dict[str, Any]:
    """The first name stands both ways, the second neither, the third draws nothing that can be seen."""
    dimensions = []
    for dim in range(LATENTS):
        named = FACTORS[dim] if dim in NAMES else None
        verdicts = {0: (named, True), 1: ("light", False), 2: (None, None)}
        drawn, drawn_agrees = verdicts.get(dim, (named, True if named else None))
        moved, agrees = ("light", False) if dim == 1 else (named, True if named else None)
        dimensions.append(
            {
                "dim": dim,
                "name": NAMES.get(dim),
                "drawn": drawn,
                "drawn_move": 0.8,
                "drawn_agrees": drawn_agrees,
                "set": moved,
                "set_move": 2.9,
                "set_agrees": agrees,
            }
        )
    table = [{"factor": "light", "low": 0.5, "high": 1.0, "moves": [0.1 * dim for dim in range(LATENTS)]}]
    return {"dimensions": dimensions, "seen": {}, "set": {"factors": table, "scenes": 12}, "why": ""}


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


def _checkpoint(name: str, source: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "stage": "finetune",
        "source": source,
        "created_at": "2026-11-22T21:00:00Z",
        "run": name if source == "run" else None,
        "environment": "cartpole-swingup",
        "steps": 40_000,
        "latents": LATENTS,
        "named": 7,
    }


def _dataset(name: str, kind: str = "collected", guessed: bool = False) -> dict[str, Any]:
    factors = ["hue", "brightness", "motion"] if guessed else list(FACTORS)
    return {
        "id": name,
        "name": name,
        "kind": kind,
        "environment": None if guessed else "cartpole-swingup",
        "episodes": 12,
        "frames": 480,
        "lengths": [40] * 12,
        "factor_names": factors,
        "guessed_factors": guessed,
        "created_at": "2026-11-22T20:00:00Z",
        "action_size": 0 if guessed else 1,
        "settings": {},
        "warnings": ["clip 3 was cut short: 40 of 55 frames read"] if guessed else [],
    }


if __name__ == "__main__":
    with serve(World.furnished(), port=int(sys.argv[1])) as address:
        print(address, flush=True)
        threading.Event().wait()
