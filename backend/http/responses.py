"""How a finished file is sent: the requested format, its ETag, 304 if the client has it already."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from backend.http.problems import Fault, Problem, nearest, short


@dataclass(frozen=True)
class Answer:
    """A finished file as it is sent: equal queries get equal bytes and therefore the same ETag."""

    content: bytes
    media_type: str
    file_name: str | None = None  # readable name for a download; None: shown in the browser
    warning: str = ""  # in ASCII: what is not in the file as it was asked for

    @cached_property
    def etag(self) -> str:
        """Strong validator of the content, computed once however often the answer is sent."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def negotiate(asked: str | None, accept: str | None, media_types: Mapping[str, str]) -> str:
    """The format of an answer: `format=` wins, else the best of `Accept`, else the first of those offered.

    `media_types` has the media type of each format that is offered.

    Raises Problem 406 naming what there is.
    """
    offered = tuple(media_types)
    if asked is not None:
        if asked in offered:
            return asked
        raise _not_acceptable(f"There is no format {short(asked)} here.", offered, asked, "query:format")
    best, best_quality = None, 0.0
    for name, media_type in media_types.items():
        quality = _quality(accept or "*/*", media_type.partition(";")[0])
        if quality > best_quality:
            best, best_quality = name, quality
    if best is None:
        raise _not_acceptable(f"No available format matches Accept: {short(accept)}.", offered, "", "header:Accept")
    return best


def send(request: Request, answer: Answer, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer, or 304 if `If-None-Match` shows that the client has it."""
    common = {"ETag": answer.etag, "Cache-Control": "private, no-cache", "Vary": "Accept", **(headers or {})}
    if matches(request.headers.get("if-none-match"), answer.etag):
        return Response(status_code=304, headers=common)
    if answer.file_name is not None:
        common["Content-Disposition"] = disposition(answer.file_name)
    if answer.warning:
        common["Warning"] = f'199 diswm "{answer.warning}"'
    return Response(answer.content, status_code=status, media_type=answer.media_type, headers=common)


def send_file(file: BinaryIO, media_type: str, file_name: str, etag: str) -> Response:
    """An open file, piece by piece; it is closed at the end."""
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Content-Disposition": disposition(file_name),
    }
    return StreamingResponse(_pieces(file), media_type=media_type, headers=headers)


def not_modified(etag: str) -> Response:
    """304."""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})


def matches(given: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` names this ETag (compared weakly, RFC 9110 section 13.1.2)."""
    if given is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or etag in tags


def disposition(file_name: str) -> str:
    """`Content-Disposition` of a download, its name in ASCII and, if needed, in UTF-8."""
    ascii_name = "".join(c if c.isascii() and c.isprintable() and c not in '"\\/' else "_" for c in file_name)
    extended = "" if ascii_name == file_name else f"; filename*=UTF-8''{quote(file_name, safe='')}"
    return f'attachment; filename="{ascii_name}"{extended}'


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(1 << 18):
            yield piece


def _quality(accept: str, media_type: str) -> float:
    """The q of a media type in an Accept header; the most specific range that fits decides."""
    best = (-1, 0.0)
    for part in accept.split(","):
        span, *parameters = (item.strip().lower() for item in part.split(";"))
        fits = {media_type: 2, f"{media_type.partition('/')[0]}/*": 1, "*/*": 0}
        if span in fits:
            best = max(best, (fits[span], _weight(parameters)))
    return best[1]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _not_acceptable(detail: str, offered: tuple[str, ...], asked: str, pointer: str) -> Problem:
    return Problem(
        406,
        "not-acceptable",
        detail,
        remedy=f"Ask for one of {', '.join(offered)}.",
        errors=[Fault(pointer, f"must be one of {', '.join(offered)}", nearest(asked, offered))],
    )
