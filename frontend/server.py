"""The page's server, `streamlit run frontend/server.py`: Streamlit over app.py, its document told where it is."""

import json
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from frontend import relay
from frontend.pages import PAGES

HERE = Path(__file__).parent
DOCUMENT = (Path(st.__file__).parent / "static" / "index.html").read_text("utf-8")
BELOW = "".join(f"/{part}" for part in st.get_option("server.baseUrlPath").split("/") if part)
BASE = f"<script>window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + {json.dumps(BELOW)} }}</script>"


async def document(_: Request) -> HTMLResponse:
    """Streamlit's own document, told where its server is: else the browser of /factors first asks below /factors."""
    return HTMLResponse(DOCUMENT.replace("<head>", f"<head>{BASE}", 1), headers={"Cache-Control": "no-cache"})


PLACES = [Route(f"{BELOW}/{name}", document) for name in PAGES if name != "home"]
app = st.App(HERE / "app.py", routes=[*PLACES, *relay.routes(BELOW)])
