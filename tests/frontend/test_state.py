"""Views as links: an address reopens the view that it was made from."""

import pytest

from frontend.state import Chosen, Dimension, Rollout, Traversal, View

EVERYTHING = Traversal(
    checkpoint="cartpole-small",
    base="prior",
    episode=2,
    frame=7,
    history=False,
    mode="offset",
    range=4.5,
    columns=7,
    dims=(3, 1),
    edits=((3, 1.5), (7, -0.25)),
    dim=3,
    column=0,
)


@pytest.mark.parametrize(
    "view",
    [
        Traversal(),
        EVERYTHING,
        Traversal(dims=(0,), edits=((0, 2.0),)),
        Rollout(checkpoint="a", dim=4, value=-1.25, step=9, hold=False, samples=4),
        Chosen("run-1"),
        Dimension("cartpole-small", 2),
    ],
)
def test_a_link_reopens_the_view(view: View) -> None:
    assert type(view).from_query(view.query()) == view


def test_a_link_holds_only_what_differs_from_the_start() -> None:
    assert Traversal(checkpoint="a", frame=3).query() == {"checkpoint": "a", "frame": "3"}


def test_a_spoilt_link_opens_with_what_can_be_read() -> None:
    view = Traversal.from_query({"frame": "seven", "columns": "9", "edits": "3:x", "colour": "red"})
    assert view == Traversal(columns=9)


def test_the_query_of_the_api_says_what_is_shown() -> None:
    query = EVERYTHING.api()
    assert query["edits"] == "3:1.5,7:-0.25"
    assert query["mode"] == "offset" and query["range"] == 4.5
    assert "frame" not in query, "the prior has no frame"


def test_the_range_is_left_out_where_the_mode_has_none() -> None:
    assert Traversal(mode="minmax", range=2.0).api().get("range") is None


def test_a_branch_is_one_edit_and_a_held_one_ends_with_a_plus() -> None:
    assert Rollout(dim=4, value=1.5, step=9).api()["edit"] == "4:1.5@9+"
    assert Rollout(dim=4, value=1.5, step=9, hold=False).api()["edit"] == "4:1.5@9"
    assert Rollout().api()["edit"] is None
