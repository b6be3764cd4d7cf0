"""Fixtures that every test may use: a home of its own, and the command line as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests import order, prefork
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parent.parent

# Test processes share the cores: where each also used threads for all of them, most of the time
# would go into waiting for one another. Read when the libraries are loaded, by children too.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# The same examples on every run, however slowly the machine draws them. To look for new ones:
# --hypothesis-profile=search
hypothesis.settings.register_profile(
    "repeat",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "search", hypothesis.settings.get_profile("repeat"), derandomize=False
)
hypothesis.settings.load_profile("repeat")

# A first request loads the models, which takes a machine under load longer than users wait.
os.environ.setdefault("GUARDED_GEN_API__ANSWER_WITHIN_S", str(PATIENCE_S))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Files are handed out whole, but for the tests of :data:`tests.order.APART`."""
    config.option.loadscopereorder = False
    return order.Units(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=order.place)  # stable: otherwise as collected


@pytest.fixture(scope="module", autouse=True)
def forgotten_applications() -> Iterator[None]:
    """FastAPI remembers the functions of every application; a test process makes dozens of them,
    and each would keep its services alive."""
    yield
    models = sys.modules.get("fastapi.dependencies.models")
    for remembered in list(vars(models).values()) if models is not None else ():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh ``GUARDED_GEN_HOME``."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GUARDED_GEN_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def preforked() -> Iterator[dict[str, str]]:
    """The variables with which :data:`tests.prefork.PROGRAM` starts at once."""
    with prefork.loaded() as variables:
        yield variables


@pytest.fixture
def cli(home: Path, preforked: dict[str, str]) -> Callable[..., Ran]:
    """Run ``guarded-gen`` in a process of its own, with the home of this test."""

    def run(
        *args: str | Path | bytes,
        env: dict[str, str] | None = None,
    ) -> Ran:
        done = subprocess.run(
            [*prefork.PROGRAM, *args],
            capture_output=True,
            env=os.environ | preforked | {"GUARDED_GEN_HOME": str(home)} | (env or {}),
            timeout=PATIENCE_S,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",  # containers often have too small a /dev/shm for it
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. It ends with its module: a synchronous Playwright holds the thread's event loop."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "the browser tests need Chromium: sh scripts/setup-system.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS, timeout=1000 * PATIENCE_S
        )
        yield browser
        browser.close()
