"""The Factors page: cells link to traversals, names are shown beside both interventions, empty tables are explained."""

from pathlib import Path

from frontend.components.dimension import badges
from tests.support.pages import OpenPage
from tests.support.recorded import CARTPOLE, FINGER
from tests.support.workplace import Workplace


def test_names_stand_beside_both_interventions(open_page: OpenPage, work: Workplace) -> None:
    found = work.get(f"/checkpoints/{FINGER}/interventions")
    named = [entry for entry in found["dimensions"] if entry["status"] == "named"]
    for entry in named:
        entry |= {"drawn": "light", "drawn_move": 0.8, "drawn_agrees": True, "set_agrees": True, "also": []}
    named[1] |= {"drawn_agrees": False, "set_agrees": False}
    named[2] |= {"drawn": None, "drawn_agrees": None, "also": ["light"]}
    work.answers["/interventions"] = found
    app = open_page("factors/interventions", checkpoint=FINGER)
    assert not app.error and not app.exception
    metrics = {item.label: item.value for item in app.metric}
    assert metrics["Edits that change the named factor"] == f"{len(named) - 2} of {len(named)}, 1 not identified"
    assert metrics["Factors that move their dimension"] == f"{len(named) - 1} of {len(named)}"
    table = app.dataframe[0].value.set_index("Dimension")
    first, second, third = (f"dim {entry['dim']}: {entry['name']}" for entry in named[:3])
    assert table["An edit draws"][first] == "light (0.80 σ) ✓"
    assert table["An edit draws"][second] == "light (0.80 σ) ✕"
    assert table["An edit draws"][third] == "not identified"
    assert (table["Also moved by"][second], table["Also moved by"][third]) == ("", "light")


def test_intervals_and_interventions_have_downloads_and_commands_of_their_own(
    open_page: OpenPage, tmp_path: Path
) -> None:
    for name, command in (
        ("intervals", f"diswm export {FINGER} --kind intervals --format pdf"),
        ("interventions", f"diswm factors {FINGER} --check --format pdf"),
    ):
        app = open_page(f"factors/{name}", checkpoint=FINGER)
        assert not app.error and not app.exception
        codes = [code.value for code in app.code]
        assert f"DISWM_HOME={tmp_path} {command}" in codes
        assert any(f"/checkpoints/{FINGER}/{name}?width=5.5&format=pdf" in code for code in codes)
        assert {f"factors/{name}.{form}" for form in ("png", "pdf", "svg", "csv", "npz")} <= {
            button.key for button in app.button
        }


def test_invariance_says_of_each_factor_how_far_latents_move_with_it(
    open_page: OpenPage, work: Workplace, tmp_path: Path
) -> None:
    common = {"low": 0.0, "high": 1.0, "picture": 0.9}
    work.answers["/invariance"] = {
        "factors": [
            {"factor": "pole_angle", "moved": 0.6, "interval": [0.5, 0.7], "verdict": "beyond noise", **common},
            {"factor": "light", "moved": 0.05, "interval": [0.02, 0.08], "verdict": "within noise", **common},
        ],
        **{"noise": 0.1, "episodes": 12, "source": "pictures", "why": "there is no simulator"},
    }
    app = open_page("factors/invariance", checkpoint=FINGER)
    assert not app.error and not app.exception
    table = app.dataframe[0].value.set_index("Factor")
    assert table["Latents move"].to_dict() == {"pole angle": "0.60 (0.50 to 0.70)", "light": "0.05 (0.02 to 0.08)"}
    assert table["Latents move by"]["light"] == "less than their noise"
    assert any("There is no simulator" in info.value for info in app.info)
    assert f"DISWM_HOME={tmp_path} diswm invariance {FINGER} --format pdf" in [code.value for code in app.code]


def test_interventions_that_are_being_made_are_waited_for(open_page: OpenPage, work: Workplace) -> None:
    body = {
        "type": "/problems/computing",
        "title": "Computing",
        "detail": "Names are being checked (setting light, 40%).",
    }
    work.problem = ("/interventions", 409, body)
    app = open_page("factors/interventions", checkpoint=FINGER)
    assert not app.error
    assert any("setting light, 40%" in info.value for info in app.info)


def test_badges_say_where_a_name_comes_from_and_what_interventions_made_of_it(
    open_page: OpenPage, work: Workplace
) -> None:
    table = work.get(f"/checkpoints/{FINGER}/factors")
    named = [entry for entry in table["dimensions"] if entry["status"] == "named"]
    for entry, check in zip(named, ("confirmed", "contradicted", None), strict=False):
        entry["check"] = check
    work.answers[f"{FINGER}/factors"] = table
    app = open_page("factors/dimensions", checkpoint=FINGER, dim=str(named[0]["dim"]))
    badges = "\n".join(text.value for text in app.markdown if "badge" in text.value)
    assert "confirmed by intervention" in badges
    assert "contradicted by intervention" in badges
    assert "measured by NMI" in badges


def test_what_chance_gives_as_well_is_no_number_but_cannot_be_told(open_page: OpenPage, work: Workplace) -> None:
    table = work.get(f"/checkpoints/{FINGER}/factors") | {"episodes": 3}
    table["metrics"]["null"] = dict.fromkeys(table["metrics"]["null"], 1.51)
    for entry in table["dimensions"]:
        entry |= {"status": "unnamed", "null": 1.51, "beyond_chance": False, "check": None}
    work.answers[f"{FINGER}/factors"] = table
    app = open_page("factors", checkpoint=FINGER)
    assert {metric.value for metric in app.metric} == {":gray[—]"}
    assert "cannot be identified from 3 episodes" in "\n".join(caption.value for caption in app.caption)
    app = open_page("factors/dimensions", checkpoint=FINGER)
    assert any("cannot be identified from 3 episodes" in caption.value for caption in app.caption)
    assert not any("badge[:material/check" in text.value for text in app.markdown)


def test_a_name_of_ones_own_is_never_called_measured_or_confirmed() -> None:
    entry = {"status": "named", "factor": "pole_angle", "name_source": "person", "check": "confirmed"}
    assert badges(entry) == (
        ":violet-badge[:material/person: your name] :gray-badge[:material/check: pole angle: confirmed by intervention]"
    )
    assert badges({**entry, "status": "unnamed"}) == ":violet-badge[:material/person: your name]"
    assert badges({**entry, "name_source": "factor"}) == ":green-badge[:material/check: confirmed by intervention]"


def test_factors_are_measured_over_a_data_set_with_a_button(open_page: OpenPage, work: Workplace) -> None:
    work.answers["/measurements"] = {"running": True, "progress": "extra trees, 65%"}
    app = open_page("factors", checkpoint=CARTPOLE)
    over = app.selectbox(key=f"factors.over.{CARTPOLE}")
    assert over.options[0].startswith("cartpole-clips: ")
    app.button(key=f"factors.measure.{CARTPOLE}").click().run()
    assert work.body_of("/measurements") == {"dataset": "cartpole-clips"}
    assert any("are being measured over the data set: extra trees, 65%" in info.value for info in app.info)
    work.answers["/measurements"] = {"running": False, "progress": ""}
    app.run()
    assert CARTPOLE not in app.session_state["factors.measuring"]
    assert not app.error
