"""Data sets, tags and notes of the stand-in API."""

import asyncio
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response

from tests.support.drawing import CELL, data_uri, encode, frame_latent, scene
from tests.support.stand_in_world import World, dataset_of, problem


def add_data(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/datasets")
    def datasets(search: str = "", actions: str = "") -> dict[str, Any]:
        found = [item for item in world.datasets if search in item["name"]]
        found = [item for item in found if not actions or str(item["action_size"]) in actions.split(",")]
        following = "1" if world.page_size < len(found) else None
        return {"items": found[: world.page_size], "next_cursor": following}

    @app.get("/api/v1/datasets/{dataset}")
    def one(dataset: str) -> Any:
        found = next((item for item in world.datasets if item["id"] == dataset), None)
        return found or problem(404, "No such data set", f"There is no data set {dataset!r}.")

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
        await asyncio.sleep(world.slow_uploads)
        world.datasets.append(dataset_of(name, kind="clips", guessed=True))
        return world.datasets[-1]

    @app.get("/api/v1/datasets/{dataset}/episodes/{n}")
    def episode(dataset: str, n: int, start: int = 0) -> dict[str, Any]:
        about = next(item for item in world.datasets if item["id"] == dataset)
        steps = list(range(start, min(about["lengths"][n], start + 200)))
        frames = np.concatenate([scene(frame_latent(n, step % 40)) for step in steps], 1)
        charts = ["Reward", "Action 0", *(name.replace("_", " ") for name in about["factor_names"])]
        values = [float(np.sin(step / 5)) for step in steps]
        return {
            "dataset": dataset,
            "episode": n,
            "start": start,
            "length": about["lengths"][n],
            "context": len(steps),
            "cell": CELL,
            "steps": steps,
            "frames": data_uri(frames, "webp"),
            "rows": [{"title": "recorded", "note": "", "kind": "truth"}],
            "curves": [{"title": title, "lines": [{"name": "recorded", "values": values}]} for title in charts],
        }

    @app.patch("/api/v1/datasets/{dataset}")
    async def rename(dataset: str, request: Request) -> Any:
        about = next(item for item in world.datasets if item["id"] == dataset)
        about["name"] = (await request.json())["name"]
        return about

    @app.get("/api/v1/notes/{kind}")
    def notes(kind: str) -> dict[str, Any]:
        return {"items": [note for note in world.notes.values() if note["kind"] == kind]}

    @app.put("/api/v1/notes/{kind}/{id:path}")
    async def keep(kind: str, id: str, request: Request) -> dict[str, Any]:
        made = {"kind": kind, "id": id, "written_at": "2026-11-22T21:00:00Z", **await request.json()}
        world.notes[f"{kind}/{id}"] = made
        return made

    @app.get("/api/v1/gallery")
    def gallery() -> dict[str, Any]:
        return {"items": world.gallery}

    @app.post("/api/v1/gallery", status_code=201)
    async def save_view(request: Request) -> dict[str, Any]:
        made = {"id": f"{len(world.gallery):012}", "written_at": "2026-11-22T21:00:00Z", **await request.json()}
        world.gallery.append(made)
        return made

    @app.get("/api/v1/gallery/{piece}/picture")
    def piece_picture() -> Response:
        return Response(encode(scene(frame_latent(0, 3))), media_type="image/png")

    @app.put("/api/v1/gallery/{piece}")
    async def piece_words(piece: str, request: Request) -> dict[str, Any]:
        found = next(item for item in world.gallery if item["id"] == piece)
        found |= await request.json()
        return found

    @app.delete("/api/v1/gallery/{piece}", status_code=204)
    def take_out(piece: str) -> Response:
        world.gallery = [item for item in world.gallery if item["id"] != piece]
        return Response(status_code=204)

    @app.post("/api/v1/checkpoints/{checkpoint}/measurements", status_code=202)
    async def measure(request: Request) -> dict[str, Any]:
        world.bodies.append(await request.json())
        world.measuring = 2
        return {"running": True, "progress": "waiting"}

    @app.get("/api/v1/checkpoints/{checkpoint}/measurements")
    def measured() -> dict[str, Any]:
        world.measuring -= 1
        return {"running": world.measuring > 0, "progress": "extra trees, 65%"}
