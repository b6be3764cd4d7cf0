"""Was the certificate revoked? An OCSP response says so, as its issuer signed it.

The response lies in the signature (``rVals``), put there by the signer, so nobody has to be asked.
It is believed only when the issuer, or a responder that the issuer named for this, signed it, and
only about the moment at which the file was signed.

Sources: RFC 6960 (3.2, 4.2.2.2), C2PA 2.4 sections 14.5.2 and 15.9.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID


class Revocation(StrEnum):
    """What an OCSP response comes to, as the status codes of C2PA name it."""

    GOOD = "signingCredential.ocsp.notRevoked"
    REVOKED = "signingCredential.ocsp.revoked"
    UNKNOWN = "signingCredential.ocsp.unknown"
    NOT_TOLD = "signingCredential.ocsp.skipped"


def judge_responses(
    responses: Sequence[bytes], chain: Sequence[x509.Certificate], moment: datetime
) -> Revocation:
    """What responses say of ``chain[0]`` at ``moment``; the worst that is believable counts.

    Never raises for what is in the responses.
    """
    found = [judge_response(der, chain, moment) for der in responses]
    order = (Revocation.REVOKED, Revocation.UNKNOWN, Revocation.GOOD)
    return next((state for state in order if state in found), Revocation.NOT_TOLD)


def judge_response(der: bytes, chain: Sequence[x509.Certificate], moment: datetime) -> Revocation:
    """One response about ``chain[0]``, whose issuer must be among the others of ``chain``."""
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Revocation.NOT_TOLD
        leaf = chain[0]
        issuer = next((c for c in chain[1:] if _issued(leaf, c)), None)
        if issuer is None or not _about(response, leaf, issuer):
            return Revocation.NOT_TOLD
        if not _signed(response, issuer, moment):
            return Revocation.NOT_TOLD
        return _status(response, moment)
    except (ValueError, TypeError, UnsupportedAlgorithm, IndexError, x509.DuplicateExtension):
        return Revocation.NOT_TOLD


def _status(response: ocsp.OCSPResponse, moment: datetime) -> Revocation:
    status = response.certificate_status
    if status is ocsp.OCSPCertStatus.REVOKED:
        since = response.revocation_time_utc
        return Revocation.REVOKED if since is None or since <= moment else Revocation.GOOD
    if status is ocsp.OCSPCertStatus.UNKNOWN:
        return Revocation.UNKNOWN
    until = response.next_update_utc
    if response.this_update_utc > moment.astimezone(UTC) or (until and until < moment):
        return Revocation.NOT_TOLD
    return Revocation.GOOD


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _key_hash(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> bytes:
    """The hash of the subject public key's bits (RFC 6960, 4.1.1)."""
    digest = hashes.Hash(algorithm)
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        digest.update(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    elif isinstance(key, rsa.RSAPublicKey):
        digest.update(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    else:
        digest.update(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return digest.finalize()


def _about(response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    return response.serial_number == leaf.serial_number and hmac.compare_digest(
        response.issuer_key_hash, _key_hash(issuer, response.hash_algorithm)
    )


def _signed(response: ocsp.OCSPResponse, issuer: x509.Certificate, moment: datetime) -> bool:
    """Whether the issuer signed, or a responder that it issued for this purpose."""
    responders = [issuer]
    for certificate in response.certificates:
        if certificate != issuer and _issued(certificate, issuer) and _responds(certificate):
            responders.append(certificate)
    return any(_verifies(response, c) for c in responders if _valid(c, moment))


def _valid(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _responds(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _verifies(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    key, digest = certificate.public_key(), response.signature_hash_algorithm
    value, data = response.signature, response.tbs_response_bytes
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            key.verify(value, data, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(value, data, padding.PKCS1v15(), digest)
        elif digest is None:
            key.verify(value, data)  # type: ignore[call-arg,union-attr]
        else:
            return False
    except (InvalidSignature, TypeError):
        return False
    return True
