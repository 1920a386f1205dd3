"""The formats that a view can be sent in, and which of them a request asks for."""

from backend.export.options import MEDIA_TYPES as FILE_TYPES
from backend.http.responses import negotiate

MEDIA_TYPES = {
    "json": "application/json",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    **FILE_TYPES,
}


def choose_format(asked: str | None, accept: str | None, offered: tuple[str, ...]) -> str:
    """The format of an answer: `format=` wins, else the best of `Accept`, else the first one offered.

    Raises Problem 406 naming what there is.
    """
    return negotiate(asked, accept, {name: MEDIA_TYPES[name] for name in offered})
