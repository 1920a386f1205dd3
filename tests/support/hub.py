"""A hub of models on this machine: the part of Hugging Face's HTTP protocol that putting and pulling use."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from tests.support.serving import served

TOKEN = "hf_secret_of_this_test"
LARGE = (".safetensors", ".npz", ".png", ".gif")  # what the hub wants by LFS


@dataclass
class Hub:
    """Repositories by name, each a list of commits (files by name), and what clients sent."""

    repos: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    seen: list[tuple[str, str | None]] = field(default_factory=list)  # path and authorization of each request
    url: str = ""
    elsewhere: str = ""  # the address of another host that keeps the large files
    breaks_at: str = ""  # a file whose connection ends half-way
    endless: str = ""  # a file that never ends

    def commit_of(self, repo: str, revision: str) -> int | None:
        """The number of a commit: by its hash, or the newest for `main`."""
        commits = self.repos.get(repo, [])
        if revision == "main":
            return len(commits) - 1
        return next((n for n in range(len(commits)) if hash_of(repo, n) == revision), None)


def hash_of(repo: str, commit: int) -> str:
    """The hash of a commit."""
    return hashlib.sha1(f"{repo}:{commit}".encode()).hexdigest()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub over a real socket; repositories can be written only with TOKEN."""
    hub = Hub()
    with served(_app(hub), log_level="critical") as hub.url:
        yield hub


def _missing(code: str) -> Response:
    return JSONResponse({"error": code}, 404, {"X-Error-Code": code})


def _app(hub: Hub) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def watch(request: Request, answer: Any) -> Response:
        hub.seen.append((request.url.path, request.headers.get("authorization")))
        writes = request.method in ("POST", "PUT") and not request.url.path.startswith(("/blobs", "/api/validate"))
        if writes and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "no"}, 401)
        found: Response = await answer(request)
        return found

    @app.post("/api/repos/create")
    async def create(request: Request) -> Response:
        asked = await request.json()
        repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if asked.get("visibility") == "private" or asked.get("private"):
            hub.private.add(repo)
        status = 409 if repo in hub.repos else 200
        hub.repos.setdefault(repo, [{".gitattributes": b"*.npz lfs\n"}])
        return JSONResponse({"url": f"{hub.url}/{repo}", "name": repo}, status)

    @app.post("/api/validate-yaml")
    async def validate() -> dict[str, Any]:
        return {"errors": [], "warnings": []}

    @app.get("/api/models/{user}/{name}")
    @app.get("/api/models/{user}/{name}/revision/{revision}")
    async def info(user: str, name: str, revision: str = "main") -> Response:
        repo = f"{user}/{name}"
        if repo not in hub.repos:
            return _missing("RepoNotFound")
        if (commit := hub.commit_of(repo, revision)) is None:
            return _missing("RevisionNotFound")
        files = hub.repos[repo][commit]
        siblings = [{"rfilename": path, "size": len(content), "blobId": "0"} for path, content in files.items()]
        return JSONResponse({"id": repo, "sha": hash_of(repo, commit), "siblings": siblings, "private": False})

    @app.post("/api/models/{user}/{name}/preupload/{revision}")
    async def preupload(request: Request) -> dict[str, Any]:
        asked = (await request.json())["files"]
        modes = {one["path"]: "lfs" if one["path"].endswith(LARGE) else "regular" for one in asked}
        return {"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]}

    @app.post("/{user}/{name}.git/info/lfs/objects/batch")
    async def batch(request: Request) -> JSONResponse:
        asked = (await request.json())["objects"]
        found = [{**one, "actions": {"upload": {"href": f"{hub.url}/blobs/{one['oid']}"}}} for one in asked]
        return JSONResponse({"transfer": "basic", "objects": found}, media_type="application/vnd.git-lfs+json")

    @app.put("/blobs/{oid}")
    async def put(oid: str, request: Request) -> Response:
        hub.blobs[oid] = await request.body()
        return Response(status_code=200)

    @app.post("/api/models/{user}/{name}/commit/{revision}")
    async def commit(user: str, name: str, request: Request) -> dict[str, Any]:
        repo = f"{user}/{name}"
        files = dict(hub.repos[repo][-1])
        for line in (await request.body()).decode().splitlines():
            key, value = (one := json.loads(line))["key"], one["value"]
            if key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = hub.blobs[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
        hub.repos[repo].append(files)
        oid = hash_of(repo, len(hub.repos[repo]) - 1)
        return {"commitOid": oid, "commitUrl": f"{hub.url}/{repo}/commit/{oid}", "pullRequestUrl": None}

    @app.get("/{user}/{name}/resolve/{revision}/{path:path}")
    async def resolve(user: str, name: str, revision: str, path: str) -> Response:
        commit = hub.commit_of(f"{user}/{name}", revision)
        assert commit is not None
        if hub.elsewhere and path.endswith(LARGE):
            return RedirectResponse(f"{hub.elsewhere}/{user}/{name}/resolve/{revision}/{path}")
        content = hub.repos[f"{user}/{name}"][commit][path]
        if path == hub.breaks_at:
            return StreamingResponse(_half(content), headers={"content-length": str(len(content))})
        if path == hub.endless:
            return StreamingResponse(_endless())
        return Response(content, media_type="application/octet-stream")

    return app


async def _half(content: bytes) -> AsyncIterator[bytes]:
    yield content[: len(content) // 2]
    raise ConnectionAbortedError("the other side is gone")


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(2**16)
