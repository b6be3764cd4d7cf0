"""Build the sdist and the wheel into a folder, the same bytes from the same commit.

Usage: ``python scripts/build.py [FOLDER]`` (``out/dist`` unless told). The time in both is that of
the commit, or ``SOURCE_DATE_EPOCH``. The wheel is built from the sdist.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def epoch() -> int:
    """The time of the build in seconds since 1970."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if told is None:
        asked = ["git", "log", "-1", "--format=%ct"]
        told = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return int(told)


def settle(sdist: Path, time: int) -> None:
    """Write an sdist again without the builder's clock, name and file mask."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime, info.uid, info.gid, info.uname, info.gname = time, 0, 0, "", ""
        info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
        info.pax_headers = {}
        return info

    again = sdist.with_suffix(".again")
    with (
        tarfile.open(sdist) as old,
        again.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for info in sorted(old.getmembers(), key=lambda info: info.name):
            new.addfile(plain(info), old.extractfile(info) if info.isfile() else None)
    again.replace(sdist)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "out" / "dist").resolve()
    time = epoch()
    os.umask(0o022)
    env = os.environ | {"SOURCE_DATE_EPOCH": str(time)}
    build = [sys.executable, "-m", "build", "--outdir", str(folder)]
    subprocess.run([*build, "--sdist", str(ROOT)], env=env, check=True)
    [sdist] = folder.glob("*.tar.gz")
    settle(sdist, time)
    unpacked = folder / "unpacked"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    [source] = unpacked.iterdir()
    subprocess.run([*build, "--wheel", str(source)], env=env, check=True)
    shutil.rmtree(unpacked)
    for path in sorted(folder.iterdir()):
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


if __name__ == "__main__":
    main()
