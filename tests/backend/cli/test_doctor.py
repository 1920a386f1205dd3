"""`diswm doctor` on the machine that runs the tests, and on machines that lack something."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend.cli import doctor
from backend.envs import gl
from backend.settings import Settings
from tests.support.mlflow import running_mlflow


def settings(tmp_path: Path, **changes: object) -> Settings:
    return Settings.model_validate({"home": tmp_path, **changes})


def test_this_machine_has_all_that_the_tests_need(tmp_path: Path) -> None:
    """Runs the real command: the suite renders, encodes and opens a browser, so doctor must find all of it."""
    done = subprocess.run(
        [sys.executable, "-m", "backend", "doctor", "--json"],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    status = {check["name"]: check["status"] for check in report["checks"]}
    assert set(status) == {
        *("python", "torch", "gpu", "rendering", "codecs", "browser"),
        *("device", "disk", "database", "store", "access", "tracker"),
    }
    for needed in ("python", "torch", "rendering", "codecs", "browser", "device", "access"):
        assert status[needed] == "ok", report
    assert list(tmp_path.iterdir()) == [], "looking changes nothing"


def test_a_renderer_that_cannot_draw_is_broken_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "crayon")
    check = doctor.check_rendering()
    assert check.status == "broken"
    assert "crayon" in check.found
    assert check.remedy is not None and "MUJOCO_GL" in check.remedy


@pytest.mark.parametrize("chosen", ["", "egl"])
def test_a_device_that_egl_does_not_have_is_broken_and_not_a_missing_package(
    monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv("MUJOCO_GL", chosen)
    monkeypatch.setenv("MUJOCO_EGL_DEVICE_ID", "99")
    monkeypatch.setattr(gl, "probe", lambda _: "there is no device 99")
    monkeypatch.setattr(gl, "_draw", lambda _, variables: variables.get("MUJOCO_EGL_DEVICE_ID"))
    check = doctor.check_rendering()
    assert check.status == "broken" and "99" in check.found
    assert check.remedy is not None and "Unset MUJOCO_EGL_DEVICE_ID" in check.remedy


def test_a_codec_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CODECS", (("libcrayon", "mp4", "yuv420p"),))
    check = doctor.check_codecs()
    assert check.status == "broken"
    assert "libcrayon" in check.found


def test_a_home_that_is_a_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    check = doctor.check_disk(settings(tmp_path / "home"))
    assert check.status == "broken"
    assert check.remedy is not None and "DISWM_HOME" in check.remedy


def test_a_home_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    assert doctor.check_disk(settings(tmp_path / "not" / "yet")).status in ("ok", "note")
    assert not (tmp_path / "not").exists()


def test_a_torn_database_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "diswm.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("create table runs (id text)")
        connection.executemany("insert into runs values (?)", [("x" * 500,)] * 100)
    connection.close()
    assert doctor.check_database(settings(tmp_path)).status != "broken"
    torn = bytearray(file.read_bytes())
    torn[4096:8192] = bytes(4096)
    file.write_bytes(torn)
    check = doctor.check_database(settings(tmp_path))
    assert check.status == "broken"
    assert str(file) in check.found


def test_a_database_that_does_not_answer_is_broken_and_its_password_stays_secret(tmp_path: Path) -> None:
    url = "postgresql+psycopg://studio:hush@127.0.0.1:1/runs?connect_timeout=2"
    check = doctor.check_database(settings(tmp_path, database_url=url))
    assert check.status == "broken"
    assert "hush" not in check.found


@pytest.mark.parametrize("url", ["not a url", "nosuchthing://x", "postgresql+nosuchdriver://x/y"])
def test_a_database_url_of_no_known_kind_is_broken(tmp_path: Path, url: str) -> None:
    check = doctor.check_database(settings(tmp_path, database_url=url))
    assert check.status == "broken"
    assert check.remedy is not None and "DISWM_DATABASE_URL" in check.remedy


def test_an_open_door_without_a_token_is_broken(tmp_path: Path) -> None:
    assert doctor.check_access(settings(tmp_path, host="0.0.0.0")).status == "broken"
    closed = settings(tmp_path, host="0.0.0.0", token=SecretStr("t" * 43))
    check = doctor.check_access(closed)
    assert check.status == "ok"
    assert "t" * 43 not in check.found


def test_a_token_file_that_others_can_read_is_broken(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t" * 43)
    (tmp_path / "token").chmod(0o644)
    check = doctor.check_access(settings(tmp_path))
    assert check.status == "broken"
    assert "chmod 600" in check.found


def test_a_device_that_is_not_there_is_broken_and_those_that_are_get_listed(tmp_path: Path) -> None:
    check = doctor.check_device(settings(tmp_path, device="cuda:99"))
    assert check.status == "broken"
    assert check.remedy is not None and "cpu" in check.remedy


def test_the_store_is_tried(tmp_path: Path) -> None:
    assert doctor.check_store(settings(tmp_path)).found == "none: files of runs are in DISWM_HOME"
    address = f"file://{tmp_path}/store"
    check = doctor.check_store(settings(tmp_path, store=address))
    assert (check.status, check.found) == ("ok", f"{address} can be written once and read")
    (tmp_path / "file").touch()
    check = doctor.check_store(settings(tmp_path, store=f"file://{tmp_path}/file"))
    assert (check.status, check.found) == ("broken", f"the store {tmp_path}/file cannot be used: Not a directory")
    assert "DISWM_STORE" in str(check.remedy)


def test_the_tracker_is_named_and_asked_whether_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_tracker(settings(tmp_path)).found.startswith("none: ")
    with running_mlflow() as server:
        check = doctor.check_tracker(settings(tmp_path, tracker=f"mlflow:{server.url}"))
    assert (check.status, check.found) == ("ok", f"{server.url} answers")
    away = doctor.check_tracker(settings(tmp_path, tracker="mlflow:http://127.0.0.1:9"))
    assert away.status == "note", "runs go on without it"
    assert "http://127.0.0.1:9 does not answer" in away.found
    assert doctor.check_tracker(settings(tmp_path, tracker="wandb:offline")).status == "ok"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    missing = doctor.check_tracker(settings(tmp_path, tracker="wandb"))
    assert missing.status == "broken" and "pip install 'diswm-studio[wandb]'" in missing.found


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_PORT", "many")
    [check] = doctor.examine_settings(with_torch=False)
    assert check.status == "broken"
    assert "DISWM_PORT" in check.found


def environment(home: Path) -> dict[str, str]:
    """The environment of the tests, without what would change the settings."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("DISWM_")}
    return {**others, "DISWM_HOME": str(home)}
