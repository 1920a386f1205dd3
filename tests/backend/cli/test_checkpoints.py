"""`diswm checkpoints`, `factors`, `encode`, `traverse`, `rollout`, `export`: answers, files and refusals."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from fastapi.testclient import TestClient
from PIL import Image

from backend.data.episodes import frames_only, write_episode
from backend.main import create_app
from backend.settings import Settings

Diswm = Callable[..., Result]


def answer(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.output
    value: dict[str, object] = json.loads(result.stdout)
    return value


def test_checkpoints_are_listed(diswm: Diswm) -> None:
    items = answer(diswm("checkpoints", "--json"))["items"]
    assert {"tiny-video", "tiny-world"} <= {item["id"] for item in items}
    assert {"id", "name", "stage"} <= items[0].keys()
    assert "tiny-world" in diswm("checkpoints").stdout


def test_factors_say_what_each_dimension_means(diswm: Diswm) -> None:
    result = answer(diswm("factors", "tiny-video", "--json"))
    entry = result["dimensions"][0]
    assert {"dim", "kl", "status", "name", "factor", "nmi", "margin", "interval"} <= entry.keys()
    assert {"mig", "dci", "sap"} <= result["metrics"].keys()
    table = diswm("factors", "tiny-video").stdout
    assert "by chance" in table
    assert "dim" in table


def test_a_checkpoint_may_be_named_by_its_folder(diswm: Diswm, home: Path) -> None:
    told = answer(diswm("traverse", home / "checkpoints" / "tiny-video", "--format", "csv", "--json"))
    assert told["checkpoint"] == "tiny-video"


def test_encode_writes_every_array(diswm: Diswm, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", image=image)
    told = answer(diswm("encode", "tiny-video", "--images", "images.npz", "--out", "out/latents.npz", "--json"))
    with np.load(tmp_path / "out" / "latents.npz") as file:
        assert {name: list(file[name].shape) for name in file.files} == told["arrays"]
        assert file["latent_mean"].shape == (2, 3, 6)


def test_a_file_has_a_telling_name_unless_it_is_given_one(diswm: Diswm, tmp_path: Path) -> None:
    told = answer(diswm("traverse", "tiny-video", "--dims", "3", "--format", "gif", "--json"))
    assert told["file"] == "diswm_reacher-easy_tiny-video-s0_dim03_pm2sd_ep0-frame12.gif"
    assert (tmp_path / told["file"]).stat().st_size == told["bytes"]
    assert diswm("traverse", "tiny-video", "--out", "deep/figure.svg").exit_code == 0
    assert (tmp_path / "deep" / "figure.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("format", ["png", "gif", "csv", "npz", "pdf"])
def test_the_command_line_and_the_api_make_equal_bytes(diswm: Diswm, home: Path, tmp_path: Path, format: str) -> None:
    words = ["--dims", "3,1", "--range", "1.5", "--columns", "5", "--frame", "4", "--edits", "2:0.5"]
    assert diswm("traverse", "tiny-world", *words, "--format", format, "--out", f"made.{format}").exit_code == 0
    query = {"dims": "3,1", "range": 1.5, "columns": 5, "frame": 4, "edits": "2:0.5", "format": format}
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as client:
        served = client.get("/api/v1/checkpoints/tiny-world/traversal", params=query)
    assert served.status_code == 200
    assert served.content == (tmp_path / f"made.{format}").read_bytes()


def test_rollouts_are_written_with_edits(diswm: Diswm, tmp_path: Path) -> None:
    words = ["--horizon", "6", "--edit", "2:4@7+", "--edit", "1:0.5@8", "--upscale", "1"]
    told = answer(diswm("rollout", "tiny-world", *words, "--json"))
    assert told["request"]["edit"] == "2:4.0@7+,1:0.5@8"
    with Image.open(tmp_path / told["file"]) as film:
        assert film.n_frames == 11
    assert answer(diswm("rollout", "tiny-world", "--actions", "policy", "--out", "r.npz", "--json"))["bytes"] > 1000


def test_an_exported_file_is_made_again_in_another_format(diswm: Diswm, tmp_path: Path) -> None:
    assert diswm("traverse", "tiny-video", "--dims", "5", "--columns", "3", "--out", "one.png").exit_code == 0
    assert diswm("export", "tiny-video", "--view", "one.png", "--out", "again.png").exit_code == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    told = answer(diswm("export", "tiny-video", "--view", "one.png", "--kind", "bundle", "--json"))
    assert told["file"].startswith("diswm-bundle_")
    (tmp_path / "view.json").write_text(json.dumps({"horizon": 6}))
    words = ["--view", "view.json", "--kind", "rollout", "--out", "r.csv"]
    assert diswm("export", "tiny-world", *words).exit_code == 0
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n")
    wrong = diswm("export", "tiny-video", "--view", "foreign.csv")
    assert (wrong.exit_code, "carries no settings" in wrong.output) == (2, True)


def test_a_picture_of_the_user_is_a_base(diswm: Diswm, tmp_path: Path) -> None:
    Image.new("RGB", (200, 100), (200, 30, 60)).save(tmp_path / "mine.png")
    told = answer(diswm("traverse", "tiny-video", "--picture", "mine.png", "--format", "npz", "--json"))
    with np.load(tmp_path / told["file"]) as file:
        assert file["original"][0, 0].tolist() == [200, 30, 60]
    id = told["request"]["source"]
    again = answer(diswm("traverse", "tiny-video", "--picture", id, "--format", "npz", "--out", "again.npz", "--json"))
    assert again["request"] == told["request"]
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / told["file"]).read_bytes()
    assert diswm("export", "tiny-video", "--view", "again.npz", "--out", "third.npz").exit_code == 0
    assert (tmp_path / "third.npz").read_bytes() == (tmp_path / told["file"]).read_bytes()


def test_a_frame_of_a_data_set_is_a_base_and_the_same_over_http(diswm: Diswm, home: Path, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), dtype=np.uint8)
    (home / "datasets" / "noise").mkdir(parents=True)
    write_episode(home / "datasets" / "noise" / "0.npz", frames_only(frames))
    words = ["--dataset", "noise", "--frame", "4", "--dims", "2", "--out", "made.png"]
    assert diswm("traverse", "tiny-world", *words).exit_code == 0
    query = {"base": "dataset", "source": "noise", "frame": 4, "dims": "2", "format": "png"}
    with TestClient(create_app(Settings(home=home)), base_url="http://127.0.0.1:8000") as client:
        served = client.get("/api/v1/checkpoints/tiny-world/traversal", params=query)
    assert served.content == (tmp_path / "made.png").read_bytes()
    assert "noise-ep0-frame4" in served.headers["content-disposition"]
    folder = diswm("traverse", "tiny-world", "--dataset", home / "datasets" / "noise", *words[2:])
    assert folder.exit_code == 0
    assert served.content == (tmp_path / "made.png").read_bytes()


def test_names_are_checked_both_ways_side_by_side(diswm: Diswm) -> None:
    shown = diswm("factors", "tiny-video", "--check").stdout
    assert "name from NMI" in shown and "an edit draws" in shown and "moves the dimension" in shown
    found = answer(diswm("factors", "tiny-video", "--check", "--json"))["check"]
    assert len(found["dimensions"]) == 6
    assert found["why"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("traverse", "tiny-vide"), "tiny-video"),
        (("traverse", "tiny-video", "--dims", "6"), "0 to 5"),
        (("traverse", "tiny-video", "--dims", "x"), "active"),
        (("traverse", "tiny-video", "--columns", "4"), "odd"),
        (("traverse", "tiny-video", "--range", "nan"), "range"),
        (("traverse", "tiny-video", "--edits", "3"), "3:1.5"),
        (("traverse", "tiny-video", "--format", "bmp"), "png"),
        (("traverse", "tiny-video", "--width", "4"), "3.25"),
        (("traverse", "tiny-video", "--format", "gif", "--fps", "0"), "fps"),
        (("traverse", "tiny-video", "--picture", "absent.png"), "absent.png"),
        (("traverse", "tiny-video", "--picture", "a.png", "--dataset", "b"), "not both"),
        (("traverse", "tiny-video", "--dataset", "absent"), "no data set 'absent'"),
        (("traverse", "tiny-video", "--base", "picture"), "there is no picture"),
        (("rollout", "tiny-video", "--actions", "policy"), "no policy"),
        (("rollout", "tiny-video", "--edit", "7"), "dim:value@step"),
        (("rollout", "tiny-video", "--horizon", "0"), "horizon"),
        (("export", "tiny-video", "--kind", "film"), "bundle"),
        (("factors", "tiny-video", "--dataset", "absent"), "data set"),
        (("encode", "tiny-video", "--images", "absent.npz", "--out", "x.npz"), "absent.npz"),
    ],
)
def test_wrong_input_ends_with_two_and_a_sentence(diswm: Diswm, words: tuple[str, ...], says: str) -> None:
    result = diswm(*words)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
