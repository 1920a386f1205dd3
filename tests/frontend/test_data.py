"""The Data page: episodes in a player with their numbers, tags, another name."""

from streamlit.testing.v1 import AppTest

from tests.support.noise import write_noise
from tests.support.pages import OpenPage
from tests.support.workplace import Workplace


def test_the_player_asks_for_the_episode_and_stretch_of_the_link(open_page: OpenPage, work: Workplace) -> None:
    write_noise(work.home / "datasets" / "long", episodes=2, frames=450)
    app = open_page("data", id="long", episode="1", frame="250")
    assert work.query_of("/datasets/long/episodes/1") == {"start": "200"}
    assert app.query_params["frame"] == "250"
    frames = next(slider for slider in app.select_slider if slider.label == "Frames")
    assert frames.options == ["0 to 199", "200 to 399", "400 to 449"]
    frames.set_value(400).run()
    assert work.query_of("/datasets/long/episodes/1") == {"start": "400"}


def test_an_episode_that_is_not_there_opens_the_first_one(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("data", id="cartpole-clips", episode="99")
    assert not app.exception
    assert work.query_of("/datasets/cartpole-clips/episodes/0") == {"start": "0"}


def test_episodes_are_flagged_and_data_sets_tagged(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("data", id="cartpole-clips")
    tags = app.multiselect(key="tags.episode.cartpole-clips/0")
    assert tags.options[:3] == ["broken", "unusual", "good"]
    tags.set_value(["broken"])
    app.text_area(key="text.episode.cartpole-clips/0").set_value("the arm is cut off")
    save_of(app, "episode.cartpole-clips/0").click().run()
    (stored,) = work.get("/notes/episode")["items"]
    assert stored["id"] == "cartpole-clips/0"
    assert (stored["tags"], stored["note"]) == (["broken"], "the arm is cut off")
    table = app.dataframe[1].value
    assert list(table["tags"])[:2] == ["broken", ""]
    assert app.dataframe[0].value["made"].dtype.kind == "M", "a time, so that the table sorts by it"
    assert app.button(key="data.delete").label == "Delete", "also of what was collected or played"


def test_a_data_set_gets_another_name(open_page: OpenPage, work: Workplace) -> None:
    app = open_page("data", id="my-videos")
    app.text_input(key="data.name.my-videos").set_value("kitchen").run()
    app.button(key="data.save.my-videos").click().run()
    assert [item["name"] for item in work.get("/datasets")["items"]] == ["cartpole-clips", "kitchen"]
    assert "kitchen" in [heading.value for heading in app.subheader]


def save_of(app: AppTest, form: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == "Save" and form in str(button.proto.form_id))
