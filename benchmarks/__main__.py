"""``python -m benchmarks [NAME…]``: each measurement in its short form, one after the other.

Times say something on a quiet machine only; the load is printed with each.
"""

from __future__ import annotations

import os
import subprocess
import sys

SHORT = {
    "policy": [],
    "prompts": [],
    "frames": [],
    "provenance": [],
    "api": [],
    "console": [],
    "audit": ["--entries", "100000", "--submissions", "30000"],
}
"""The watermark's protocol is not among them: it takes a folder of videos, and hours."""


def main() -> int:
    wanted = sys.argv[1:] or list(SHORT)
    unknown = [name for name in wanted if name not in SHORT]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(SHORT)}")
        return 2
    failed = []
    for name in wanted:
        print(f"== {name} (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *SHORT[name]])
        if done.returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
