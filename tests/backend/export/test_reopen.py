"""An exported file names the view it shows; any other file is refused without being executed."""

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from backend.data.checkpoint import Checkpoint
from backend.export.options import ExportOptions
from backend.export.render import TRAVERSAL_FORMATS, export_traversal, render_view
from backend.export.reopen import NoSettings, read_settings
from backend.export.rollout import ROLLOUT_FORMATS, render_rollout
from backend.interpret.rollout import Rollout
from backend.interpret.traversal_request import TraversalRequest
from backend.interpret.view import TraversalView

Views = Callable[..., TraversalView]


@pytest.mark.parametrize("format", TRAVERSAL_FORMATS)
def test_a_file_reopens_its_view(bright: Views, format: str) -> None:
    view = bright(1, 3)
    settings = read_settings(render_view(view, format, ExportOptions(upscale=1)))
    assert settings == json.loads(view.settings)


@pytest.mark.parametrize("format", ROLLOUT_FORMATS)
def test_a_rollout_is_told_from_a_traversal(imagined: Rollout, format: str) -> None:
    settings = read_settings(render_rollout(imagined, format, ExportOptions(upscale=1)))
    assert (settings["diswm"], settings["view"]) == ("rollout", imagined.request.to_json())


def test_a_reopened_view_makes_the_same_file(checkpoint: Checkpoint) -> None:
    asked = TraversalRequest(dims=(4, 1), extent=1.5, columns=3, frame=2)
    made = export_traversal(checkpoint, asked, "png")
    again = TraversalRequest.read(read_settings(made.content)["view"])
    assert export_traversal(checkpoint, again, "png") == made


def foreign() -> list[bytes]:
    picture, archive = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    np.savez(archive, settings=np.array([{"diswm": 1}], dtype=object), allow_pickle=True)
    wrong, page = io.BytesIO(), b'<script type="application/json" id="data">[1]</script>'
    ebml = b"\x1a\x45\xdf\xa3" + b"COMMENT\x44\x87"
    boxes = b"\0\0\0\x08ftyp" + b"\0\0\0\x04moov" + b"\0\0\0\x10moov\0\0\0\x01udta"
    np.savez(wrong, settings=np.array('{"diswm": "traversal", "view": 3}'))
    strings = [b"", b"hello", picture.getvalue(), picture.getvalue()[:40], archive.getvalue(), wrong.getvalue(), page]
    films = [ebml, ebml + b"\x00\x01", ebml + b"\x01\xff\xff\xff\xff\xff\xff\xff", boxes]
    texts = [b"%PDF-1.4 /Subject (hello)", b"a,diswm\n1,hello\n", b"a,diswm\n", b"a,diswm\n1\n"]
    return [*strings, *films, *texts]


@pytest.mark.parametrize("content", foreign())
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(NoSettings):
        read_settings(content)


def liar() -> bytes:
    """An archive whose settings are said to be an array of 40 GB, beside another file."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<U10000", "fortran_order": False, "shape": (1_000_000,)})
    return zipped({"readme.txt": b"hello", "settings.npy": head.getvalue()})


def bomb() -> bytes:
    """A bundle whose figure unfolds to 200 MB."""
    return zipped({"figure/traversal.png": bytes(200_000_000)})


def zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


@pytest.mark.parametrize("make", [liar, bomb])
def test_an_archive_that_asks_for_memory_is_refused_without_it(make: Callable[[], bytes]) -> None:
    content = make()
    tracemalloc.start()
    try:
        with pytest.raises(NoSettings):
            read_settings(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("format", TRAVERSAL_FORMATS)
def test_every_format_has_a_name_and_a_type(checkpoint: Checkpoint, format: str) -> None:
    asked = TraversalRequest(dims=(0,), columns=3)
    file = export_traversal(checkpoint, asked, format, ExportOptions(upscale=1))
    assert file.file_name.endswith(f".{format}")
    assert "/" in file.media_type
    assert file.content
