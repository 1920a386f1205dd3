"""The Factors page: cells lead to traversals, names are shown beside both interventions, nothing to show is said."""

from conftest import OpenPage
from stand_in import World
from streamlit.testing.v1 import AppTest


def tab(app: AppTest, name: str) -> AppTest:
    """The page with that tab open."""
    app.session_state[f"factors.tab.{app.session_state['factors.edition']}"] = name
    return app.run()


def test_names_stand_beside_both_interventions(open_page: OpenPage) -> None:
    app = tab(open_page("factors", checkpoint="cartpole-small"), "Interventions")
    assert not app.error and not app.exception
    metrics = {item.label: item.value for item in app.metric}
    assert metrics["Edits that draw their name"] == "5 of 6"
    assert metrics["Factors that move their dimension"] == "6 of 7"
    table = app.dataframe[0].value
    assert table["An edit draws"][0].endswith("✓")
    assert table["An edit draws"][1] == "light (0.80 σ) ✕"
    assert table["An edit draws"][2] == "nothing"


def test_intervals_and_interventions_have_downloads_and_commands_of_their_own(open_page: OpenPage) -> None:
    app = open_page("factors", checkpoint="cartpole-small")
    for name, command in (
        ("Intervals", "diswm export cartpole-small --kind intervals --format pdf"),
        ("Interventions", "diswm factors cartpole-small --check --format pdf"),
    ):
        app = tab(app, name)
        assert not app.error and not app.exception
        codes = [code.value for code in app.code]
        assert command in codes
        assert any(f"/checkpoints/cartpole-small/{name.lower()}?width=5.5&format=pdf" in code for code in codes)
        assert {f"factors.{name.lower()}.{form}" for form in ("png", "pdf", "svg", "csv", "npz")} <= {
            button.key for button in app.button
        }


def test_interventions_that_are_being_made_are_waited_for(open_page: OpenPage, world: World) -> None:
    body = {
        "type": "/problems/computing",
        "title": "Computing",
        "detail": "Names are being checked (setting light, 40%).",
    }
    world.problem = ("/interventions", 409, body)
    app = tab(open_page("factors", checkpoint="cartpole-small"), "Interventions")
    assert not app.error
    assert any("setting light, 40%" in info.value for info in app.info)
