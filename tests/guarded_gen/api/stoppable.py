"""Servers in processes of their own, which a test can stop in mid-air: they keep their connections
and answer nothing (SIGSTOP), as a machine does that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.waiting import free_port, get, until

ROOT = Path(__file__).parents[3]
MADE_BY = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def say(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
    def do_GET(self):
        if self.path.endswith("/content"):
            return self.say(open(sys.argv[2], "rb").read())
        self.say(json.dumps({"id": "video_1", "status": "completed", "progress": 100}).encode())
    def do_DELETE(self): self.say(b"{}")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        print(self.headers.get("webhook-id", "-"), flush=True)
        self.say(json.dumps({"id": "video_1", "status": "queued"}).encode())
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A small ``/v1/videos`` server, whose every clip is the file of its second argument, and a
receiver of webhooks, whose ids it prints."""


class Stoppable:
    """A server process at :attr:`url`; ``said`` is the file of its output."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, said: Path) -> None:
        self.process = process
        self.url = url
        self.said = said

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It hangs meanwhile, and goes on afterwards."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def process(folder: Path, *command: str) -> Iterator[Stoppable]:
    """Runs Python with these arguments, ``{port}`` among them, until it answers HTTP."""
    port = free_port()
    said = folder / f"said-{port}"
    with said.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, *(part.format(port=port) for part in command)], cwd=ROOT,
            stdout=out, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    made = Stoppable(child, f"http://127.0.0.1:{port}", said)

    def answers() -> bool:
        assert child.poll() is None, "the server ended"
        try:
            return get(made.url).status_code < 600
        except httpx.TransportError:
            return False

    try:
        until(answers, "an answer")
        yield made
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.wait()


@contextmanager
def small_server(folder: Path, clip: Path | None = None) -> Iterator[Stoppable]:
    """See :data:`MADE_BY`."""
    code = MADE_BY.replace("{", "{{").replace("}", "}}")
    with process(folder, "-c", code, "{port}", str(clip)) as made:
        yield made
