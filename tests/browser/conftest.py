"""A real server and a real browser."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from guarded_gen.store.tables.review import ReviewCase
from tests import prefork
from tests.waiting import PATIENCE_S, free_port, serving


@dataclass(frozen=True)
class Served:
    url: str
    env: dict[str, str]
    tokens: dict[str, str]

    def cli(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefork.PROGRAM, *args],
            env=self.env, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip

    def end_undo(self, case: str) -> None:
        """The time to take the decision of a case back is over."""
        store = open_store(Settings(home=Path(self.env["GUARDED_GEN_HOME"])))
        with store.write() as session:
            session.get_one(ReviewCase, case).effective_at = 0
        store.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, preforked: dict[str, str]) -> Iterator[Served]:
    """``guarded-gen serve`` over seeded cases, with people of every role."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = os.environ | preforked
    # No decision takes effect by itself: a test ends the time to undo it when it has looked.
    env |= {
        "GUARDED_GEN_HOME": str(tmp_path_factory.mktemp("home")),
        "GUARDED_GEN_REVIEW__UNDO": "3600",
        "GUARDED_GEN_JOBS__DEAD_AFTER_S": f"{PATIENCE_S:.0f}",
        "GUARDED_GEN_API__PUBLIC_URL": url,
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
    with serving(port, env):
        yield here


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Browser, served: Served, name: str, **context: object) -> None:
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(1000 * PATIENCE_S)
        self.page: Page = self.context.new_page()
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
