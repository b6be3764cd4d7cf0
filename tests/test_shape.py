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

SHARED_NAMES = {
    # one meaning, in rooms that do not know each other
    "Pin": "a file with its SHA-256, for classifiers and for generators",
    "WeightsMismatch": "the same error, in classifiers and generators",
    "WeightsMissing": "the same error, in classifiers and generators",
    "Placed": "a thing and its place, in each renderer",
    "_Draft": "what a prompt has said so far, in each renderer's reader",
    "Box": "a rectangle, of a label and of an outline",
    "Span": "a stretch, of a text and of a film",
    "Part": "a piece, of a file and of a film",
    "Plan": "where a mark lies and how it is searched; the stages in order",
    "Reading": "what was read out: of a text, of a file, of a mark",
    "Stage": "a step of the line, and the gate that a rule names; the field calls both so",
    "Match": "a rule that matched; a name that matched",
    "Row": "of a corpus, of a decision table",
    "Run": "a stretch of one language; one run of the verifier",
    # a program of its own that outsiders read and run alone
    "Key": "the auditor's own; what signs",
    "Policy": "the auditor's reading of a witness policy; the policy",
    "Refused": "the auditor's error; a stage's result",
    # private to their files: one meaning, one class a file
    "_Bad": "a private error that never leaves its file",
    "_Counter": "private counters",
    "_Parser": "private parsers",
    "_Tap": "the open state of each check of frames",
}
"""Class names that exist more than once, with why; the list only gets shorter."""


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
    new = set(wide()) - WIDE
    assert not new


def test_one_meaning_has_one_class_name() -> None:
    places: dict[str, list[str]] = {}
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(f"{file}:{node.lineno}")
    several = {name: where for name, where in places.items() if len(where) > 1}
    new = {name: where for name, where in several.items() if name not in SHARED_NAMES}
    assert not new
