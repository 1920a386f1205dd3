"""Opens the store that an address names."""

import importlib.util
import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backend.data.store.local import FolderObjects
from backend.data.store.protocol import Objects, StoreError

HOME_ALONE = "file://"
"""The address that means no store: every process shares one DISWM_HOME."""


def open_store(url: str) -> Objects | None:
    """The store at `s3://BUCKET/PREFIX` or `file:///FOLDER`; None for `file://`. Raises StoreError."""
    if url == HOME_ALONE:
        return None
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderObjects(Path(unquote(parts.path)))
    if why := why_no_bucket():
        raise StoreError(why)
    from backend.data.store.objects import BucketObjects

    return BucketObjects(url)


def try_store(objects: Objects) -> None:
    """Write, read and delete an object. Raises StoreError; also where a second writer could replace it."""
    key = f"checks/{uuid.uuid4().hex}"
    try:
        objects.create(key, b"first")
        if objects.create(key, b"second") or objects.read(key) != b"first":
            raise StoreError("the store lets a second writer replace an object: it needs conditional writes")
    finally:
        objects.delete([key])


def why_no_bucket() -> str | None:
    """A sentence if the package that s3:// needs is not installed."""
    if importlib.util.find_spec("obstore") is None:
        return "DISWM_STORE=s3://... needs the package obstore: pip install 'diswm-studio[s3]'"
    return None
