"""The console over 100,000 waiting cases, in a headless Chromium of its own.

``python -m benchmarks.console``: how long the queue page takes cold until it can be used, how
long it takes from a decision to the next case, and what the pages weigh. The times are the
browser's own (Navigation Timing), redirects included.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import insert
from starlette.testclient import TestClient

from guarded_gen.audit import Event
from guarded_gen.composition.services import Services
from guarded_gen.review.people import add_person
from guarded_gen.review.priority import rank, severity
from guarded_gen.review.roles import Role
from guarded_gen.server import create_app
from guarded_gen.settings import load
from guarded_gen.store.tables.review import ReviewCase
from tests.waiting import free_port, serving

ROOT = Path(__file__).parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
CATEGORIES = ("violence", "likeness", "hate", "sexual", "weapons", "privacy", "misinformation")


def fill(home: Path, count: int) -> str:
    """Put ``count`` waiting cases into a fresh home; returns a reviewer's token."""
    services = Services(load(home=home))
    choose = random.Random(1)
    scores = {
        "scores": dict.fromkeys(CATEGORIES, 0.4),
        "segments": {},
        "missing": [],
        "not_assessed": [{"category": "gore", "reason": "not_assessed"}],
    }
    decisions = [
        services.log.append(
            Event(
                kind="prompt.decision",
                subject=f"user-{n}",
                decision={"action": "review", "stage": "prompt", "policy_digest": "0" * 64},
                payload={"prompt": f"a knight rehearses duel number {n} in an old theatre"},
            )
        )
        for n in range(100)
    ]
    now = time.time_ns() // 1_000_000
    rows: list[dict[str, Any]] = []
    for n in range(count):
        category = choose.choice(CATEGORIES)
        opened, weight = now - choose.randrange(7 * 86_400_000), severity(category)
        rows.append(
            {
                "id": f"case_{uuid.UUID(int=choose.getrandbits(128)).hex}",
                "kind": "review",
                "state": "open",
                "tenant": f"tenant-{n % 20}",
                "subject": f"user-{n % 9000}",
                "item": f"video_{n}",
                "stage": "prompt",
                "decision": decisions[n % 100],
                "category": category,
                "rule": f"{category[:4].upper()}-{n % 3}",
                "reason": category,
                "policy_digest": "0" * 64,
                "floor": False,
                "cluster": f"{n % 30000:032x}",
                "severity": weight,
                "reach": 1,
                "rank": rank(weight, 1, opened),
                "details": scores,
                "barred": [],
                "lease_until": 0,
                "hold_until": 0,
                "opened_at": opened,
                "version": 1,
            }
        )
        if len(rows) == 5000 or n == count - 1:
            with services.store.write() as session:
                session.execute(insert(ReviewCase), rows)
            rows = []
    _, token = add_person(services.log, "benchmark", "ann", {Role.REVIEWER})
    services.close()
    return token


def sign_in(browser: Browser, url: str, token: str) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}/console/sign-in")
    page.fill("[name=name]", "ann")
    page.fill("[name=token]", token)
    page.click("main button")
    page.wait_for_url("**/console")
    return page


TIMING = """() => {
  const all = performance.getEntriesByType('resource');
  const page = performance.getEntriesByType('navigation')[0];
  return {ready: page.domContentLoadedEventEnd, server: page.responseStart,
          bytes: page.transferSize + all.reduce((sum, r) => sum + r.transferSize, 0)};
}"""


def timing(page: Page) -> dict[str, float]:
    page.wait_for_load_state("load")
    found: dict[str, float] = page.evaluate(TIMING)
    return found


def measure(browser: Browser, url: str, token: str, rounds: int) -> dict[str, float]:
    signed = sign_in(browser, url, token)
    cookies = signed.context.cookies()
    cold = []
    for _ in range(max(5, rounds // 4)):
        context = browser.new_context()  # nothing cached
        context.add_cookies(cookies)
        page = context.new_page()
        page.goto(f"{url}/console/queue")
        cold.append(timing(page))
        context.close()
    signed.goto(f"{url}/console/queue")
    signed.keyboard.press("n")
    signed.wait_for_selector("#decide")
    weight = timing(signed)["bytes"]
    steps = []
    for _ in range(rounds):
        signed.select_option("#decide [name=reason]", "violence")
        signed.locator("h1").click()
        before = signed.url
        signed.keyboard.press("b")
        signed.wait_for_url(lambda there, was=before: there != was and "said=" in there)
        signed.wait_for_selector("#decide")
        steps.append(timing(signed))
    return {
        "queue_cold_ms": statistics.median(t["ready"] for t in cold),
        "queue_bytes": max(t["bytes"] for t in cold),
        "next_case_p50_ms": statistics.median(t["ready"] for t in steps),
        "next_case_p95_ms": sorted(t["ready"] for t in steps)[int(0.95 * len(steps))],
        "next_case_server_p50_ms": statistics.median(t["server"] for t in steps),
        "case_bytes_cold": max(weight, *(t["bytes"] for t in steps)),
    }


def cpu(home: Path, token: str, rounds: int) -> dict[str, float]:
    """Milliseconds of processor time for each request, in this process; no browser, no network.
    It hardly depends on what else the machine does."""
    services = Services(load(home=home))
    app = create_app(services, worker=False)
    client = TestClient(app, base_url="http://testserver", follow_redirects=False)
    client.post("/console/sign-in", data={"name": "ann", "token": token})
    queue = client.get("/console/queue")
    csrf = queue.text.split('name="csrf" value="')[1].split('"')[0]

    def used(ask: Callable[[], object]) -> float:
        before = time.process_time()
        ask()
        return 1000 * (time.process_time() - before)

    pages = [used(lambda: client.get("/console/queue")) for _ in range(rounds)]
    at = client.post("/console/queue/next", data={"csrf": csrf}).headers["location"]
    steps = []
    for _ in range(rounds):
        shown = client.get(at).text
        version = shown.split('name="version" value="')[1].split('"')[0]
        form = {"csrf": csrf, "version": version, "seconds": "1", "action": "block"}
        case = at.partition("?")[0]

        def step(form: dict[str, str] = form, case: str = case) -> None:
            nonlocal at
            at = client.post(f"{case}/decide", data={**form, "reason": "violence"}).headers[
                "location"
            ]
            client.get(at)

        steps.append(used(step))
    app.state.api.jobs.close()
    services.close()
    return {
        "queue_cpu_ms": statistics.median(pages),
        "next_case_cpu_ms": statistics.median(steps),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--home", type=Path, help="keep the filled home here and use it again")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = wanted.home or Path(folder) / "home"
        note = home / "token"
        if not note.exists():
            token = fill(home, wanted.cases)
            note.write_text(token)
        env = os.environ | {"GUARDED_GEN_HOME": str(home), "PYTHONPATH": str(ROOT)}
        with serving(free_port(), env) as url, sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            found = measure(browser, url, note.read_text(), wanted.rounds)
            browser.close()
        found |= cpu(home, note.read_text(), wanted.rounds)
    found["load"] = os.getloadavg()[0]
    print(f"console over {wanted.cases:,} waiting cases")
    for name, value in found.items():
        print(f"  {name:<26} {value:,.1f}")


if __name__ == "__main__":
    main()
