"""Settings of a process from its environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from backend.settings import Settings, TokenFileError, is_loopback


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "HOST", "PORT", "PAGE_HOST", "PAGE_PORT", "PAGE_PATH", "TOKEN", "DATABASE_URL", "API_URL"):
        monkeypatch.delenv(f"DISWM_{name}", raising=False)


def test_defaults_are_this_machine_and_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.home == tmp_path / ".diswm"
    assert settings.url_of_database == f"sqlite:///{tmp_path}/.diswm/diswm.sqlite"
    assert (settings.url_of_api, settings.url_of_page) == ("http://127.0.0.1:8000", "http://127.0.0.1:8501")
    assert settings.read_token() is None


@pytest.mark.parametrize("name", ["with space", "a#b", "run%20files", "100%", "what?x=1", "дом и сад", "ü&+;:@"])
def test_the_database_lies_in_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    url = make_url(Settings(home=tmp_path / name).url_of_database)
    assert url.database == str(tmp_path / name / "diswm.sqlite")
    assert not url.query


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DISWM_HOME": "/srv/diswm",
        "DISWM_DATABASE_URL": "postgresql://h/d",
        "DISWM_TOKEN": "secret",
        "DISWM_HOST": "0.0.0.0",
        "DISWM_PORT": "9000",
        "DISWM_ALLOWED_HOSTS": "a.example, b.example",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.home == Path("/srv/diswm")
    assert settings.url_of_database == "postgresql://h/d"
    assert settings.read_token() == "secret"
    assert settings.url_of_api == "http://127.0.0.1:9000"
    assert settings.allowed_hosts == ["a.example", "b.example"]
    assert "secret" not in repr(settings)


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISWM_TOKEN", "")
    monkeypatch.setenv("DISWM_DATABASE_URL", "")
    settings = Settings()
    assert settings.read_token() is None
    assert settings.url_of_database.startswith("sqlite:///")


def test_a_token_may_stand_in_a_file_of_ones_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.token_file.write_text("from-file\n")
    settings.token_file.chmod(0o600)
    assert settings.read_token() == "from-file"
    settings.token_file.chmod(0o640)
    with pytest.raises(TokenFileError, match="chmod 600"):
        settings.read_token()
    settings.token_file.chmod(0o600)
    settings.token_file.write_text(" \n")
    with pytest.raises(TokenFileError, match="empty"):
        settings.read_token()


@pytest.mark.parametrize(
    "values", [{"port": 0}, {"port": 65536}, {"worker": "../x"}, {"body_limit": 0}, {"page_path": "a b"}]
)
def test_values_out_of_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**values)


@pytest.mark.parametrize(
    ("host", "closed"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_only_this_machines_own_addresses_are_closed(host: str, closed: bool) -> None:
    assert is_loopback(host) == closed


@pytest.mark.parametrize(("given", "path"), [("diswm", "/diswm"), ("/lab/diswm/", "/lab/diswm"), ("/", ""), ("", "")])
def test_the_page_s_address_ends_in_the_path_that_a_proxy_hands_on(given: str, path: str) -> None:
    assert Settings(page_path=given).url_of_page == f"http://127.0.0.1:8501{path}"


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert Settings(host="::1").url_of_api == "http://[::1]:8000"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("mlflow:http://127.0.0.1:5000", "mlflow:http://127.0.0.1:5000"),
        ("mlflow:https://host/below/", "mlflow:https://host/below"),
        ("wandb", "wandb"),
        ("wandb:offline", "wandb:offline"),
        ("", None),
    ],
)
def test_a_tracker_is_read(monkeypatch: pytest.MonkeyPatch, given: str, read: str | None) -> None:
    monkeypatch.setenv("DISWM_TRACKER", given)
    assert Settings().tracker == read


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mlflow", "mlflow:http://HOST:PORT"),
        ("mlflow:file:///tmp/x", "mlflow:http://HOST:PORT"),
        ("mlflow:http://", "mlflow:http://HOST:PORT"),
        ("http://127.0.0.1:5000", "mlflow:http://HOST:PORT"),
        ("wandb:online", "wandb:offline"),
        ("mlflow:http://me:s3cret@host", "MLFLOW_TRACKING_PASSWORD"),
        ("mlflow:http://host?token=s3cret", "MLFLOW_TRACKING_PASSWORD"),
        ("mlflow:http://[host", "Invalid IPv6"),
    ],
)
def test_a_tracker_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str, said: str) -> None:
    monkeypatch.setenv("DISWM_TRACKER", given)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert said in refused.value.errors()[0]["msg"] and "s3cret" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "given", ["http://host/bucket", "s3://", "s3://key:secret@bucket/lab", "file://host/folder", "s3"]
)
def test_an_address_of_no_store_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match=r"none of file://|an address has no credentials"):
        Settings(store=given)


def test_the_address_of_a_store_loses_its_last_slash_only() -> None:
    stores = ("file://", "file:///mnt/lab/", "s3://bucket/lab/", "s3://bucket")
    assert [Settings(store=given).store for given in stores] == [
        *("file://", "file:///mnt/lab", "s3://bucket/lab", "s3://bucket"),
    ]
