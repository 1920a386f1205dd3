"""Pictures of runs: at every checkpoint, under one slider for several runs."""

import shutil

from streamlit.testing.v1 import AppTest

from backend.runs.states import RunState
from tests.support.furnished import add_run
from tests.support.pages import OpenPage
from tests.support.workplace import Workplace

SLIDER = "What the model draws, at each checkpoint of these runs"


def slider(app: AppTest):  # type: ignore[no-untyped-def]
    return next(widget for widget in app.select_slider if widget.label == SLIDER)


def text(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption))


def test_a_run_shows_what_its_newest_checkpoint_draws_and_an_earlier_one_on_demand(
    open_page: OpenPage, work: Workplace
) -> None:
    app = open_page("train/runs", id="run-cartpole")
    assert slider(app).value == 2
    assert "video model, 300 updates" in text(app)
    assert work.query_of("/checkpoints/run-cartpole/rollout") == {"context": "3", "horizon": "9"}
    slider(app).set_value(0).run()
    assert "video model, 100 updates" in text(app)
    assert work.query_of("/checkpoints/run-cartpole.update-000000100/atlas") == {"columns": "7"}


def test_one_slider_holds_for_all_runs_that_are_compared(open_page: OpenPage, work: Workplace) -> None:
    add_run(work.home, "run-other", "pretrain", RunState.SUCCEEDED)
    shutil.copytree(work.home / "runs/run-cartpole/checkpoints", work.home / "runs/run-other/checkpoints")
    app = open_page("train/runs", id="run-cartpole")
    app.multiselect(key="beside.run-cartpole").set_value(["run-other"]).run()
    slider(app).set_value(1).run()
    assert work.query_of("/checkpoints/run-cartpole.update-000000200/atlas")
    assert work.query_of("/checkpoints/run-other.update-000000200/atlas")


def test_a_model_without_pictures_says_so_in_their_place(open_page: OpenPage, work: Workplace) -> None:
    work.problem = ("/checkpoints/run-cartpole.update-000000100/atlas", 409, {"detail": "The model draws no pictures."})
    app = open_page("train/runs", id="run-cartpole")
    slider(app).set_value(0).run()
    assert "The model draws no pictures." in text(app)
    assert not app.exception


def test_a_run_without_a_checkpoint_says_when_there_will_be_pictures(open_page: OpenPage) -> None:
    app = open_page("train/runs", id="run-walker")
    assert "appear here with the first checkpoint" in text(app)
