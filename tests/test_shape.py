"""The shape of the code: what may not grow again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("guarded_gen", "classifiers", "generator", "media", "policies", "provenance")
MOST_PARAMETERS = 7

WIDE = {
    "guarded_gen/api/problems.py:__init__",
    "guarded_gen/origin/trust.py:add",
    "provenance/certificates.py:issue_leaf",
    "provenance/signer.py:sign_file",
    "provenance/verifier.py:verify",
    "provenance/watermark/embedder.py:__init__",
    "provenance/watermark/files.py:embed_file",
}
"""Functions with more parameters; the list only gets shorter."""


@cache
def trees() -> tuple[tuple[str, ast.Module], ...]:
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    return tuple((str(f.relative_to(ROOT)), ast.parse(f.read_text("utf-8"))) for f in files)


def wide() -> Iterator[str]:
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                names += [a.arg for a in (given.vararg, given.kwarg) if a is not None]
                if len([n for n in names if n not in ("self", "cls")]) > MOST_PARAMETERS:
                    yield f"{file}:{node.name}"


def test_functions_take_few_parameters() -> None:
    assert set(wide()) == WIDE
