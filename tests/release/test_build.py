"""What is packed: every file of the rooms, and no trace of who packed it."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import tarfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("guarded_gen", "classifiers", "generator", "provenance", "policies", "media")


def test_every_file_of_the_rooms_is_packed() -> None:
    """By the same patterns as the wheel is built with."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = ["*.py", *tool["package-data"]["*"]]
    asked = ["git", "ls-files", *ROOMS]
    files = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lost = [
        name
        for name in files.splitlines()
        if not any(fnmatch(Path(name).name, pattern) for pattern in patterns)
        or "." in str(Path(name).parent)  # setuptools takes no such folder for a package
    ]
    assert files and lost == []


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_an_sdist_tells_nothing_of_its_builder(tmp_path: Path, mask: int) -> None:
    spec = importlib.util.spec_from_file_location("build_script", ROOT / "scripts" / "build.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = []
    for number, (mode, names) in enumerate([(0o755 & ~mask, "ab"), (0o755, "ba")]):
        path = tmp_path / f"{number}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime, info.uid = 3, mode, 1000 + number, os.getuid()
                info.uname = f"builder{number}"
                archive.addfile(info, io.BytesIO(name.encode() * 3))
        script.settle(path, 1_700_000_000)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    with tarfile.open(tmp_path / "0.tar.gz") as archive:
        assert [(info.name, info.mtime) for info in archive] == [
            ("a", 1_700_000_000), ("b", 1_700_000_000),
        ]  # fmt: skip
        assert archive.extractfile("b").read() == b"bbb"
