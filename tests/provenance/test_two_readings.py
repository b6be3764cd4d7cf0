"""Our own reading and the library's: a disagreement is on record, and the stricter counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import ProvenanceLimits, Verdict, examination
from provenance.claims import ManifestCheck
from provenance.codes import Meaning, meaning
from provenance.cose import SignatureState
from provenance.verdicts import VerificationReport, strictest
from provenance.verifier import examine
from tests.provenance.conftest import Studio
from tests.provenance.test_verifier import copy_with, offset_of

Edit = Callable[[dict[str, Any]], None]


def reading(monkeypatch: pytest.MonkeyPatch, edit: Edit) -> None:
    """Let the library's answer be another one: what a newer or a mistaken library would say."""

    class Other(c2pa.Reader):  # type: ignore[misc]
        def json(self) -> str:
            answer = json.loads(super().json())
            edit(answer["validation_results"]["activeManifest"])
            return json.dumps(answer)

    monkeypatch.setattr(examination.c2pa, "Reader", Other)


def codes(report: VerificationReport) -> set[str]:
    return {f.code for f in report.findings}


def add(code: str, bucket: str = "failure") -> Edit:
    return lambda results: results[bucket].append({"code": code, "explanation": "", "url": ""})


def drop(code: str) -> Edit:
    def edit(results: dict[str, Any]) -> None:
        for bucket in ("failure", "success"):
            results[bucket] = [e for e in results[bucket] if e["code"] != code]

    return edit


@pytest.mark.parametrize(
    ("code", "verdict", "disagreement"),
    [
        ("org.example.future", Verdict.NOT_JUDGED, ""),
        ("manifest.inaccessible", Verdict.NOT_JUDGED, ""),
        ("assertion.action.malformed", Verdict.MALFORMED, ""),
        ("assertion.hashedURI.mismatch", Verdict.TAMPERED, "disagreement.claim"),
        ("claimSignature.mismatch", Verdict.TAMPERED, "disagreement.claim"),
        ("assertion.bmffHash.mismatch", Verdict.TAMPERED, "disagreement.binding"),
        ("cawg.identity.future", Verdict.TRUSTED, ""),
    ],
)
def test_what_only_the_library_says_is_weighed(
    studio: Studio, signed: Path, monkeypatch: pytest.MonkeyPatch, code: str, verdict: Verdict,
    disagreement: str,
) -> None:  # fmt: skip
    reading(monkeypatch, add(code))
    report = examine(signed, studio.trust)
    assert report.verdict is verdict, report.findings
    assert not disagreement or disagreement in codes(report)


def test_what_only_we_find_counts(
    studio: Studio, signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = signed.read_bytes()
    offset, size = offset_of(data, b"mdat")
    at = offset + size - 9
    flipped = copy_with(signed, tmp_path, bytes([data[at] ^ 1]), at)

    def blind(results: dict[str, Any]) -> None:
        drop("assertion.bmffHash.mismatch")(results)
        add("assertion.bmffHash.match", "success")(results)

    reading(monkeypatch, blind)
    report = examine(flipped, studio.trust)
    assert report.verdict is Verdict.TAMPERED
    assert "disagreement.binding" in codes(report)
    spot = data.index(b"world")
    reading(monkeypatch, drop("assertion.hashedURI.mismatch"))
    report = examine(copy_with(signed, tmp_path, b"W", spot), studio.trust)
    assert report.verdict is Verdict.TAMPERED
    assert "disagreement.claim" in codes(report)


def test_a_library_that_sees_no_binding_is_not_passed_over(
    studio: Studio, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = ProvenanceLimits(own_hash_bytes=1)
    assert examine(signed, studio.trust, limits=limits).verdict is Verdict.TRUSTED
    reading(monkeypatch, drop("assertion.bmffHash.match"))
    assert examine(signed, studio.trust, limits=limits).verdict is Verdict.MALFORMED


def test_large_files_are_hashed_by_the_library_and_their_coverage_is_ours(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    limits = ProvenanceLimits(own_hash_bytes=1)
    data = signed.read_bytes()
    flipped = copy_with(signed, tmp_path, bytes([data[-9] ^ 1]), len(data) - 9)
    assert examine(flipped, studio.trust, limits=limits).verdict is Verdict.TAMPERED
    step = next(s for s in examine(signed, studio.trust, limits=limits).steps if s.number == 7)
    assert "what it covers by our own look" in step.detail


@given(st.text(min_size=1, max_size=60))
def test_an_unknown_code_is_neither_an_accusation_nor_a_pass(code: str) -> None:
    assert meaning(f"org.{code}") is Meaning.NOT_JUDGED


@given(st.lists(st.sampled_from(list(Verdict)[:5]), min_size=1))
def test_the_strictest_verdict_is_never_laxer_than_any(verdicts: list[Verdict]) -> None:
    worst = strictest(*verdicts)
    assert all(strictest(worst, v) is worst for v in verdicts)


def test_a_check_without_problems_holds() -> None:
    assert ManifestCheck("x", SignatureState.HOLDS).codes == ()
