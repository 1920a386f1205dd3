"""Every refusal of the API as RFC 9457 `application/problem+json`: a pointer, a clear sentence and a remedy."""

import difflib
import errno
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True)
class Fault:
    """One wrong input: where (`/settings/beta` in a body, `query:range`, `path:id`, `header:X`) and what."""

    pointer: str
    detail: str
    suggestion: str | None = None


class Problem(Exception):
    """An answer that is not a success; raise it in middleware or in a route."""

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        remedy: str,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.remedy = remedy
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.slug.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "errors": [asdict(fault) for fault in self.errors],
            "remedy": self.remedy,
            **self.extra,
        }

    def response(self) -> Response:
        """The whole answer; never cached."""
        content = json.dumps(self.body(), ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(content, status_code=self.status, headers=headers, media_type=MEDIA_TYPE)


def invalid(pointer: str, detail: str, *, remedy: str, suggestion: str | None = None) -> Problem:
    """422 for one wrong input."""
    fault = Fault(pointer, detail, suggestion)
    return Problem(422, "invalid-input", detail, remedy=remedy, errors=[fault])


def not_found(kind: str, given: str, *, known: Iterable[str]) -> Problem:
    """404 for an unknown name in the path; `known` are the existing names."""
    names = list(known)
    near = nearest(given, names)
    hint = f"Did you mean {near}? " if near else ""
    return Problem(
        404,
        f"{kind}-not-found",
        f"There is no {kind} {short(given)}.",
        remedy=f"{hint}There is {', '.join(names[:10]) or f'no {kind} yet'}.",
        errors=[Fault(f"path:{kind}", f"no such {kind}", near)],
    )


def overloaded(detail: str, *, seconds: int = RETRY_AFTER_SECONDS) -> Problem:
    """503 for work that cannot be accepted now."""
    return Problem(
        503,
        "overloaded",
        detail,
        remedy=f"Try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name most similar to a mistyped one, if any is similar."""
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return matches[0] if matches else None


def short(value: object, limit: int = 80) -> str:
    """A value as shown in a sentence: never longer than `limit`."""
    text = repr(value[: limit + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def pointer_of(location: Sequence[str | int]) -> str:
    """("body", "settings", "beta") -> "/settings/beta"; ("query", "range") -> "query:range"."""
    if not location:
        return "/"
    place, *path = location
    if place != "body":
        return ":".join(str(part) for part in location)
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


def of_validation(items: Iterable[Mapping[str, Any]]) -> Problem:
    """422 with one fault per error that pydantic found (`error.errors()`)."""
    faults = [_fault(item) for item in items]
    first = faults[0] if faults else Fault("/", "the request is not valid")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Problem(
        422,
        "invalid-input",
        f"{first.pointer}: {first.detail}{more}",
        remedy="Correct the fields that errors lists; /docs shows what each field takes.",
        errors=faults,
    )


def of_http(error: HTTPException) -> Problem:
    """Errors of the router itself: no such path, no such method."""
    phrase = HTTPStatus(error.status_code).phrase
    remedy = {
        404: "See /docs for the paths that there are.",
        405: "Use a method that the Allow header names.",
    }.get(error.status_code, "Correct the request and send it again.")
    slug = phrase.lower().replace(" ", "-")
    detail = error.detail if isinstance(error.detail, str) else phrase
    return Problem(error.status_code, slug, f"{detail}.", remedy=remedy, headers=error.headers)


def of_os(error: OSError) -> Problem | None:
    """507 if the disk is full, 409 if writing is not permitted; None for any other failure."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return disk_full()
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Problem(
            409,
            "read-only",
            "The API has no permission to write there.",
            remedy="Give the API's user write permission there, or copy it into DISWM_HOME by download and upload.",
        )
    return None


def disk_full() -> Problem:
    """507: nothing of the request was stored."""
    return Problem(
        507,
        "disk-full",
        "The disk is full: nothing was written.",
        remedy="Free space under DISWM_HOME (delete runs or exports), then send the request again.",
    )


def unexpected() -> Problem:
    """500: a defect of ours; the log has the traceback."""
    return Problem(
        500,
        "internal-error",
        "The server failed on this request; the details are in its log only.",
        remedy="Look into the API's log for the traceback and report it.",
    )


def _fault(item: Mapping[str, Any]) -> Fault:
    """One of pydantic's errors as a fault; our own validators pass the key and what may have been meant."""
    context = item.get("ctx") or {}
    location = list(item.get("loc") or ())
    if item["type"] == "unknown_key":
        location.append(context["key"])
        return Fault(pointer_of(location), str(item["msg"]), context.get("suggestion") or None)
    if item["type"] == "missing":
        return Fault(pointer_of(location), "is required", None)
    detail = str(item["msg"]).removeprefix("Value error, ")
    if "input" in item and item["type"] not in ("value_error", "json_invalid"):
        detail = f"{detail[:1].lower()}{detail[1:]}, got {short(item['input'])}"
    return Fault(pointer_of(location), detail, None)
