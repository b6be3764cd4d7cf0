"""Does this certificate fit the C2PA profile, and if not, why: in words a person can act on.

Source: C2PA 2.4, section 14.5.1 (certificate profile) and 13.2 (algorithms).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.certificates import CLAIM_SIGNING, SigningIdentity
from provenance.keys import Algorithm
from provenance.trust import TrustList, check_path

Collector = Callable[[str, str], None]

MIN_RSA_BITS = 2048
_PURPOSES = {CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION}
_ALONE = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING}
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class ProfileProblem:
    """One way in which a certificate does not fit."""

    code: str
    message: str


def check_certificate(certificate: x509.Certificate) -> tuple[ProfileProblem, ...]:
    """What keeps an end-entity certificate from signing claims; empty when nothing does."""
    found: list[ProfileProblem] = []

    def add(code: str, message: str) -> None:
        found.append(ProfileProblem(code, message))

    if certificate.version is not x509.Version.v3:
        add("version", "the certificate is not of X.509 version 3")
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        return (ProfileProblem("extensions", "the certificate's extensions do not parse"),)
    _check_usage(extensions, add)
    _check_purposes(extensions, add)
    try:
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
        if basic.ca:
            add("authority", "this is an authority's certificate; sign with an end-entity one")
    except x509.ExtensionNotFound:
        pass
    if certificate.issuer != certificate.subject:
        try:
            extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        except x509.ExtensionNotFound:
            add("authority_key_id", "the authority key identifier is missing")
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < MIN_RSA_BITS:
            add("key_size", f"RSA keys need {MIN_RSA_BITS} bits, this one has {public.key_size}")
    elif isinstance(public, ec.EllipticCurvePublicKey):
        if not isinstance(public.curve, _CURVES):
            add("curve", f"C2PA does not know the curve {public.curve.name}")
    elif not isinstance(public, ed25519.Ed25519PublicKey):
        add("key_type", "C2PA does not know keys of this type")
    return tuple(found)


def _check_usage(extensions: x509.Extensions, add: Collector) -> None:
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        add("key_usage", "the key usage is missing; it must say digitalSignature")
        return
    if not usage.digital_signature:
        add("key_usage", "the key usage does not allow digitalSignature")
    if usage.key_cert_sign:
        add("key_usage", "the key usage allows keyCertSign, which only authorities may have")


def _check_purposes(extensions: x509.Extensions, add: Collector) -> None:
    try:
        purposes = set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        add("purpose", "the extended key usage is missing")
        return
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes:
        add("purpose", "the extended key usage allows anything, which C2PA forbids")
    elif purposes & _ALONE:
        add("purpose", "a certificate for time-stamps or OCSP may not sign claims")
    elif not purposes & _PURPOSES:
        add("purpose", "the extended key usage needs C2PA claim signing or emailProtection")
    elif ExtendedKeyUsageOID.EMAIL_PROTECTION not in purposes:
        add(
            "purpose_alone",
            "C2PA claim signing alone is refused by common validators: add emailProtection",
        )


def check_identity(identity: SigningIdentity, moment: datetime) -> tuple[ProfileProblem, ...]:
    """What keeps this identity from signing at ``moment``: profile, validity, chain, key."""
    leaf = identity.leaf
    found = list(check_certificate(leaf))
    for certificate in identity.chain:
        name = certificate.subject.rfc4514_string()
        if certificate.not_valid_after_utc <= moment:
            found.append(
                ProfileProblem(
                    "expired", f"{name} ran out on {certificate.not_valid_after_utc:%Y-%m-%d}"
                )
            )
        elif certificate.not_valid_before_utc > moment:
            found.append(
                ProfileProblem(
                    "not_yet", f"{name} begins only on {certificate.not_valid_before_utc:%Y-%m-%d}"
                )
            )
    if not _key_fits(leaf, identity.key.algorithm):
        found.append(
            ProfileProblem(
                "algorithm", f"the certificate's key cannot verify {identity.key.algorithm}"
            )
        )
    if len(identity.chain) > 1 and not found:
        anchor = identity.chain[-1]
        path = check_path(identity.chain[:-1], (anchor,), moment, TrustList("own", (anchor,)))
        if not path.trusted:
            found.append(
                ProfileProblem("chain", "the certificates do not form a chain, leaf first")
            )
    return tuple(found)


def _key_fits(certificate: x509.Certificate, algorithm: Algorithm) -> bool:
    public = certificate.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        wanted = {Algorithm.ES256: 256, Algorithm.ES384: 384, Algorithm.ES512: 521}
        return wanted.get(algorithm) == public.curve.key_size
    if isinstance(public, rsa.RSAPublicKey):
        return algorithm in (Algorithm.PS256, Algorithm.PS384, Algorithm.PS512)
    return isinstance(public, ed25519.Ed25519PublicKey) and algorithm is Algorithm.ED25519
