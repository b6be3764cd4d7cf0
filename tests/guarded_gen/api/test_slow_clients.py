"""Clients that send slowly, or stop: they are cut off, and nobody else waits for them."""

from __future__ import annotations

import socket
import time

import httpx
import pytest

from guarded_gen.api import middleware

HEAD = (
    b"POST /v1/moderations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)


def connection(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def answer(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (part := client.recv(4096)):
        data += part
    return data


def test_who_falls_silent_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "RECEIVE_TIMEOUT_S", 1.0)
    silent = [connection(url) for _ in range(40)]
    for client in silent:
        client.sendall(HEAD % 1000 + b'{"input": "')
    started = time.monotonic()
    assert httpx.get(f"{url}/healthz", timeout=10).status_code == 200, "others are served"
    assert time.monotonic() - started < 5
    for client in silent:
        assert b" 408 " in answer(client)[:20]
        client.close()


def test_who_trickles_is_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "_GRACE_S", 0.5)
    with connection(url) as client:
        client.sendall(HEAD % 100_000 + b'{"input": "')
        end = time.monotonic() + 20
        client.settimeout(0.2)
        data = b""
        while time.monotonic() < end and not data:
            try:
                client.sendall(b"a")
                data = client.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
        assert b" 408 " in data[:20]


def test_who_reads_slowly_holds_up_nobody(url: str) -> None:
    with connection(url) as lazy:
        lazy.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")  # and never reads it
        for _ in range(5):
            assert httpx.get(f"{url}/healthz", timeout=10).status_code == 200
