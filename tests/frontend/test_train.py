"""The training form: drawn from the schema, changes are marked, refusals use the API's words."""

import json

from streamlit.testing.v1 import AppTest

from backend.pipeline.builder import build_settings
from frontend.sections.new_run import in_words
from tests.support.pages import OpenPage
from tests.support.recorded import CARTPOLE
from tests.support.workplace import Workplace


def key_of(app: AppTest, field: str) -> str:
    """The key of a setting's widget, whatever stage, preset and edition it belongs to."""
    kinds = (*app.number_input, *app.selectbox, *app.toggle, *app.text_input)
    return next(widget.key for widget in kinds if widget.key and f".{field}." in widget.key)


def queued(work: Workplace) -> dict[str, str | None]:
    """Runs that wait, with the key of the request that queued each."""
    return {row.id: row.idempotency_key for row in work.runs() if row.state == "queued"}


def commands(app: AppTest) -> str:
    return "\n".join(code.value for code in app.code)


def test_the_form_shows_symbols_and_the_presets_values(open_shared: OpenPage) -> None:
    app = open_shared("train", stage="pretrain", preset="tiny")
    beta = app.number_input(key=key_of(app, "beta"))
    assert beta.label == "Disentanglement weight (β)"  # plain text: it is read aloud as it stands
    assert beta.value == 0.05
    assert app.number_input(key=key_of(app, "updates")).value == 160
    assert "diswm pretrain --preset tiny --seed 0" in commands(app)


def test_the_form_offers_the_distractions_that_apply_to_the_environment_and_says_why_not_the_others(
    open_shared: OpenPage,
) -> None:
    app = open_shared("train", stage="collect")
    assert "video" in app.selectbox(key=key_of(app, "distraction")).options
    app.selectbox(key=key_of(app, "environment")).set_value("reacher-easy").run()
    assert not app.exception
    offered = app.selectbox(key=key_of(app, "distraction"))
    assert "video" not in offered.options and {"none", "episode", "everything"} <= set(offered.options)
    assert any("video: no sky is seen in its pictures" in text.value for text in app.caption)


def test_several_teachers_are_chosen_among_the_models_whose_states_fit(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train", stage="finetune", preset="small")
    app.selectbox(key=key_of(app, "method")).set_value("vid2act").run()
    teachers = next(widget for widget in app.multiselect if widget.label == "Teachers")
    assert teachers.options == [CARTPOLE], "the only shipped world model of this size"
    app.number_input(key=key_of(app, "deter")).set_value(48).run()
    assert next(widget for widget in app.multiselect if widget.label == "Teachers").options == []
    app.number_input(key=key_of(app, "deter")).set_value(200).run()
    next(widget for widget in app.multiselect if widget.label == "Teachers").set_value([CARTPOLE]).run()
    assert f"--set teachers={CARTPOLE}" in commands(app)
    app.button(key="train/new.launch").click().run()
    assert work.body_of("/runs")["settings"] == {"method": "vid2act", "teachers": CARTPOLE}
    assert any("name at least 2 world models with actions" in text.value for text in app.markdown)


def test_what_differs_from_the_preset_is_marked_and_in_the_command(open_shared: OpenPage) -> None:
    app = open_shared("train", stage="pretrain")
    app.number_input(key=key_of(app, "beta")).set_value(0.5).run()
    assert any("changed; preset: 0.05" in text.value for text in app.markdown)
    assert "--set beta=0.5" in commands(app)


def test_a_pipeline_has_closed_groups_for_each_stage(open_shared: OpenPage) -> None:
    app = open_shared("train")
    labels = [expander.label for expander in app.expander]
    assert {"Collect: Data", "Pretrain: Losses", "Fine-tune: Losses"} <= set(labels)
    assert not any(expander.proto.expanded for expander in app.expander)
    assert app.selectbox(key=key_of(app, "collect.environment")).label == "Collect: Environment"
    app.number_input(key=key_of(app, "pretrain.beta")).set_value(0.5).run()
    assert "--set pretrain.beta=0.5" in commands(app)


def test_a_launch_sends_only_the_changes_and_leads_to_the_runs(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train", stage="pretrain", dataset="cartpole-clips")
    app.number_input(key=key_of(app, "updates")).set_value(70).run()
    app.button(key="train/new.launch").click().run()
    assert not app.exception
    settings = {"dataset": "cartpole-clips", "updates": 70}
    assert work.body_of("/runs") == {"stage": "pretrain", "preset": "tiny", "settings": settings, "seed": 0}
    assert app.title[0].value == "Train and Runs"
    assert app.query_params["id"] in queued(work)


def test_the_same_form_sent_twice_is_one_run(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("train", stage="pretrain", dataset="cartpole-clips")
    work.problem = ("/api/v1/runs", 503, {"title": "Busy", "detail": "Try again."})
    app.button(key="train/new.launch").click().run()
    first = app.session_state["train/new.key"]
    work.problem = None
    app.button(key="train/new.launch").click().run()
    assert list(queued(work).values()) == [first[1]], "the key of the first attempt was used again"


def test_a_refusal_stands_next_to_its_field_with_the_remedy(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("train")
    app.number_input(key=key_of(app, "pretrain.length")).set_value(30).run()
    app.button(key="train/new.launch").click().run()
    assert "**Not launched.** One setting needs another value" in app.error[0].value
    assert "- Pretrain: Sequence length" in app.error[0].value
    marked = [text.value for text in app.markdown if "longer than the collected episodes of 24" in text.value]
    assert marked and marked[0].startswith(":red[")
    assert not queued(studio_work), "nothing was started"


def test_clone_and_edit_starts_from_the_runs_settings(open_page: OpenPage, work: Workplace) -> None:
    edits = {"beta": 0.25, "updates": 60}
    settings = build_settings("pretrain", "small", edits).model_dump(mode="json")
    work.change("run-cartpole", seed=5, settings=settings, overrides=edits)
    app = open_page("train", run="run-cartpole")
    assert app.number_input(key=key_of(app, "beta")).value == 0.25
    assert "diswm pretrain --preset small --seed 5" in commands(app)


def test_a_saved_form_is_loaded_again(open_shared: OpenPage) -> None:
    app = open_shared("train")
    form = {"stage": "pretrain", "preset": "small", "seed": 3, "settings": {"beta": 0.75}}
    app.file_uploader[0].upload("form.json", json.dumps(form).encode()).run()
    assert app.number_input(key=key_of(app, "beta")).value == 0.75
    assert "diswm pretrain --preset small --seed 3 --set beta=0.75" in commands(app)


def test_a_file_that_is_no_form_is_refused_with_a_sentence(open_shared: OpenPage) -> None:
    app = open_shared("train")
    app.file_uploader[0].upload("form.json", b"not json").run()
    assert "This file is not JSON" in app.error[0].value
    assert not app.exception


def test_estimates_follow_the_settings_and_a_very_long_run_is_asked_about(open_shared: OpenPage) -> None:
    app = open_shared("train", stage="pretrain")
    assert next(metric.value for metric in app.metric if metric.label == "Time, about") == "under 1 min"
    assert app.button(key="train/new.launch").label == "Launch"
    app.number_input(key=key_of(app, "updates")).set_value(3000).run()
    assert next(metric.value for metric in app.metric if metric.label == "Time, about") == "5 min"
    paper = open_shared("train", stage="pretrain", preset="paper")
    assert paper.button(key="train/new.launch").label == "Launch anyway"
    assert any("On two CPU cores this takes about **141 h**" in text.value for text in paper.markdown)


def test_a_sentence_about_settings_uses_their_titles() -> None:
    said = "sequences are longer than the episodes (collect.episode_steps is 24)"
    assert in_words(said, {"collect.episode_steps": "Collect: Frames"}) == (
        "sequences are longer than the episodes (“Collect: Frames” is 24)"
    )
