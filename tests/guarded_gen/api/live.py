"""A real server in a thread, for clients that speak real HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from guarded_gen import config
from guarded_gen.api import create_app
from guarded_gen.services import Services


def settings_for(home: Path, **more: Any) -> config.Settings:
    fields: dict[str, Any] = {
        "home": home,
        "policy": str(Path(__file__).with_name("policy.yaml")),
        "api": {"poll_after_ms": 50, "allow_private_fetch": True, "requests_per_minute": 100_000},
        "jobs": {"poll_s": 0.05, "drain_s": 10},
    }
    return config.load(**{**fields, **more})


@contextmanager
def serving(settings: config.Settings, **options: Any) -> Iterator[tuple[str, Any]]:
    """Yield (base URL, app) of a running server."""
    services = Services(settings)
    app = create_app(services, **options)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="on")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}", app
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        services.close()
