"""What an uploaded file is, judged by its first bytes and never by its name."""

import zipfile
from pathlib import Path
from typing import Literal

Container = Literal["mp4", "matroska", "avi", "gif", "frames", "episode", "archive"]

ACCEPTED = "mp4, webm, mkv, avi or gif films, a zip of png or jpeg frames, npz episodes, or a tar.xz of those"
MAX_MEMBERS = 100_000  # files in a zip
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]")


class VideoError(ValueError):
    """A file that cannot become a data set: `code` for machines, a sentence for people, and what to do about it."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def about(self, file: str) -> "VideoError":
        """The same error, with the file's name in front."""
        return VideoError(self.code, f"{file}: {self.message}", self.remedy)


def sniff(path: Path) -> Container:
    """The container of a file by its magic bytes; raises VideoError for everything that is not read."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise VideoError("empty", "the file is empty", f"Upload {ACCEPTED}.")
    if head[4:8] in _QUICKTIME:
        return "mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "archive"
    if head.startswith(b"PK\x03\x04"):
        return _zip_content(path)
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_PLAYLISTS):
        message = "the file is a playlist, which names other files; those are never opened"
        raise VideoError("playlist", message, f"Upload the films themselves: {ACCEPTED}.")
    what = "the file is text, not a film" if _is_text(head) else "the file is of no kind that is read here"
    raise VideoError("not_a_film", what, f"Upload {ACCEPTED}.")


def _zip_content(path: Path) -> Container:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.filename.endswith("/")]
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:  # zipfile: of a later version of zip
        raise VideoError("damaged", f"the zip cannot be read ({error})", "Pack and upload it again.") from error
    if len(names) > MAX_MEMBERS:
        message = f"the zip has {len(names):,} files; at most {MAX_MEMBERS:,} are read"
        raise VideoError("too_large", message, "Upload it in parts.")
    if names and all(name.endswith(".npy") for name in names):
        return "episode"
    if any(name.lower().endswith((".png", ".jpg", ".jpeg")) for name in names):
        return "frames"
    raise VideoError("not_a_film", "the zip holds neither png or jpeg frames nor arrays", f"Upload {ACCEPTED}.")


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f\x1b" for byte in head)
