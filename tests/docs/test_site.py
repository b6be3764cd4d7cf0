"""The documentation site builds without a warning and asks no other host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .pages import ROOT


def test_the_site_builds_with_every_link_alive(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    front = (tmp_path / "index.html").read_text()
    assert 'href="docs/' not in front and 'href="integrate.html"' in front
    assert (tmp_path / "search" / "search_index.json").stat().st_size > 10_000
    for page in tmp_path.rglob("*.html"):
        asked = re.findall(
            r'(?:src|<link[^>]*stylesheet[^>]*href)="(https?:[^"]+)"', page.read_text()
        )
        assert not asked, (page, asked)
