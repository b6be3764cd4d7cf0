"""Steps 9 and 10 of a verification: when the file was signed, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from provenance.profile import check_certificate
from provenance.steps import Run
from provenance.trust import check_path, fingerprint, parse_time
from provenance.verdicts import Severity, Signer, Timestamp, clean

_ALGORITHMS = {-7: "es256", -35: "es384", -36: "es512", -37: "ps256", -38: "ps384", -39: "ps512",
               -8: "ed25519"}  # fmt: skip
_UNTRUSTED = {
    "no_certificate": "the signature carries no certificate",
    "list_expired": "the trust list is past its expiry; update it",
    "outside_validity": "the certificate was not valid then, and no trusted time-stamp helps",
    "revoked": "the certificate was revoked",
    "self_signed": "the certificate is self-signed: anybody could have made it",
    "unknown_issuer": "the certificate's issuer is not on the trust list",
    "profile": "the certificate does not fit the C2PA profile",
}


def judge_time(run: Run) -> None:
    """Step 9: the moment at which the signer's certificate is judged, into ``run.moment``."""
    signature = run.store.active.signature if run.store else None
    info = (run.read.get("manifests") or {}).get(run.active, {}).get("signature_info") or {}
    moment = run.at or datetime.now(UTC)
    if signature is not None and signature.timestamps and info.get("time"):
        stamped = parse_time(str(info["time"]))
        good = "timeStamp.validated" in run.codes("success")
        chain = _token_chain(signature.timestamps[0])
        path = check_path(chain, run.trust.timestamps, stamped, run.trust)
        authority = _attribute(chain[0].subject, NameOID.COMMON_NAME) if chain else ""
        run.timestamp = Timestamp(stamped.isoformat(), good and path.trusted, authority)
        if run.timestamp.trusted:
            moment = stamped
        else:
            run.note("timeStamp.untrusted", Severity.WARNING,
                     "the time-stamp's authority is not on the list for time-stamps")  # fmt: skip
    run.moment = moment
    run.passed(9, moment.isoformat(timespec="seconds"))


def _token_chain(token: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of an RFC 3161 token, the time-stamp authority's first."""
    try:
        found = list(pkcs7.load_der_pkcs7_certificates(token))
    except (ValueError, TypeError):
        return ()
    issuers = {c.issuer for c in found if c.issuer != c.subject}
    found.sort(key=lambda c: c.subject in issuers)
    return tuple(found)


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
        run.fail(10, "signer.no_certificate", _UNTRUSTED["no_certificate"])
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
    if "signingCredential.revoked" in failures or "signingCredential.ocsp.revoked" in failures:
        reason = "revoked"
    leaf = signature.chain[0]
    run.signer = Signer(
        _attribute(leaf.subject, NameOID.COMMON_NAME),
        _attribute(leaf.subject, NameOID.ORGANIZATION_NAME),
        _attribute(leaf.issuer, NameOID.COMMON_NAME)
        or _attribute(leaf.issuer, NameOID.ORGANIZATION_NAME),
        _ALGORITHMS.get(signature.algorithm, str(signature.algorithm)),
        f"{leaf.serial_number:x}",
        leaf.not_valid_before_utc.isoformat(),
        leaf.not_valid_after_utc.isoformat(),
        fingerprint(leaf),
        not reason,
        reason,
    )
    if reason:
        run.fail(10, f"signer.{reason}", _UNTRUSTED[reason])
    else:
        run.passed(10, run.signer.common_name)
