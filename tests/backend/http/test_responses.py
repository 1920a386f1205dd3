"""The format of an answer, its ETag, and its name as a download."""

import pytest
from starlette.requests import Request

from backend.http.problems import Problem
from backend.http.responses import Answer, disposition, matches, send
from backend.views.formats import choose_format

OFFERED = ("json", "png", "gif", "mp4")


@pytest.mark.parametrize(
    ("asked", "accept", "chosen"),
    [
        (None, None, "json"),
        (None, "*/*", "json"),
        ("gif", "application/json", "gif"),
        (None, "image/*", "png"),
        (None, "image/*;q=0.5, image/gif", "gif"),
        (None, "text/html, video/mp4;q=0.2", "mp4"),
        (None, "application/json;q=0, image/gif;q=0.1", "gif"),
        (None, "*/*;q=0.1, image/png;q=0.9", "png"),
    ],
)
def test_the_format_is_the_one_named_or_the_best_accepted(asked: str | None, accept: str | None, chosen: str) -> None:
    assert choose_format(asked, accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("asked", "accept"), [("jpng", None), (None, "text/html"), (None, "image/gif;q=x"), ("", None)]
)
def test_a_format_that_is_not_there_is_406_and_names_those_that_are(asked: str | None, accept: str | None) -> None:
    with pytest.raises(Problem) as caught:
        choose_format(asked, accept, OFFERED)
    assert caught.value.status == 406
    assert "json, png, gif, mp4" in caught.value.remedy


def test_a_mistyped_format_gets_the_nearest_one() -> None:
    with pytest.raises(Problem) as caught:
        choose_format("giff", None, OFFERED)
    assert caught.value.errors[0].suggestion == "gif"


def request(**headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": pairs})


def test_a_client_that_has_the_file_gets_304_and_no_body() -> None:
    answer = Answer(b"picture", "image/png", "grid.png")
    full = send(request(), answer)
    again = send(request(if_none_match=f'W/{full.headers["etag"]}, "other"'), answer)
    assert (full.status_code, full.body) == (200, b"picture")
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == full.headers["etag"]


def test_another_etag_does_not_match() -> None:
    assert not matches('"abc"', '"abcd"')
    assert not matches(None, '"abc"')
    assert matches("*", '"abc"')


def test_a_download_name_cannot_end_the_header_or_name_a_folder() -> None:
    assert disposition("diswm_dim07.gif") == 'attachment; filename="diswm_dim07.gif"'
    hostile = disposition('a"; filename="../b\r\nX: y')
    assert hostile.startswith("attachment; filename=\"a_; filename=_.._b__X: y\"; filename*=UTF-8''")
    assert "\r" not in hostile
    assert "\n" not in hostile
