"""The stand-in's rollouts and other views of imagination: pictures that drift apart."""

from typing import Any

import numpy as np
from fastapi import FastAPI, Request

from tests.support.drawing import CELL, KL, LATENTS, animate, data_uri, frame_latent, scene
from tests.support.recorded import like
from tests.support.stand_in_world import NAMES, World, checkpoint_of, file_of, items


def add_imagination(app: FastAPI, world: World) -> None:
    @app.get("/api/v1/checkpoints/{checkpoint}/rollout")
    def rollout(
        episode: int = 0,
        context: int = 5,
        horizon: int = 25,
        samples: int = 1,
        edit: str | None = None,
        actions: str = "recorded",
        format: str = "json",
    ) -> Any:
        steps = context + horizon
        truth = np.stack([scene(frame_latent(episode, step)) for step in range(steps)])
        drift = np.linspace(0, 1.5, steps)
        if format != "json":
            return file_of(animate(list(truth), 10), f"diswm_cartpole-swingup_rollout-h{horizon}.{format}")
        future = _future(episode, truth, drift, context)
        edited = _future(episode, truth, drift + 1.0, context) if edit else None
        return like(
            "rollout",
            {
                "context": context,
                "horizon": horizon,
                "cell": CELL,
                "steps": list(range(steps)),
                "spread": np.linspace(0, 20, steps).tolist() if samples > 1 else None,
                "samples": data_uri(np.concatenate([np.concatenate(list(truth), 1)] * (samples + 1)))
                if samples > 1
                else None,
                "drawn": samples if samples > 1 else 0,
                **future,
                "comparable": actions == "recorded",
                "baselines": {name: {title: [value] * steps for title in BASELINES} for name, value in SCORES.items()},
                "edited": edited
                and {name: value for name, value in edited.items() if name not in ("psnr", "ssim", "reward")},
            },
        )

    @app.get("/api/v1/checkpoints/{checkpoint}/rollout-scores")
    def scores(context: int = 5, horizon: int = 25) -> dict[str, Any]:
        steps = context + horizon
        bands = {
            name: {"mean": [value] * steps, "low": [0.8 * value] * steps, "high": [1.1 * value] * steps}
            for name, value in SCORES.items()
        }
        return like(
            "rollout-scores",
            {"episodes": 4, **{name: dict.fromkeys(("model", *BASELINES), band) for name, band in bands.items()}},
        )

    @app.get("/api/v1/checkpoints/{checkpoint}/temporal")
    def temporal(
        episode: int = 0, context: int = 5, horizon: int = 14, dims: str = "0,1", step: int | None = None
    ) -> Any:
        titles = ["untouched", *(f"dim {dim}" for dim in dims.split(","))]
        since = context if step is None else step
        return like(
            "temporal", {**_timeline(titles, episode, context, horizon), "kind": "temporal", "since": since, "held": []}
        )

    @app.get("/api/v1/checkpoints/{checkpoint}/imitation")
    def imitation(episode: int = 0, context: int = 5, horizon: int = 15) -> Any:
        timeline = _timeline(["episode", "policy", "same actions"], episode, context, horizon)
        return {**timeline, "kind": "imitation", "title": "Imitation", "distances": {"policy": 0.25}}

    @app.get("/api/v1/checkpoints/{checkpoint}/contexts")
    def contexts(episode: int = 0, count: int = 3) -> Any:
        titles = ["episode", "own context", *(f"beside episode {episode + place}" for place in range(1, count + 1))]
        more = {"says": "The frame decides how it looks.", "shares": {"frame": 0.9, "state": 0.1, "motion": 0.7}}
        read = [{"factor": "hip", "r2": 0.8}, {"factor": "light", "r2": -0.2}]
        return {**_timeline(titles, episode, 8, 0), "kind": "contexts", "title": "Contexts", **more, "read": read}

    @app.get("/api/v1/checkpoints/{checkpoint}/teachers")
    def teachers(episode: int = 0) -> Any:
        timeline = _timeline(["episode", "model"], episode, 8, 0)
        rows = [
            {"name": name, "weight": weight, "interval": [0.1, 0.9], "swapped": 0.5, "distance": 0.2}
            for name, weight in (("cartpole", 0.75), ("reacher", 0.25))
        ]
        history = {"steps": [5, 10], "weights": [[0.5, 0.5], [0.75, 0.25]]}
        more = {"teachers": rows, "history": history, "says": "cartpole has 0.75 of the weight over the clip."}
        return {**timeline, "kind": "teachers", "title": "Teachers", **more}

    @app.post("/api/v1/checkpoints/{checkpoint}/plays", status_code=201)
    async def play(checkpoint: str, request: Request) -> dict[str, Any]:
        world.bodies.append(await request.json())
        picture = data_uri(scene(frame_latent(0, 0)))
        moment = {
            "step": 0,
            "real": picture,
            "model": picture,
            "looked": True,
            "over": False,
            "action": [0.0, 0.0],
            "latent": None,
            "policy": [0.1, -0.1],
            "reward": 0.0,
            "predicted_reward": 0.1,
            "value": 1.0,
            "difference": 0.0,
        }
        return {
            "id": "play-1",
            "checkpoint": checkpoint,
            "environment": "cartpole-swingup",
            "action_size": 2,
            "policy": True,
            "dimensions": [{"dim": 1, "name": "pole angle", "mean": 0.0, "std": 1.0}],
            "most": 500,
            "moment": moment,
        }

    @app.get("/api/v1/checkpoints/{checkpoint}/rollouts")
    def rollouts(request: Request, checkpoint: str, episode: int = 0, context: int = 5, horizon: int = 25) -> Any:
        titles = ["truth", checkpoint, *request.query_params["with"].split(",")]
        values = np.linspace(30, 20, context + horizon).tolist()
        lines = [{"name": name, "values": values} for name in (*titles[1:], *BASELINES)]
        return like(
            "rollouts",
            {
                **_timeline(titles, episode, context, horizon),
                "kind": "together",
                "curves": [{"title": "PSNR in dB", "lines": lines}],
                "checkpoints": titles[1:],
                "titles": titles[1:],
                "known": context + horizon,
            },
        )

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
        timeline = _timeline(titles, seed, context, horizon)
        return like(
            "counterfactual", {**timeline, "kind": "counterfactual", "since": context, "dimensions": others, **told}
        )

    @app.get("/api/v1/checkpoints/{checkpoint}/history")
    def history(checkpoint: str) -> dict[str, Any]:
        known = {item["id"]: item for item in world.checkpoints}
        last = known.get(checkpoint) or checkpoint_of(checkpoint, "run")
        earlier = [{**last, "id": f"{checkpoint}.update-{count}", "steps": count} for count in (100, 200)]
        return items([*earlier, last] if last["source"] == "run" else [last])

    @app.get("/api/v1/checkpoints/{checkpoint}/carried")
    def transfer(checkpoint: str, reference: str = "cartpole-small") -> dict[str, Any]:
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
                "null": [0.3, 0.3, 0.3],
                "fate": {0: "kept", 6: "lost"}.get(dim),
            }
            for dim in range(8)
        ]
        ids = [f"{checkpoint}.update-100", f"{checkpoint}.update-200", checkpoint]
        return like(
            "carried",
            {
                "reference": {"id": reference, "name": reference},
                "checkpoints": [
                    {
                        **entry,
                        "id": id,
                        "steps": step,
                        "mean_correlation": 0.9 - step / 1000,
                        "mean_interval": [0.4, 0.95],
                        "mean_null": 0.3,
                    }
                    for id, step in zip(ids, steps, strict=True)
                ],
                "dimensions": rows,
                "frames": 160,
            },
        )


BASELINES = ("repeat last frame", "mean image")
SCORES = {"psnr": 18.0, "ssim": 0.6}


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
        "ssim": [0.9] * len(truth),
        "reward": reward.tolist(),
        "predicted_reward": (reward * (1 - 0.2 * drift)).tolist(),
        "value": (12 + 3 * np.cos(np.arange(len(truth)) / 8) - drift).tolist(),
    }


def _timeline(titles: list[str], episode: int, context: int, horizon: int) -> dict[str, Any]:
    """Rows of pictures that drift apart, a chart of one line per row."""
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
