"""Every page over the application: full, empty, in error, and without an API."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontend.pages import PAGES, path
from tests.support.pages import OpenPage, known_to_the_page, open_app
from tests.support.recorded import FINGER
from tests.support.workplace import OpenWorkplace, Workplace

PLACES = [f"{name}/{section}".rstrip("/") for name, page in PAGES.items() for section in page.sections or [""]]

EMPTY = ("Train a model", "Start ", "Upload videos", "Two checkpoints", "Nothing kept yet")


def shown(app: object) -> str:
    """All text of a page."""
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "metric", "code")
    return "\n".join(f"{element.value}" for kind in kinds for element in getattr(app, kind))


@pytest.mark.parametrize("place", PLACES)
def test_a_page_of_a_workplace_in_use_shows_no_error(open_shared: OpenPage, place: str) -> None:
    app = open_shared(place)
    assert not app.exception
    assert not app.error, shown(app)
    assert app.title


def test_a_checkpoint_is_deleted_only_after_a_question_and_a_shipped_one_never(
    open_page: OpenPage, work: Workplace
) -> None:
    shutil.copytree(work.home / "runs/run-cartpole/checkpoints/update-000000300", work.home / "checkpoints" / "mine")
    app = open_page("home")
    keys = {button.key for button in app.button if str(button.key).startswith("delete.")}
    own = {item["id"] for item in work.get("/checkpoints")["items"] if item["source"] != "shipped"}
    assert keys and keys <= {f"delete./checkpoints/{name}" for name in own}
    gone = sorted(keys)[0]
    app.button(key=gone).click().run()
    assert not app.exception
    assert gone.rpartition("/")[2] not in [item["id"] for item in work.get("/checkpoints")["items"]]


def test_a_film_without_known_factors_has_no_table_of_them(open_shared: OpenPage) -> None:
    app = open_shared("data", id="my-videos")
    assert "estimated from the pictures" in shown(app)
    assert ["factor"] not in [list(table.value.columns) for table in app.dataframe]
    known = open_shared("data", id="cartpole-clips")
    assert ["factor"] in [list(table.value.columns) for table in known.dataframe]


@pytest.fixture(scope="module")
def empty_work(open_workplace: OpenWorkplace) -> Iterator[Workplace]:
    """An application with nothing in it, for tests that leave it so."""
    with open_workplace() as work:
        work.empty()
        yield work


@pytest.fixture
def open_empty(empty_work: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenPage]:
    """As `open_page`, over the empty application."""
    with known_to_the_page(empty_work.address, monkeypatch, tmp_path):
        yield lambda place, **query: open_app(place, query)


@pytest.mark.parametrize("place", PLACES)
def test_a_page_of_an_empty_workplace_says_what_to_do_next(open_empty: OpenPage, place: str) -> None:
    app = open_empty(place)
    assert not app.exception
    assert not app.error, shown(app)
    if place != "train/new":
        assert any(word in shown(app) for word in EMPTY)


@pytest.mark.parametrize("place", PLACES)
def test_without_an_api_a_page_says_how_to_start_it(no_api: str, place: str) -> None:
    app = open_app(place, {})
    assert not app.exception
    assert "The API is not answering" in shown(app)
    assert f"`{no_api}`" in shown(app) and "`make app`" in shown(app)
    assert app.button(key="retry")


@pytest.mark.parametrize("place", PLACES)
def test_a_refusal_of_the_api_is_shown_in_its_own_words(
    open_shared: OpenPage, studio_work: Workplace, place: str
) -> None:
    body = {"title": "Disk full", "detail": "No space is left.", "remedy": "Delete old runs."}
    studio_work.problem = ("/api/v1/", 507, body)
    app = open_shared(place)
    assert not app.exception
    assert "**Disk full.** No space is left." in app.error[0].value
    assert "Delete old runs." in app.error[0].value


def test_a_failure_of_the_page_itself_is_a_sentence_and_no_traceback(
    open_shared: OpenPage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("frontend.client.Client.get", lambda *_: {"items": [{}], "next_cursor": None})
    app = open_shared("traversals")
    assert not app.exception
    assert "This page failed" in app.error[0].value
    assert "KeyError" in caplog.text


def test_every_page_has_a_file() -> None:
    assert all((Path(__file__).parents[2] / "frontend" / path(page)).is_file() for page in PAGES)


def test_factors_that_are_being_computed_are_waited_for(open_page: OpenPage, work: Workplace) -> None:
    body = {"type": "/problems/computing", "title": "Computing", "detail": "Ask again."}
    work.problem = ("/factors", 409, body)
    app = open_page("factors")
    assert not app.error
    assert "The first time this takes up to a minute" in app.info[0].value
    work.problem = None
    app.run()
    assert app.metric[0].label == "MIG"


@pytest.mark.parametrize(("page", "query"), [("data", {"id": "gone-one"}), ("traversals", {"source": "gone-one"})])
def test_a_missing_data_set_of_a_link_is_named_where_there_is_no_other(
    open_page: OpenPage, work: Workplace, page: str, query: dict[str, str]
) -> None:
    shutil.rmtree(work.home / "datasets")
    app = open_page(page, base="dataset", **query)
    assert "There is no data set gone-one here" in app.warning[0].value
    assert any("No data set yet" in text.value for text in app.markdown)


def test_a_link_from_one_section_of_a_page_to_another_opens_that(open_empty: OpenPage) -> None:
    app = open_empty("train/runs")
    links = [item.proto for item in app.get("page_link")]
    assert ["section=new" in link.query_string for link in links if link.label == "Open the training form"] == [True]


def test_a_checkpoint_that_the_list_does_not_hold_is_found_by_a_search(open_page: OpenPage, work: Workplace) -> None:
    work.page_size = 1
    app = open_page("compare/returns")
    assert work.query_of("/checkpoints") == {"limit": "200"}
    app.text_input(key="header.words").set_value("run-cartpole").run()
    app.button(key="header.found.run-cartpole").click().run()
    assert not app.exception and not app.error
    assert app.selectbox(key="header.checkpoint").value == "run-cartpole"


@pytest.mark.parametrize(
    ("page", "key"), [("compare", "compare/checkpoints.second"), ("compare/rollouts", "compare/rollouts")]
)
def test_a_second_checkpoint_is_found_by_a_search(page: str, key: str, open_page: OpenPage, work: Workplace) -> None:
    work.page_size = 1
    app = open_page(page)
    app.text_input(key=f"{key}.words").set_value("run-cartpole").run()
    app.button(key=f"{key}.found.run-cartpole").click().run()
    assert not app.exception and not app.error
    assert "run-cartpole" in str(app.query_params)


def test_pages_ask_for_one_page_of_each_list(open_page: OpenPage, work: Workplace) -> None:
    work.page_size = 1
    for page in (
        "home",
        "data",
        "train",
        "train/runs",
        "compare",
        "compare/rollouts",
        "compare/returns",
        "imagine/play",
    ):
        open_page(page)
    lists = ("/checkpoints", "/datasets", "/runs")
    asked = [query for path, query in work.requests if path.removeprefix("/api/v1") in lists]
    assert asked and all("limit" in query and "cursor" not in query for query in asked)


def test_a_data_set_that_the_list_does_not_hold_is_found_by_a_search(open_page: OpenPage, work: Workplace) -> None:
    work.page_size = 1
    app = open_page("data")
    app.text_input(key="data.words").set_value("my-videos").run()
    app.button(key="data.found.my-videos").click().run()
    assert app.query_params["id"] in ("my-videos", ["my-videos"])
    found = open_page("train", stage="pretrain", dataset="my-videos")
    assert "my-videos" in [box.value for box in found.selectbox]


def test_home_shows_a_model_that_draws_nothing_with_the_reason_instead_of_its_picture(
    open_page: OpenPage, work: Workplace
) -> None:
    name = FINGER
    kind = {"type": "https://diswm.example/problems/not-offered"}
    work.problem = ("/atlas", 409, {"title": "Not offered", "detail": f"{name} draws no pictures.", **kind})
    app = open_page("home")
    assert not app.exception
    assert not app.error, shown(app)
    assert "draws no pictures" in shown(app)
