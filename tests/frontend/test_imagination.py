"""Rollouts by hand and over training, dimensions held over time, counterfactuals: the pages' own logic."""

from frontend.components.player import DISAGREEMENT, _banded, _curves, _rows, bands_of
from frontend.components.reopen import view_of
from frontend.sections.simulator import _best_first
from frontend.state import Counterfactual, Dimension, OverTraining, Rollout, Sensitivity, Temporal, TwoCheckpoints
from tests.support.pages import OpenPage
from tests.support.recorded import CARTPOLE, FINGER, recorded
from tests.support.workplace import Workplace

EARLIER = ["run-cartpole.update-000000100", "run-cartpole.update-000000200"]


def shown(app: object) -> str:
    """All text of a page."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "metric", "code")
    return "\n".join(f"{element.value}" for kind in kinds for element in getattr(app, kind))


def test_dimensions_are_held_as_the_link_says(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("imagine/branch", checkpoint=FINGER, dims="2,0", sigmas="-1.5", step="9", together="true")
    assert not app.error, shown(app)
    query = studio_work.query_of("/temporal")
    assert (query["dims"], query["sigmas"], query["step"], query["together"]) == ("2,0", "-1.5", "9", "true")
    assert f"diswm temporal {FINGER}" in shown(app)


def test_over_training_every_checkpoint_of_the_run_stands_beside_the_chosen_one(
    open_page: OpenPage, work: Workplace
) -> None:
    app = open_page("compare/rollouts", checkpoint="run-cartpole", horizon="6")
    assert not app.error, shown(app)
    query = work.query_of("/rollouts")
    assert query["with"] == ",".join(EARLIER)
    scored = [path.split("/")[-2] for path, _ in work.requests if path.endswith("/rollout-scores")]
    assert scored == ["run-cartpole", *EARLIER]
    assert "its band holds 80% of the episodes" in shown(app)
    assert query["horizon"] == "6"


def test_a_lone_checkpoint_stands_beside_another_of_its_environment_or_asks_for_others(
    open_shared: OpenPage, studio_work: Workplace
) -> None:
    open_shared("compare/rollouts", checkpoint=CARTPOLE)
    assert studio_work.query_of("/rollouts")["with"] == "run-cartpole"
    assert "Choose one above to see beside it" in shown(open_shared("compare/rollouts", checkpoint=FINGER))


def test_against_the_simulator_the_factor_that_a_dimension_carries_best_comes_first() -> None:
    rows = [{"factor": "light", "nmi": 0.2}, {"factor": "camera_angle", "nmi": 0.4}, {"factor": None, "nmi": 0.9}]
    assert _best_first(["floor", "light", "camera_angle"], rows) == ["camera_angle", "light", "floor"]


def test_the_counterfactual_says_what_was_changed_and_how_much_was_foreseen(
    open_shared: OpenPage, studio_work: Workplace
) -> None:
    app = open_shared("imagine/simulator", checkpoint=FINGER, factor="light", to="0.9", seed="3")
    assert not app.error, shown(app)
    query = studio_work.query_of("/counterfactual")
    answer = recorded("counterfactual")
    assert (query["factor"], query["to"], query["seed"]) == ("light", "0.9", "3")
    assert (
        next(item.value for item in app.metric if item.label == "Explained share of the true change")
        == f"{answer['explained']:.0%}"
    )
    assert f"**light** {answer['before']:.2f} → {answer['after']:.2f}" in shown(app)
    assert f"diswm counterfactual {FINGER}" in shown(app)


def test_imitation_says_how_far_the_policy_is_from_the_expert_at_the_end(
    open_shared: OpenPage, studio_work: Workplace
) -> None:
    app = open_shared("imagine/imitation", checkpoint=CARTPOLE, episode="1", horizon="7")
    assert not app.error, shown(app)
    query = studio_work.query_of("/imitation")
    assert (query["episode"], query["horizon"]) == ("1", "7")
    distances = studio_work.get(f"/checkpoints/{CARTPOLE}/imitation", **query)["distances"]
    assert [item.value for item in app.metric if item.label.startswith("Policy")] == [f"{distances['policy']:.2f}"]
    assert f"diswm imitation {CARTPOLE}" in shown(app)


def test_contexts_says_what_the_frame_does_and_what_the_states_hold(open_page: OpenPage, work: Workplace) -> None:
    detail = work.get(f"/checkpoints/{CARTPOLE}")
    detail["capabilities"]["sees_context"] = True
    read = [{"factor": "hip", "r2": 0.8}, {"factor": "light", "r2": -0.2}]
    more = {"kind": "contexts", "says": "The frame decides how it looks.", "read": read}
    work.answers |= {f"/{CARTPOLE}": detail, "/contexts": work.get(f"/checkpoints/{CARTPOLE}/imitation") | more}
    app = open_page("imagine/contexts", checkpoint=CARTPOLE, episode="1", count="2")
    assert not app.error, shown(app)
    assert work.query_of("/contexts") == {"episode": "1", "count": "2"}
    assert "The frame decides how it looks." in shown(app)
    assert list(app.dataframe[0].value["factor"]) == ["hip", "light"]
    assert f"diswm contexts {CARTPOLE}" in shown(app)


def test_calibration_says_whether_a_model_is_as_sure_as_it_may_be(
    open_shared: OpenPage, studio_work: Workplace
) -> None:
    app = open_shared("imagine/calibration", checkpoint=CARTPOLE, episode="1", horizon="7")
    assert not app.error, shown(app)
    query = studio_work.query_of("/calibration")
    assert (query["episode"], query["horizon"]) == ("1", "7") and "with" not in query
    answer = studio_work.get(f"/checkpoints/{CARTPOLE}/calibration", **query)
    assert answer["says"].split("%")[0] in shown(app)
    table = app.dataframe[0].value
    assert list(table["step"]) == [1, 4, 7] and set(table["95% over episodes"]) != {"too few episodes"}
    assert f"diswm calibration {CARTPOLE}" in shown(app)


def test_teachers_says_what_their_weights_show_and_lists_them(open_page: OpenPage, work: Workplace) -> None:
    rows = [
        {"name": name, "weight": weight, "interval": [0.1, 0.9], "swapped": 0.5, "distance": 0.2}
        for name, weight in (("cartpole", 0.75), ("reacher", 0.25))
    ]
    history = {"steps": [5, 10], "weights": [[0.5, 0.5], [0.75, 0.25]]}
    says = "cartpole has 0.75 of the weight over the clip."
    more = {"kind": "teachers", "teachers": rows, "history": history, "says": says}
    work.answers["/teachers"] = work.get(f"/checkpoints/{CARTPOLE}/imitation") | more
    app = open_page("imagine/teachers", checkpoint=CARTPOLE, episode="1")
    assert not app.error, shown(app)
    assert work.query_of("/teachers")["episode"] == "1"
    assert "cartpole has 0.75 of the weight" in shown(app)
    table = app.dataframe[0].value
    assert list(table["teacher"]) == ["cartpole", "reacher"] and list(table["weight"]) == ["0.75", "0.25"]
    assert f"diswm teachers {CARTPOLE}" in shown(app)


def test_flow_says_how_right_it_is_and_what_its_colours_mean(open_page: OpenPage, work: Workplace) -> None:
    spread = {"mean": 1.5, "interval": [1.25, 1.75]}
    rows = [{"name": "flow", "everywhere": spread, "moving": {**spread, "interval": None}, "hidden": None}]
    more = {"kind": "flow", "errors": rows, "scale": 2.5, "says": "The flow is off by 1.50 pixels."}
    work.answers["/flow"] = work.get(f"/checkpoints/{CARTPOLE}/imitation") | more
    app = open_page("imagine/flow", checkpoint=CARTPOLE, episode="1")
    assert not app.error, shown(app)
    assert work.query_of("/flow")["episode"] == "1"
    assert "off by 1.50 pixels" in shown(app) and f"diswm flow {CARTPOLE}" in shown(app)
    table = app.dataframe[0].value
    assert list(table.iloc[0]) == ["flow", "1.50 (1.25 to 1.75)", "1.50", "none"]


def test_without_a_network_flow_names_the_method_that_learns_one(open_shared: OpenPage) -> None:
    app = open_shared("imagine/flow", checkpoint=CARTPOLE)
    assert not app.error and "The method **flow** learns one" in shown(app)


def test_the_disagreement_of_an_ensemble_is_a_curve_and_a_row_and_others_have_neither() -> None:
    rollout = {"comparable": False, "disagreement": [1.0, 2.0], "edited_disagreement": [1.0, 3.0]}
    lines = [{"name": "model", "values": [1.0, 2.0]}, {"name": "branch", "values": [1.0, 3.0]}]
    assert _curves(rollout, None, None) == [{"title": DISAGREEMENT, "lines": lines}]
    assert _curves({"comparable": False}, None, None) == []
    assert _rows(["main", "members"], 0, comparable=True)[-1]["title"] == "Members"
    assert len(_rows(["main"], 0, comparable=True)) == 3


def test_the_run_of_the_second_checkpoint_is_followed(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("compare/training", checkpoint=CARTPOLE, second="run-cartpole")
    assert not app.error, shown(app)
    assert studio_work.query_of("/carried") == {"reference": CARTPOLE}
    assert "matched" not in shown(app) or "frames" in shown(app)
    followed = studio_work.get("/checkpoints/run-cartpole/carried", reference=CARTPOLE)["checkpoints"]
    assert app.dataframe[0].value["lost"].tolist() == [", ".join(entry["lost"]) or "none" for entry in followed]
    assert len(followed) == 3 and followed[0]["lost"]


def test_views_are_read_back_from_their_links() -> None:
    for view in (
        Temporal(checkpoint="a", dims=(3, 1), sigmas=-0.5, step=2, together=True, actions="zero"),
        Counterfactual(checkpoint="a", factor="light", to="0.25", dim=4, seed=9, horizon=3),
        Rollout(checkpoint="a", others="b,c"),
        OverTraining("a", "b", at="c"),
        Sensitivity("a", "d"),
    ):
        assert type(view).from_query(view.query()) == view


def test_files_of_imagination_lead_back_to_their_pages() -> None:
    def reopened(kind: str, **values: object) -> tuple[str, object]:
        return view_of({"kind": kind, "found": "a", "view": values})

    held = reopened("temporal", episode=1, dims=[2, 0], sigmas=-1.0, step=7, together=True, hold={})
    assert held == ("imagine/branch", Temporal("a", 1, dims=(2, 0), sigmas=-1.0, step=7, together=True))
    beside = reopened("together", episode=1, horizon=9, **{"with": ["b", "c"], "edit": ""})
    assert beside == ("compare/rollouts", Rollout("a", others="b,c", episode=1, horizon=9))
    asked = reopened("counterfactual", factor="light", to=0.25, dim=None, seed=3, step=None, actions="recorded")
    assert asked == ("imagine/simulator", Counterfactual("a", "light", "0.25", seed=3))
    assert reopened("sensitivity", dataset="d") == ("factors/policy", Sensitivity("a", "d"))
    assert reopened("carried", reference="r") == ("compare/training", OverTraining("r", "a"))
    assert reopened("compare", other="o") == ("compare/checkpoints", TwoCheckpoints("a", "o"))
    for kind in ("factors", "intervals", "interventions", "leakage"):
        assert reopened(kind) == (f"factors/{'matrix' if kind == 'factors' else kind}", Dimension("a"))


def test_sensitivity_is_asked_over_a_data_set_and_its_commands_say_so(
    open_shared: OpenPage, studio_work: Workplace
) -> None:
    app = open_shared("factors/policy", checkpoint=CARTPOLE, dataset="cartpole-clips")
    assert studio_work.query_of("/sensitivity") == {"dataset": "cartpole-clips"}
    assert f"diswm sensitivity {CARTPOLE} --dataset cartpole-clips --format pdf" in shown(app)


def test_numbers_have_downloads_and_commands_of_their_own(open_shared: OpenPage) -> None:
    app = open_shared("compare", checkpoint=FINGER, second="run-cartpole")
    assert f"diswm match {FINGER} run-cartpole --format pdf" in shown(app)
    app = open_shared("factors", checkpoint=FINGER)
    assert f"diswm factors {FINGER} --format pdf" in shown(app)


def test_a_band_over_episodes_goes_with_the_line_of_its_checkpoint() -> None:
    scores = {name: {"model": {"mean": [9], "low": [8], "high": [10]}} for name in ("psnr", "ssim")}
    bands = bands_of(scores)
    assert bands == {title: {"low": [8], "high": [10]} for title in ("PSNR in dB", "SSIM")}
    lines = [{"name": name, "values": [9]} for name in ("100 updates", "mean image")]
    drawn = _banded({"title": "SSIM", "lines": lines}, {"100 updates": bands["SSIM"]})
    assert drawn["lines"] == [{"name": "100 updates", "values": [9], "low": [8], "high": [10]}, lines[1]]


def test_a_file_of_a_play_opens_its_episode(open_shared: OpenPage, studio_work: Workplace) -> None:
    place, view = view_of({"kind": "play", "found": CARTPOLE, "view": {"seed": 7, "steps": []}})
    assert (place, view.query()) == ("imagine/play", {"checkpoint": CARTPOLE, "seed": "7"})
    app = open_shared(place, **view.query())
    assert not app.exception and studio_work.body_of("/plays") == {"seed": 7, "steps": []}
