"""The locks name every dependency with the version that is tested, and hashes."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SETS = runpy.run_path(str(ROOT / "scripts" / "locks.py"))["SETS"]
LOCKS = sorted((ROOT / "deploy" / "locks").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def versions(text: str) -> dict[str, str]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", text, re.M)
    return {canonicalize_name(name): version for name, version in pins}


def wanted(extra: str) -> set[str]:
    """The distributions that an extra names, by its own extras too."""
    found = set()
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            found |= set().union(*(wanted(other) for other in requirement.extras))
        else:
            found.add(canonicalize_name(requirement.name))
    return found


def test_there_are_locks() -> None:
    assert [path.stem for path in LOCKS] == sorted(SETS)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_agrees_with_what_is_tested_and_has_hashes(path: Path) -> None:
    text = path.read_text()
    locked, tested = versions(text), versions((ROOT / "constraints.txt").read_text())
    differing = {n for n in locked.keys() & tested.keys() if locked[n] != tested[n]}
    assert not differing, "make locks"
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text[re.search(r"^[a-z]", text, re.M).start() :])
    assert len(blocks) == len(locked)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text, "a lock names no host"


def test_every_dependency_is_locked() -> None:
    core = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    for stem, extras in SETS.items():
        names = core.union(*map(wanted, extras))
        locked = versions((ROOT / "deploy" / "locks" / f"{stem}.txt").read_text())
        assert not names - locked.keys(), f"{stem}: make locks"
