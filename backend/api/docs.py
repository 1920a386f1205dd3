"""The API's document as pages, /docs and /redoc: all files are served by this process, so that they work offline.

Addresses in them are relative, so that they work below any path of a reverse proxy.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from backend.http.problems import not_found

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - DisWM Studio</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/{style}">
</head>
<body>
<div id="document"></div>
<script src="docs/{library}"></script><script src="docs/{start}"></script>
</body>
</html>
"""
# The page sets the server's address to the one that it was loaded from, whatever the path.
LOAD = """
async function load() {
  const here = new URL(".", document.baseURI);
  try {
    const answer = await fetch(new URL("openapi.json", here));
    if (!answer.ok) throw new Error(`openapi.json: ${answer.status} ${answer.statusText}`);
    return { ...(await answer.json()), servers: [{ url: here.href.replace(/\\/$/, "") }] };
  } catch (error) {
    document.querySelector("#document").textContent = `The API's document could not be loaded: ${error.message}`;
    throw error;
  }
}
"""
SWAGGER = """
load().then((spec) => SwaggerUIBundle({ spec, dom_id: "#document", deepLinking: true, validatorUrl: null }));
"""
REDOC = """
load().then((spec) => Redoc.init(spec, {}, document.querySelector("#document")));
"""
REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


class Asset(NamedTuple):
    """A file that a page loads."""

    media_type: str
    content: bytes


OWN = {
    "swagger.js": Asset("text/javascript", (LOAD + SWAGGER).encode()),
    "redoc.js": Asset("text/javascript", (LOAD + REDOC).encode()),
    "redoc.css": Asset("text/css", b"body { margin: 0 }"),
}
BUNDLED = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}


@router.get("/docs")
async def get_docs() -> HTMLResponse:
    """Swagger UI: try out the API."""
    parts = {"style": "swagger-ui.css", "library": "swagger-ui-bundle.js", "start": "swagger.js"}
    return HTMLResponse(PAGE.format(title="API", **parts))


@router.get("/redoc")
async def get_redoc() -> HTMLResponse:
    """Redoc: read about the API."""
    parts = {"style": "redoc.css", "library": "redoc.standalone.js", "start": "redoc.js"}
    return HTMLResponse(PAGE.format(title="API reference", **parts))


@router.get("/docs/{name}")
def get_asset(name: str) -> Response:
    """A script or style of these pages."""
    if name not in OWN and name not in BUNDLED:
        raise not_found("file", name, known=[*OWN, *BUNDLED])
    asset = OWN.get(name) or _bundled(name)
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": "private, max-age=3600"})


@cache
def _bundled(name: str) -> Asset:
    """A file of Swagger UI or Redoc from fastapi-offline; Redoc's logo is left out, as it comes from another site."""
    content = (files("fastapi_offline") / "static" / name).read_bytes()
    return Asset(BUNDLED[name], content.replace(REDOC_LOGO, b"data:,"))
