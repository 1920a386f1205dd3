"""The page of return curves: a line and a band per group, marks for the paper, and a link that reopens it."""

import shutil
from pathlib import Path

from backend.runs.states import RunState
from frontend.sections.returns import figure
from tests.support.furnished import COMES_WITH, add_run
from tests.support.pages import OpenPage
from tests.support.workplace import Workplace

GROUP = {
    "label": "diswm", "method": "diswm", "environment": "walker-walk", "runs": ["a", "b"], "seeds": [0, 1],
    "environment_steps": [1000, 2000], "mean": [10, 20], "low": [8, 15], "high": [12, 25],
}  # fmt: skip
PAPER = {
    "source": "cheetah-run", "target": "walker-walk", "method": "apv",
    "environment_steps": [200_000, 500_000, 1_000_000], "returns": [648, 767, 862],
}  # fmt: skip


def test_a_group_is_a_line_with_a_band_random_actions_are_dots_and_the_paper_is_marks() -> None:
    random = {"environment": "walker-walk", "runs": 2, "mean": 7.5, "low": 5, "high": 10}
    band, line, spread, dots, marks = figure([GROUP], [random], [PAPER])["data"]
    assert spread["y"] == [10, 10, 5, 5] and spread["fill"] == "toself" and not spread["showlegend"]
    bare = figure([GROUP], [{**random, "low": None, "high": None}], [PAPER])["data"]
    assert len(bare) == 4 and bare[2] == dots, "no band where the spread is not known"
    assert (dots["x"], dots["y"], dots["line"]["dash"]) == ([0, 2000], [7.5, 7.5], "dot")
    assert dots["name"] == "random actions in walker-walk"
    assert band["x"] == [1000, 2000, 2000, 1000] and band["y"] == [12, 25, 15, 8] and band["fill"] == "toself"
    assert (line["x"], line["y"], line["name"]) == ([1000, 2000], [10, 20], "diswm (2)")
    assert marks["mode"] == "markers" and marks["name"] == "paper: apv, cheetah-run to walker-walk"
    assert marks["y"] == [648, 767, 862]
    long = figure(
        [{**GROUP, "label": "diswm with an expert's advice and demonstrations, environment reacher-easy"}], [], []
    )
    assert max(map(len, long["data"][1]["name"].split("<br>"))) <= 44, "the legend fits a phone"


def test_the_chosen_runs_are_asked_for_and_named_in_the_command(
    open_page: OpenPage, work: Workplace, tmp_path: Path
) -> None:
    run = "run-walker"
    app = open_page("compare/returns", runs=run)
    assert not app.exception and not app.error
    assert ("/api/v1/curves", {"runs": run}) in work.requests
    assert app.code[0].value == f"DISWM_HOME={tmp_path} diswm compare {run} --figure returns.pdf"
    assert app.query_params["runs"] == run
    assert list(app.dataframe[0].value["±"]) == ["one seed"]  # which has no spread


def test_several_seeds_have_a_spread(open_page: OpenPage, work: Workplace) -> None:
    add_run(work.home, "run-other", "finetune", RunState.SUCCEEDED, seed=1)
    returns = {run: work.get("/curves", runs=run)["groups"][0]["mean"][-1] for run in ("run-walker", "run-other")}
    metrics = work.home / "runs" / "run-other" / "metrics.jsonl"
    metrics.write_text(metrics.read_text().replace('"evaluation_return": ', '"evaluation_return": 1'))
    more = work.get("/curves", runs="run-other")["groups"][0]["mean"][-1]
    assert returns["run-walker"] == returns["run-other"] < more
    app = open_page("compare/returns", runs="run-walker,run-other")
    assert list(app.dataframe[0].value["±"]) == [f"{(more - returns['run-walker']) / 2:.1f}"]


def test_without_an_evaluated_run_the_reason_is_shown(open_page: OpenPage, work: Workplace) -> None:
    shutil.rmtree(work.folder / COMES_WITH)
    work.change("run-walker", stage="pretrain")
    app = open_page("compare/returns")
    assert not app.exception
    assert any("No run has returns yet" in element.value for element in [*app.markdown, *app.subheader])


def test_a_sweep_is_chosen_as_a_whole_and_says_how_it_stands(
    open_page: OpenPage, work: Workplace, tmp_path: Path
) -> None:
    for number, run in enumerate(row.id for row in work.runs()):
        work.change(run, stage="finetune", sweep="betas-1", overrides={"beta": 0.1 * number})
    app = open_page("compare/returns", sweep="betas-1")
    assert not app.exception and not app.error
    assert ("/api/v1/curves", {"sweep": "betas-1"}) in work.requests
    assert any("3 runs: 1 diverged, 1 running, 1 succeeded; they differ in beta" in text.value for text in app.caption)
    assert app.code[0].value == f"DISWM_HOME={tmp_path} diswm compare --sweep betas-1 --figure returns.pdf"
    assert app.query_params["sweep"] == "betas-1"
    next(box for box in app.selectbox if box.label == "Show").set_value("").run(timeout=60)
    assert not app.exception and app.multiselect


def test_runs_of_a_link_that_are_not_here_are_named(open_page: OpenPage) -> None:
    run = "run-walker"
    app = open_page("compare/returns", runs=f"{run},run-of-long-ago")
    assert "There is no run run-of-long-ago here" in app.warning[0].value
    assert app.query_params["runs"] == run
