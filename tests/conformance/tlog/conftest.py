"""A log that is really served over HTTP."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
from fastapi import FastAPI

from guarded_gen.audit import AuditLog
from guarded_gen.audit.http import log_router
from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from tests.waiting import running


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
    with ExitStack() as servers:
        yield lambda app: servers.enter_context(running(app))


@pytest.fixture
def url(log: AuditLog, serve: Callable[[FastAPI], str]) -> str:
    app = FastAPI()
    app.include_router(log_router(lambda: log))
    return serve(app)
