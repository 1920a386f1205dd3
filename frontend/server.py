"""The page's server, `streamlit run frontend/server.py`: Streamlit over app.py, with the page's own path in its
document.
"""

import json
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from frontend import relay
from frontend.pages import MOVED, PAGES, moved

FRESH = {"Cache-Control": "no-cache"}
HERE = Path(__file__).parent
DOCUMENT = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
BELOW = "".join(f"/{part}" for part in st.get_option("server.baseUrlPath").split("/") if part)
BASE = f"<script>window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + {json.dumps(BELOW)} }}</script>"


async def document(request: Request) -> Response:
    """Streamlit's own document, told where its server is: else the browser of /factors first asks below /factors.

    An address of an older version leads to where its view lies now.
    """
    now = moved(request.url.path.rpartition("/")[2], dict(request.query_params))
    if now:
        page, query = now
        return RedirectResponse(
            "?".join(filter(None, [f"{BELOW}/{page}", urlencode(query)])), headers={"Cache-Control": "no-cache"}
        )
    return HTMLResponse(DOCUMENT.replace("<head>", f"<head>{BASE}", 1), headers={"Cache-Control": "no-cache"})


NAMES = dict.fromkeys([*PAGES, *MOVED])
PLACES = [Route(f"{BELOW}/{name}", document) for name in NAMES if name != "home"]
app = st.App(HERE / "app.py", routes=[*PLACES, *relay.routes(BELOW)])
