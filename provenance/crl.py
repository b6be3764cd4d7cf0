"""Certificate revocation lists that were given to us: who is on one, signed by the issuer.

A list counts for the certificates of whoever signed it, and for no others; one that was not
signed by the issuer of the certificate in question says nothing. A list that is past its next
update still says who had been revoked until then.

Source: RFC 5280, sections 5.1 to 5.3 and 6.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from provenance.errors import TrustListInvalid

_PEM = b"-----BEGIN X509 CRL-----"
_UNDERSTOOD = frozenset({ExtensionOID.CRL_NUMBER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER})


def parse_crls(data: bytes, name: str) -> tuple[bytes, ...] | None:
    """The revocation lists in a file (PEM, or one in DER), as DER; ``None``: it holds none.

    Raises :class:`TrustListInvalid` for one that does not parse.
    """
    if _PEM not in data:
        if data[:1] != b"\x30":
            return None
        try:
            return (x509.load_der_x509_crl(data).public_bytes(Encoding.DER),)
        except ValueError:
            return None
    end = _PEM.replace(b"BEGIN", b"END")
    try:
        return tuple(
            x509.load_pem_x509_crl(_PEM + part.partition(end)[0] + end).public_bytes(Encoding.DER)
            for part in data.split(_PEM)[1:]
        )
    except ValueError as error:
        raise TrustListInvalid(f"{name} holds a revocation list that does not parse") from error


@lru_cache(maxsize=256)
def load(der: bytes) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(der)


def revoked_by(
    lists: Sequence[bytes],
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    moment: datetime,
) -> bool:
    """Whether ``issuer`` had revoked ``certificate`` at ``moment``, by the lists that it signed."""
    return any(_signed_by(der, issuer) and _lists(load(der), certificate, moment) for der in lists)


@lru_cache(maxsize=1024)
def _signed_by(der: bytes, issuer: x509.Certificate) -> bool:
    crl = load(der)
    try:
        if crl.issuer != issuer.subject or any(
            e.critical and e.oid not in _UNDERSTOOD for e in crl.extensions
        ):
            return False  # delta, indirect and partial lists speak of others
        try:
            usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
            if not usage.crl_sign:
                return False
        except x509.ExtensionNotFound:
            pass
        return bool(crl.is_signature_valid(issuer.public_key()))  # type: ignore[arg-type]
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False


def _lists(
    crl: x509.CertificateRevocationList, certificate: x509.Certificate, moment: datetime
) -> bool:
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is None:
        return False
    since = entry.revocation_date_utc
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        if reason is x509.ReasonFlags.remove_from_crl:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        known = entry.extensions.get_extension_for_class(x509.InvalidityDate).value
        since = min(since, known.invalidity_date_utc)
    except x509.ExtensionNotFound:
        pass
    return since <= moment
