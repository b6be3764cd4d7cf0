"""The command line in processes of their own, without each one's start-up.

Most of a short command's time goes into loading the same libraries. Here they are loaded once; each
command then runs in a process forked from there, with the arguments, folder, environment and open
files of whoever asked for it. A command that goes on (``serve``, ``worker``), or that is given
another environment than its own variables, is started as usual.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
"""Holds ``guarded-gen``: to be put before the others in ``PATH``."""
PROGRAM = (sys.executable, "-IS", str(FOLDER / "guarded-gen"))


@contextmanager
def loaded() -> Iterator[dict[str, str]]:
    """Load the libraries; gives the variables by which ``guarded-gen`` finds them."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {"PREFORK": f"{folder}/s"}
        env = os.environ | variables
        Path(f"{folder}/s.env").write_text(json.dumps(env))
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.prefork", variables["PREFORK"]],
            cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert server.stdin is not None and server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield variables
        server.stdin.close()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # another process holds the other end
            server.kill()
            server.wait()
        server.stdout.close()
