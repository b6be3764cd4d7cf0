"""Print which share of each room's lines the tests ran, and fail below a floor.

Usage: ``python scripts/coverage_rooms.py coverage.json``, as ``coverage json`` writes it.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

FLOORS = {
    "policies": 85,
    "provenance": 85,
    "guarded_gen/audit": 85,
    "guarded_gen/gates": 85,
}
"""Percent of lines. These rooms decide, sign and record: what is not run there is not known."""


def room_of(path: str) -> str:
    """The room of a file: the folder, and of the top room the folder in it."""
    parts = Path(path).parts
    deep = parts[0] == "guarded_gen" and len(parts) > 2
    return "/".join(parts[: 2 if deep else 1])


def shares(report: dict[str, dict[str, dict[str, dict[str, int]]]]) -> dict[str, tuple[int, int]]:
    """Room to (lines that ran, lines)."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path, file in report["files"].items():
        room = found[room_of(path)]
        room[0] += file["summary"]["covered_lines"]
        room[1] += file["summary"]["num_statements"]
    return {name: (ran, lines) for name, (ran, lines) in sorted(found.items())}


def main(argv: list[str]) -> int:
    rooms = shares(json.loads(Path(argv[0]).read_text()))
    low = []
    print(f"{'room':28} {'lines':>7} {'ran':>6}  floor")
    for name, (ran, lines) in rooms.items():
        share, floor = 100 * ran / max(1, lines), FLOORS.get(name)
        print(f"{name:28} {lines:7} {share:5.1f}%  {floor if floor else ''}")
        if floor is not None and share < floor:
            low.append(f"{name}: {share:.1f} % of its lines ran, {floor} are asked for")
    missing = FLOORS.keys() - rooms.keys()
    low += [f"{name}: no line of it ran" for name in sorted(missing)]
    print("\n".join(low), file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
