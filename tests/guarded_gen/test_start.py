"""What the command line loads before it knows what it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner

from guarded_gen.server import app

HEAVY = {"torch", "numpy", "sqlalchemy", "pydantic", "cryptography", "fastapi", "av", "onnxruntime"}


def test_the_list_of_commands_needs_no_heavy_library() -> None:
    code = "import sys, guarded_gen.server; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert told.exit_code == 0, told.output
    assert told.stdout.strip() == f"guarded-gen {version('guarded-gen')}"


def test_to_verify_a_file_needs_no_torch(home: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (128, 128), "teal").save(picture)
    code = """
import sys
from guarded_gen.server import main
sys.modules["torch"] = None  # whoever imports it now fails
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(picture)], capture_output=True, text=True
    )
    assert done.returncode == 1 and "unsigned" in done.stdout, done.stderr
