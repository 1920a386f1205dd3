"""The Traversals page: the view of a link, its commands, held values, names and rows."""

import re
import shutil
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from frontend.client import client
from frontend.pages import path
from tests.support.pages import OpenPage
from tests.support.recorded import CARTPOLE, FINGER
from tests.support.workplace import Workplace


def codes(app: AppTest) -> str:
    return "\n".join(code.value for code in app.code)


def widget(app: AppTest, kind: str, name: str) -> object:
    return next(item for item in getattr(app, kind) if (item.key or "").startswith(f"traversals.{name}."))


def labels(work: Workplace) -> list[dict[str, Any]]:
    return list(work.get(f"/checkpoints/{FINGER}/labels")["items"])


def test_a_link_opens_its_view_and_the_page_repeats_it(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals", checkpoint="run-cartpole", episode="2", frame="7", columns="5", dim="3", column="4")
    assert widget(app, "number_input", "episode").value == 2
    assert widget(app, "slider", "frame").value == 7
    assert studio_work.query_of("/atlas") == {
        "episode": "2",
        "frame": "7",
        "base": "clip",
        "history": "true",
        "mode": "sigma",
        "range": "2",
        "columns": "5",
    }
    assert "checkpoint=run-cartpole&episode=2&frame=7&columns=5&dim=3&column=4" in codes(app)
    assert "diswm traverse run-cartpole --columns 5 --range 2 --episode 2 --frame 7 --dims 3 --format gif" in codes(app)
    assert any(code.value.startswith("DISWM_HOME=") for code in app.code), "from whatever folder it is run"
    assert "/api/v1/checkpoints/run-cartpole/traversal?" in codes(app)


def test_another_frame_is_in_the_address_and_asked_for(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals")
    widget(app, "slider", "frame").set_value(12).run()
    assert app.query_params["frame"] == "12"
    assert studio_work.query_of("/atlas")["frame"] == "12"


def test_another_mode_brings_its_own_reach(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals")
    widget(app, "selectbox", "mode").select("offset").run()
    assert studio_work.query_of("/atlas")["range"] == "9"
    widget(app, "selectbox", "mode").select("minmax").run()
    assert "range" not in studio_work.query_of("/atlas")


def test_held_values_are_asked_for_and_in_the_command(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals", edits="3:1.5,1:-0.5")
    assert studio_work.query_of("/atlas")["edits"] == "3:1.5,1:-0.5"
    assert "--edits 3:1.5,1:-0.5" in codes(app)


def test_chosen_rows_keep_their_order(open_shared: OpenPage) -> None:
    app = open_shared("traversals", dims="4,2")
    rows = widget(app, "multiselect", "rows")
    assert rows.value == [4, 2]
    rows.set_value([2, 4, 0]).run()
    assert app.query_params["dims"] == "2,4,0"


def test_a_name_is_kept_and_shown_everywhere(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("traversals", dim="7")
    name = next(item for item in app.text_input if item.label == "Name")
    name.set_value("speed of the cart")
    next(button for button in app.button if button.label == "Save").click().run()
    assert {(label["dim"], label["name"]) for label in labels(work)} == {(7, "speed of the cart")}
    assert "dim 7: speed of the cart" in widget(app, "multiselect", "rows").options


def test_the_note_of_a_name_is_there_to_be_changed(open_page: OpenPage, work: Workplace) -> None:
    work.put(f"/checkpoints/{FINGER}/labels/3", {"name": "ground", "note": "only below the cart"})
    app = open_page("traversals", dim="3")
    fields = {item.label: item.value for item in app.text_input if str(item.proto.form_id).startswith("label.")}
    assert fields == {"Name": "ground", "Note": "only below the cart", "Your name": ""}


def test_a_checkpoint_that_is_gone_is_replaced_with_a_word(open_shared: OpenPage) -> None:
    app = open_shared("traversals", checkpoint="nobody")
    assert "There is no checkpoint nobody here" in app.warning[0].value
    assert app.query_params["checkpoint"] == FINGER


def test_the_checkpoint_goes_along_from_page_to_page(open_page: OpenPage, work: Workplace) -> None:
    def go(page: str) -> None:
        app.query_params.clear()
        app.switch_page(path(page)).run()

    app = open_page("traversals", checkpoint=CARTPOLE)
    go("factors")
    assert app.query_params["checkpoint"] == CARTPOLE
    app.selectbox[0].select(FINGER).run()
    go("traversals")
    assert app.query_params["checkpoint"] == FINGER
    asked = [path for path, _ in work.requests if path.startswith("/api/v1/checkpoints/")]
    assert asked[-1].startswith(f"/api/v1/checkpoints/{FINGER}")


def test_the_prior_mean_needs_no_frame(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals", base="prior")
    assert widget(app, "slider", "frame").disabled
    assert "frame" not in studio_work.query_of("/atlas")


def test_a_link_with_absurd_values_opens_the_nearest_view(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared(
        "traversals", episode="-3", frame="999999", columns="64", range="-1", mode="magic", base="nowhere"
    )
    assert not app.error and not app.exception
    query = studio_work.query_of("/atlas")
    assert (query["episode"], query["frame"], query["columns"], query["mode"]) == ("0", "49", "33", "sigma")
    app = open_shared("imagine", context="0", horizon="9999", samples="-1", step="777", actions="dance", dim="400")
    assert not app.error and not app.exception


def test_a_file_that_was_downloaded_here_opens_its_view(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals")
    view = {"episode": 1, "frame": 9, "dims": 2, "columns": 7, "edits": "1:0.5"}
    film = client().file(f"/checkpoints/{FINGER}/traversal", {**view, "format": "gif"})
    next(box for box in app.file_uploader if box.key == "traversals.reopen").upload(film.name, film.content).run()
    assert not app.error
    assert app.query_params["frame"] == "9"
    assert studio_work.query_of("/atlas")["edits"] == "1:0.5"


def test_a_file_without_settings_is_refused_in_the_apis_words(open_shared: OpenPage) -> None:
    app = open_shared("traversals")
    next(box for box in app.file_uploader if box.key == "traversals.reopen").upload("film.gif", b"nothing").run()
    assert "carries no settings" in app.error[0].value


def test_an_address_that_the_browser_sends_late_does_not_undo_a_change(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("traversals", frame="3")
    first = dict(app.query_params)
    widget(app, "slider", "frame").set_value(12).run()
    app.query_params.clear()
    app.query_params["frame"] = first["frame"]
    app.query_params["checkpoint"] = first["checkpoint"]
    app.run()
    assert widget(app, "slider", "frame").value == 12
    monkeypatch.setattr("frontend.places.STALE_S", 0.0)
    app.query_params["frame"] = "3"
    app.run()
    assert widget(app, "slider", "frame").value == 3, "much later it is the way back in the browser"


def test_a_frame_of_any_data_set_is_a_base_and_the_link_and_the_command_carry_it(
    open_shared: OpenPage, studio_work: Workplace
) -> None:
    app = open_shared("traversals")
    widget(app, "button_group", "base").set_value("dataset").run()
    assert studio_work.query_of("/atlas")["source"] == "cartpole-clips"
    widget(app, "selectbox", "dataset").select("my-videos").run()
    widget(app, "number_input", "episode").set_value(11).run()
    widget(app, "slider", "frame").set_value(23).run()
    query = studio_work.query_of("/atlas")
    assert (query["base"], query["source"], query["episode"], query["frame"]) == ("dataset", "my-videos", "11", "23")
    assert "base=dataset&source=my-videos&episode=11&frame=23" in codes(app)
    assert f"diswm traverse {FINGER} --dataset my-videos --columns 11" in codes(app)
    assert "--episode 11 --frame 23" in codes(app)
    app = open_shared("traversals", base="dataset", source="my-videos", episode="3", frame="7")
    assert studio_work.query_of("/atlas")["source"] == "my-videos"
    assert widget(app, "slider", "frame").value == 7


def test_back_in_the_clip_no_data_set_is_named(open_shared: OpenPage, studio_work: Workplace) -> None:
    app = open_shared("traversals", base="dataset", source="my-videos", frame="7")
    widget(app, "button_group", "base").set_value("clip").run()
    query = studio_work.query_of("/atlas")
    assert query["base"] == "clip" and "source" not in query
    assert "source" not in app.query_params


def test_without_a_data_set_the_page_leads_to_where_one_is_made(open_page: OpenPage, work: Workplace) -> None:
    shutil.rmtree(work.home / "datasets")
    app = open_page("traversals", base="dataset")
    assert any("No data set yet" in text.value for text in app.markdown)
    assert not app.error


def test_a_picture_is_asked_for_then_taken_as_the_base(open_shared: OpenPage, studio_work: Workplace) -> None:
    frame = client().file(f"/checkpoints/{FINGER}/frame").content
    app = open_shared("traversals", base="picture")
    assert any("No picture yet" in text.value for text in app.markdown)
    next(box for box in app.file_uploader if box.key == "traversals.picture").upload("me.png", frame).run()
    query = studio_work.query_of("/atlas")
    assert query["base"] == "picture" and re.fullmatch("[0-9a-f]{32}", query["source"])
    assert "frame" not in query
    assert f"base=picture&source={query['source']}" in codes(app)
    assert f"--picture {query['source']}" in codes(app)


def test_a_file_that_is_no_picture_is_refused_in_the_apis_words(open_shared: OpenPage) -> None:
    app = open_shared("traversals", base="picture")
    next(box for box in app.file_uploader if box.key == "traversals.picture").upload("me.png", b"text").run()
    assert "me.png: the file is neither a PNG nor a JPEG" in app.error[0].value
    assert "Choose a PNG, JPEG or WebP file." in app.error[0].value


def test_a_name_says_who_gave_it(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("traversals", dim="7")
    fields = {item.label: item for item in app.text_input}
    fields["Name"].set_value("speed of the cart")
    fields["Your name"].set_value("Ada")
    next(button for button in app.button if button.label == "Save").click().run()
    assert [label["author"] for label in labels(work)] == ["Ada"]
    assert any("Named by Ada" in caption.value for caption in app.caption)


def test_a_film_with_a_colour_for_each_pixel_is_asked_for_by_one_switch(open_shared: OpenPage) -> None:
    app = open_shared("traversals")
    assert "--chroma" not in codes(app)
    app.toggle(key="traversals.chroma").set_value(True).run()
    assert "--chroma 444" in codes(app)
    assert "chroma=444" in codes(app)
