"""JSON read strictly: no duplicate keys, no NaN or overflow, no deep nesting, no text that cannot be stored."""

import json
import math
from collections import Counter
from typing import Any

from backend.http.problems import Fault, Problem, invalid, pointer_of, short

MAX_DEPTH = 32
MAX_INTEGER = 2**64 - 1  # seeds may be unsigned 64 bit numbers; no other field is that large
_REMEDY = "Send plain JSON (RFC 8259): finite numbers, each key once."


def parse(body: bytes) -> Any:
    """The value of a JSON document.

    Raises Problem: 400 if it is not JSON or has a duplicate key, 422 if a value is not accepted.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise _malformed(f"the body is not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check(value)
    return value


class _Refused(str):
    """Replaces a number that is not accepted in the parsed value; says why."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without duplicate keys."""
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    raise Problem(
        400,
        "duplicate-key",
        f"The key {short(twice)} appears twice in one object.",
        remedy="Keep one of the two.",
        errors=[Fault("/", f"duplicate key {short(twice)}", twice)],
    )


def _constant(name: str) -> str:
    return _Refused(f"{name} is not a number that JSON knows")


def _float(text: str) -> float | str:
    value = float(text)
    return _Refused(f"{short(text)} is too large for a 64 bit float") if math.isinf(value) else value


def _integer(text: str) -> int | str:
    if len(text) > 21 or abs(int(text)) > MAX_INTEGER:
        return _Refused(f"{short(text)} is outside the 64 bit integers")
    return int(text)


def _check(value: Any) -> None:
    """Refuse, at any place: a refused number, text with NUL or a lone surrogate, nesting past MAX_DEPTH."""
    level: list[tuple[tuple[str | int, ...], Any]] = [(("body",), value)]
    for _ in range(MAX_DEPTH):
        below: list[tuple[tuple[str | int, ...], Any]] = []
        for path, item in level:
            if isinstance(item, str):
                _check_text(path, item)
            elif isinstance(item, dict):
                below.extend((path, key) for key in item)
                below.extend(((*path, key), child) for key, child in item.items())
            elif isinstance(item, list):
                below.extend(((*path, index), child) for index, child in enumerate(item))
        if not below:
            return
        level = below
    raise _too_deep()


def _check_text(path: tuple[str | int, ...], text: str) -> None:
    if isinstance(text, _Refused):
        raise invalid(pointer_of(path), str(text), remedy=_REMEDY)
    if "\0" in text:
        raise invalid(pointer_of(path), f"{short(text)} holds a NUL character", remedy="Take the NUL out.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"{short(text)} holds half of a surrogate pair"
        raise invalid(pointer_of(path), message, remedy="Send whole Unicode characters.") from error


def _too_deep() -> Problem:
    return invalid("/", f"the body is nested deeper than {MAX_DEPTH} levels", remedy="Send a flatter object.")


def _malformed(detail: str) -> Problem:
    return Problem(400, "malformed-json", f"The body is not JSON: {detail}.", remedy=_REMEDY)
