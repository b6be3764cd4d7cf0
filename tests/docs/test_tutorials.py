"""The tutorials, done as they are written: files saved under their titles, commands in order."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import prefork

from .pages import ROOT, Block, blocks

TUTORIALS = ROOT / "docs" / "tutorials"
PATIENCE_S = 300.0


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Walk:
    """A folder in which the blocks of a page are done one after the other."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.servers: list[subprocess.Popen[bytes]] = []
        bin = Path(sys.executable).parent
        self.env = os.environ | variables
        self.env["PATH"] = f"{prefork.FOLDER}:{bin}:{os.environ['PATH']}"

    def do(self, block: Block) -> None:
        text = block.text.replace("8000", str(self.port))
        text = text.replace("guarded-gen serve", f"guarded-gen serve --port {self.port}")
        if block.language != "sh":
            if block.title:
                (self.folder / block.title).write_text(text)
            return
        if "guarded-gen serve" in text:
            self.serve(text)
            return
        text = text.replace("pip install openai", "python -c 'import openai'")
        # What a block exports or sets holds in the next.
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.state() + text + self.keep()],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.place}\n{text}\n{done.stdout}\n{done.stderr}"
        self.said = done.stdout

    def state(self) -> str:
        return "if [ -f .state ]; then source ./.state; fi\n"

    def keep(self) -> str:
        return "\n{ export -p; declare -p digest 2>/dev/null || true; } > .state\n"

    def serve(self, text: str) -> None:
        with (self.folder / "serve.log").open("wb") as log:
            self.servers.append(
                subprocess.Popen(
                    ["bash", "-euc", text.replace("guarded-gen serve", "exec guarded-gen serve")],
                    cwd=self.folder,
                    env=self.env,
                    stdout=log,
                    stderr=log,
                )
            )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.3)
        raise AssertionError((self.folder / "serve.log").read_text())

    def close(self) -> None:
        for server in self.servers:
            server.terminate()
            server.wait(PATIENCE_S)


@pytest.fixture
def walk(tmp_path: Path, preforked: dict[str, str]) -> Iterator[Walk]:
    walk = Walk(tmp_path, preforked)
    yield walk
    walk.close()


def follow(walk: Walk, name: str) -> dict[str, str]:
    """Do every block of a tutorial; returns what each command block printed, by its first line."""
    said = {}
    for block in blocks(TUTORIALS / name):
        walk.do(block)
        if block.language == "sh" and "guarded-gen serve" not in block.text:
            said[block.text.splitlines()[-1]] = walk.said
    assert said
    return said


def test_verify_a_video(walk: Walk) -> None:
    said = list(follow(walk, "verify-a-video.md").values())
    assert "trusted" in said[1]
    assert "recovered" in said[3]
    assert "tampered" in said[4]
    assert (walk.folder / "report.html").read_text().startswith("<!doctype html")


def test_first_policy(walk: Walk) -> None:
    said = follow(walk, "first-policy.md")
    assert "active" in said["guarded-gen policy rollout list"]


def test_integrate_in_ten_minutes(walk: Walk) -> None:
    said = follow(walk, "integrate.md")
    assert re.match("moderation_blocked - (graphic_)?violence - http", said["python refused.py"])
    assert said["python moderate.py"].strip() == "[False, False]"


def test_mark_by_the_second_of_december(walk: Walk) -> None:
    said = follow(walk, "mark-by-2-december-2026.md")
    found = said["grep eu- check.txt"]
    states = {"eu-1": "unmet", "eu-2": "met", "eu-3": "unmet", "eu-4": "met", "eu-5": "met"}
    states["eu-6"] = "outside the file"
    for demand, state in states.items():
        line = f"{state:<17} {demand} "
        assert line in found
    assert "trusted" in said["guarded-gen verify small.mp4"]
    assert "the log says the same" in said["guarded-gen transparency --check numbers.json"]
    assert "cn-1" in said["grep cn-1 refused.txt"]
    assert not (walk.folder / "china.png").exists() and (walk.folder / "china.mp4").exists()
    assert (walk.folder / "laws.html").read_text().startswith("<!doctype html")


def test_no_tutorial_is_left_out() -> None:
    # three-machines.md is followed by tests/faults/test_site.py, its commands by test_commands.py
    names = {path.name for path in TUTORIALS.glob("*.md")}
    assert names == {
        "verify-a-video.md",
        "first-policy.md",
        "integrate.md",
        "three-machines.md",
        "mark-by-2-december-2026.md",
    }
    assert shutil.which("bash")
