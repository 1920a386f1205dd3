"""Return curves of runs: one band per kind of run, means computed by hand, and the paper's figures beside them."""

import json
import re
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from backend.data.curves import NoCurve, compare_curves, read_curve
from backend.data.published import METHODS, published_for
from backend.export.curves import render_curves, table_of_curves


def a_run(
    folder: Path, seed: int, points: list[tuple[int, float]], stage: str = "finetune", **settings: object
) -> Path:
    online = {"environment": "walker-walk", "distraction": "set-a", "method": "diswm", "action_repeat": 2, **settings}
    folder.mkdir(parents=True)
    chosen = {"finetune": online} if stage == "pipeline" else online
    (folder / "settings.json").write_text(json.dumps({"stage": stage, "seed": seed, "settings": chosen}))
    lines = [{"phase": "episode", "environment_steps": 100, "episode_return": 1.0}]
    lines += [{"phase": "evaluate", "environment_steps": step, "evaluation_return": value} for step, value in points]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_seeds_of_one_kind_make_one_band_and_methods_stay_apart(tmp_path: Path) -> None:
    runs = [
        a_run(tmp_path / "one", 0, [(1000, 10.0), (3000, 30.0)]),
        a_run(tmp_path / "two", 1, [(1000, 20.0), (2000, 40.0), (3000, 50.0), (5000, 90.0)]),
        a_run(tmp_path / "other", 0, [(1000, 5.0)], method="dreamerv2"),
        a_run(tmp_path / "all", 2, [(1000, 0.0), (3000, 10.0)], stage="pipeline"),
    ]
    groups = compare_curves([read_curve(run) for run in runs])["groups"]
    assert [group["label"] for group in groups] == ["diswm", "dreamerv2"]
    band = groups[0]
    assert band["runs"] == ["one", "two", "all"] and band["seeds"] == [0, 1, 2]
    assert band["environment_steps"] == [1000, 2000, 3000]  # as far as all of them went
    assert band["mean"] == pytest.approx([10, (20 + 40 + 5) / 3, 30])
    spread = (((10 - 10) ** 2 + (20 - 10) ** 2 + (0 - 10) ** 2) / 3) ** 0.5
    assert band["low"][0] == pytest.approx(10 - spread) and band["high"][0] == pytest.approx(10 + spread)


def test_colours_that_differ_are_named_in_the_label(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name, 0, [(10, 1.0)], distraction=name) for name in ("set-a", "none")]
    labels = [group["label"] for group in compare_curves([read_curve(run) for run in runs])["groups"]]
    assert labels == ["diswm, distraction set-a", "diswm, distraction none"]


def test_the_papers_figures_for_the_same_target_stand_beside(tmp_path: Path) -> None:
    comparison = compare_curves([read_curve(a_run(tmp_path / "run", 0, [(1000, 10.0)]))])
    ours = next(row for row in comparison["published"] if row["method"] == "diswm")
    assert (ours["source"], ours["returns"]) == ("cheetah-run", [729, 879, 912])
    assert ours["environment_steps"] == [200_000, 500_000, 1_000_000]
    assert [row.method for row in published_for("pusher")] == list(METHODS)
    assert published_for("humanoid-walk") == []
    table = table_of_curves(comparison)
    assert re.search(r"diswm +1 +1,000 +10\.0 +0\.0", table) and "729 / 879 / 912" in table and "2,000,000" in table


def test_random_actions_have_a_mean_per_environment_over_the_runs_that_measured_them(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name, 0, [(1000, 100.0), (2000, 200.0)]) for name in ("one", "two", "older")]
    for run, value in zip(runs, (30.0, 50.0), strict=False):
        first, *others = (run / "metrics.jsonl").read_text().splitlines()
        line = {"phase": "evaluate", "environment_steps": 500, "evaluation_return": 9.0, "random_return": value}
        line |= {"random_std": value / 5}
        (run / "metrics.jsonl").write_text("\n".join([first, json.dumps(line), *others]) + "\n")
    shipped = a_run(tmp_path / "shipped", 0, [(1000, 1.0)], environment="reacher-easy")
    (shipped / "quality.json").write_text(json.dumps({"policy_return": {"mean": 700.0, "random": 37.0}}))
    comparison = compare_curves([read_curve(run) for run in (*runs, shipped)])
    assert comparison["random"] == [
        {"environment": "reacher-easy", "runs": 1, "mean": 37.0, "low": None, "high": None},
        {"environment": "walker-walk", "runs": 2, "mean": 40.0, "low": 32.0, "high": 48.0},
    ]
    table = table_of_curves(comparison)
    assert re.search(r"random actions in reacher-easy +1 +37\.0\n", table)
    assert re.search(r"random actions in walker-walk +2 +40\.0 +8\.0 over episodes\n", table)
    assert b"random actions in reacher-easy" in render_curves(comparison, "svg")
    (shipped / "quality.json").write_text(json.dumps({"policy_return": None}))
    assert compare_curves([read_curve(shipped)])["random"] == []
    (shipped / "quality.json").write_text("{")
    with pytest.raises(NoCurve, match="shipped cannot be read"):
        read_curve(shipped)


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_the_figure_is_the_same_bytes_for_the_same_runs(tmp_path: Path, format: str) -> None:
    comparison = compare_curves([read_curve(a_run(tmp_path / "run", 0, [(1000, 10.0), (2000, 20.0)]))])
    drawn = render_curves(comparison, format)
    assert drawn == render_curves(comparison, format)
    assert drawn[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")


def test_a_long_legend_makes_the_figure_taller_and_leaves_the_axes_their_size(tmp_path: Path) -> None:
    runs = [
        a_run(tmp_path / name, 0, [(1000, 10.0), (150_000, 20.0)], environment=name)
        for name in ("walker-walk", "reacher-easy")
    ]
    heights, places = [], []
    for chosen in (runs[:1], runs):
        image = iio.imread(render_curves(compare_curves([read_curve(run) for run in chosen]), "png"))[..., :3]
        line = (image[:, :300] < 90).all(-1).mean(0).argmax()  # the left axis
        rows = np.flatnonzero((image[:, line] < 90).all(-1))
        heights.append(len(image))
        places.append(len(rows))
    assert heights[1] > heights[0] + 100, "six or seven entries more, in two columns"
    assert abs(places[1] - places[0]) < 0.1 * places[0]


def test_a_folder_without_evaluations_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoCurve, match=r"empty holds no run \(settings.json is missing\)"):
        read_curve(tmp_path / "empty")
    with pytest.raises(NoCurve, match="new has not evaluated yet"):
        read_curve(a_run(tmp_path / "new", 0, []))
    (tmp_path / "new" / "metrics.jsonl").unlink()
    with pytest.raises(NoCurve, match="new has not evaluated yet"):
        read_curve(tmp_path / "new")
    with pytest.raises(NoCurve, match="only finetune and pipeline"):
        read_curve(a_run(tmp_path / "videos", 0, [], stage="collect"))
    (tmp_path / "new" / "settings.json").write_text("{")
    with pytest.raises(NoCurve, match="new cannot be read"):
        read_curve(tmp_path / "new")


def test_what_learned_with_help_stands_apart_and_says_so(tmp_path: Path) -> None:
    """No published result used an expert: such a run must not be labelled as the method alone."""
    runs = [
        a_run(tmp_path / "alone", 0, [(1000, 10.0)], advice=0.0, demonstrations=0),
        a_run(tmp_path / "old", 1, [(1000, 10.0)]),
        a_run(tmp_path / "told", 0, [(1000, 50.0)], advice=4.0, demonstrations=600),
        a_run(tmp_path / "shown", 0, [(1000, 20.0)], demonstrations=600),
    ]
    groups = compare_curves([read_curve(run) for run in runs])["groups"]
    assert {group["label"]: group["runs"] for group in groups} == {
        "diswm": ["alone", "old"],
        "diswm with an expert's advice and demonstrations": ["told"],
        "diswm with demonstrations": ["shown"],
    }
