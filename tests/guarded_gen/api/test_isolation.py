"""One tenant's waiting, or a dependency that hangs, holds nobody else up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from guarded_gen.access.backoff import FORGET_S, FREE, LONGEST_S, Backoff
from guarded_gen.api.isolation import FAILURES, Budget, Readiness, Share, tenant_var
from guarded_gen.api.problems import Problem
from media.encode import encode
from media.encoding import EncodeSettings
from tests import waiting
from tests.postgres import fresh_database, server_in
from tests.waiting import PATIENCE_S, until

from .live import serving, settings_for

PROMPT = "a red ball rolls over green grass"
CROWD = 80


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A server whose jobs nobody executes."""
    settings = settings_for(tmp_path_factory.mktemp("idle"))
    # long enough for a slow machine to see that all wait, short enough for the end of the test
    api = settings.api.model_copy(update={"image_wait_s": 30.0})
    settings = settings.model_copy(update={"api": api})
    with serving(settings, open_access=False, worker=False) as (url, app):
        yield url, app


@pytest.fixture(scope="module")
def key_of(idle: tuple[str, Any]) -> Callable[[str], dict[str, str]]:
    def make(tenant: str) -> dict[str, str]:
        _, text = idle[1].state.api.keys.create(tenant, "t", ["generate", "moderate"])
        return {"authorization": f"Bearer {text}"}

    return make


async def test_a_crowd_that_waits_for_pictures_holds_no_thread(idle: Any, key_of: Any) -> None:
    url, app = idle
    mine, theirs = key_of("crowd"), key_of("quiet")
    endings = app.state.api.endings
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        crowd = [
            asyncio.create_task(
                client.post(
                    f"{url}/v1/images/generations", headers=mine,
                    json={"prompt": PROMPT, "size": "128x128", "seed": number},
                )
            )
            for number in range(CROWD)
        ]  # fmt: skip
        try:
            while len(endings._waiting) < CROWD:
                assert not any(task.done() for task in crowd)
                await asyncio.sleep(0.05)
            for method, path, body in (
                ("GET", "/v1/models", None),
                ("POST", "/v1/moderations", {"input": "a lake"}),
                ("GET", "/readyz", None),
            ):
                answer = await client.request(method, url + path, json=body, headers=theirs)
                assert answer.status_code == 200, answer.text
            assert not any(task.done() for task in crowd)
        finally:
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)


def test_characters_are_checked_and_never_ignored(idle: Any, key_of: Any, tmp_path: Path) -> None:
    url, _ = idle
    clip = tmp_path / "a.mp4"
    encode(clip, [np.full((4, 64, 64, 3), 90, np.uint8)], Fraction(8), EncodeSettings())
    mine, theirs = key_of("a"), key_of("b")

    def create(**fields: str) -> str:
        answer = waiting.post(
            f"{url}/v1/videos/characters", data={"name": "Ada", **fields}, headers=mine,
            files={"video": ("a.mp4", clip.read_bytes())},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def ask(id: str, headers: dict[str, str]) -> tuple[int, str]:
        answer = waiting.post(
            f"{url}/v1/videos", json={"prompt": PROMPT, "characters": [{"id": id}]}, headers=headers
        )
        return answer.status_code, answer.json()["code"]

    agreed, silent = create(consent_id="c-1"), create()
    assert ask(agreed, theirs) == (404, "not_found")
    assert ask("char_unknown", mine) == (404, "not_found")
    assert ask(silent, mine) == (403, "consent_missing")
    assert ask(agreed, mine) == (400, "unsupported_parameter")


def test_a_tenant_without_a_quota_has_one(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", jobs={"open_per_tenant": 2})
    with serving(settings, worker=False) as (url, _):
        body = {"prompt": PROMPT, "size": "128x128", "seconds": 1}
        answers = [waiting.post(f"{url}/v1/videos", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "quota_exceeded"


def test_readiness_tells_of_an_object_store_that_hangs(tmp_path: Path) -> None:
    """A real listener that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = settings_for(
            tmp_path / "home",
            storage_url="s3://clips",
            storage_options={
                "key": "k", "secret": "s",
                "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{silent.getsockname()[1]}"},
            },
        )  # fmt: skip
        with serving(settings, worker=False) as (url, _):
            for _ in range(2):  # the second finds the first still hanging
                answer = waiting.get(f"{url}/readyz")
                checks = answer.json()["checks"]
                assert (answer.status_code, checks.pop("storage")) == (503, "timeout")
            assert waiting.get(f"{url}/v1/models").status_code == 200


async def test_a_check_that_hangs_keeps_one_thread_and_its_name() -> None:
    hung = threading.Event()
    started = []

    def hang() -> None:
        started.append(1)
        hung.wait(PATIENCE_S)

    readiness = Readiness({"slow": hang, "quick": lambda: None}, within_s=2.0)
    for _ in range(2):
        assert await readiness.report() == {"slow": "timeout", "quick": "ok"}
    assert len(started) == 1
    hung.set()
    while (await readiness.report())["slow"] != "ok":
        await asyncio.sleep(0.01)


async def test_a_budget_answers_in_time_and_then_at_once() -> None:
    hung = threading.Event()
    budget = Budget("storage", threads=8, timeout_s=0.1)
    for _ in range(FAILURES):
        with pytest.raises(Problem) as caught:
            await budget.run(hung.wait, PATIENCE_S)
        assert (caught.value.status, caught.value.code) == (503, "storage_unavailable")
    ran = []
    with pytest.raises(Problem):
        await budget.run(ran.append, 1)
    assert ran == [], "the circuit is open: nothing is tried"
    hung.set()
    budget._closed_until, budget._timeout_s = 0.0, PATIENCE_S

    def missing() -> int:
        raise KeyError("no such row")

    with pytest.raises(KeyError):
        await budget.run(missing)
    assert [await budget.run(lambda: 7) for _ in range(2)] == [7, 7]
    assert budget._failed == 0, "an error of its own is an answer: the circuit is closed"


async def test_tenants_take_turns_and_none_takes_all() -> None:
    gate, order = threading.Event(), []
    budget = Budget("checks", 1, None, Share(threads=1, waiting=4))

    def work(name: str) -> None:
        assert gate.wait(PATIENCE_S)
        order.append(name)

    async def ask(tenant: str, name: str) -> None:
        tenant_var.set(tenant)
        await budget.run(work, name)

    crowd = [asyncio.create_task(ask("crowd", f"crowd {n}")) for n in range(5)]
    await asyncio.sleep(0)  # the first runs, four wait
    with pytest.raises(Problem) as caught:
        await ask("crowd", "too many")
    assert (caught.value.status, caught.value.code) == (429, "too_many_at_once")
    assert int(caught.value.headers["retry-after"]) >= 1
    quiet = [asyncio.create_task(ask("quiet", f"quiet {n}")) for n in range(2)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*crowd, *quiet)
    assert order == [
        "crowd 0", "crowd 1", "quiet 0", "crowd 2", "quiet 1", "crowd 3", "crowd 4",
    ]  # fmt: skip


async def test_no_tenant_has_all_threads() -> None:
    gate, begun = threading.Event(), []
    budget = Budget("checks", 2, None, Share(threads=1, waiting=4))

    def work(name: str) -> None:
        begun.append(name)
        assert gate.wait(PATIENCE_S)

    async def ask(name: str) -> None:
        tenant_var.set(name)
        await budget.run(work, name)

    tasks = [asyncio.create_task(ask(name)) for name in ("crowd", "crowd", "quiet")]
    while len(begun) < 2:
        await asyncio.sleep(0.01)
    assert sorted(begun) == ["crowd", "quiet"]
    gate.set()
    await asyncio.gather(*tasks)


async def test_whoever_stops_waiting_takes_no_thread_along() -> None:
    gate = threading.Event()
    budget = Budget("checks", 1, None)
    running = asyncio.create_task(budget.run(gate.wait, PATIENCE_S))
    await asyncio.sleep(0)
    gone = [asyncio.create_task(budget.run(lambda: None)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    gate.set()
    assert await running
    assert await budget.run(lambda: 7) == 7


def test_threads_of_the_api_are_counted() -> None:
    """Outside the budgets, a call that hangs would take the threads that serve everybody."""
    import guarded_gen.api

    folder = Path(str(guarded_gen.api.__file__)).parent
    for path in folder.glob("*.py"):
        text = path.read_text()
        allowed = {"bodies.py", "softbinding.py"}  # the disk's own; a default for other servers
        assert "to_thread" not in text or path.name in allowed, path.name


def test_a_database_that_is_stopped_stops_nobody(tmp_path: Path) -> None:
    with server_in(tmp_path / "pg") as server:
        settings = settings_for(
            tmp_path / "home", database_url=fresh_database(server.get_uri()), database_timeout_s=2
        )
        api = settings.api.model_copy(update={"answer_within_s": 1.0})
        with serving(settings.model_copy(update={"api": api}), open_access=False, worker=False) as (
            url, app,
        ):  # fmt: skip
            _, text = app.state.api.keys.create("a", "t", ["generate"])
            mine = {"authorization": f"Bearer {text}"}

            def listed() -> tuple[int, str | None]:
                answer = waiting.get(f"{url}/v1/videos", headers=mine)
                return answer.status_code, answer.json().get("code")

            until(lambda: listed()[0] == 200, "an answer")
            main = psutil.Process(server.get_pid())
            stopped = [main, *main.children(recursive=True)]
            for process in stopped:
                process.suspend()
            try:
                for _ in range(FAILURES + 1):
                    assert listed() == (503, "database_unavailable")
                assert waiting.get(f"{url}/healthz").status_code == 200
                assert waiting.get(f"{url}/metrics").status_code == 200
                ready = waiting.get(f"{url}/readyz")
                assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "timeout")
            finally:
                for process in stopped:
                    process.resume()
            until(lambda: listed()[0] == 200, "the database's return", every_s=0.5)


def test_a_full_disk_takes_nothing_in(
    idle: Any, key_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, app = idle
    api, mine = app.state.api, key_of("full")
    limits = api.settings.limits.model_copy(update={"min_free_bytes": 2**62})
    monkeypatch.setattr(api, "settings", api.settings.model_copy(update={"limits": limits}))
    for path, sent in (
        ("videos", {"json": {"prompt": PROMPT}}),
        ("files", {"data": {"purpose": "batch"}, "files": {"file": ("a.jsonl", b"{}")}}),
    ):
        answer = waiting.post(f"{url}/v1/{path}", headers=mine, **sent)
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full"), path
    ready = waiting.get(f"{url}/readyz")
    assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, "disk_full")
    monkeypatch.undo()
    assert waiting.get(f"{url}/v1/videos", headers=mine).json()["data"] == []


def test_wrong_keys_are_slowed_down_and_right_ones_never(idle: Any, key_of: Any) -> None:
    url, app = idle
    app.state.api.wrong_keys = Backoff()
    mine = key_of("slow")

    def ask(text: str) -> httpx.Response:
        return waiting.get(f"{url}/v1/models", headers={"authorization": f"Bearer {text}"})

    answers = [ask(f"gg_key{number}_guess") for number in range(FREE + 2)]
    assert [answer.status_code for answer in answers] == [401] * FREE + [429] * 2
    assert answers[-1].json()["code"] == "too_many_wrong_keys"
    waits = [int(answer.headers["retry-after"]) for answer in answers[FREE:]]
    assert waits[0] < waits[1]
    assert waiting.get(f"{url}/v1/models", headers=mine).status_code == 200


def test_what_is_remembered_of_wrong_keys_is_bounded() -> None:
    clock = [0.0]
    backoff = Backoff(lambda: clock[0])
    for number in range(20_000):
        backoff.failed(f"key {number}")
    assert len(backoff) == 10_000
    assert [backoff.failed("a") for _ in range(FREE + 20)][-1] == LONGEST_S
    clock[0] += FORGET_S + 1
    assert backoff.failed("a") == 0


def test_every_line_that_a_worker_writes_is_json(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "guarded_gen.cli", "worker", "--json"],
        env=os.environ | {"GUARDED_GEN_HOME": str(tmp_path / "home")},
        stdout=subprocess.DEVNULL, stderr=(tmp_path / "log").open("wb"),
    )  # fmt: skip
    try:
        until(lambda: "worker_started" in (tmp_path / "log").read_text(), "the start")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 0
    finally:
        worker.kill()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines
    assert all(json.loads(line)["level"] for line in lines)
