"""The stand-in's checkpoints, traversals and factors: recorded pictures, no model."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response

from backend.views.catalogue import KINDS
from backend.views.params import view_schema
from tests.support.drawing import CELL, FACTORS, KL, LATENTS, animate, data_uri, encode, frame_latent, scene
from tests.support.recorded import like, recorded
from tests.support.stand_in_quality import SEES, quality
from tests.support.stand_in_world import NAMES, World, file_of, items, problem


def add_views(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/schemas/views/{kind}")
    def schema(kind: str) -> dict[str, Any]:
        return view_schema(KINDS[kind])

    @app.get("/api/v1/checkpoints")
    def checkpoints(cursor: int = 0, search: str = "", stage: str = "") -> dict[str, Any]:
        found = [item for item in world.checkpoints if search in item["name"] and stage in item["stage"]]
        last = cursor + world.page_size
        following = str(last) if last < len(found) else None
        return {"items": found[cursor:last], "next_cursor": following}

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
            "capabilities": dict.fromkeys(("decodes", "imagines", "has_latents", "has_scales", "sees_context"), True),
            "settable": ["light", "camera_angle"],
            "quality": quality() if found[0]["sees"] else None,
            "card": "# Cartpole\nTrained by the `small` preset.",
        }

    @app.get("/api/v1/checkpoints/{checkpoint}/quality")
    def what_it_sees(checkpoint: str) -> dict[str, Any]:
        for item in world.checkpoints:
            if item["id"] == checkpoint:
                item |= {"sees": SEES, "agent_right": 0.72}
        return quality()

    @app.delete("/api/v1/checkpoints/{checkpoint}", status_code=204)
    def forget(checkpoint: str) -> None:
        world.checkpoints = [item for item in world.checkpoints if item["id"] != checkpoint]

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
        return like(
            "atlas",
            {
                "request": {"base": request.query_params.get("base", "clip")},
                "unit": "σ of the data",
                "own": frame_latent(view.episode, view.frame).tolist(),
                "held": sorted(view.edits),
                "seen_before": view.frame if view.history else 0,
                "likeness": view.likeness(),
                "cell": CELL,
                "columns": view.columns,
                "rows": [view.row(int(dim)) for dim in np.argsort(-KL)],
                "image": data_uri(np.concatenate([np.concatenate(list(row), 1) for row in pictures]), "webp"),
                "footprint": data_uri(np.concatenate(prints).astype(np.uint8)),
                "original": data_uri(scene(frame_latent(view.episode, view.frame))),
                "reconstruction": data_uri(scene(view.latent)),
            },
        )

    @app.get("/api/v1/checkpoints/{checkpoint}/traversal")
    def traversal(request: Request, checkpoint: str, format: str = "json") -> Any:
        view = View(dict(request.query_params), world)
        stem = f"diswm_cartpole-swingup_{view.stem()}_pm{view.extent:g}sd"
        if format == "json":
            return like(
                "traversal",
                {
                    "checkpoint": checkpoint,
                    "dims": [view.row(dim) for dim in view.dims],
                    "file_name": stem,
                    "reconstruction": data_uri(scene(view.latent)),
                },
            )
        rows = view.pictures(view.dims)
        frames = [np.concatenate(list(rows[:, column])) for column in range(view.columns)]
        content = animate(frames, 10) if format == "gif" else encode(np.concatenate(frames, 1))
        return file_of(content, f"{stem}.{format}")

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
        return like("card", {**entry, "scatter": scatter, "extremes": {"low": places, "high": places[::-1]}})

    @app.get("/api/v1/checkpoints/{checkpoint}/leakage")
    def leakage() -> dict[str, Any]:
        matrix = np.eye(LATENTS) * 0.9 + 0.02
        return like(
            "leakage",
            {
                "matrix": matrix.tolist(),
                "diagonal_share": 0.71,
                "active": list(range(8)),
                "frames": 16,
                "sigmas": 1.0,
            },
        )

    @app.get("/api/v1/checkpoints/{checkpoint}/sensitivity")
    def sensitivity() -> dict[str, Any]:
        outcomes = ["reward", "value", "action 0"]
        share = {name: {"mean": 0.1, "size": 0.2, "interval": [0.1, 0.3], "share": 0.4} for name in outcomes}
        dimensions = [
            {"dim": dim, "name": f"dim {dim}", "status": "named", "outcomes": share} for dim in range(LATENTS)
        ]
        return like("sensitivity", {"outcomes": outcomes, "dimensions": dimensions, "frames": 160, "episodes": 4})

    @app.get("/api/v1/checkpoints/{checkpoint}/compare")
    def compare() -> dict[str, Any]:
        matches = [
            {
                "first": dim,
                "second": (dim + 1) % 8 if dim < 8 else dim,
                "correlation": max(0.05, 0.97 - 0.08 * dim),
                "interval": [max(0.0, 0.9 - 0.08 * dim), max(0.1, 0.99 - 0.08 * dim)],
                "null": 0.35,
                "sign": 1 if dim % 2 else -1,
                "first_name": NAMES.get(dim),
                "first_active": dim < 12,
                "second_active": dim < 12,
                "second_name": NAMES.get((dim + 1) % 8 if dim < 8 else dim),
            }
            for dim in range(LATENTS)
        ]
        return like(
            "compare",
            {
                "matches": matches,
                "mean_correlation": 0.81,
                "mean_interval": [0.74, 0.88],
                "mean_null": 0.36,
                "frames": 320,
                "episodes": 8,
                "same_environment": True,
                "kept": ["cart position", "pole angle"],
                "lost": ["camera"],
                "gained": ["speed"],
            },
        )


@dataclass
class View:
    """A traversal request, as the stand-in understands it."""

    query: dict[str, str]
    world: World

    def __post_init__(self) -> None:
        self.episode, self.frame = int(self.query.get("episode", 0)), int(self.query.get("frame", 20))
        self.columns, self.extent = int(self.query.get("columns", 7)), float(self.query.get("range", 2))
        self.history = self.query.get("history", "true") == "true"
        self.latent = frame_latent(self.episode, self.frame)
        self.edits: dict[int, float] = {}
        for pair in filter(None, self.query.get("edits", "").split(",")):
            self.edits[int(pair.split(":")[0])] = float(pair.split(":")[1])
        for dim, value in self.edits.items():
            self.latent[dim] = value
        chosen = self.query.get("dims", "active")
        active = [int(dim) for dim in np.argsort(-KL) if KL[dim] > 0.01]
        self.dims = active if chosen in ("active", "all") else [int(dim) for dim in chosen.split(",")]

    def values(self, dim: int) -> np.ndarray:
        return np.linspace(-self.extent, self.extent, self.columns) * float(np.where(KL[dim] > 0.01, 1.0, 0.01))

    def mark(self, dim: int, value: float) -> dict[str, float]:
        """Where a value lies in the row of a dimension."""
        first, last = self.values(dim)[[0, -1]]
        column = (value - first) / (last - first or 1.0) * (self.columns - 1)
        return {"value": value, "sigma": value / float(np.where(KL[dim] > 0.01, 1.0, 0.01)), "column": column}

    def likeness(self) -> dict[str, Any]:
        """A picture of one's own is unlike the data, everything else like it."""
        unlike = self.query.get("base") == "picture"
        return {"psnr": 11.0 if unlike else 30.5, "usual": [24.0, 26.0, 30.0, 33.0, 36.0], "unlike": unlike}

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
            "sigmas": np.linspace(-self.extent, self.extent, self.columns).tolist(),
            "frame": self.mark(dim, float(frame_latent(self.episode, self.frame)[dim])),
            "held": self.mark(dim, self.edits[dim]) if dim in self.edits else None,
            "change": 0.25,
            "density": np.exp(-(np.linspace(-self.extent, self.extent, 48) ** 2) / 2).round(3).tolist(),
            "data": [-2.5, 2.5],
        }

    def stem(self) -> str:
        return f"dim{self.dims[0]:02d}-{NAMES[self.dims[0]].replace(' ', '-')}" if len(self.dims) == 1 else "grid"


@lru_cache(maxsize=20_000)
def _scene(latent: tuple[float, ...]) -> np.ndarray:
    return scene(np.array(latent))


def _factors(world: World) -> dict[str, Any]:
    random = np.random.default_rng(0)
    nmi = random.uniform(0, 0.08, (LATENTS, len(FACTORS)))
    for dim in range(7):
        nmi[dim, dim] = 0.85 - 0.05 * dim
    dimensions, chance = [], 1.51 if world.few_episodes else 0.06
    for dim in range(LATENTS):
        order = np.argsort(-nmi[dim])
        best, second = nmi[dim, order[0]], nmi[dim, order[1]]
        status = "inactive" if KL[dim] < 0.01 else "named" if dim in NAMES and best > chance else "unnamed"
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
                "null": chance,
                "sign": 1,
                "second_factor": FACTORS[order[1]],
                "second_nmi": float(second),
                "beyond_chance": bool(best > chance),
                "check": None if world.few_episodes else {0: "confirmed", 1: "contradicted"}.get(dim),
            }
        )
    known = recorded("factors")["metrics"]["null"]
    metrics = dict.fromkeys(known, 0.6) | {"mig": 0.52, "sap": 0.33}
    null = dict.fromkeys(known, chance)
    intervals = {name: [value - 0.05, value + 0.04] for name, value in metrics.items()}
    return like(
        "factors",
        {
            "dimensions": dimensions,
            "factor_names": list(FACTORS),
            "nmi": nmi.tolist(),
            "null": (nmi * 0 + chance).tolist(),
            "metrics": {**metrics, "intervals": intervals, "null": null},
            "frames": 5000,
            "episodes": 4 if world.few_episodes else 40,
            "seed": 0,
            "guessed": False,
            "refused": [],
            "labels": [{**label, "dim": dim} for dim, label in world.labels.items()],
        },
    )


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
                "status": "named" if named else "unnamed",
                "also": ["light"] if dim == 3 else [],
            }
        )
    table = [{"factor": "light", "low": 0.5, "high": 1.0, "moves": [0.1 * dim for dim in range(LATENTS)]}]
    return like(
        "interventions", {"dimensions": dimensions, "seen": {}, "set": {"factors": table, "scenes": 12}, "why": ""}
    )
