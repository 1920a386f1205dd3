"""Answers one request for decoding: `python -I -m backend.data.decode`.

The request is one line of JSON on standard input; the frames go to the output file as raw RGB of 64x64, one after the
other, and episodes as `.npz`; the last line on standard output says how it went.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from backend.data.containers import Container, VideoError
from backend.data.decode.npz import decode_npz
from backend.data.decode.sandbox import Decoded, Request, apply_limits, leave_network, read_request
from backend.data.decode.stills import decode_animation, decode_stills
from backend.data.decode.tar import decode_tar
from backend.data.decode.zip import decode_zip, decode_zip_of_npz


def main() -> None:
    """Answer one request; the exit status is 0 also where the file is refused."""
    request = read_request(sys.stdin.readline())
    leave_network()
    apply_limits(request.limits)
    try:
        reply: dict[str, Any] = {"decoded": asdict(_decode(request))}
    except VideoError as error:
        reply = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}
    except MemoryError:
        message = "decoding needs more memory than a file may use here"
        reply = {"error": {"code": "too_large", "message": message, "remedy": "Use a smaller picture size."}}
    sys.stdout.write(json.dumps(reply) + "\n")


def _decode(request: Request) -> Decoded:
    with contextlib.ExitStack() as stack:
        if request.container == "folder":
            from backend.data.decode.dataset import decode_folder

            output = stack.enter_context(Path(request.output).open("wb"))
            return decode_folder(Path(request.sources[0]), output, request)
        sources: list[IO[bytes]] = [stack.enter_context(Path(source).open("rb")) for source in request.sources]
        output = stack.enter_context(Path(request.output).open("wb"))
        return _decode_open(sources, output, request)


def _decode_dataset(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """The libraries of these formats are only loaded for them."""
    from backend.data.decode.dataset import decode_dataset

    return decode_dataset(source, output, request)


def _decode_film(source: IO[bytes], output: IO[bytes], request: Request) -> Decoded:
    """FFmpeg is only loaded for films."""
    from backend.data.decode.film import decode_film

    return decode_film(source, output, request)


Decoder = Callable[[IO[bytes], IO[bytes], Request], Decoded]
_DECODERS: dict[Container, Decoder] = {
    "episode": decode_npz,
    "episodes": decode_zip_of_npz,
    "archive": decode_tar,
    "frames": decode_zip,
    "animation": decode_animation,
    "dataset": _decode_dataset,
}


def _decode_open(sources: list[IO[bytes]], output: IO[bytes], request: Request) -> Decoded:
    if request.container == "picture":
        return decode_stills(sources, output, request)
    return _DECODERS.get(request.container, _decode_film)(sources[0], output, request)


if __name__ == "__main__":
    main()
