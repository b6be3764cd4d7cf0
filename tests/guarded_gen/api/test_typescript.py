"""A TypeScript client that is made from the contract: it compiles, and works."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import waiting

ROOT = Path(__file__).parents[3]
PARTS = ROOT / "examples" / "typescript"
INSTALLED = ROOT / ".venv" / "node" / "node_modules"
"""Where ``scripts/setup-system.sh`` puts what the lock of the example pins."""


def node(*args: str | Path, folder: Path) -> str:
    program = shutil.which("node")
    assert program, "Node.js is missing: sh scripts/setup-system.sh"
    done = subprocess.run(
        [program, *args], cwd=folder, capture_output=True, text=True, check=False,
        timeout=waiting.PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client's source beside what was generated from what the service says of itself."""
    assert INSTALLED.is_dir(), "Node's packages are missing: sh scripts/setup-system.sh"
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(INSTALLED)
    for name in ("package.json", "tsconfig.json", "client.ts"):
        shutil.copy(PARTS / name, folder)
    (folder / "openapi.json").write_bytes(waiting.get(f"{url}/openapi.json").content)
    node(
        "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "schema.ts",
        folder=folder,
    )  # fmt: skip
    return folder


def test_a_typescript_client_compiles_and_works(url: str, folder: Path) -> None:
    node("node_modules/typescript/bin/tsc", folder=folder)
    assert node("out/client.js", url, folder=folder).strip() == "all held"


def test_the_lock_of_its_packages_names_no_host() -> None:
    lock = json.loads((PARTS / "package-lock.json").read_text())["packages"]
    assert len(lock) > 10
    for name, package in lock.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
