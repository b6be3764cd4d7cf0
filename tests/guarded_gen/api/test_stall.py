"""A dependency that is stopped (SIGSTOP) stops nobody else, and all goes on when it does.

A stopped database: ``test_isolation.py``.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

import generator
from generator import GenerationSpec
from guarded_gen.api.isolation import FAILURES
from guarded_gen.jobs import webhooks
from media.encode import encode
from tests import waiting
from tests.waiting import PATIENCE_S, until

from .live import serving, settings_for
from .receiver import receiving
from .stoppable import process, small_server

FIELDS = {"prompt": "a red ball rolls over green grass", "size": "128x128", "seconds": 1}
CROWD = 80


def create(url: str) -> str:
    answer = waiting.post(f"{url}/v1/videos", json=FIELDS)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def status(url: str, id: str) -> str:
    return str(waiting.get(f"{url}/v1/videos/{id}").json()["status"])


def others_are_served(url: str, but: str | None = None) -> None:
    """All that does not need what is stopped; readiness names that."""
    assert waiting.get(f"{url}/v1/models").status_code == 200
    assert waiting.get(f"{url}/v1/videos").status_code == 200
    assert waiting.post(f"{url}/v1/moderations", json={"input": "a lake"}).status_code == 200
    until(lambda: away(url) == ({but: "timeout"} if but else {}), "what readiness says")


def away(url: str) -> dict[str, str]:
    """What readiness misses."""
    checks = waiting.get(f"{url}/readyz").json()["checks"]
    return {name: found for name, found in checks.items() if found != "ok"}


def ready(url: str) -> bool:
    return waiting.get(f"{url}/readyz").status_code == 200


def test_an_object_store_that_is_stopped(tmp_path: Path) -> None:
    import boto3

    with process(tmp_path, "-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}") as store:
        access = {"region_name": "us-east-1", "endpoint_url": store.url}
        secret = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
        boto3.client("s3", **access, **secret).create_bucket(Bucket="clips")
        settings = settings_for(
            tmp_path / "home", storage_url="s3://clips",
            storage_options={"key": "k", "secret": "s", "client_kwargs": access},
        )  # fmt: skip
        api = settings.api.model_copy(update={"answer_within_s": 4.0})
        with serving(settings.model_copy(update={"api": api})) as (url, _):
            made = create(url)
            until(lambda: status(url, made) == "completed", "the first clip")

            def content() -> tuple[int, str | None]:
                answer = waiting.get(f"{url}/v1/videos/{made}/content")
                failed = answer.status_code >= 400
                return answer.status_code, answer.json()["code"] if failed else None

            until(lambda: content() == (200, None), "the clip")
            with store.stopped():
                later = create(url)
                for _ in range(FAILURES + 1):
                    assert content() == (503, "storage_unavailable")
                others_are_served(url, but="storage")
                assert not ready(url)
                assert status(url, later) in ("queued", "in_progress")
            until(lambda: content() == (200, None), "the store's return", every_s=0.5)
            until(lambda: status(url, later) == "completed", "the job that waited")
            until(lambda: ready(url), "readiness")


def test_a_remote_backend_that_is_stopped(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    spec = GenerationSpec("a red circle", 1.0, 128, 128, Fraction(12))
    encode(clip, generator.create("world").generate(spec, lambda s: None, lambda: False), spec.fps)
    with small_server(tmp_path, clip) as server:
        remote = {
            "base_url": f"{server.url}/v1", "timeout": 1.0, "retries": 1, "poll_seconds": 0.1,
        }  # fmt: skip
        settings = settings_for(tmp_path / "home", backend="remote", backends={"remote": remote})
        with serving(settings) as (url, _):
            with server.stopped():
                lost = create(url)
                others_are_served(url, but="remote")
                until(lambda: ready(url), "readiness: the rest is served")
                until(lambda: status(url, lost) == "failed", "the end of the job")
                told = waiting.get(f"{url}/v1/videos/{lost}").json()["error"]
                assert told["code"] == "backend_failed", told
            made = create(url)
            until(lambda: status(url, made) == "completed", "a clip")
            until(lambda: away(url) == {}, "the backend's return")


def test_a_receiver_of_webhooks_that_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "BACKOFF_S", (0.5,) * len(webhooks.BACKOFF_S))
    monkeypatch.setattr(webhooks, "_REST", 0)
    settings = settings_for(tmp_path / "home")
    api = settings.api.model_copy(update={"fetch_timeout_s": 1.0})
    with (
        small_server(tmp_path) as lame,
        receiving() as (hook, received),
        serving(settings.model_copy(update={"api": api})) as (url, _),
    ):
        for target in (f"{lame.url}/hook", hook):
            body = {"name": "x", "url": target, "event_types": ["video.completed"]}
            answer = waiting.post(f"{url}/v1/webhook_endpoints", json=body)
            assert answer.status_code == 200, answer.text
        with lame.stopped():
            made = create(url)
            until(lambda: received, "the event at who takes it")
            assert status(url, made) == "completed"
            others_are_served(url)
            assert lame.said.read_text() == ""
        [id] = until(lambda: set(lame.said.read_text().split()), "the event, in the end")
        assert id.startswith("evt_") and id[:36] == received[0][0]["webhook-id"][:36]


async def test_a_crowd_of_slow_calls_leaves_the_others_theirs(tmp_path: Path) -> None:
    """Each waits for a server that hangs; the other tenant's own slow call does not."""
    settings = settings_for(tmp_path / "home")
    api = settings.api.model_copy(update={"waiting_per_tenant": CROWD // 2})
    with (
        small_server(tmp_path) as lame,
        receiving() as (hook, _),
        serving(
            settings.model_copy(update={"api": api}), worker=False, open_access=False
        ) as (url, app),
    ):  # fmt: skip
        keys = app.state.api.keys

        async def endpoint(client: httpx.AsyncClient, tenant: str, target: str) -> Any:
            _, key = keys.create(tenant, "t", ["generate", "moderate"])
            mine = {"authorization": f"Bearer {key}"}
            body = {"name": "x", "url": target, "event_types": ["video.failed"]}
            made = await client.post(f"{url}/v1/webhook_endpoints", json=body, headers=mine)
            path = f"{url}/v1/webhook_endpoints/{made.json()['id']}/test"

            async def slow() -> int:
                sent = {"event_type": "video.failed"}
                return (await client.post(path, json=sent, headers=mine)).status_code

            return slow, mine

        limits = httpx.Limits(max_connections=2 * CROWD)
        async with httpx.AsyncClient(timeout=PATIENCE_S, limits=limits) as client:
            theirs, _ = await endpoint(client, "crowd", f"{lame.url}/hook")
            mine, headers = await endpoint(client, "quiet", hook)
            with lame.stopped():
                crowd = [asyncio.create_task(theirs()) for _ in range(CROWD)]
                while sum(task.done() for task in crowd) < CROWD - CROWD // 2 - 6:
                    await asyncio.sleep(0.05)
                assert {task.result() for task in crowd if task.done()} == {429}
                for _ in range(20):
                    assert await mine() == 200
                    for method, path in (("GET", "/v1/models"), ("POST", "/v1/moderations")):
                        sent = {"input": "a lake"} if method == "POST" else None
                        answer = await client.request(
                            method, url + path, json=sent, headers=headers
                        )
                        assert answer.status_code == 200, answer.text
                assert sum(not task.done() for task in crowd) == CROWD // 2 + 6, "they still wait"
            assert set(await asyncio.gather(*crowd)) == {200, 429}
