"""The real application over a small home, for the page's tests; a layer before it records, hangs and answers problems.

Every answer is the application's own, except those of a simulator, which are recorded, and those that a test puts in
its place.
"""

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from sqlmodel import Session, col, delete, select, update
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.main import PREFIX, create_app
from backend.runs.database import connect
from backend.runs.table import RunRow
from backend.settings import Settings
from tests.support.furnished import COMES_WITH, HOME
from tests.support.recorded import recorded
from tests.support.serving import served

KNOW_SHIPPED = ("backend.data.catalogue", "backend.runs.found", "backend.runs.folders", "backend.api.health")
LISTS = ("/checkpoints", "/datasets", "/runs")


def simulated() -> dict[str, Any]:
    """The answers for which the application would start a simulator."""
    return {f"/{name}": recorded(name) for name in ("counterfactual", "plays")}


@dataclass
class Workplace:
    """An application in use: its home, what it was asked, and what a test wants otherwise."""

    folder: Path
    address: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    sent: list[tuple[str, Any]] = field(default_factory=list)  # JSON bodies, with the paths
    hang: threading.Event = field(default_factory=threading.Event)  # while set, nothing is answered
    delays: dict[str, float] = field(default_factory=dict)  # seconds, by the end of a path
    page_size: int | None = None  # the most of a list in one answer
    problem: tuple[str, int, dict[str, Any]] | None = None  # for addresses with this text: status and body
    answers: dict[str, Any] = field(default_factory=simulated)  # instead of the application's, by the end of a path

    @property
    def home(self) -> Path:
        """The application's DISWM_HOME."""
        return self.folder / HOME

    def get(self, path: str, **query: Any) -> Any:
        """What the application answers now, past the layer's wishes: this request is not recorded."""
        answer = httpx.get(f"{self.address}{PREFIX}{path}", params=query, headers={"x-unseen": "1"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, body: Any) -> None:
        """Changes something in the application; this request is not recorded either."""
        httpx.put(f"{self.address}{PREFIX}{path}", json=body, headers={"x-unseen": "1"}).raise_for_status()

    def query_of(self, path: str) -> dict[str, str]:
        """The query of the last request whose path ends so; the schemas of views do not count."""
        asked = [(place, query) for place, query in self.requests if "/schemas/" not in place]
        return next(query for place, query in reversed(asked) if place.endswith(path))

    def body_of(self, path: str) -> Any:
        """The last JSON that was sent to a path that ends so."""
        return next(body for place, body in reversed(self.sent) if place.endswith(path))

    def run(self, id: str) -> RunRow | None:
        """The row of a run."""
        return next((row for row in self.runs() if row.id == id), None)

    def runs(self) -> list[RunRow]:
        """The rows of all runs."""
        with self._table() as session:
            return list(session.exec(select(RunRow)).all())

    def change(self, id: str, **values: Any) -> None:
        """Other values in the row of a run."""
        with self._table() as session:
            session.exec(update(RunRow).where(col(RunRow.id) == id).values(**values))
            session.commit()

    def empty(self) -> None:
        """Nothing is left: no run, no data set, no checkpoint, not even those that the application comes with."""
        with self._table() as session:
            session.exec(delete(RunRow))
            session.commit()
        for folder in (self.home / "runs", self.home / "datasets", self.folder / COMES_WITH):
            shutil.rmtree(folder)

    @contextmanager
    def _table(self) -> Iterator[Session]:
        engine = connect(Settings(home=self.home).url_of_database)
        with Session(engine, expire_on_commit=False) as session:
            yield session
        engine.dispose()


OpenWorkplace = Callable[[], AbstractContextManager[Workplace]]


@contextmanager
def opened(furnished: Path, folder: Path, port: int = 0) -> Iterator[Workplace]:
    """The application over a copy of a furnished home, in a thread of this process."""
    shutil.copytree(furnished, folder, symlinks=True, dirs_exist_ok=True)
    work = Workplace(folder)
    with again(work, port):
        yield work


@contextmanager
def again(work: Workplace, port: int = 0) -> Iterator[str]:
    """The application over a home that is there; yields its address."""
    with pytest.MonkeyPatch.context() as patch:
        for module in KNOW_SHIPPED:
            patch.setattr(f"{module}.SHIPPED", work.folder / COMES_WITH)
        with served(layered(create_app(Settings(home=work.home)), work), port=port) as address:
            work.address = address
            yield address


def layered(app: ASGIApp, work: Workplace) -> ASGIApp:
    """The application behind what a workplace wants otherwise."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers") or ())
        if scope["type"] != "http" or b"x-unseen" in headers:
            await app(scope, receive, send)
            return
        while work.hang.is_set():
            await asyncio.sleep(0.05)
        path, query = scope["path"], dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        work.requests.append((path, query))
        work.tokens.append(headers.get(b"authorization", b"").decode())
        await asyncio.sleep(next((wait for end, wait in work.delays.items() if path.endswith(end)), 0))
        if work.page_size and path.endswith(LISTS) and scope["method"] == "GET":
            scope = {**scope, "query_string": urlencode({**query, "limit": work.page_size}).encode()}
        sent = bytearray()

        async def heard() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            if sent and not message.get("more_body") and headers.get(b"content-type") == b"application/json":
                work.sent.append((path, json.loads(sent)))
                sent.clear()
            return message

        answer = _instead(work, path, query)
        while answer is not None and (await heard()).get("more_body"):
            pass
        await (answer or app)(scope, heard, send)

    return layer


def _instead(work: Workplace, path: str, query: dict[str, str]) -> JSONResponse | None:
    """The problem, or the answer, that stands in the place of the application's."""
    if work.problem and work.problem[0] in f"{path}?{urlencode(query)}":
        _, status, body = work.problem
        usual = {"type": "/problems/test", "title": "Problem", "status": status, "detail": ""}
        return JSONResponse(usual | body, status, media_type="application/problem+json")
    found = [answer for end, answer in work.answers.items() if path.endswith(end) and "/schemas/" not in path]
    return JSONResponse(found[0]) if found else None
