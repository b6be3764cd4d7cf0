"""A log that is really served over HTTP."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import uvicorn
from fastapi import FastAPI

from guarded_gen.api.log import log_router
from guarded_gen.audit import AuditLog
from guarded_gen.config import Settings
from guarded_gen.store import open_store


@pytest.fixture(scope="session")
def stranger() -> ModuleType:
    """The independent verifier."""
    path = Path(__file__).with_name("stranger.py")
    spec = importlib.util.spec_from_file_location("stranger", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stranger"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    settings = Settings(home=tmp_path / "home")
    log = AuditLog.open(open_store(settings), settings.keys_folder, "example.com/audit")
    yield log
    log.close()
    log.store.close()


@pytest.fixture
def serve() -> Iterator[Callable[[FastAPI], str]]:
    """Serve an application on a free port of loopback; gives its URL."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(app: FastAPI) -> str:
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def url(log: AuditLog, serve: Callable[[FastAPI], str]) -> str:
    app = FastAPI()
    app.include_router(log_router(lambda: log))
    return serve(app)
