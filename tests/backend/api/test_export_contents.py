"""Both tables of every kind of view hold what the view shows: the same numbers under the same names, and pictures."""

import csv
import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from backend.data.checkpoint import FORGETTING, TEACHERS
from backend.views.catalogue import KINDS
from tests.support.forgetting import write_forgotten
from tests.support.weighing import write_weighed

STRETCH = "context=4&horizon=3"
STEPS = 7
SCENE = "factor=light&to=0.6&dim=3&seed=2&step=3"
ADDRESSES = {
    "traversal": "tiny-world/traversal?columns=3&dims=4,1",
    "rollout": f"tiny-world/rollout?{STRETCH}&edit=1:2@5",
    "temporal": f"tiny-world/temporal?{STRETCH}&dims=3,0",
    "together": f"tiny-world/rollouts?{STRETCH}&with=tiny-video",
    "imitation": f"tiny-world/imitation?{STRETCH}",
    "calibration": f"tiny-world/calibration?{STRETCH}",
    "counterfactual": f"finger-episode-factors/counterfactual?{SCENE}&{STRETCH}",
    "factors": "tiny-world/factors?wait=true",
    "intervals": "tiny-world/intervals?wait=true",
    "interventions": "cartpole-swingup-policy/interventions?wait=true",
    "leakage": "tiny-world/leakage?",
    "invariance": "tiny-world/invariance?",
    "sensitivity": "tiny-world/sensitivity?",
    "carried": "tiny-world/carried?reference=tiny-video",
    "compare": "tiny-world/compare?other=tiny-video",
}
TIMELINES = {"temporal": 3, "together": 3, "imitation": 3, "calibration": 3, "counterfactual": 6}  # rows of pictures
WEIGHED = {"teachers": "tiny-world/teachers?episode=1"}
FORGOTTEN = {"forgetting": "tiny-world/forgetting?"}
OF_OTHER_MODELS = {"contexts", "flow"}
"""Films of models that the home of these tests does not have; their tables are written by the same function."""
CHARTS = {
    "factors": {"beyond_chance"},
    "intervals": {"low", "high"},
    "interventions": {"groups"},
    "leakage": set(),
    "invariance": {"low", "high"},
    "sensitivity": {"low", "high"},
    "carried": set(),
    "compare": {"low", "high"},
}
"""Kinds that are numbers alone: what their NPZ holds beside values, rows, columns, unit and settings."""


class Tables(NamedTuple):
    """A view's NPZ, and the columns of its CSV."""

    arrays: dict[str, NDArray[Any]]
    columns: dict[str, list[str]]


def tables_of(client: TestClient, kind: str) -> Tables:
    """Both tables of a view, as the API gives them."""
    address = f"/api/v1/checkpoints/{(ADDRESSES | WEIGHED | FORGOTTEN)[kind]}"
    arrays, text = (client.get(f"{address}&format={format}") for format in ("npz", "csv"))
    assert (arrays.status_code, text.status_code) == (200, 200), arrays.text[:300]
    with np.load(io.BytesIO(arrays.content), allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    header, *rows = csv.reader(io.StringIO(text.content.decode("utf-8-sig")))
    columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    assert columns.pop("diswm")[0] == str(held["settings"])
    return Tables(held, columns)


def numbers(cells: list[str]) -> NDArray[np.float64]:
    """A column of a CSV; an empty cell is no number."""
    return np.array([float(cell) if cell else np.nan for cell in cells])


def same(cells: list[str], array: NDArray[Any]) -> None:
    """A column of a CSV, to the digits that it has, and an array."""
    np.testing.assert_allclose(numbers(cells), np.asarray(array, float), rtol=1e-3, atol=1e-3)


def test_every_kind_of_view_is_looked_at_here() -> None:
    assert {*ADDRESSES, *WEIGHED, *FORGOTTEN, *OF_OTHER_MODELS} == set(KINDS)
    assert {"traversal", "rollout", *TIMELINES, *CHARTS} == set(ADDRESSES)


@pytest.mark.parametrize("kind", CHARTS)
def test_a_table_of_numbers_is_the_same_in_both_files(client: TestClient, kind: str) -> None:
    check_numbers(client, kind, CHARTS[kind])


def test_what_was_forgotten_is_the_same_in_both_files(client: TestClient, home: Path) -> None:
    folder = home / "checkpoints" / "tiny-world"
    write_forgotten(folder)
    try:
        check_numbers(client, "forgetting", {"low", "high", "groups"})
    finally:
        (folder / FORGETTING).unlink()


def check_numbers(client: TestClient, kind: str, more: set[str]) -> None:
    """The NPZ of a kind that is numbers alone holds its CSV, and `more` beside values, rows, columns and unit."""
    arrays, columns = tables_of(client, kind)
    assert set(arrays) == {"values", "rows", "columns", "unit", "settings", *more}
    assert arrays["values"].shape == (len(arrays["rows"]), len(arrays["columns"]))
    names, *rest = columns.items()
    assert names[0] == ""
    found = dict(rest)
    for place, name in enumerate(map(str, arrays["columns"])):
        same(found.pop(name), arrays["values"][:, place])
        for end in {"low", "high"} & more:
            same(found.pop(f"{name}_{end}"), arrays[end][:, place])
    assert not found, "every column of the CSV is in the NPZ"
    assert np.isfinite(arrays["values"]).any()


@pytest.mark.parametrize("kind", TIMELINES)
def test_a_film_s_tables_hold_its_pictures_and_the_same_curves(client: TestClient, kind: str) -> None:
    arrays, columns = tables_of(client, kind)
    rows = TIMELINES[kind]
    assert arrays["frames"].shape == (rows, STEPS, 64, 64, 3)
    assert arrays["frames"].dtype == np.uint8 and arrays["frames"].std() > 0
    assert arrays["titles"].shape == arrays["notes"].shape == (rows,)
    assert int(arrays["context"]) == 4
    assert columns.pop("step") == [str(step) for step in range(STEPS)]
    assert columns.pop("seen") == ["1"] * 4 + ["0"] * 3
    curves = {name for name in arrays if name.startswith("curve_")}
    assert set(arrays) == {"frames", "titles", "notes", "context", "settings", *curves}
    named = {name: f"curve_{slug(name)}" for name in columns}
    assert set(named.values()) == curves
    for name, key in named.items():
        same(columns[name], arrays[key])


def test_the_weights_of_teachers_are_the_same_in_both_files(client: TestClient, home: Path) -> None:
    folder = home / "checkpoints" / "tiny-world"
    write_weighed(folder, 3, 24)
    try:
        arrays, columns = tables_of(client, "teachers")
    finally:
        (folder / TEACHERS).unlink()
    assert arrays["frames"].shape[2:] == (64, 64, 3)
    columns = {name: cells for name, cells in columns.items() if name not in ("step", "seen")}
    assert columns and {f"curve_{slug(name)}" for name in columns} == {
        key for key in arrays if key.startswith("curve_")
    }
    for name, cells in columns.items():
        same(cells, arrays[f"curve_{slug(name)}"])


def slug(column: str) -> str:
    """A column's name as the key of an array: `PSNR in dB: model, low over episodes` -> `psnr_in_db_model_low`."""
    return re.sub(r"\W+", "_", column.removesuffix(" over episodes").lower()).strip("_")


def test_a_traversal_s_tables_hold_the_same_values(client: TestClient) -> None:
    arrays, columns = tables_of(client, "traversal")
    assert set(arrays) == {
        *("images", "values", "sigmas", "frame_sigma", "mean", "std", "dims", "names", "kl", "nmi"),
        *("reference", "original", "reconstruction", "footprint", "settings"),
    }
    assert arrays["images"].shape == (2, 3, 64, 64, 3)
    assert arrays["footprint"].shape == (2, 64, 64)
    same(columns["dim"], arrays["dims"])
    for name in ("kl_nats", "latent_mean", "latent_std", "frame_sigma"):
        same(columns[name], arrays[{"kl_nats": "kl"}.get(name, name.removeprefix("latent_"))])
    for place in range(3):
        same(columns[f"sigma_{place + 1}"], arrays["sigmas"][:, place])
    np.testing.assert_allclose(
        arrays["values"], arrays["mean"][:, None] + arrays["sigmas"] * arrays["std"][:, None], rtol=1e-4
    )


def test_a_rollout_s_tables_hold_the_same_curves(client: TestClient) -> None:
    arrays, columns = tables_of(client, "rollout")
    pictures = {"truth", "samples", "model_image", "edited_image"}
    beside = {name for name in columns if name.startswith(("psnr_db_", "ssim_"))}
    curves = {f"{who}_{what}" for who in ("model", "edited") for what in ("action", "predicted_reward", "value")}
    assert set(arrays) == pictures | beside | curves | {"psnr", "ssim", "reward", "context", "settings"}
    assert {"psnr_db_repeat_last_frame", "psnr_db_mean_image", "ssim_low_over_episodes"} <= beside
    assert arrays["model_image"].shape == arrays["edited_image"].shape == (STEPS, 64, 64, 3)
    assert (arrays["model_image"][5:] != arrays["edited_image"][5:]).any()
    same(columns["psnr_db"], arrays["psnr"])
    same(columns["edited_value"], arrays["edited_value"])
    same(columns["action_1"], arrays["model_action"][:, 1])
    for name in {"ssim", "reward", *beside}:
        same(columns[name], arrays[name])
