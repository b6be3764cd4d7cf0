"""Keys, scopes, tenants, rates, quotas, repeated requests, hostile URLs and bodies."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from openai import OpenAI

from guarded_gen.api.fetch import Fetcher, FetchFailed, UnsafeAddress
from guarded_gen.api.ratelimit import RateLimiter
from guarded_gen.jobs import now_ms
from guarded_gen.store.tables.jobs import Tenant
from media.addresses import is_public
from media.encode import encode
from media.encoding import EncodeSettings
from tests import waiting

PROMPT = "a red ball rolls over green grass"
ALL = ["generate", "moderate", "verify", "review", "audit", "admin"]
BODY: dict[str, Any] = {"prompt": PROMPT, "size": "128x128", "seconds": 1}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    from .live import serving, settings_for

    home = tmp_path_factory.mktemp("locked")
    with serving(settings_for(home), open_access=False, worker=False) as (url, app):
        yield url, app


@pytest.fixture(scope="module")
def key_of(locked: tuple[str, Any]) -> Callable[..., dict[str, str]]:
    keys = locked[1].state.api.keys

    def make(tenant: str, *scopes: str, **more: Any) -> dict[str, str]:
        _, text = keys.create(tenant, "t", list(scopes or ALL), **more)
        return {"authorization": f"Bearer {text}"}

    return make


def test_nobody_comes_in_without_a_good_key(locked: Any, key_of: Any) -> None:
    url, _app = locked
    good = key_of("a")["authorization"]
    for wrong in ("", "Bearer gg_key_x", good[:-1] + "~", "Basic abc", good + "x"):
        answer = waiting.get(f"{url}/v1/videos", headers={"authorization": wrong} if wrong else {})
        assert answer.status_code == 401, wrong
        assert answer.json()["error"]["code"] == "invalid_api_key"
    assert waiting.get(f"{url}/v1/videos", headers={"authorization": good}).status_code == 200
    late = key_of("a", expires_at=now_ms() - 1)
    assert waiting.get(f"{url}/v1/videos", headers=late).status_code == 401
    client = OpenAI(base_url=f"{url}/v1", api_key="nothing", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_the_store_keeps_no_secret(locked: Any, key_of: Any) -> None:
    secret = key_of("a")["authorization"].rsplit("_", 1)[1]
    for key in locked[1].state.api.keys.list(None):
        assert secret not in json.dumps([key.hash, key.name, key.id])


def test_scopes(locked: Any, key_of: Any) -> None:
    url, _ = locked
    only = key_of("a", "moderate")
    judged = waiting.post(f"{url}/v1/moderations", json={"input": "x"}, headers=only)
    assert judged.status_code == 200
    for method, path in (("GET", "/v1/videos"), ("GET", "/v1/audit/entries"),
                         ("GET", "/v1/reviews"), ("GET", "/v1/api_keys")):  # fmt: skip
        answer = waiting.request(method, f"{url}{path}", headers=only)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_rotation_overlaps_and_revocation_ends(locked: Any, key_of: Any) -> None:
    url, _ = locked
    admin = key_of("rot")
    made = waiting.post(
        f"{url}/v1/api_keys", json={"name": "n", "scopes": ["generate"]}, headers=admin
    ).json()
    old = {"authorization": f"Bearer {made['key']}"}
    rotated = waiting.post(f"{url}/v1/api_keys/{made['id']}/rotate", headers=admin).json()
    new = {"authorization": f"Bearer {rotated['key']}"}
    for headers in (old, new):
        assert waiting.get(f"{url}/v1/videos", headers=headers).status_code == 200
    assert waiting.delete(f"{url}/v1/api_keys/{rotated['id']}", headers=admin).status_code == 200
    assert waiting.get(f"{url}/v1/videos", headers=new).status_code == 401
    listed = waiting.get(f"{url}/v1/api_keys", headers=admin).json()["data"]
    assert any(key["last_used_at"] for key in listed)
    limited = key_of("rot", "admin")
    more = waiting.post(f"{url}/v1/api_keys", json={"name": "n", "scopes": ["audit"]},
                      headers=limited)  # fmt: skip
    assert more.status_code == 403


def test_a_foreign_key_sees_nothing(locked: Any, key_of: Any, tmp_path: Path) -> None:
    """Walks every path of the OpenAPI document with ids of another tenant."""
    url, app = locked
    clip = tmp_path / "a.mp4"
    encode(clip, [np.full((4, 64, 64, 3), 90, np.uint8)], Fraction(8), EncodeSettings())
    mine, theirs = key_of("mine"), key_of("theirs")
    video = waiting.post(f"{url}/v1/videos", json=BODY, headers=mine).json()
    entry = video["moderation"]["decision_ids"][0]
    file = waiting.post(f"{url}/v1/files", data={"purpose": "batch"}, files={"file": b"{}\n"},
                      headers=mine).json()  # fmt: skip
    batch = waiting.post(
        f"{url}/v1/batches", headers=mine, json={
            "input_file_id": file["id"], "endpoint": "/v1/videos", "completion_window": "24h"},
    ).json()  # fmt: skip
    hook = waiting.post(
        f"{url}/v1/webhook_endpoints", headers=mine,
        json={"name": "n", "url": "http://127.0.0.1:9/x", "event_types": ["video.completed"]},
    ).json()  # fmt: skip
    character = waiting.post(
        f"{url}/v1/videos/characters", data={"name": "n"}, headers=mine,
        files={"video": ("a.mp4", clip.read_bytes())},
    ).json()  # fmt: skip
    key = waiting.get(f"{url}/v1/api_keys", headers=mine).json()["data"][0]
    ids = {
        "video_id": video["id"], "image_id": video["id"], "file_id": file["id"],
        "batch_id": batch["id"], "id": hook["id"], "character_id": character["id"],
        "entry_id": entry, "key_id": key["id"], "case_id": "case_1",
        "consent_id": "consent_1", "model": None, "path": None,
        "variant": None, "expires": None, "token": None,  # a link is for whoever has it
        "manifestId": None,  # published manifests are for everybody who may verify
    }  # fmt: skip
    secrets_ = [str(value) for value in ids.values() if value]
    walked = 0
    for path, operations in app.openapi()["paths"].items():
        if not path.startswith("/v1/"):
            continue
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        assert all(name in ids for name in names), f"teach this test the ids of {path}"
        for method in operations:
            if any(ids[name] is None for name in names):
                continue
            target = url + path.format(**ids)
            body = {"prompt": "x", "name": "x", "action": "allow", "reason": "other",
                    "event_type": "video.completed"}  # fmt: skip
            answer = waiting.request(
                method.upper(), target, headers=theirs,
                params={"decision_id": entry} if "appeals" in path else None,
                json=body if method == "post" else None,
            )  # fmt: skip
            walked += 1
            if names:
                assert answer.status_code in (400, 403, 404), (method, path, answer.text)
            if method == "get" and answer.status_code == 200:
                assert not any(secret in answer.text for secret in secrets_), (path, answer.text)
            if names and answer.status_code == 400:
                assert answer.json()["code"] in ("unknown_parameter", "missing_required_parameter")
    assert walked > 35
    for path in (f"videos/{video['id']}", f"files/{file['id']}", f"webhook_endpoints/{hook['id']}"):
        assert waiting.get(f"{url}/v1/{path}", headers=mine).status_code == 200


def test_rates_are_told_and_kept(locked: Any, key_of: Any) -> None:
    url, app = locked
    headers = key_of("slow")
    with app.state.api.jobs.store.write() as session:
        session.get_one(Tenant, "slow").requests_per_minute = 3
    answers = [waiting.get(f"{url}/v1/models", headers=headers) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[0].headers["x-ratelimit-remaining-requests"] == "2"
    assert answers[0].headers["ratelimit"].startswith('"default";r=2')
    assert int(answers[3].headers["retry-after"]) >= 1
    assert answers[3].headers["x-should-retry"] == "true"


def test_a_bucket_refills_evenly() -> None:
    limiter = RateLimiter()
    assert [limiter.spend("k", 2, now=0.0).allowed for _ in range(3)] == [True, True, False]
    assert not limiter.spend("k", 2, now=29.0).allowed
    assert limiter.spend("k", 2, now=31.0).allowed


def test_quotas(locked: Any, key_of: Any) -> None:
    url, app = locked
    headers = key_of("small")
    with app.state.api.jobs.store.write() as session:
        row = session.get_one(Tenant, "small")
        row.max_open_jobs, row.max_seconds_per_day = 1, 1.5
    assert waiting.post(f"{url}/v1/videos", json=BODY, headers=headers).status_code == 200
    second = waiting.post(f"{url}/v1/videos", json=BODY, headers=headers)
    assert (second.status_code, second.json()["code"]) == (429, "quota_exceeded")
    with app.state.api.jobs.store.write() as session:
        session.get_one(Tenant, "small").max_open_jobs = 9
    third = waiting.post(f"{url}/v1/videos", json=BODY, headers=headers)
    assert third.json()["error"]["param"] == "max_seconds_per_day"


def test_idempotency_keys(locked: Any, key_of: Any) -> None:
    url, _ = locked
    headers = {**key_of("idem"), "idempotency-key": "k1"}
    first = waiting.post(f"{url}/v1/videos", json=BODY, headers=headers)
    again = waiting.post(f"{url}/v1/videos", json=BODY, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = waiting.post(f"{url}/v1/videos", json={**BODY, "seed": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    long = {**headers, "idempotency-key": "k" * 300}
    assert waiting.post(f"{url}/v1/videos", json=BODY, headers=long).status_code == 400
    foreign = {**key_of("idem2"), "idempotency-key": "k1"}
    assert (
        waiting.post(f"{url}/v1/videos", json=BODY, headers=foreign).json()["id"]
        != (first.json()["id"])
    )
    results: list[Any] = []
    race = {**headers, "idempotency-key": "k2"}
    threads = [
        threading.Thread(
            target=lambda: results.append(waiting.post(f"{url}/v1/videos", json=BODY, headers=race))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.status_code for r in results} <= {200, 409}
    assert len({r.json()["id"] for r in results if r.status_code == 200}) == 1


def test_a_retry_of_the_sdk_makes_no_second_video(locked: Any, key_of: Any) -> None:
    url, _ = locked
    headers = key_of("retry")
    first = waiting.post(f"{url}/v1/videos", json=BODY,
                       headers={**headers, "x-stainless-retry-count": "0"}).json()  # fmt: skip
    again = waiting.post(f"{url}/v1/videos", json=BODY,
                       headers={**headers, "x-stainless-retry-count": "1"}).json()  # fmt: skip
    meant = waiting.post(f"{url}/v1/videos", json=BODY,
                       headers={**headers, "x-stainless-retry-count": "0"}).json()  # fmt: skip
    assert first["id"] == again["id"] != meant["id"]


def test_bodies_have_an_end(locked: Any, key_of: Any) -> None:
    url, app = locked
    headers = key_of("big")
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(
            b"POST /v1/content_provenance_checks HTTP/1.1\r\nhost: x\r\ncontent-length: "
            b"10737418240\r\ncontent-type: multipart/form-data; boundary=b\r\n"
            + f"authorization: {headers['authorization']}\r\n\r\n".encode()
        )
        raw.settimeout(waiting.PATIENCE_S)
        assert b" 413 " in raw.recv(4096)
    before = app.state.api.settings.limits.max_upload_bytes
    assert before == 512 * 1024**2


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nx-evil: 1", "\x00", "ü" * 500, "C:\\x"])
def test_file_names_are_labels_only(locked: Any, key_of: Any, name: str) -> None:
    url, _app = locked
    try:
        answer = waiting.post(
            f"{url}/v1/files", data={"purpose": "user_data"}, headers=key_of("names"),
            files={"file": (name, io.BytesIO(b"x"))},
        )  # fmt: skip
    except (httpx.LocalProtocolError, ValueError):
        return
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert len(answer.json()["filename"]) <= 200
        assert "\n" not in answer.json()["filename"]


@pytest.mark.parametrize("id", ["..%2f..%2fetc", "%00", "a" * 5000, "video_%0d%0a", "*", "'--"])
def test_odd_ids_are_not_found(locked: Any, key_of: Any, id: str) -> None:
    answer = waiting.get(f"{locked[0]}/v1/videos/{id}", headers=key_of("odd"))
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b'{"prompt": NaN}', b"[" * 100_000, b'{"prompt": "\\ud800"}',
     b'{"prompt": "a\\u0000b"}', b"[]", b'"x"', b'{"prompt": {"a": 1}}'],
)  # fmt: skip
def test_broken_json(locked: Any, key_of: Any, body: bytes) -> None:
    answer = waiting.post(f"{locked[0]}/v1/videos", content=body,
                        headers={**key_of("json"), "content-type": "application/json"})  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
     "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1",
     "::7f00:1", "fe80::1%eth0", "ff02::1", "100::1", "192.0.0.8"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_public_addresses() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org/", "https://127.0.0.1/", "https://[::1]/",
     "https://user:pw@example.org/", "https://example.org:22/", "https://0x7f.1/", "file:///etc",
     "https://2130706433/", "https:///x", "https://exa mple.org/", "gopher://x", "https://[::1"],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    def answers(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host[0].isdigit() or ":" in host else ["93.184.216.34"]

    with pytest.raises((UnsafeAddress, FetchFailed)):
        Fetcher(1, resolver=answers).check(url)


def test_rebinding_finds_no_second_answer(tmp_path: Path) -> None:
    """One private address among the answers is enough; and the name is resolved only once."""
    asked: list[str] = []

    def both(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(UnsafeAddress):
        Fetcher(1, resolver=both).download("https://rebind.example/", tmp_path / "x", 10)
    assert asked == ["rebind.example"]


def test_a_redirect_is_checked_anew(tmp_path: Path) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("location", "file:///etc/passwd")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fetcher = Fetcher(5, allow_private=True)
    with pytest.raises(UnsafeAddress):
        fetcher.download(f"http://127.0.0.1:{server.server_port}/", tmp_path / "x", 10)
    server.shutdown()


def test_logs_hold_no_forged_lines(caplog: Any) -> None:
    import logging

    from guarded_gen.telemetry import JsonLines

    record = logging.makeLogRecord({"msg": "a\nb\u2028c", "evil": "x\r\n{}"})
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["evil"] == "x\r\n{}"


def test_serve_refuses_a_public_address_without_keys(cli: Callable[..., Any]) -> None:
    ran = cli("serve", "--host", "0.0.0.0", "--port", "0", "--json")
    assert ran.code == 2, ran.err
    assert ran.json["error"]["code"] == "invalid_configuration"
