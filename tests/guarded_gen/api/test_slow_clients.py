"""Clients that send slowly, or stop: they are cut off, and nobody else waits for them."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from guarded_gen.api import middleware
from tests import waiting

HEAD = (
    b"POST /v1/moderations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)


def connection(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=waiting.PATIENCE_S)


def answer(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (part := client.recv(4096)):
        data += part
    return data


def silent(url: str) -> list[socket.socket]:
    clients = [connection(url) for _ in range(40)]
    for client in clients:
        client.sendall(HEAD % 1000 + b'{"input": "')
    return clients


def test_who_falls_silent_holds_up_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "RECEIVE_TIMEOUT_S", 3600.0)
    clients = silent(url)
    assert waiting.get(f"{url}/healthz").status_code == 200, "others are served"
    for client in clients:
        client.close()


def test_who_falls_silent_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "RECEIVE_TIMEOUT_S", 0.5)
    for client in silent(url):
        assert b" 408 " in answer(client)[:20]
        client.close()


def test_who_trickles_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "_GRACE_S", 0.5)
    with connection(url) as client:
        client.sendall(HEAD % 100_000 + b'{"input": "')
        client.settimeout(0.2)

        def answered() -> bytes:
            # The server may have hung up already; its answer can still be read then.
            with suppress(OSError):
                client.sendall(b"a")
            with suppress(TimeoutError):
                return client.recv(4096)
            return b""

        assert b" 408 " in waiting.until(answered)[:20]


def test_who_reads_slowly_holds_up_nobody(url: str) -> None:
    with connection(url) as lazy:
        lazy.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")  # and never reads it
        for _ in range(5):
            assert waiting.get(f"{url}/healthz").status_code == 200
