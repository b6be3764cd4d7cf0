"""The child of :mod:`provenance.isolation`: one request a line in, one answer a line out."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def _confine(memory_bytes: int, file_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    # a second fence behind the library's settings; where the kernel refuses, the first stands
    ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def main() -> None:
    from provenance.examination import examine_request
    from provenance.fragments import fragments_request

    def answer_to(request: dict[str, Any]) -> dict[str, Any]:
        if request.get("task") == "fragments":
            return fragments_request(request)
        if request.get("task") != "read":
            return examine_request(request)
        # decoding needs far more libraries than verifying: loaded only where it is asked for
        from provenance.reading import read_request

        return read_request(request)

    serve(answer_to)


def serve(answer_to: Callable[[dict[str, Any]], dict[str, Any]], file_bytes: int = 0) -> None:
    """Confine this process (its memory in bytes is the first argument) and answer requests.

    Everything that answering needs must be imported by now. ``file_bytes`` is the largest file
    that it may write: none, but for libraries that insist on a temporary one.
    """
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _confine(int(sys.argv[1]), file_bytes)
    channel.write(b"ready\n")
    channel.flush()
    for line in sys.stdin.buffer:
        try:
            answer = answer_to(json.loads(line))
        except MemoryError:
            answer = {"error": "limit.memory"}
        except Exception as error:  # noqa: BLE001 - whatever a hostile file provokes
            answer = {"error": "verifier.failed", "detail": type(error).__name__}
        channel.write(json.dumps(answer).encode() + b"\n")
        channel.flush()


if __name__ == "__main__":
    main()
