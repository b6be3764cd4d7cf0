"""Waiting for real processes: long enough for a machine under load, and never a proof of speed."""

from __future__ import annotations

import functools
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import uvicorn

PATIENCE_S = 240.0
"""How long anything may take before a test gives up. A sound machine needs a fraction of it."""
BOUND_S = 15.0
"""Processor time of one thread within which hostile input is dealt with. Work that grows with the
square of such input, or faster, needs minutes; sound work needs milliseconds on any machine."""
_PORTS = range(15_000, 30_000)
"""Below the ports that systems give to outgoing connections (32,768 and above on Linux)."""

T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "it", every_s: float = 0.05) -> T:
    """Poll until the answer is true, and give it; raises ``AssertionError`` when time is up."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {PATIENCE_S:.0f} s"
        time.sleep(every_s)
    return found


def free_port() -> int:
    """A port of loopback for a process that is started next.

    No outgoing connection and no other test's ``bind`` to port 0 takes it in the meantime.
    """
    choose = random.SystemRandom()
    while True:
        port = choose.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread, on a port that is bound at once; gives the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio sets it only on sockets that name their protocol; without it each answer that goes
    # out in two writes waits 40 ms for an acknowledgement. Accepted sockets inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the start of the server")
        assert server.started, "the server did not start"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()


@contextmanager
def serving(port: int, env: dict[str, str]) -> Iterator[str]:
    """``guarded-gen serve`` in a process of its own, once it answers; gives the URL."""
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "guarded_gen.cli", "serve", "--port", str(port)],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: server.poll() is not None or answering(f"{url}/healthz"), "an answer")
        assert server.returncode is None, f"the server ended with {server.returncode}"
        yield url
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def answering(url: str) -> bool:
    """Whether a server says 200 at ``url``."""
    try:
        return get(url).status_code == 200
    except httpx.TransportError:
        return False


# httpx gives up after five seconds, fewer than the first request to a server may need when it
# loads its models on a machine under load.
get = functools.partial(httpx.get, timeout=PATIENCE_S)
post = functools.partial(httpx.post, timeout=PATIENCE_S)
delete = functools.partial(httpx.delete, timeout=PATIENCE_S)
request = functools.partial(httpx.request, timeout=PATIENCE_S)
stream = functools.partial(httpx.stream, timeout=PATIENCE_S)
