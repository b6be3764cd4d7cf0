"""A real server in a thread, for clients that speak real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from guarded_gen import settings as config
from guarded_gen.composition.services import Services
from guarded_gen.server import create_app
from tests.waiting import PATIENCE_S, running


def settings_for(home: Path, **more: Any) -> config.Settings:
    fields: dict[str, Any] = {
        "home": home,
        "policy": str(Path(__file__).with_name("policy.yaml")),
        "api": {
            "poll_after_ms": 50, "allow_private_fetch": True, "requests_per_minute": 100_000,
            "fetch_timeout_s": PATIENCE_S, "image_wait_s": PATIENCE_S,
            "answer_within_s": PATIENCE_S, "waiting_per_tenant": 1000,
        },
        "jobs": {"poll_s": 0.05, "drain_s": 10, "dead_after_s": PATIENCE_S},
    }  # fmt: skip
    return config.load(**{**fields, **more})


@contextmanager
def serving(settings: config.Settings, **options: Any) -> Iterator[tuple[str, Any]]:
    """Yield (base URL, app) of a running server."""
    services = Services(settings)
    app = create_app(services, **options)
    try:
        with running(app) as url:
            yield url, app
    finally:
        services.close()
