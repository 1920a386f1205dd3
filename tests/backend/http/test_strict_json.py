"""JSON is read strictly: what plain `json.loads` accepts is refused, with the position."""

import json

import pytest

from backend.http.problems import Problem
from backend.http.strict_json import MAX_DEPTH, parse


def test_an_ordinary_document_comes_out_as_json_reads_it() -> None:
    body = b'{"name": "caf\xc3\xa9 \\ud83d\\ude00", "values": [1, -2.5, 1e-3, true, null], "nested": {"a": {}}}'
    assert parse(body) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b'{"a": 1, "a": 2}', 400, "/"),
        (b'{"x": {"lr": 1, "lr": 1}}', 400, "/"),
        (b"{", 400, None),
        (b"", 400, None),
        (b"\xff\xfe", 400, None),
        (b"\xef\xbb\xbf{}", 400, None),
        (b'{"settings": {"lr": NaN}}', 422, "/settings/lr"),
        (b'{"settings": {"lr": [1, -Infinity]}}', 422, "/settings/lr/1"),
        (b'{"lr": 1e400}', 422, "/lr"),
        (b'{"batch": 18446744073709551616}', 422, "/batch"),
        (b'{"batch": ' + b"9" * 10_000 + b"}", 422, "/batch"),
        (b'{"name": "a\\u0000b"}', 422, "/name"),
        (b'{"name": "\\ud800"}', 422, "/name"),
        (b'{"\\udfff": 1}', 422, "/"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 422, "/"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 422, "/"),
        (b"[" * 100_000, 422, "/"),
    ],
)
def test_what_json_loads_takes_and_we_do_not_is_refused_with_its_place(
    body: bytes, status: int, pointer: str | None
) -> None:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert caught.value.status == status
    assert caught.value.remedy
    if pointer is not None:
        assert [fault.pointer for fault in caught.value.errors] == [pointer]


def test_plain_json_would_have_let_these_through() -> None:
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}
    assert json.loads('{"lr": 1e400}')["lr"] == float("inf")


def test_the_deepest_document_that_is_taken_is_taken() -> None:
    body = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert parse(body) == json.loads(body)
