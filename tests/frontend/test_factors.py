"""The Factors page: cells link to traversals, names are shown beside both interventions, empty tables are explained."""

from pathlib import Path

from frontend.components.dimension import badges
from tests.support.pages import OpenPage
from tests.support.stand_in import World


def test_names_stand_beside_both_interventions(open_page: OpenPage) -> None:
    app = open_page("factors/interventions", checkpoint="cartpole-small")
    assert not app.error and not app.exception
    metrics = {item.label: item.value for item in app.metric}
    assert metrics["Edits that change the named factor"] == "5 of 7, 1 not identified"
    assert metrics["Factors that move their dimension"] == "6 of 7"
    table = app.dataframe[0].value
    assert table["An edit draws"][0].endswith("✓")
    assert table["An edit draws"][1] == "light (0.80 σ) ✕"
    assert table["An edit draws"][2] == "not identified"
    assert table["Also moved by"][3] == "light"


def test_intervals_and_interventions_have_downloads_and_commands_of_their_own(
    open_page: OpenPage, tmp_path: Path
) -> None:
    for name, command in (
        ("intervals", "diswm export cartpole-small --kind intervals --format pdf"),
        ("interventions", "diswm factors cartpole-small --check --format pdf"),
    ):
        app = open_page(f"factors/{name}", checkpoint="cartpole-small")
        assert not app.error and not app.exception
        codes = [code.value for code in app.code]
        assert f"DISWM_HOME={tmp_path} {command}" in codes
        assert any(f"/checkpoints/cartpole-small/{name}?width=5.5&format=pdf" in code for code in codes)
        assert {f"factors/{name}.{form}" for form in ("png", "pdf", "svg", "csv", "npz")} <= {
            button.key for button in app.button
        }


def test_interventions_that_are_being_made_are_waited_for(open_page: OpenPage, world: World) -> None:
    body = {
        "type": "/problems/computing",
        "title": "Computing",
        "detail": "Names are being checked (setting light, 40%).",
    }
    world.problem = ("/interventions", 409, body)
    app = open_page("factors/interventions", checkpoint="cartpole-small")
    assert not app.error
    assert any("setting light, 40%" in info.value for info in app.info)


def test_badges_say_where_a_name_comes_from_and_what_interventions_made_of_it(
    open_page: OpenPage, world: World
) -> None:
    world.labels[2] = {"name": "my hue"}
    app = open_page("factors/dimensions", checkpoint="cartpole-small", dim="0")
    badges = "\n".join(text.value for text in app.markdown if "badge" in text.value)
    assert "confirmed by intervention" in badges
    assert "contradicted by intervention" in badges
    assert "measured by NMI" in badges


def test_what_chance_gives_as_well_is_no_number_but_cannot_be_told(open_page: OpenPage, world: World) -> None:
    world.few_episodes = True
    app = open_page("factors", checkpoint="cartpole-small")
    assert {metric.value for metric in app.metric} == {":gray[—]"}
    assert "cannot be identified from 4 episodes" in "\n".join(caption.value for caption in app.caption)
    app = open_page("factors/dimensions", checkpoint="cartpole-small")
    assert any("cannot be identified from 4 episodes" in caption.value for caption in app.caption)
    assert not any("badge[:material/check" in text.value for text in app.markdown)


def test_a_name_of_ones_own_is_never_called_measured_or_confirmed() -> None:
    entry = {"status": "named", "factor": "pole_angle", "name_source": "person", "check": "confirmed"}
    assert badges(entry) == (
        ":violet-badge[:material/person: your name] :gray-badge[:material/check: pole angle: confirmed by intervention]"
    )
    assert badges({**entry, "status": "unnamed"}) == ":violet-badge[:material/person: your name]"
    assert badges({**entry, "name_source": "factor"}) == ":green-badge[:material/check: confirmed by intervention]"


def test_factors_are_measured_over_a_data_set_with_a_button(open_page: OpenPage, world: World) -> None:
    app = open_page("factors", checkpoint="cartpole-small")
    over = app.selectbox(key="factors.over.cartpole-small")
    assert over.options[0].startswith("cartpole-clips: ")
    app.button(key="factors.measure.cartpole-small").click().run()
    assert world.bodies[-1] == {"dataset": "cartpole-clips"}
    assert any("are being measured over the data set: extra trees, 65%" in info.value for info in app.info)
    app.run()
    assert "cartpole-small" not in app.session_state["factors.measuring"]
    assert not app.error
