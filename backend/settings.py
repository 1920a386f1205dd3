"""Where DisWM Studio keeps its state and which addresses it listens on: everything read from `DISWM_*` variables."""

import ipaddress
import socket
import stat
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LABEL = r"[a-z0-9][a-z0-9-]{0,30}"
Label = Annotated[str, Field(pattern=f"^{LABEL}$")]
Port = Annotated[int, Field(ge=1, le=65535)]


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


def _blank_is_none(value: object) -> object:
    return None if value == "" else value


def _below(value: object) -> object:
    """ "lab/diswm/" -> "/lab/diswm"; "/" -> ""."""
    return "".join(f"/{part}" for part in value.split("/") if part) if isinstance(value, str) else value


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _tracker(value: str) -> str:
    if value in ("wandb", "wandb:offline"):
        return value
    kind, _, address = value.partition(":")
    url = urlsplit(address)
    if kind != "mlflow" or url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("this is none of mlflow:http://HOST:PORT, mlflow:https://HOST, wandb and wandb:offline")
    if url.username or url.password or url.query:
        raise ValueError("an address has no credentials: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD do")
    return value.rstrip("/")


def _store(value: str) -> str:
    url = urlsplit(value)
    if url.username or url.password or url.query:
        raise ValueError("an address has no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY do")
    bucket = url.scheme == "s3" and bool(url.netloc)
    folder = url.scheme == "file" and not url.netloc
    if not bucket and not folder:
        raise ValueError("this is none of file://, file:///FOLDER and s3://BUCKET/PREFIX")
    return value.rstrip("/") + ("//" if value.rstrip("/") == "file:" else "")


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
"""Several names in one variable, separated by commas."""


class TokenFileError(Exception):
    """The token file is empty, or others than its owner can read it."""


class Settings(BaseSettings):
    """The whole configuration of a process; relative paths are resolved against the working directory."""

    model_config = SettingsConfigDict(env_prefix="DISWM_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        default=Path(".diswm"),
        validate_default=True,
        description="All state: database, runs, data sets, checkpoints, exports.",
    )
    database_url: Annotated[str | None, BeforeValidator(_blank_is_none)] = Field(
        default=None, description="SQLAlchemy URL of the runs; a SQLite file in `home` when not given."
    )
    token: Annotated[SecretStr | None, BeforeValidator(_blank_is_none)] = Field(
        default=None, description="Bearer token that every request but /healthz must carry, when set."
    )
    host: str = Field(default="127.0.0.1", description="Address of the API.")
    port: Port = Field(default=8000, description="Port of the API.")
    page_host: str = Field(default="127.0.0.1", description="Address of the page.")
    page_port: Port = Field(default=8501, description="Port of the page.")
    page_path: Annotated[str, BeforeValidator(_below)] = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Path below which a reverse proxy hands on to the page, such as /diswm.",
    )
    api_url: str | None = Field(default=None, description="Where the page finds the API.")
    public_api_url: str | None = Field(
        default=None,
        description="Where people reach the API, for the commands that the page shows, if not where the page does.",
    )
    device: str = Field(default="auto", description="Device of the worker's runs: auto, cpu, cuda or cuda:N.")
    labels: Annotated[list[Label], NoDecode, BeforeValidator(_split)] = Field(
        default=[], description="Labels of this worker: a run for cuda@LABEL waits for a worker that has it."
    )
    processes: int = Field(
        default=1, ge=1, le=64, description="Processes of this machine that share each update of pretraining."
    )
    worker: Annotated[str | None, BeforeValidator(_blank_is_none)] = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Name of this worker; without one it takes the first free of worker-1, worker-2 and so on.",
    )
    allowed_hosts: Names = Field(
        default=["127.0.0.1", "localhost", "::1"], description="Host headers that the API answers to."
    )
    allowed_origins: Names = Field(
        default=[], description="Further origins whose browsers may change state; the API's own always may."
    )
    gymnasium: Names = Field(
        default=[],
        description="Further environments of gymnasium that runs may name; read where environments are made.",
    )
    tracker: Annotated[str | None, AfterValidator(lambda value: value and _tracker(value))] = Field(
        default=None,
        description="Where metrics of runs are sent: mlflow:http://HOST:PORT, wandb or wandb:offline.",
    )
    store: Annotated[str, AfterValidator(_store)] = Field(
        default="file://",
        description="Where files of runs are shared: file:// is DISWM_HOME itself, one disk that all machines mount; "
        "s3://BUCKET/PREFIX or file:///FOLDER let each machine have a DISWM_HOME of its own.",
    )
    body_limit: int = Field(default=1_000_000, gt=0, description="Largest JSON body, in bytes.")
    upload_limit: int = Field(default=2_000_000_000, gt=0, description="Largest upload, in bytes.")

    @property
    def url_of_api(self) -> str:
        """Where the page and the command line find the API."""
        return self.api_url or f"http://{_reachable(self.host)}:{self.port}"

    @property
    def url_of_page(self) -> str:
        """The address that a person types into a browser."""
        return f"http://{_reachable(self.page_host)}:{self.page_port}{self.page_path}"

    @property
    def url_of_database(self) -> str:
        """The runs' database: `database_url`, or the SQLite file in `home`."""
        return self.database_url or sqlite_url(self.home / "diswm.sqlite")

    @property
    def replica(self) -> str:
        """Tells the API processes of one home apart; empty where the database is SQLite, and there is only one."""
        shared = self.url_of_database.startswith("postgres")
        return f"{socket.gethostname()}-{self.port}" if shared else ""

    @property
    def token_file(self) -> Path:
        """The file that may contain the token instead of the environment; only its owner may read it (mode 0600)."""
        return self.home / "token"

    def read_token(self) -> str | None:
        """The token from the environment, else from `token_file`, else None.

        Raises TokenFileError when the file is open to others or empty.
        """
        if self.token is not None:
            return self.token.get_secret_value()
        if not self.token_file.exists():
            return None
        if self.token_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise TokenFileError(f"{self.token_file} can be read by others: run chmod 600 {self.token_file}")
        token = self.token_file.read_text().strip()
        if not token:
            raise TokenFileError(f"{self.token_file} is empty: write a token into it or delete it")
        return token


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a SQLite file; `%`, `?` and `#` in its path are escaped, because they would end it."""
    return f"sqlite:///{quote(str(path), safe='/ +')}"


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only; unknown names count as open."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; `get_settings.cache_clear()` forgets them."""
    return Settings()


def _reachable(host: str) -> str:
    """The host as written in a URL; "every address" becomes the loopback address."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
