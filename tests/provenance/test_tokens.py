"""A time-stamp counts only by the certificate that really signed it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import TrustList, Verdict
from provenance.certificates import CLAIM_SIGNING, issue_authority
from provenance.tokens import TokenState, judge_token
from provenance.verifier import examine
from tests.provenance.conftest import Studio
from tests.provenance.handmade import Hand, Stamper, identity, mp4

NOW = datetime.now(UTC)
THEN = NOW - timedelta(days=20)
"""A moment at which the expired signer's certificate was still valid."""
EXPIRED = identity(begin=NOW - timedelta(days=30), life=timedelta(days=20))
GENUINE = Stamper(THEN, name="A genuine authority")
EVIL = Stamper(THEN, name="A stranger with a name so long that DER sorts it behind")
TRUST = TrustList.of(EXPIRED).with_timestamps(GENUINE.root.certificate)

Token = Callable[[bytes], bytes]


def wrong_purpose(*purposes: object, critical: bool = True) -> Token:
    stamper = Stamper(THEN, root=GENUINE.root, purposes=purposes, critical=critical)  # type: ignore[arg-type]
    return stamper.token


ATTACKS: dict[str, tuple[Token, TokenState]] = {
    "a genuine certificate in front of the stranger's": (
        lambda m: EVIL.token(m, first=[GENUINE.leaf, GENUINE.root.certificate]),
        TokenState.UNTRUSTED,
    ),
    "a genuine certificate named, another key signs": (
        lambda m: EVIL.token(m, first=[GENUINE.leaf], named=GENUINE.leaf, said=GENUINE.leaf),
        TokenState.MISMATCH,
    ),
    "a genuine certificate named, its own attribute kept": (
        lambda m: EVIL.token(m, first=[GENUINE.leaf], named=GENUINE.leaf),
        TokenState.MISMATCH,
    ),
    "the genuine signature broken": (
        lambda m: GENUINE.token(m, spoil=True),
        TokenState.MISMATCH,
    ),
    "a genuine token of something else": (
        lambda m: GENUINE.token(m + b"!"),
        TokenState.MISMATCH,
    ),
    "two signers": (lambda m: GENUINE.token(m, signers=2), TokenState.MALFORMED),
    "a certificate that is not in the token": (
        lambda m: EVIL.token(m, named=GENUINE.leaf),
        TokenState.MALFORMED,
    ),
    "a time in the future": (
        Stamper(NOW + timedelta(days=1), root=GENUINE.root).token,
        TokenState.MALFORMED,
    ),
    "an authority whose certificate had run out": (
        Stamper(THEN, root=GENUINE.root, life=timedelta(hours=2)).token,
        TokenState.OUTSIDE_VALIDITY,
    ),
    "a signer's certificate": (
        wrong_purpose(CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION),
        TokenState.UNTRUSTED,
    ),
    "a server's certificate": (
        wrong_purpose(ExtendedKeyUsageOID.SERVER_AUTH),
        TokenState.UNTRUSTED,
    ),
    "time-stamps among other purposes": (
        wrong_purpose(ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.EMAIL_PROTECTION),
        TokenState.UNTRUSTED,
    ),
    "a purpose that is not binding": (
        wrong_purpose(ExtendedKeyUsageOID.TIME_STAMPING, critical=False),
        TokenState.UNTRUSTED,
    ),
    "a stranger": (EVIL.token, TokenState.UNTRUSTED),
    "nonsense": (lambda _: b"\x30\x03\x02\x01\x00", TokenState.MALFORMED),
    "nothing": (lambda _: b"", TokenState.MALFORMED),
}


def stamped(studio: Studio, folder: Path, stamp: Token | None, *, older: bool = False) -> Path:
    hand = Hand(EXPIRED, stamp=None if older else stamp, older_stamp=stamp if older else None)
    path = folder / "stamped.mp4"
    path.write_bytes(mp4(studio.source.read_bytes(), hand))
    return path


@pytest.mark.parametrize("older", [False, True])
def test_a_genuine_time_stamp_keeps_an_expired_signer_trusted(
    studio: Studio, tmp_path: Path, older: bool
) -> None:
    report = examine(stamped(studio, tmp_path, GENUINE.token, older=older), TRUST)
    assert report.verdict is Verdict.TRUSTED, report.findings
    assert report.timestamp is not None and report.timestamp.trusted
    assert report.timestamp.authority == "A genuine authority"
    assert report.at.startswith(THEN.isoformat()[:16])
    assert examine(stamped(studio, tmp_path, None), TRUST).verdict is Verdict.VALID_UNTRUSTED


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_time_stamp_moves_nothing(studio: Studio, tmp_path: Path, attack: str) -> None:
    make, state = ATTACKS[attack]
    assert judge_token(make(b"message"), b"message", TRUST).state is state
    report = examine(stamped(studio, tmp_path, make), TRUST)
    assert report.verdict is Verdict.VALID_UNTRUSTED, report.findings
    assert [f.code for f in report.failures] == ["signer.outside_validity"]
    assert report.timestamp is not None and not report.timestamp.trusted
    assert report.timestamp.state == state.value
    judged_at = datetime.fromisoformat(report.at)
    assert judged_at >= NOW.replace(microsecond=0), "the signer is judged by now"


def test_who_really_signed_is_named(studio: Studio, tmp_path: Path) -> None:
    make, _ = ATTACKS["a genuine certificate in front of the stranger's"]
    report = examine(stamped(studio, tmp_path, make), TRUST)
    assert report.timestamp is not None
    assert report.timestamp.authority.startswith("A stranger")


def test_an_anchor_for_signers_stamps_no_time(studio: Studio, tmp_path: Path) -> None:
    crossed = TrustList.of(EXPIRED).joined(TrustList("crossed", (GENUINE.root.certificate,)))
    report = examine(stamped(studio, tmp_path, GENUINE.token), crossed)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    assert report.timestamp is not None and report.timestamp.state == "timeStamp.untrusted"


def test_an_intermediate_that_may_not_issue_leads_nowhere(studio: Studio, tmp_path: Path) -> None:
    narrow = issue_authority("Narrow", GENUINE.root, path_length=0, now=THEN - timedelta(days=2))
    below = issue_authority("Too deep", narrow, now=THEN - timedelta(days=2))
    stamper = Stamper(THEN, root=below)

    def deep(message: bytes) -> bytes:
        return stamper.token(message, first=[below.certificate, narrow.certificate])

    report = examine(stamped(studio, tmp_path, deep), TRUST)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    good = Stamper(THEN, root=narrow)
    report = examine(
        stamped(studio, tmp_path, lambda m: good.token(m, first=[narrow.certificate])), TRUST
    )
    assert report.verdict is Verdict.TRUSTED, report.findings


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_changed_byte_makes_a_token_better(at: int, value: int) -> None:
    """Whatever is changed in a stranger's token, it is never trusted, and never a crash."""
    token = bytearray(EVIL_TOKEN)
    token[at % len(token)] = value
    assert not judge_token(bytes(token), b"message", TRUST).trusted


EVIL_TOKEN = EVIL.token(b"message", first=[GENUINE.leaf, GENUINE.root.certificate])
