"""The Runs page: what can be done with a run in each state."""

import json

from streamlit.testing.v1 import AppTest

from backend.data.run_start import RunStart, write_run_start
from backend.pipeline.builder import build_settings
from backend.runs.locks import folder_lock, hold
from backend.runs.states import RunState
from frontend.components.returns import RANDOM, name_random, returns_first
from tests.support.furnished import add_run
from tests.support.pages import OpenPage
from tests.support.workplace import Workplace


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def text(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption, *app.error, *app.subheader))


def test_a_running_run_shows_progress_and_can_be_stopped(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train/runs", id="run-walker")
    assert app.progress[0].text.startswith("finetune: ")
    assert " left in all" in app.progress[0].text
    app.button(key="stop.run-walker").click().run()
    assert (work.run("run-walker").state, work.run("run-walker").cancel_requested) == ("running", True)
    work.change("run-walker", state="cancelled", cancel_requested=False)  # as its worker does
    app.run()
    assert "Resume" in buttons(app) and "Stop and save" not in buttons(app)
    app.button(key="resume.run-walker").click().run()
    assert work.run("run-walker").state == "queued"


def test_a_diverged_run_says_why_and_what_to_do(open_shared: OpenPage) -> None:
    app = open_shared("train/runs", id="run-broken")
    assert "The image loss became NaN at update 412." in text(app)
    assert "Lower model\\_lr" in text(app)
    assert "Resume" not in buttons(app)


def test_a_finished_run_leads_to_its_traversals(open_shared: OpenPage) -> None:
    app = open_shared("train/runs", id="run-cartpole")
    assert "Its traversals" in [found.value for found in app.page_link]


def test_a_finished_run_goes_further_than_it_was_asked_to(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train/runs", id="run-cartpole")
    app.number_input(key="amount.run-cartpole").set_value(90_000)
    app.button(key="further.run-cartpole").click().run()
    assert work.body_of("/resume") == {"settings": {"updates": 90_000}}
    assert work.run("run-cartpole").state == "queued"


def test_a_run_of_the_shell_says_where_to_stop_it(open_page: OpenPage, work: Workplace) -> None:
    folder = work.home / "runs" / "run-of-the-shell"
    folder.mkdir()
    write_run_start(folder, RunStart("pretrain", 0, build_settings("pretrain", "small").model_dump(mode="json")))
    with hold(folder_lock(folder)):
        app = open_page("train/runs", id="run-of-the-shell")
    assert "Stop and save" not in buttons(app)
    assert "Started from the shell: stop it there with Ctrl-C" in text(app)


def test_a_stop_that_comes_too_late_is_answered_with_the_apis_sentence(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train/runs", id="run-walker")
    body = {"title": "The run is not running", "detail": "It ended already."}
    work.problem = ("/cancel", 409, body)
    app.button(key="stop.run-walker").click().run()
    assert "It ended already." in app.error[0].value


def test_a_run_is_deleted_only_after_a_question(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train/runs", id="run-broken")
    assert any("will be deleted permanently" in text.value for text in app.markdown)
    app.button(key="delete.run-broken").click().run()
    assert work.run("run-broken") is None


def test_only_new_metrics_are_asked_for(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("train/runs", id="run-cartpole")
    lines = app.session_state["train/runs.metrics"]["run-cartpole"]
    app.run()
    assert app.session_state["train/runs.metrics"]["run-cartpole"][0] == lines[0] == 50
    assert studio_work.query_of("/metrics") == {"since": "50"}


def test_the_command_of_the_run_is_shown(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("train/runs", id="run-cartpole")
    command = f"DISWM_HOME={studio_work.home} diswm pretrain --preset small --seed 0 --set dataset=cartpole-clips"
    assert command in [code.value for code in app.code]


def test_the_effective_sample_size_of_a_run_that_weighs_its_steps_is_drawn_and_explained(
    open_page: OpenPage, work: Workplace
) -> None:
    assert "effective sample size" not in text(open_page("train/runs", id="run-cartpole"))
    path = work.home / "runs" / "run-cartpole" / "metrics.jsonl"
    last = json.loads(path.read_text().splitlines()[-1])
    path.write_text(json.dumps({**last, "effective_share": 0.25, "weights_cut": 0.1}) + "\n")
    app = open_page("train/runs", id="run-cartpole")
    assert not app.error, text(app)
    shown = next(pills for pills in app.get("button_group") if pills.label == "Effective sample size")
    assert list(shown.value) == ["effective_share", "weights_cut"]
    assert "effective sample size as a share of the recorded steps" in text(app)


def test_a_run_without_curves_says_why(open_page: OpenPage, work: Workplace) -> None:
    (work.home / "runs" / "run-broken" / "metrics.jsonl").unlink()
    assert "This run ended before its first metrics." in text(open_page("train/runs", id="run-broken"))
    collecting = build_settings("collect", "small").model_dump(mode="json")
    work.change("run-broken", stage="collect", settings=collecting)
    assert "Collecting trains nothing, so there are no curves." in text(open_page("train/runs", id="run-broken"))


def test_a_run_that_waits_has_not_started(open_page: OpenPage, work: Workplace) -> None:
    work.change("run-walker", state="queued", started_at=None)
    table = open_page("train/runs").dataframe[0].value
    assert list(table["started"].isna()) == [run["started_at"] is None for run in work.get("/runs")["items"]]


def test_a_run_that_is_not_here_is_said_until_another_one_is_chosen(open_shared: OpenPage) -> None:
    app = open_shared("train/runs", id="run-nope")
    assert "There is no run run-nope here" in app.warning[0].value
    app.run()
    assert "There is no run run-nope here" in app.warning[0].value


def test_the_result_of_tiny_is_said_to_be_none(open_page: OpenPage, work: Workplace) -> None:
    work.change("run-cartpole", preset="tiny")
    assert any(
        "`tiny` only checks that everything works" in info.value
        for info in open_page("train/runs", id="run-cartpole").info
    )


def test_the_return_of_the_evaluation_comes_first_and_random_actions_are_named() -> None:
    lines = name_random(
        [
            {"phase": "episode", "updates": 0, "agent_steps": 500, "episode_return": 97.0},
            {"phase": "finetune", "updates": 100, "agent_steps": 600, "image": 3.0},
            {"phase": "episode", "updates": 125, "agent_steps": 1000, "episode_return": 20.0},
            {
                "phase": "evaluate",
                "updates": 125,
                "agent_steps": 1000,
                "evaluation_return": 21.0,
                "evaluation_std": 2.0,
            },
        ]
    )
    assert [line[RANDOM] for line in lines if RANDOM in line] == [97.0]
    assert [line["episode_return"] for line in lines if "episode_return" in line] == [20.0]
    names = {name for line in lines for name in line} - {"phase", "updates", "agent_steps"}
    assert returns_first(names) == (["evaluation_return", "episode_return", "evaluation_std", RANDOM], ["image"])


def test_runs_are_tagged_and_found_by_tag_note_and_name(open_page: OpenPage, work: Workplace) -> None:
    for number in range(8):
        add_run(work.home, f"run-{number}", "pretrain", RunState.SUCCEEDED, name=f"seed {number}")
    work.put("/notes/run/run-3", {"tags": ["keeper"], "note": "swings up"})
    app = open_page("train/runs", id="run-3")
    assert "swings up" in text(app)
    assert "keeper" in list(app.dataframe[0].value["tags"])
    app.text_input(key="train/runs.search").set_value("keeper swings").run()
    assert list(app.dataframe[0].value["name"]) == ["seed 3"]
    app.text_input(key="train/runs.search").set_value("nothing like it").run()
    assert "No run has all these words." in text(app)
