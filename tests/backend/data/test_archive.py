"""A zip of a version that is not out yet is refused in words."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from backend.data.archive import ArchiveError, read_headers
from backend.data.containers import VideoError, sniff
from backend.data.formats.tree import tree_of_file
from tests.support.archives import zip_of_version


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """An archive of a version of zip that is not out yet; zipfile calls it not implemented."""
    path = tmp_path / "later.npz"
    path.write_bytes(zip_of_version(99))
    with pytest.raises(NotImplementedError, match="zip file version 9"):
        zipfile.ZipFile(path)
    return path


def test_a_later_zip_is_no_archive(later: Path) -> None:
    with pytest.raises(ArchiveError, match="not a readable"):
        read_headers(later)
    later.write_bytes(zip_of_version(20))
    assert read_headers(later) == {"image": ((3,), np.dtype("float64"))}


def test_a_later_zip_is_no_upload(later: Path) -> None:
    with pytest.raises(VideoError, match="the zip cannot be read"):
        sniff(later)
    later.write_bytes(zip_of_version(20))
    assert sniff(later) == "episode"


def test_a_later_zip_is_no_data_set(later: Path) -> None:
    with later.open("rb") as file, pytest.raises(VideoError, match="the zip cannot be read"):
        tree_of_file("later.zip", file)
