"""A real server and a real browser."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Served:
    url: str
    env: dict[str, str]
    tokens: dict[str, str]

    def cli(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "guarded_gen.cli", *args],
            env=self.env, capture_output=True, text=True, timeout=240,
        )  # fmt: skip


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``guarded-gen serve`` over seeded cases, with people of every role."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    env = os.environ | {
        "GUARDED_GEN_HOME": str(tmp_path_factory.mktemp("home")),
        "GUARDED_GEN_REVIEW__UNDO": "6",
        "GUARDED_GEN_API__PUBLIC_URL": url,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    here = Served(url, env, {})
    for name, *roles in (
        ("ann", "reviewer"), ("bob", "reviewer"), ("lea", "lead", "policy_author"),
        ("aud", "auditor"), ("adm", "admin"),
    ):  # fmt: skip
        options = [part for role in roles for part in ("--role", role)]
        done = here.cli("people", "add", name, *options, "--json")
        assert done.returncode == 0, done.stderr
        here.tokens[name] = json.loads(done.stdout)["token"]
    done = here.cli("seed-demo", "--cases", "25", "--clips", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["clips"] == 2
    server = subprocess.Popen(
        [sys.executable, "-m", "guarded_gen.cli", "serve", "--port", str(port)],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/healthz")
            break
        except OSError:
            time.sleep(0.5)
    yield here
    server.terminate()
    server.wait(40)


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Browser, served: Served, name: str, **context: object) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.served = served
        self.page.goto(f"{served.url}/console/sign-in")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=token]", served.tokens[name])
        self.page.click("main button")
        self.page.wait_for_url("**/console")

    def open(self, path: str) -> Page:
        self.page.goto(self.served.url + path)
        return self.page


@pytest.fixture
def person(browser: Browser, served: Served):
    made: list[Person] = []

    def sign_in(name: str, **context: object) -> Person:
        made.append(Person(browser, served, name, **context))
        return made[-1]

    yield sign_in
    for one in made:
        assert one.errors == []
        one.context.close()
