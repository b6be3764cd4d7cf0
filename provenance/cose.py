"""The claim's signature, checked by ourselves: COSE_Sign1 over the claim's bytes.

Source: RFC 9052 section 4.4 (Sig_structure), RFC 9053 and RFC 8230 (algorithms), C2PA 2.4
section 13.2.
"""

from __future__ import annotations

from enum import StrEnum

import cbor2
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from provenance.jumbf import CoseSignature


class SignatureState(StrEnum):
    """What a signature comes to, as the status codes of C2PA name it."""

    HOLDS = "claimSignature.validated"
    MISMATCH = "claimSignature.mismatch"
    MISSING = "claimSignature.missing"
    UNSUPPORTED = "algorithm.unsupported"


_ECDSA: dict[int, hashes.HashAlgorithm] = {
    -7: hashes.SHA256(),
    -35: hashes.SHA384(),
    -36: hashes.SHA512(),
}
_PSS: dict[int, hashes.HashAlgorithm] = {
    -37: hashes.SHA256(),
    -38: hashes.SHA384(),
    -39: hashes.SHA512(),
}
_EDDSA = -8
NAMES = {
    -7: "es256",
    -35: "es384",
    -36: "es512",
    -37: "ps256",
    -38: "ps384",
    -39: "ps512",
    -8: "ed25519",
}
"""C2PA's names of the COSE algorithms that it allows (2.4, section 13.2.1)."""


def check_signature(signature: CoseSignature | None, claim: bytes) -> SignatureState:
    """Whether ``signature`` is the signer's over ``claim``; who that is is judged elsewhere."""
    if signature is None or not signature.chain:
        return SignatureState.MISSING
    key, value = signature.chain[0].public_key(), signature.value
    data = cbor2.dumps(["Signature1", signature.protected, b"", claim])
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and signature.algorithm in _ECDSA:
            half = (key.curve.key_size + 7) // 8
            if len(value) != 2 * half:
                return SignatureState.MISMATCH
            first, second = value[:half], value[half:]
            der = encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))
            key.verify(der, data, ec.ECDSA(_ECDSA[signature.algorithm]))
        elif isinstance(key, rsa.RSAPublicKey) and signature.algorithm in _PSS:
            digest = _PSS[signature.algorithm]
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            key.verify(value, data, pss, digest)
        elif isinstance(key, ed25519.Ed25519PublicKey) and signature.algorithm == _EDDSA:
            key.verify(value, data)
        else:
            return SignatureState.UNSUPPORTED
    except InvalidSignature:
        return SignatureState.MISMATCH
    except (UnsupportedAlgorithm, ValueError):
        return SignatureState.UNSUPPORTED
    return SignatureState.HOLDS
