"""Write ``deploy/locks/``: every distribution of a set of extras with its version and hashes.

Usage: ``python scripts/locks.py [NAME …]``; asks the package index for hashes. ``pip install
--require-hashes -r deploy/locks/core.txt`` then installs these very files or none.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "locks"
SETS = {
    "core": (),
    "verify": ("verify",),
    "serve": ("serve", "postgres", "s3"),
    "full": ("full",),
    "models": ("full", "models"),
    "diffusers": ("full", "diffusers"),
    "service": ("full", "s3", "models", "diffusers", "parquet", "pkcs11"),
    "test": ("test",),
}
"""The extras of each file, which is for whoever installs just these."""
HEAD = """\
# The distributions of {what}, Python 3.11.5 or newer on Linux x86-64, by scripts/locks.py.
# torch is the build that the index itself has; a CPU-only build is another file with another hash.
"""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or list(SETS)
    for name in wanted:
        extras = SETS[name]
        options = [part for extra in extras for part in ("--extra", extra)]
        done = subprocess.run(
            ["uv", "pip", "compile", "pyproject.toml", "-c", "constraints.txt", *options,
             "--generate-hashes", "--python-version", "3.11.5",
             "--python-platform", "x86_64-manylinux_2_28",
             "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        what = f"guarded-gen[{','.join(extras)}]" if extras else "guarded-gen"
        (FOLDER / f"{name}.txt").write_text(HEAD.format(what=what) + done.stdout)


if __name__ == "__main__":
    main()
