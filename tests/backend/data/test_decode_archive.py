"""Archives of published episodes: all episodes are read, and paths that leave the archive are refused."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from backend.data.containers import VideoError
from backend.data.decode.sandbox import Limits
from backend.data.episodes import encode_episode, frames_only, read_episodes
from tests.support.taking import take


def an_episode(frames: int, shade: int, actions: int = 2) -> bytes:
    image = np.full((frames, 64, 64, 3), shade, np.uint8)
    episode = frames_only(image)
    return encode_episode(episode._replace(action=np.full((frames, actions), 0.5, np.float32)))


def packed(path: Path, files: dict[str, bytes], **links: str) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in links.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return path


def refusal(path: Path, **options: Limits) -> VideoError:
    target = path.parent / "refused"
    with pytest.raises(VideoError) as caught:
        take([("mine.tar.xz", path)], target, "x", **options)
    assert not target.exists() and not list(path.parent.glob(".partial-*"))
    return caught.value


def test_every_episode_of_an_archive_arrives_with_its_actions(tmp_path: Path) -> None:
    files = {"set/b.npz": an_episode(20, 7), "set/a.npz": an_episode(5, 9), "set/readme.txt": b"not an episode"}
    info = take([("walker.tar.xz", packed(tmp_path / "upload", files))], tmp_path / "set", "Walker")
    assert (info.kind, info.episodes, info.lengths, info.action_size) == ("published", 2, (20, 5), 2)
    episodes = list(read_episodes(tmp_path / "set"))
    assert [int(episode.image[0, 0, 0, 0]) for episode in episodes] == [7, 9]
    assert all((episode.action == 0.5).all() for episode in episodes)


def test_an_archive_and_an_episode_make_one_data_set(tmp_path: Path) -> None:
    single = tmp_path / "c.npz"
    single.write_bytes(an_episode(6, 1))
    archive = packed(tmp_path / "upload", {"a.npz": an_episode(4, 2)})
    info = take([("c.npz", single), ("a.tar.xz", archive)], tmp_path / "set", "Both")
    assert info.lengths == (6, 4)


@pytest.mark.parametrize("name", ["../escaped.npz", "/tmp/escaped.npz", "a/../../escaped.npz"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    error = refusal(packed(tmp_path / "upload", {"good.npz": an_episode(4, 1), name: an_episode(4, 1)}))
    assert "points out of the archive" in error.message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["upload"]


def test_links_code_and_damage_are_refused(tmp_path: Path) -> None:
    linked = packed(tmp_path / "linked", {"a.npz": an_episode(4, 1)}, link="/etc/passwd")
    assert "is a link" in refusal(linked).message
    buffer = io.BytesIO()
    np.savez(buffer, image=np.array([print], dtype=object))
    pickled = packed(tmp_path / "pickled", {"a.npz": buffer.getvalue(), "b.npz": pickle.dumps(print)})
    assert "cannot be read" in refusal(pickled).message
    whole = packed(tmp_path / "whole", {"a.npz": an_episode(4, 1)}).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    assert "the archive cannot be read" in refusal(tmp_path / "cut").message
    empty = packed(tmp_path / "empty", {"a.txt": b"x"})
    assert "no npz episode" in refusal(empty).message
    unlike = packed(tmp_path / "unlike", {"a.npz": an_episode(4, 1), "b.npz": an_episode(4, 1, actions=3)})
    assert refusal(unlike).code == "mixed"


def test_more_frames_than_may_be_taken_are_left_out_with_a_warning(tmp_path: Path) -> None:
    files = {f"{index}.npz": an_episode(10, index) for index in range(4)}
    path = packed(tmp_path / "upload", files)
    info = take([("a.tar.xz", path)], tmp_path / "set", "Some", limits=Limits(max_frames=25))
    assert info.lengths == (10, 10)
    assert info.warnings == ("a.tar.xz: only the first 20 frames were taken; the limit is 25",)
