"""Loads what commands load, then forks a process for each one that is asked for.

Usage: ``python -m tests.prefork SOCKET``. Ends, with all its children, when its input is closed.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = (
    "guarded_gen.server",
    "guarded_gen.composition.services",
    "guarded_gen.composition.lines",
    "generator.world.backend",
    "provenance.report",
)
LATE = "onnxruntime"
"""Starts a thread when loaded, which no forked process would have."""


class Later(ModuleType):
    """A module that is loaded at the first use of what is in it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked of every module by whoever looks for a source file
            raise AttributeError(name)
        del sys.modules[self.__name__]
        module = importlib.import_module(self.__name__)
        self.__dict__.update(module.__dict__)
        return getattr(module, name)


def asked(conn: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request on a connection: one line of JSON, with the open files of who asks."""
    data, ancillary, _, _ = conn.recvmsg(1 << 16, socket.CMSG_LEN(3 * array.array("i").itemsize))
    files = array.array("i")
    for _, _, sent in ancillary:
        files.frombytes(sent)
    while not data.endswith(b"\n"):
        more = conn.recv(1 << 16)
        if not more:
            raise EOFError
        data += more
    return json.loads(data), list(files)


def become(request: dict[str, Any], files: list[int]) -> None:
    """Make this process one that was started for the request."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 1 << 16)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[:] = ["guarded-gen", *request["args"]]


def serve(listener: socket.socket) -> None:
    """Fork for each request; returns in the forked process only."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(0, select.POLLIN | select.POLLHUP)
    running: dict[int, tuple[int, int, socket.socket]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready == 0:
                for process, _, _ in running.values():
                    os.kill(process, signal.SIGKILL)
                os._exit(0)
            if ready == listener.fileno():
                conn, _ = listener.accept()
                try:
                    request, files = asked(conn)
                except (EOFError, OSError, ValueError):
                    conn.close()
                    continue
                process = os.fork()
                if process == 0:
                    for other in (listener, conn, *(pair[2] for pair in running.values())):
                        other.detach()
                    become(request, files)
                    return
                for file in files:
                    os.close(file)
                ended = os.pidfd_open(process)
                for handle in (ended, conn.fileno()):
                    running[handle] = (process, ended, conn)
                    poll.register(handle, select.POLLIN | select.POLLHUP)
            elif ready in running:
                process, ended, conn = running.pop(ready)
                if ready != ended:  # whoever asked is gone
                    os.kill(process, signal.SIGKILL)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                running.pop(ended, None)
                running.pop(conn.fileno(), None)
                poll.unregister(ended)
                poll.unregister(conn)
                os.close(ended)
                with contextlib.suppress(OSError):
                    conn.sendall(b"%d\n" % code)
                conn.close()


def main() -> None:
    spec = importlib.util.find_spec(LATE)
    sys.modules[LATE] = later = Later(LATE)
    later.__spec__ = spec
    for name in MODULES:
        importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"{threads} threads: a forked process would have one"
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    print("ready", flush=True)
    serve(listener)
    from guarded_gen.server import main as program

    program()


if __name__ == "__main__":
    main()
