"""RFC 3161 time-stamp tokens, judged by the certificate that signed them and by no other.

A token is a CMS ``SignedData`` with a set of certificates that its maker chose. Only the one that
the ``SignerInfo`` names *and* whose key verifies its signature speaks: a genuine authority's
public certificate beside it proves nothing. What must hold, in this order:

1. *Form.* One ``SignerInfo``, a ``TSTInfo`` inside, the certificate that it names in the set.
2. *Imprint.* The token is about this signature and no other.
3. *Signature.* Content type, message digest and signature hold, and the signed attribute
   ``signingCertificate`` (V2) names the same certificate.
4. *Purpose.* The certificate is for time-stamps alone, and says so critically.
5. *Authority.* It leads to an anchor for *time-stamps*, everything valid at the token's time.

Sources: RFC 3161 (2.3, 2.4.2), RFC 5652 (5.4), RFC 5816, C2PA 2.4 section 15.8.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provenance.trust import TrustList, check_path
from provenance.verdicts import clean

CLOCK_SKEW = timedelta(minutes=5)
"""A token may be this far ahead of our own clock."""
_MOST_TOKEN_BYTES = 64 * 1024
_DIGESTS: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class TokenState(StrEnum):
    """What a token comes to, as the status codes of C2PA 2.4 (15.2.2) name it."""

    TRUSTED = "timeStamp.trusted"
    UNTRUSTED = "timeStamp.untrusted"
    OUTSIDE_VALIDITY = "timeStamp.outsideValidity"
    MISMATCH = "timeStamp.mismatch"
    MALFORMED = "timeStamp.malformed"
    UNSUPPORTED = "algorithm.unsupported"


REASONS = {
    TokenState.TRUSTED: "the time-stamp's authority is known",
    TokenState.UNTRUSTED: "the time-stamp's authority is not on the list for time-stamps",
    TokenState.OUTSIDE_VALIDITY: "the time-stamp's authority was not valid at that time",
    TokenState.MISMATCH: "the time-stamp was made for something else",
    TokenState.MALFORMED: "the time-stamp does not hold together",
    TokenState.UNSUPPORTED: "the time-stamp uses an algorithm that is not known here",
}


@dataclass(frozen=True, slots=True)
class TokenReport:
    """One token. ``authority`` is the common name of the certificate that really signed it."""

    state: TokenState
    time: datetime | None = None
    authority: str = ""
    reason: str = ""

    @property
    def trusted(self) -> bool:
        return self.state is TokenState.TRUSTED


class _Bad(Exception):
    def __init__(self, state: TokenState, reason: str) -> None:
        super().__init__(reason)
        self.state = state


def judge_token(
    token: bytes, message: bytes, trust: TrustList, *, now: datetime | None = None
) -> TokenReport:
    """Judge a token (``TimeStampToken``, or ``TimeStampResp`` around one) about ``message``.

    Never raises for what is in the token.
    """
    time: datetime | None = None
    authority = ""
    try:
        signed = _signed_data(token)
        info, content = _info(signed)
        time = _time(info, now or datetime.now(UTC))
        signer = signed["signer_infos"][0]
        chain = _chain(signed, signer)
        authority = _common_name(chain[0])
        _check_imprint(info, message)
        _check_signature(signer, content, chain[0])
        _check_purpose(chain[0])
        path = check_path(chain, trust.timestamps, time, trust)
        if not path.trusted:
            outside = path.reason == "outside_validity"
            raise _Bad(
                TokenState.OUTSIDE_VALIDITY if outside else TokenState.UNTRUSTED,
                path.reason.replace("_", " "),
            )
    except _Bad as bad:
        return TokenReport(bad.state, time, authority, clean(str(bad), 200))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError) as error:
        # asn1crypto parses a part when it is first read, and raises what it finds
        reason = f"it does not parse: {type(error).__name__}"
        return TokenReport(TokenState.MALFORMED, time, authority, reason)
    except (UnsupportedAlgorithm, RecursionError) as error:
        return TokenReport(TokenState.UNSUPPORTED, time, authority, type(error).__name__)
    return TokenReport(TokenState.TRUSTED, time, authority)


def _signed_data(token: bytes) -> Any:
    """The ``SignedData`` of a token, with exactly one signer."""
    if len(token) > _MOST_TOKEN_BYTES:
        raise _Bad(TokenState.MALFORMED, f"larger than {_MOST_TOKEN_BYTES} bytes")
    content = cms.ContentInfo.load(token)
    try:
        kind = content["content_type"].native
    except (ValueError, TypeError):
        # older manifests hold the server's whole answer (C2PA 1.x)
        content = tsp.TimeStampResp.load(token)["time_stamp_token"]
        kind = content["content_type"].native
    if kind != "signed_data":
        raise _Bad(TokenState.MALFORMED, "it is no signed data")
    signed = content["content"]
    if len(signed["signer_infos"]) != 1:
        raise _Bad(TokenState.MALFORMED, "it does not have exactly one signer")
    return signed


def _info(signed: Any) -> tuple[Any, bytes]:
    inner = signed["encap_content_info"]
    if inner["content_type"].native != "tst_info":
        raise _Bad(TokenState.MALFORMED, "it holds no time")
    content = inner["content"].parsed
    if not isinstance(content, tsp.TSTInfo):
        content = tsp.TSTInfo.load(bytes(inner["content"]))
    return content, bytes(inner["content"])


def _time(info: Any, now: datetime) -> datetime:
    moment = info["gen_time"].native
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise _Bad(TokenState.MALFORMED, "its time has no zone")
    moment = moment.astimezone(UTC)
    if moment > now + CLOCK_SKEW:
        raise _Bad(TokenState.MALFORMED, "its time is in the future")
    return moment


def _chain(signed: Any, signer: Any) -> tuple[x509.Certificate, ...]:
    """The certificate that the ``SignerInfo`` names, then the others in the set."""
    carried = signed["certificates"] or ()
    found = [choice.chosen for choice in carried if choice.name == "certificate"]
    named = [c for c in found if _names(signer["sid"], c)]
    if len(named) != 1:
        raise _Bad(TokenState.MALFORMED, "its signer's certificate is not in it")
    ordered = [named[0], *(c for c in found if c is not named[0])]
    return tuple(x509.load_der_x509_certificate(c.dump()) for c in ordered)


def _names(sid: Any, certificate: Any) -> bool:
    """Whether a ``SignerIdentifier`` names this certificate (RFC 5652, section 5.3)."""
    if sid.name == "issuer_and_serial_number":
        given = sid.chosen
        same: bool = (
            given["serial_number"].native == certificate.serial_number
            and given["issuer"] == certificate.issuer
        )
        return same
    return bool(sid.chosen.native == certificate.key_identifier)


def _common_name(certificate: x509.Certificate) -> str:
    values = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(values[0].value, 200) if values else ""


def _check_imprint(info: Any, message: bytes) -> None:
    imprint = info["message_imprint"]
    name = str(imprint["hash_algorithm"]["algorithm"].native)
    if name not in _DIGESTS:
        raise _Bad(TokenState.UNSUPPORTED, f"its imprint uses {name}")
    if not hmac.compare_digest(
        hashlib.new(name, message).digest(), bytes(imprint["hashed_message"])
    ):
        raise _Bad(TokenState.MISMATCH, "its imprint is of something else")


def _attribute(signer: Any, name: str) -> Any:
    """The single value of a signed attribute; raises when it is missing or repeated."""
    found = [a for a in signer["signed_attrs"] if a["type"].native == name]
    if len(found) != 1 or len(found[0]["values"]) != 1:
        return None
    return found[0]["values"][0]


def _check_signature(signer: Any, content: bytes, leaf: x509.Certificate) -> None:
    if not signer["signed_attrs"]:
        raise _Bad(TokenState.MALFORMED, "it has no signed attributes")
    name = str(signer["digest_algorithm"]["algorithm"].native)
    if name not in _DIGESTS:
        raise _Bad(TokenState.UNSUPPORTED, f"its digest is {name}")
    kind = _attribute(signer, "content_type")
    if kind is None or kind.native != "tst_info":
        raise _Bad(TokenState.MALFORMED, "its content type is wrong")
    digest = _attribute(signer, "message_digest")
    if digest is None or not hmac.compare_digest(
        digest.native, hashlib.new(name, content).digest()
    ):
        raise _Bad(TokenState.MISMATCH, "its content is not what was signed")
    _check_certificate_id(signer, leaf)
    # the attributes are signed as a SET, not with the tag under which they are carried
    attributes = b"\x31" + signer["signed_attrs"].dump()[1:]
    try:
        _verify(leaf, signer, attributes, _DIGESTS[name]())
    except InvalidSignature as error:
        raise _Bad(TokenState.MISMATCH, "the certificate that it names did not sign it") from error


def _check_certificate_id(signer: Any, leaf: x509.Certificate) -> None:
    """RFC 5816: the signed attributes say by hash which certificate signed."""
    der = leaf.public_bytes(Encoding.DER)
    newer = _attribute(signer, "signing_certificate_v2")
    if newer is not None:
        first = newer["certs"][0]
        name = str(first["hash_algorithm"]["algorithm"].native)
        if name not in _DIGESTS:
            raise _Bad(TokenState.UNSUPPORTED, f"its certificate's hash is {name}")
        right = hashlib.new(name, der).digest()
    else:
        older = _attribute(signer, "signing_certificate")
        if older is None:
            raise _Bad(TokenState.MALFORMED, "it does not say which certificate signed it")
        first = older["certs"][0]
        right = hashlib.sha1(der, usedforsecurity=False).digest()
    if not hmac.compare_digest(first["cert_hash"].native, right):
        raise _Bad(TokenState.MISMATCH, "it was signed with another certificate")


def _verify(leaf: x509.Certificate, signer: Any, data: bytes, digest: hashes.HashAlgorithm) -> None:
    key, value = leaf.public_key(), signer["signature"].native
    algorithm = signer["signature_algorithm"]
    kind = str(algorithm.signature_algo)
    if isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
        key.verify(value, data, ec.ECDSA(_named_digest(algorithm, digest)))
    elif isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pkcs1v15":
        key.verify(value, data, padding.PKCS1v15(), _named_digest(algorithm, digest))
    elif isinstance(key, rsa.RSAPublicKey) and kind == "rsassa_pss":
        inner = _DIGESTS[str(algorithm.hash_algo)]()
        salt = int(algorithm["parameters"]["salt_length"].native)
        key.verify(value, data, padding.PSS(padding.MGF1(inner), salt), inner)
    elif isinstance(key, ed25519.Ed25519PublicKey) and kind == "ed25519":
        key.verify(value, data)
    else:
        raise _Bad(TokenState.UNSUPPORTED, f"its signature is {clean(kind, 40)}")


def _named_digest(algorithm: Any, default: hashes.HashAlgorithm) -> hashes.HashAlgorithm:
    """The digest that the signature's own identifier names; else that of the attributes."""
    try:
        name = str(algorithm.hash_algo)
    except ValueError:
        return default
    if name not in _DIGESTS:
        raise _Bad(TokenState.UNSUPPORTED, f"its signature uses {name}")
    return _DIGESTS[name]()


def _check_purpose(leaf: x509.Certificate) -> None:
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        raise _Bad(TokenState.UNTRUSTED, "its certificate is not for time-stamps") from None
    if list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING] or not purposes.critical:
        raise _Bad(TokenState.UNTRUSTED, "its certificate is not for time-stamps alone")


def earliest_trusted(reports: Sequence[TokenReport]) -> TokenReport | None:
    """The token that counts: the earliest trusted one; else the first."""
    trusted = [r for r in reports if r.trusted and r.time is not None]
    if trusted:
        return min(trusted, key=lambda r: r.time or datetime.max.replace(tzinfo=UTC))
    return reports[0] if reports else None
