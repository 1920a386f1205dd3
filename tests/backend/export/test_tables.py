"""Tables hold the numbers of the view, and open without pickle."""

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest

from backend.export.tables import rollout_csv, rollout_npz, traversal_csv, traversal_npz
from backend.interpret.rollout import Rollout
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_traversal_is_a_line_a_dimension(bright: Views) -> None:
    view = bright(2, 3)
    table = rows(traversal_csv(view))
    assert [row["name"] for row in table] == ["hip angle", "dim 1"]
    assert table[0]["status"] == "named"
    assert float(table[1]["value_-1"]) == pytest.approx(view.values[1, 0], rel=1e-5)
    assert float(table[1]["value_0"]) == pytest.approx(view.values[1, 1], rel=1e-5)
    assert float(table[1]["reference"]) == float(table[1]["value_0"])


def test_an_npz_holds_pictures_values_and_settings(bright: Views) -> None:
    view = bright(2, 3)
    with np.load(io.BytesIO(traversal_npz(view)), allow_pickle=False) as file:
        assert np.array_equal(file["images"], view.images)
        assert np.array_equal(file["values"], view.values)
        assert file["names"].tolist() == ["hip angle", "dim 1"]
        assert str(file["settings"]) == view.settings


def test_a_rollout_is_a_line_a_step(imagined: Rollout) -> None:
    table = rows(rollout_csv(imagined))
    assert len(table) == 13
    assert [row["seen"] for row in table] == ["1"] * 5 + ["0"] * 8
    assert imagined.model.value is not None
    assert imagined.edited is not None
    assert float(table[9]["value"]) == pytest.approx(imagined.model.value[9], rel=1e-5)
    assert float(table[9]["edited_value"]) == pytest.approx(imagined.edited.value[9], rel=1e-5)
    assert float(table[4]["action_1"]) == pytest.approx(imagined.model.action[4, 1], rel=1e-5)


def test_a_rollout_npz_holds_every_branch(imagined: Rollout) -> None:
    with np.load(io.BytesIO(rollout_npz(imagined)), allow_pickle=False) as file:
        assert np.array_equal(file["model_image"], imagined.model.image)
        assert file["samples"].shape == (2, 13, 64, 64, 3)
        assert {"edited_value", "edited_action", "reward", "psnr", "settings"} <= set(file.files)


def test_equal_views_give_equal_bytes(bright: Views, imagined: Rollout) -> None:
    assert traversal_npz(bright(2, 3)) == traversal_npz(bright(2, 3))
    assert rollout_npz(imagined) == rollout_npz(imagined)
