"""Tables hold the numbers of the view, and open without pickle."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from backend.export.tables import rollout_csv, rollout_npz, table, traversal_csv, traversal_npz
from backend.interpret.rollout import Rollout
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_a_traversal_is_a_line_a_dimension(bright: Views) -> None:
    view = bright(2, 3)
    found = rows(traversal_csv(view))
    assert [row["name"] for row in found] == ["hip angle", "dim 1"]
    assert found[0]["status"] == "named"
    assert float(found[1]["sigma_1"]) == pytest.approx(view.sigmas[1, 0], rel=1e-5)
    assert float(found[1]["frame_sigma"]) == pytest.approx(view.mark(1).sigma, rel=1e-5)
    again = float(found[1]["latent_mean"]) + float(found[1]["sigma_3"]) * float(found[1]["latent_std"])
    assert again == pytest.approx(view.values[1, 2], rel=1e-4)
    assert json.loads(found[0]["diswm"]) == json.loads(view.settings)


def test_a_spreadsheet_reads_letters_and_runs_nothing() -> None:
    texts = ["größe 左", "=cmd|' /C calc'!A0", "@SUM(A1)", "+1+2", "-x", "＝1", "\t=1", "plain", "-1.25", "+3e-05"]
    content = table([["name"], *([text] for text in texts)], "{}")
    assert content.startswith(b"\xef\xbb\xbf")
    read = [row["name"] for row in rows(content)]
    assert read == [f"'{text}" if 1 <= place <= 6 else text for place, text in enumerate(texts)]


def test_a_number_that_is_none_leaves_its_cell_empty(bright: Views) -> None:
    view = replace(bright(1, 3), kl=np.array([np.nan]))
    assert rows(traversal_csv(view))[0]["kl_nats"] == ""


def test_an_npz_holds_pictures_values_and_settings(bright: Views) -> None:
    view = bright(2, 3)
    with np.load(io.BytesIO(traversal_npz(view)), allow_pickle=False) as file:
        assert np.array_equal(file["images"], view.images)
        assert np.array_equal(file["values"], view.values)
        assert file["names"].tolist() == ["hip angle", "dim 1"]
        assert str(file["settings"]) == view.settings


def test_a_rollout_is_a_line_a_step(imagined: Rollout) -> None:
    found = rows(rollout_csv(imagined))
    assert len(found) == 13
    assert [row["seen"] for row in found] == ["1"] * 5 + ["0"] * 8
    assert imagined.model.value is not None
    assert imagined.edited is not None
    assert float(found[9]["value"]) == pytest.approx(imagined.model.value[9], rel=1e-5)
    assert float(found[9]["edited_value"]) == pytest.approx(imagined.edited.value[9], rel=1e-5)
    assert float(found[4]["action_1"]) == pytest.approx(imagined.model.action[4, 1], rel=1e-5)


def test_a_rollout_npz_holds_every_branch(imagined: Rollout) -> None:
    with np.load(io.BytesIO(rollout_npz(imagined)), allow_pickle=False) as file:
        assert np.array_equal(file["model_image"], imagined.model.image)
        assert file["samples"].shape == (2, 13, 64, 64, 3)
        assert {"edited_value", "edited_action", "reward", "psnr", "settings"} <= set(file.files)


def test_equal_views_give_equal_bytes(bright: Views, imagined: Rollout) -> None:
    assert traversal_npz(bright(2, 3)) == traversal_npz(bright(2, 3))
    assert rollout_npz(imagined) == rollout_npz(imagined)
