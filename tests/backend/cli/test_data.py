"""`diswm import-data`, `export-data` and `join-data`: what they print, and what they refuse."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from click.testing import Result

from tests.support import foreign
from tests.support.films import write_film
from tests.support.foreign import LENGTHS, lived

Diswm = Callable[..., Result]


def test_a_folder_is_imported_and_written_again(diswm: Diswm, tmp_path: Path) -> None:
    foreign.write_stable_folder(tmp_path / "in", lived())
    done = diswm("import-data", tmp_path / "in", "--name", "mine", "--json")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made.keys() == {"id", "name", "episodes", "lengths", "format", "warnings"}
    assert (made["episodes"], made["lengths"]) == (3, list(LENGTHS))
    assert (made["format"], made["warnings"]) == ("stable-worldmodel", [])
    again = diswm("import-data", tmp_path / "in", "--name", "mine", "--json")
    assert json.loads(again.stdout) == made
    done = diswm("export-data", "mine", "--out", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["episodes"] == 3
    done = diswm("import-data", tmp_path / "out", "--name", "back", "--json")
    assert (json.loads(done.stdout)["lengths"], json.loads(done.stdout)["format"]) == (list(LENGTHS), "lerobot-v3")
    assert diswm("export-data", "mine", "--out", tmp_path / "out").exit_code == 2


def test_each_film_of_a_folder_is_an_episode(diswm: Diswm, tmp_path: Path) -> None:
    for number, frames in ((2, 20), (10, 24)):
        (tmp_path / "in").mkdir(exist_ok=True)
        write_film(tmp_path / "in" / f"rl-video-episode-{number}.mp4", frames=frames)
    (tmp_path / "in" / "statistics.json").write_text("[]")
    made = json.loads(diswm("import-data", tmp_path / "in", "--name", "films", "--json").stdout)
    assert (made["lengths"], made["format"]) == ([20, 24], "films")


def test_a_long_film_is_cut_into_episodes_where_asked(diswm: Diswm, tmp_path: Path) -> None:
    film = tmp_path / "long.mp4"
    write_film(film, frames=50)
    whole, cut = (
        json.loads(diswm("import-data", film, "--name", "long", "--split", split, "--json").stdout)
        for split in ("0", "20")
    )
    assert whole["lengths"] == [50] and cut["lengths"][:2] == [20, 20] and cut["id"] != whole["id"]
    assert diswm("import-data", film, "--name", "long", "--split", "3").exit_code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere",), "nowhere is not there"),
        (("a.h5", "--format", "minary"), "there is no format 'minary'"),
        (("a.h5", "--format", "zarr"), "no data set of the format zarr"),
        (("empty",), "there is no data set of a format that is read here in it, only no files"),
        (("text.h5",), "the file is text"),
        (("cut.h5",), "cut.h5: the HDF5 file cannot be read"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_a_sentence(
    diswm: Diswm, home: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    content = foreign.write_stable_hdf5(tmp_path / "a.h5", lived()).read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[:5000])
    (tmp_path / "text.h5").write_text("not what its name says")
    (tmp_path / "empty").mkdir()
    before = sorted(path.name for path in (home / "datasets").glob("*"))
    done = diswm("import-data", *words, "--name", "x", "--json")
    assert done.exit_code == 2 and done.stdout == ""
    assert sentence in done.stderr and done.stderr.count("\n") == 1
    assert sorted(path.name for path in (home / "datasets").glob("*")) == before


def test_a_file_without_pictures_is_told_so(diswm: Diswm, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "numbers.hdf5", "w") as file:
        file["observations"], file["actions"] = [[0.0]] * 5, [[0.0]] * 5
    done = diswm("import-data", tmp_path / "numbers.hdf5", "--name", "x")
    assert done.exit_code == 2 and "it has no pictures, only `actions`, `observations`" in done.stderr


def test_data_sets_are_joined_by_name_and_what_does_not_fit_is_refused(diswm: Diswm, tmp_path: Path) -> None:
    for name in ("one", "two"):
        foreign.write_stable_folder(tmp_path / name, lived())
        assert diswm("import-data", tmp_path / name, "--name", name).exit_code == 0
    write_film(tmp_path / "film.mp4", frames=20)
    assert diswm("import-data", tmp_path / "film.mp4", "--name", "film").exit_code == 0
    made = json.loads(diswm("join-data", "one", "two", "--name", "both", "--json").stdout)
    assert (made["name"], made["episodes"], made["frames"]) == ("both", 6, 2 * sum(LENGTHS))
    for arguments, sentence in (
        (["one", "film", "--name", "x"], "film has another origin (clips) than one (published)"),
        (["one", "one", "--name", "x"], "two or more different data sets are joined"),
        (["one", "two"], "the joined data set needs a name"),
        (["--sweep", "nothing", "--name", "x"], "There is no sweep 'nothing'"),
    ):
        refused = diswm("join-data", *arguments)
        assert refused.exit_code == 2 and sentence in refused.output
