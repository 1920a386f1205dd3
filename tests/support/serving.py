"""An application over a real socket."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI


@contextmanager
def served(app: FastAPI, **options: Any) -> Iterator[str]:
    """Runs an application in a thread; yields its address. `options` are uvicorn's."""
    server = uvicorn.Server(uvicorn.Config(app, **{"port": 0, "log_level": "warning"} | options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
