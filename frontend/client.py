"""The only file that speaks HTTP: one small client of the API, and the two ways in which a request can fail."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

Query = Mapping[str, str | int | float | bool | tuple[str | int, ...] | None]

POLL_SECONDS = 0.4  # between questions after an upload that is still being read
DEFAULT_URL = "http://127.0.0.1:8000"
UPLOAD_SECONDS = 3600.0  # files are decoded one after the other before the answer comes
LOOK_AFTER_SECONDS, ALIVE_SECONDS = 1.5, 2.0  # so that an API that hangs is noticed within five
TOO_SLOW = {
    "type": "/problems/too-slow",
    "title": "No answer in time",
    "detail": "The API is running, but has not answered this request within a minute.",
    "remedy": "The machine may be busy with a run.",
}


@dataclass(frozen=True)
class FieldProblem:
    """One error in a request: where (JSON pointer or `query:name`), why, and the nearest valid value."""

    pointer: str
    detail: str
    suggestion: str | None = None

    @property
    def field(self) -> str:
        """The dotted name that the pointer addresses: `/settings/pretrain/beta` -> `pretrain.beta`."""
        if self.pointer.startswith("query:"):
            return self.pointer.removeprefix("query:")
        parts = [part.replace("~1", "/").replace("~0", "~") for part in self.pointer.split("/") if part]
        return ".".join(parts[1:] if parts[:1] == ["settings"] else parts)

    @property
    def sentence(self) -> str:
        """What to show next to the field."""
        if not self.suggestion or "did you mean" in self.detail.lower():
            return self.detail
        return f"{self.detail} Did you mean `{self.suggestion}`?"


class ApiProblem(Exception):
    """The API answered with an error: its own title, sentence, field errors and remedy (RFC 9457)."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.kind = str(body.get("type") or "").rpartition("/")[2]
        self.title = str(body.get("title") or f"The API answered {status}")
        self.detail = str(body.get("detail") or "")
        self.remedy = str(body.get("remedy") or "")
        self.fields = tuple(
            FieldProblem(str(item.get("pointer", "")), str(item.get("detail", "")), item.get("suggestion"))
            for item in body.get("errors") or ()
            if isinstance(item, Mapping)
        )
        super().__init__(self.detail or self.title)


class ApiUnreachable(Exception):
    """Nothing answers at the API's address; `hangs`: something accepts the connection but sends no answer."""

    def __init__(self, url: str, *, hangs: bool = False) -> None:
        self.url = url
        self.hangs = hangs
        super().__init__(f"the API is not answering at {url}")


@dataclass(frozen=True)
class File:
    """A downloaded file under the name that the API gave it."""

    name: str
    media_type: str
    content: bytes


class Client:
    """Requests to `/api/v1` of one API. Safe to share between sessions: it keeps connections, no state of a user."""

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        self.url = url.rstrip("/")
        direct = {f"all://{urlsplit(self.url).netloc}": None}  # http_proxy is for the world outside, not for the API
        times = httpx.Timeout(timeout, connect=3.0)
        self._views: dict[str, Mapping[str, Any]] = {}
        self._http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=times, mounts=direct)

    def get(self, path: str, query: Query | None = None) -> Any:
        """The JSON answer of `GET path`. Raises `ApiProblem` or `ApiUnreachable`, like every verb here."""
        return self._send("GET", path, params=_clean(query)).json()

    def view(self, kind: str) -> Mapping[str, Any]:
        """JSON schema of a kind of view: names, defaults and limits of its fields, its path, formats and command."""
        if kind not in self._views:
            self._views[kind] = self.get(f"/schemas/views/{kind}")
        return self._views[kind]

    def items(self, path: str, query: Query | None = None) -> list[dict[str, Any]]:
        """The items of a list, following its cursor to the end."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, {**(query or {}), "cursor": cursor})
            found += page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return found

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None) -> Any:
        """The JSON answer of `POST path`; `key` makes a repeated request safe (Idempotency-Key)."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._send("POST", path, json=dict(body or {}), headers=headers).json()

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of `PUT path`."""
        return self._send("PUT", path, json=dict(body)).json()

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer of `PATCH path`."""
        return self._send("PATCH", path, json=dict(body)).json()

    def delete(self, path: str) -> None:
        """`DELETE path`."""
        self._send("DELETE", path)

    def upload(
        self, path: str, files: list[tuple[str, Any]], *, part: str = "files", fields: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send (file name, open file) pairs and text fields as one multipart form: (status, the JSON answer).

        Waits up to an hour, as long as the API is alive.
        """
        parts = [(part, (name, content)) for name, content in files]
        times = httpx.Timeout(UPLOAD_SECONDS, connect=3.0)
        headers = {"Prefer": "respond-async"}  # long films take longer to read than an answer may take
        answer = self._send("POST", path, data=dict(fields or {}), files=parts, headers=headers, timeout=times)
        if answer.status_code != 202:
            return answer.status_code, answer.json()
        return 201, self._read_to_the_end(f"/imports/{answer.json()['id']}")

    def _read_to_the_end(self, path: str) -> dict[str, Any]:
        """Poll an import until it is finished, and return its result."""
        while True:
            time.sleep(POLL_SECONDS)
            try:
                answer = self._send("GET", path)
            except ApiProblem as problem:
                if problem.kind == "too-slow":  # a busy machine: the upload continues
                    continue
                raise
            if answer.status_code != 202:
                found: dict[str, Any] = answer.json()
                return found

    def file(self, path: str, query: Query | None = None) -> File:
        """Download a file; its name comes from the answer's Content-Disposition."""
        return _downloaded(path, self._send("GET", path, params=_clean(query)))

    def made(self, path: str, body: Mapping[str, Any]) -> File:
        """The file that `POST path` returns."""
        return _downloaded(path, self._send("POST", path, json=dict(body)))

    def pass_on(self, method: str, path: str, body: bytes, query: Query) -> httpx.Response:
        """The answer as it is, whatever its status; raises `ApiUnreachable`."""
        headers = {**_authorization(), **({"Content-Type": "application/json"} if body else {})}
        try:
            return self._http.request(method, path, content=body, params=_clean(query), headers=headers)
        except httpx.TransportError as error:
            raise ApiUnreachable(self.url) from error

    def alive(self) -> bool:
        """Whether an API answers at all (with an error or without)."""
        try:
            self._http.get(f"{self.url}/healthz", timeout=ALIVE_SECONDS)
        except httpx.TransportError:
            return False
        return True

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {**arguments.pop("headers", {}), **_authorization()}
        try:
            answer = self._watched(lambda: self._http.request(method, path, headers=headers, **arguments))
        except httpx.ReadTimeout as error:
            raise ApiProblem(504, TOO_SLOW) from error
        except httpx.TransportError as error:
            raise ApiUnreachable(self.url) from error
        if answer.is_success:
            return answer
        raise ApiProblem(answer.status_code, _problem(answer))

    def _watched(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer, while checking that the API is alive: a hung API is noticed long before the request times out."""
        answer: Future[httpx.Response] = Future()
        threading.Thread(target=_settle, args=(answer, ask), daemon=True).start()
        while True:
            try:
                return answer.result(LOOK_AFTER_SECONDS)
            except TimeoutError:
                if not self.alive() and not answer.done():
                    raise ApiUnreachable(self.url, hangs=True) from None


def _settle(answer: Future[httpx.Response], ask: Callable[[], httpx.Response]) -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # belongs to whoever waits for the answer
        answer.set_exception(error)


@lru_cache(maxsize=8)
def connect(url: str) -> Client:
    """The one client of an address."""
    return Client(url)


def client() -> Client:
    """The client of the API that this page was started for."""
    return connect(api_url())


def api_url() -> str:
    """The API's address: `DISWM_API_URL`, or the default one on this machine."""
    return os.environ.get("DISWM_API_URL") or DEFAULT_URL


def own_token() -> str:
    """The API's token as this process knows it: DISWM_TOKEN, or the file in DISWM_HOME; empty where there is none."""
    return os.environ.get("DISWM_TOKEN") or _token_file()


def _authorization() -> dict[str, str]:
    """The bearer header, read anew each time: an API that restarts may have written a new token."""
    token = own_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _token_file() -> str:
    path = Path(os.environ.get("DISWM_HOME") or ".diswm") / "token"
    return path.read_text().strip() if path.is_file() else ""


def _clean(query: Query | None) -> dict[str, str]:
    """Query values as the API reads them: no None, booleans in lower case, no trailing zeros, tuples with commas."""
    pairs = {name: value for name, value in (query or {}).items() if value is not None and value != ""}
    return {
        name: ",".join(map(as_text, value)) if isinstance(value, tuple) else as_text(value)
        for name, value in pairs.items()
    }


def as_text(value: str | float | bool | None) -> str:
    """A value as it is written in an address: `True` -> `true`, `2.0` -> `2`; never rounded."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {"detail": answer.text[:300]}
    return body if isinstance(body, dict) else {"detail": str(body)[:300]}


def _downloaded(path: str, answer: httpx.Response) -> File:
    media_type = answer.headers.get("content-type", "application/octet-stream").split(";")[0]
    name = _file_name(answer.headers.get("content-disposition", "")) or path.rsplit("/", 1)[-1]
    return File(name, media_type, answer.content)


def _file_name(disposition: str) -> str:
    """The file name in a Content-Disposition header, the RFC 5987 form first."""
    names = dict(part.strip().partition("=")[::2] for part in disposition.split(";")[1:])
    if "filename*" in names:
        return unquote(names["filename*"].strip('"').rpartition("'")[2])
    return names.get("filename", "").strip('"')
