"""The gallery: views are saved from their pages and shown on Home with their notes."""

from streamlit.testing.v1 import AppTest

from frontend.client import client
from frontend.components.share import embedded
from tests.support.pages import OpenPage
from tests.support.recorded import FINGER
from tests.support.workplace import Workplace


def text(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption))


def test_an_empty_gallery_says_how_it_is_filled(open_page: OpenPage) -> None:
    assert "Nothing kept yet" in text(open_page("home/gallery"))


def test_a_traversal_is_kept_with_a_note_and_opened_again(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("traversals", checkpoint=FINGER, dim="2", range="1.5")
    app.text_area(key="traversals.keep.note").set_value("hue only")
    next(button for button in app.button if button.label == "Keep it").click().run()
    assert not app.exception and not app.error
    (piece,) = work.get("/gallery")["items"]
    assert (piece["kind"], piece["checkpoint"], piece["note"]) == ("traversal", FINGER, "hue only")
    assert (piece["view"]["dims"], piece["view"]["range"]) == ("2", 1.5)
    assert piece["link"].startswith("traversals?") and "range=1.5" in piece["link"]
    shown = open_page("home/gallery")
    assert "hue only" in text(shown)
    assert "Open it" in [found.value for found in shown.page_link]


def test_a_piece_gets_other_words_and_is_taken_out(open_page: OpenPage, work: Workplace) -> None:
    id = client().post("/gallery", {"kind": "rollout", "checkpoint": FINGER, "title": "first", "link": "no?x=1"})["id"]
    app = open_page("home/gallery")
    app.text_input(key=f"title.{id}").set_value("better")
    next(button for button in app.button if button.label == "Save").click().run()
    assert work.get("/gallery")["items"][0]["title"] == "better"
    app.button(key=f"out.{id}").click().run()
    assert not work.get("/gallery")["items"]
    assert "Nothing kept yet" in text(app)


def test_a_view_is_embedded_by_a_frame_of_its_link() -> None:
    frame = embedded("http://host:1/traversals?dim=2&range=1.5")
    assert 'src="http://host:1/traversals?dim=2&amp;range=1.5&amp;embed=true"' in frame
    assert "?embed=true" in embedded("http://host:1/traversals")
