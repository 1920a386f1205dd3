"""Which requests are accepted: Host, Origin, token, content type, size, form; and the headers of every answer."""

import asyncio
import dataclasses
import hashlib
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backend.http.middleware.body import BodyGuard, BodyRules
from backend.http.middleware.security import Security, SecurityRules
from backend.http.problems import Problem

RULES = SecurityRules(
    token_digest=None,
    allowed_hosts=frozenset({"127.0.0.1", "localhost"}),
    allowed_origins=frozenset({"https://lab.example"}),
)
BODIES = BodyRules(body_limit=1_000, upload_limit=5_000, uploads={"/upload": frozenset({"multipart/form-data"})})
TOKEN = "s3cret"
WITH_TOKEN = dataclasses.replace(RULES, token_digest=hashlib.sha256(TOKEN.encode()).digest())
JSON = {"Content-Type": "application/json"}


def client(rules: SecurityRules | None = RULES, host: str = "127.0.0.1:8000") -> TestClient:
    """An app that echoes its requests, behind the middleware (None: without it)."""
    app = FastAPI()

    @app.api_route("/echo", methods=["GET", "POST", "DELETE"])
    async def echo(request: Request) -> dict[str, Any]:
        return {"size": len(await request.body())}

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, int]:
        return {"size": sum([len(chunk) async for chunk in request.stream()])}

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    if rules is not None:
        app.add_middleware(BodyGuard, rules=BODIES)
        app.add_middleware(Security, rules=rules)
    return TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "10.0.0.7"])
def test_the_api_answers_under_its_own_names_and_bare_addresses(host: str) -> None:
    assert client(host=host).get("/echo").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[::"])
def test_a_name_that_a_stranger_points_here_is_refused(host: str) -> None:
    answer = client().get("/echo", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["pointer"] == "header:Host"
    assert client(None).get("/echo", headers={"Host": host}).status_code == 200  # without the middleware it comes in


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_origin_changes_nothing(method: str, headers: dict[str, str]) -> None:
    answer = client().request(method, "/echo", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/origin-refused"


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://127.0.0.1:8000"}, {"Origin": "https://lab.example"}, {"Sec-Fetch-Site": "none"}]
)
def test_programs_and_pages_of_the_same_or_an_allowed_origin_may_change_things(headers: dict[str, str]) -> None:
    assert client().post("/echo", headers=headers).status_code == 200


TLS = {"Host": "lab.example.org", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    "headers",
    [
        TLS | {"Origin": "https://lab.example.org"},
        TLS | {"Origin": "https://lab.example.org", "X-Forwarded-Proto": "https, http"},
        TLS | {"Origin": "https://lab.example.org", "Host": "lab.example.org:443"},
        TLS | {"Origin": "https://LAB.example.org:8443", "Host": "lab.example.org:8443"},
        TLS | {"Origin": "https://lab.example.org", "Host": "127.0.0.1:8000", "X-Forwarded-Host": "lab.example.org"},
        {"Origin": "https://lab.example.org", "Host": "127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_its_own_pages_may_change_things_where_a_proxy_ends_tls(headers: dict[str, str]) -> None:
    behind = dataclasses.replace(RULES, allowed_hosts=RULES.allowed_hosts | {"lab.example.org"})
    assert client(behind).post("/echo", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        TLS | {"Origin": "http://lab.example.org"},
        TLS | {"Origin": "https://evil.example"},
        TLS | {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
        TLS | {"Origin": "https://lab.example.org", "Sec-Fetch-Site": "cross-site", "Host": "127.0.0.1"},
        TLS | {"Host": "evil.example", "X-Forwarded-Host": "lab.example.org"},
    ],
)
def test_what_a_proxy_says_opens_no_other_door(headers: dict[str, str]) -> None:
    behind = dataclasses.replace(RULES, allowed_hosts=RULES.allowed_hosts | {"lab.example.org"})
    assert client(behind).post("/echo", headers=headers).status_code == 403


def test_without_the_token_only_healthz_is_open() -> None:
    api = client(WITH_TOKEN)
    assert api.get("/healthz").status_code == 200
    refused = api.get("/echo")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert api.get("/docs").status_code == 401
    assert api.get("/not-there").status_code == 401


@pytest.mark.parametrize("given", ["Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", TOKEN, "Bearer é"])
def test_a_wrong_token_is_refused(given: str) -> None:
    answer = client(WITH_TOKEN).get("/echo", headers={"Authorization": given.encode("latin-1")})
    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_the_token_opens_and_is_not_taken_from_the_url() -> None:
    api = client(WITH_TOKEN)
    assert api.get("/echo", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    assert api.get(f"/echo?token={TOKEN}").status_code == 401


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json"]
)
def test_a_body_that_is_not_said_to_be_json_is_415(kind: str | None) -> None:
    answer = client().post("/echo", content=b"{}", headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["pointer"] == "header:Content-Type"


def test_json_comes_in_whole_and_an_empty_body_needs_no_type() -> None:
    assert client().post("/echo", content=b'{"a": 1}', headers=JSON).json() == {"size": 8}
    assert client().post("/echo").json() == {"size": 0}


def test_json_is_checked_at_the_door() -> None:
    answer = client().post("/echo", content=b'{"a": 1, "a": 2}', headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_compressed_body_is_refused() -> None:
    assert client().post("/echo", content=b"{}", headers={**JSON, "Content-Encoding": "gzip"}).status_code == 415


def test_a_large_body_is_413_by_its_declared_length_and_by_its_real_one() -> None:
    declared = client().post("/echo", content=b" " * 1_001, headers=JSON)
    streamed = client().post("/echo", content=(b" " * 100 for _ in range(11)), headers=JSON)
    assert [declared.status_code, streamed.status_code] == [413, 413]
    assert declared.json()["limit"] == 1_000


def test_an_upload_has_its_own_type_and_limit() -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client().post("/upload", content=b"x" * 4_000, headers=form).json() == {"size": 4_000}
    assert client().post("/upload", content=b"x" * 5_001, headers=form).status_code == 413
    assert client().post("/upload", content=b"{}", headers=JSON).status_code == 415


def test_every_answer_carries_the_security_headers() -> None:
    api = client(WITH_TOKEN)
    for answer in (api.get("/healthz"), api.get("/echo")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "x-frame-options" not in client(None).get("/healthz").headers


def ask_slowly(
    path: str,
    headers: dict[str, str],
    pieces: list[bytes],
    rules: BodyRules,
    *,
    every: float = 0.0,
    whole: bool = False,
) -> int:
    """The status for a body whose pieces come one `every` so many seconds; then it ends, or nothing more comes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while (await receive()).get("more_body"):
                pass
            await Response()(scope, receive, send)
        except Problem as problem:
            await problem.response()(scope, receive, send)

    async def ask() -> int:
        waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        waiting[-1]["more_body"] = not whole
        statuses: list[int] = []

        async def receive() -> Message:
            if waiting:
                await asyncio.sleep(every)
                return waiting.pop(0)
            await asyncio.sleep(60)
            raise AssertionError("nobody waits that long")

        async def send(message: Message) -> None:
            statuses.append(message.get("status", 0))

        scope = {"type": "http", "method": "POST", "path": path, "scheme": "http", "query_string": b"", "headers": []}
        pairs = {"host": "localhost", **headers}.items()
        scope["headers"] = [(name.encode(), value.encode()) for name, value in pairs]
        await BodyGuard(app, rules)(scope, receive, send)
        return statuses[0]

    return asyncio.run(ask())


def test_a_body_that_stalls_is_408() -> None:
    hasty = dataclasses.replace(BODIES, idle_seconds=0.05, body_seconds=0.05)
    assert ask_slowly("/echo", {"content-type": "application/json"}, [b'{"a"'], hasty) == 408
    assert ask_slowly("/upload", {"content-type": "multipart/form-data; boundary=x"}, [b"--x"], hasty) == 408


FORM = {"content-type": "multipart/form-data; boundary=x"}


def test_a_body_that_drips_is_408_long_before_its_end() -> None:
    drops = [b"x"] * 1_000
    hasty = dataclasses.replace(BODIES, idle_seconds=0.2, body_seconds=0.2, slowest_upload=1_000.0)
    assert ask_slowly("/echo", {"content-type": "application/json"}, drops, hasty, every=0.01) == 408
    assert ask_slowly("/upload", FORM, drops, hasty, every=0.01) == 408


def test_a_slow_upload_that_keeps_up_the_least_pace_comes_in() -> None:
    """Control of the test above: pieces that are as slow, but large enough."""
    patient = dataclasses.replace(BODIES, idle_seconds=0.2, slowest_upload=1_000.0)
    assert ask_slowly("/upload", FORM, [b"x" * 100] * 40, patient, every=0.01, whole=True) == 200
