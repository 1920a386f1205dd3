"""What a model sees, on the pages about a checkpoint: the sentence, the numbers, and a way to measure them."""

import pytest
from streamlit.testing.v1 import AppTest

from frontend.components.quality import tables
from tests.support.pages import OpenPage
from tests.support.stand_in import World
from tests.support.stand_in_quality import SEES, quality


def _said(app: AppTest) -> str:
    words = [str(element.value) for kind in ("caption", "markdown") for element in getattr(app, kind)]
    return "\n".join(
        [*words, *(button.label for button in app.button), *(item.proto.popover.label for item in app.get("popover"))]
    )


@pytest.mark.parametrize("page", ["traversals", "factors", "imagine", "compare", "home"])
def test_the_sentence_and_its_numbers_stand_under_the_checkpoints_name(open_page: OpenPage, page: str) -> None:
    app = open_page(page, checkpoint="cartpole-small")
    assert SEES in _said(app)
    app.session_state["numbers.cartpole-small"] = True
    said = _said(app.run())
    assert "| this model | 72\u202f±\u202f4 |" in said and "Return of the policy:** 612 ± 30 over 20 episodes" in said


@pytest.mark.parametrize("page", ["traversals", "imagine"])
def test_where_nobody_measured_a_button_does(open_page: OpenPage, page: str) -> None:
    app = open_page(page, checkpoint="run-cartpole")
    assert "has not been measured" in _said(app)
    app.button(key="measure.run-cartpole").click().run()
    assert SEES in _said(app)


def test_a_run_says_what_its_newest_checkpoint_sees(open_page: OpenPage) -> None:
    assert SEES in _said(open_page("train/runs", id="run-cartpole"))


def test_cards_say_it_too_and_nothing_where_it_is_not_known(open_page: OpenPage, world: World) -> None:
    world.checkpoints[0]["sees"] = "This model does not see the pole: 1 % of it [0, 2]."
    for item in world.checkpoints:
        item["named"] = 0
    world.checkpoints[1] |= {"named": 9, "sees": None}  # that one is shown first
    said = _said(open_page("home"))
    assert ":material/visibility_off: This model does not see the pole: 1 % of it \\[0, 2\\]." in said.replace(
        "\\:", ":"
    )


def test_what_was_not_measured_is_no_column_and_no_number() -> None:
    short = quality()
    for tree in (short["psnr"], short["agent_psnr"]):
        for curve in tree.values():
            curve |= {"25": None, "45": None}
    short["psnr"]["mean_image"]["5"] = None
    text = tables(short)
    assert "step\u202f15" in text and "step\u202f25" not in text
    assert "| mean image | 24.1 | 24.0 | – | 24.0 | 24.0 |" in text
