"""What a model sees, on the pages about a checkpoint: the sentence, the numbers, and a way to measure them."""

import pytest
from streamlit.testing.v1 import AppTest

from frontend.components.markdown import escape_markdown
from frontend.components.quality import tables
from tests.support.pages import OpenPage
from tests.support.recorded import CARTPOLE
from tests.support.workplace import Workplace


def _said(app: AppTest) -> str:
    words = [str(element.value) for kind in ("caption", "markdown") for element in getattr(app, kind)]
    return "\n".join(
        [*words, *(button.label for button in app.button), *(item.proto.popover.label for item in app.get("popover"))]
    )


def _sees(work: Workplace, checkpoint: str) -> str:
    """What the application says that a model sees, as the page writes it."""
    return escape_markdown(work.get(f"/checkpoints/{checkpoint}/quality")["sees"])


@pytest.mark.parametrize("page", ["traversals", "factors", "imagine", "compare", "home"])
def test_the_sentence_and_its_numbers_stand_under_the_checkpoints_name(
    open_shared: OpenPage, studio_work: Workplace, page: str
) -> None:
    app = open_shared(page, checkpoint=CARTPOLE)
    assert _sees(studio_work, CARTPOLE) in _said(app)
    app.session_state[f"numbers.{CARTPOLE}"] = True
    said, quality = _said(app.run()), studio_work.get(f"/checkpoints/{CARTPOLE}/quality")
    right, (low, high) = quality["agent_right"]["observed"], quality["intervals"]["agent_right"]["observed"]
    assert f"| this model | {100 * right:.0f}\u202f±\u202f{50 * (high - low):.0f} |" in said
    returns = quality["policy_return"]
    shown = f"{returns['mean']:.0f} ± {returns['std']:.0f} over {returns['episodes']} episodes"
    assert f"Return of the policy:** {shown}" in said


def test_a_return_of_drawn_actions_is_named_and_the_other_stands_beside_it(work: Workplace) -> None:
    quality = work.get(f"/checkpoints/{CARTPOLE}/quality")
    returns = quality["policy_return"] | {"mean": 759.0, "std": 350.0, "most_likely": 656.0}
    said = tables(quality | {"policy_return": returns})
    assert (
        "759 ± 350 over" in said
        and "with actions drawn from it; its most likely actions earn 656; random actions" in said
    )
    assert "drawn from it" not in tables(quality), "the others are of the most likely actions"


@pytest.mark.parametrize("page", ["traversals", "imagine"])
def test_where_nobody_measured_a_button_does(open_page: OpenPage, work: Workplace, page: str) -> None:
    app = open_page(page, checkpoint="run-cartpole")
    assert "has not been measured" in _said(app)
    app.button(key="measure.run-cartpole").click().run()
    assert _sees(work, "run-cartpole") in _said(app)


def test_a_run_says_what_its_newest_checkpoint_sees(open_shared: OpenPage, studio_work: Workplace) -> None:
    assert _sees(studio_work, "run-cartpole") in _said(open_shared("train/runs", id="run-cartpole"))


def test_cards_say_it_too_and_nothing_where_it_is_not_known(open_page: OpenPage, work: Workplace) -> None:
    listed = work.get("/checkpoints")
    for item in listed["items"]:
        item |= {"named": 0, "sees": "This model does not see the pole: 1 % of it [0, 2]."}
    listed["items"][-1] |= {"named": 9, "sees": None}  # that one is shown first
    work.answers["/checkpoints"] = listed
    said = _said(open_page("home"))
    assert ":material/visibility_off: This model does not see the pole: 1 % of it \\[0, 2\\]." in said.replace(
        "\\:", ":"
    )


def test_what_was_not_measured_is_no_column_and_no_number(work: Workplace) -> None:
    short = work.get(f"/checkpoints/{CARTPOLE}/quality")
    for tree in (short["psnr"], short["agent_psnr"]):
        for curve in tree.values():
            curve |= {"25": None, "45": None}
    mean = short["psnr"]["mean_image"]
    mean["5"] = None
    text = tables(short)
    assert "step\u202f15" in text and "step\u202f25" not in text
    known = [short["reconstruction"]["psnr"]["mean_image"], mean["1"]]
    assert f"| mean image | {known[0]:.1f} | {known[1]:.1f} | – | {mean['10']:.1f} | {mean['15']:.1f} |" in text
