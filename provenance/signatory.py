"""Steps 9 and 10 of a verification: when the file was signed, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from provenance.cose import NAMES
from provenance.profile import check_certificate
from provenance.revocation import Revocation, judge_responses
from provenance.steps import Run
from provenance.tokens import REASONS, TokenReport, earliest_trusted, judge_token
from provenance.trust import check_path, fingerprint
from provenance.verdicts import Severity, SignerReport, Timestamp, Verdict, clean

MOST_TOKENS = 8
"""Tokens of one signature that are looked at; one is the rule."""
_STAMP_HOLDS = frozenset({"timeStamp.validated", "timeStamp.trusted"})
_REVOCATION = {
    Revocation.GOOD: "the certificate had not been revoked when the file was signed",
    Revocation.REVOKED: "the certificate's issuer had revoked it when the file was signed",
    Revocation.UNKNOWN: "the certificate's issuer did not know it",
    Revocation.NOT_TOLD: "the revocation data in the signature says nothing that counts",
}
UNTRUSTED = {
    "no_certificate": "the signature carries no certificate",
    "list_expired": "the trust list is past its expiry; update it",
    "outside_validity": "the certificate was not valid then, and no trusted time-stamp helps",
    "revoked": "the certificate was revoked",
    "self_signed": "the certificate is self-signed: anybody could have made it",
    "unknown_issuer": "the certificate's issuer is not on the trust list",
    "profile": "the certificate does not fit the C2PA profile",
}


def judge_time(run: Run) -> None:
    """Step 9: the moment at which the signer's certificate is judged, into ``run.moment``.

    Only a token that our own check *and* the library find trusted moves that moment.
    """
    active = run.store.active if run.store else None
    signature = active.signature if active else None
    run.moment = run.at or datetime.now(UTC)
    if active is not None and signature is not None:
        reports = [
            judge_token(token, message, run.trust)
            for token, message in signature.stamped(active.claim_bytes)[:MOST_TOKENS]
        ]
        counted = earliest_trusted(reports)
        if counted is not None:
            _take_time(run, counted)
    run.passed(9, run.moment.isoformat(timespec="seconds"))


def _take_time(run: Run, counted: TokenReport) -> None:
    theirs = {c for c in _stamp_codes(run) if c not in _STAMP_HOLDS}
    trusted = counted.trusted
    if trusted and (theirs or "timeStamp.validated" not in run.codes("success")):
        trusted = False
        said = ", ".join(sorted(theirs)) or "it is not validated"
        run.note(
            "disagreement.timeStamp",
            Severity.WARNING,
            f"we find the time-stamp good, the C2PA library does not ({said}); it is not counted",
        )
    when = counted.time.isoformat() if counted.time else ""
    run.timestamp = Timestamp(when, trusted, counted.authority, counted.state.value, counted.reason)
    if trusted:
        assert counted.time is not None
        run.moment = counted.time
    elif not counted.trusted:
        more = f": {counted.reason}" if counted.reason else ""
        run.note(counted.state.value, Severity.WARNING, REASONS[counted.state] + more)


def _stamp_codes(run: Run) -> list[str]:
    every = [c for bucket in ("failure", "informational") for c in run.codes(bucket)]
    return [c for c in every if c.startswith("timeStamp.")]


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return clean(values[0].value, 200) if values else ""


def _misfits(leaf: x509.Certificate) -> bool:
    # an emailProtection-only certificate is fine; the C2PA purpose alone is refused by the library
    return any(p.code != "purpose_alone" for p in check_certificate(leaf))


def judge_signer(run: Run) -> None:
    """Step 10: whether the signer is known and was so at that moment, into ``run.signer``."""
    signature = run.store.active.signature if run.store else None
    if signature is None or not signature.chain:
        run.fail(10, "signer.no_certificate", UNTRUSTED["no_certificate"])
        run.worsen(Verdict.VALID_UNTRUSTED)
        return
    path = check_path(signature.chain, run.trust.signers, run.moment, run.trust)
    reason = path.reason
    failures = set(run.codes("failure"))
    if not reason and ("signingCredential.invalid" in failures or _misfits(signature.chain[0])):
        reason = "profile"
    # the library judges expiry by now and then trusts nothing; the path above was judged by
    # the moment that was asked for
    expired = "signingCredential.expired" in failures
    if not reason and "signingCredential.untrusted" in failures and not expired:
        reason = "unknown_issuer"
    told = judge_responses(signature.ocsp, (*signature.chain, *run.trust.signers), run.moment)
    if signature.ocsp:
        run.note(told.value, Severity.NOTE, _REVOCATION[told])
    if told is Revocation.REVOKED:
        reason = "revoked"
    if "signingCredential.revoked" in failures or "signingCredential.ocsp.revoked" in failures:
        reason = "revoked"
    leaf = signature.chain[0]
    run.signer = SignerReport(
        _attribute(leaf.subject, NameOID.COMMON_NAME),
        _attribute(leaf.subject, NameOID.ORGANIZATION_NAME),
        _attribute(leaf.issuer, NameOID.COMMON_NAME)
        or _attribute(leaf.issuer, NameOID.ORGANIZATION_NAME),
        NAMES.get(signature.algorithm, str(signature.algorithm)),
        f"{leaf.serial_number:x}",
        leaf.not_valid_before_utc.isoformat(),
        leaf.not_valid_after_utc.isoformat(),
        fingerprint(leaf),
        not reason,
        reason,
    )
    if reason:
        run.worsen(Verdict.VALID_UNTRUSTED)
        run.fail(10, f"signer.{reason}", UNTRUSTED[reason])
    else:
        run.passed(10, run.signer.common_name)
