"""Where signing keys live, and the one shape in which they sign.

A key never reaches the C2PA library: the library hands over the bytes to be signed, and a
:class:`Key` answers with the raw COSE signature (RFC 9053: ECDSA as ``r || s``, RSA as PSS
with a salt as long as the hash, Ed25519 as it is). So a key in a file, in a key service and
in a hardware token look the same to the signer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from provenance.errors import CredentialInvalid, KeyUnavailable


class Algorithm(StrEnum):
    """The seven signature algorithms of C2PA 2.4, section 13.2."""

    ES256 = "es256"
    ES384 = "es384"
    ES512 = "es512"
    PS256 = "ps256"
    PS384 = "ps384"
    PS512 = "ps512"
    ED25519 = "ed25519"


_CURVES: dict[Algorithm, type[ec.EllipticCurve]] = {
    Algorithm.ES256: ec.SECP256R1,
    Algorithm.ES384: ec.SECP384R1,
    Algorithm.ES512: ec.SECP521R1,
}
_HASHES: dict[Algorithm, type[hashes.HashAlgorithm]] = {
    Algorithm.ES256: hashes.SHA256,
    Algorithm.ES384: hashes.SHA384,
    Algorithm.ES512: hashes.SHA512,
    Algorithm.PS256: hashes.SHA256,
    Algorithm.PS384: hashes.SHA384,
    Algorithm.PS512: hashes.SHA512,
}
RSA_BITS = 3072
"""C2PA allows 2048 bits and more; 3072 matches 128-bit security (NIST SP 800-57)."""

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Key(Protocol):
    """Something that signs. ``sign`` raises :class:`KeyUnavailable` when it cannot."""

    @property
    def algorithm(self) -> Algorithm: ...

    def sign(self, data: bytes) -> bytes: ...


def generate_key(algorithm: Algorithm) -> PrivateKey:
    """A fresh private key for ``algorithm``."""
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def der_to_raw(signature: bytes, algorithm: Algorithm) -> bytes:
    """An ECDSA signature from DER to ``r || s``, each as long as the curve's order."""
    r, s = decode_dss_signature(signature)
    size = (_CURVES[algorithm]().key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def raw_to_der(signature: bytes, algorithm: Algorithm) -> bytes:
    """The inverse of :func:`der_to_raw`."""
    size = (_CURVES[algorithm]().key_size + 7) // 8
    if len(signature) != 2 * size:
        raise CredentialInvalid(f"an {algorithm} signature has {2 * size} bytes")
    return encode_dss_signature(
        int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    )


def check_signature(
    public: PublicKeyTypes, algorithm: Algorithm, signature: bytes, data: bytes
) -> bool:
    """Whether ``signature`` (COSE form) by ``public`` stands over ``data``."""
    try:
        if algorithm in _CURVES and isinstance(public, ec.EllipticCurvePublicKey):
            chosen = ec.ECDSA(_HASHES[algorithm]())
            public.verify(raw_to_der(signature, algorithm), data, chosen)
        elif algorithm is Algorithm.ED25519 and isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, data)
        elif algorithm in _HASHES and isinstance(public, rsa.RSAPublicKey):
            digest = _HASHES[algorithm]()
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            public.verify(signature, data, pss, digest)
        else:
            return False
    except (InvalidSignature, CredentialInvalid):
        return False
    return True


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A private key held in this process's memory."""

    algorithm: Algorithm
    private: PrivateKey

    def __post_init__(self) -> None:
        private = self.private
        if self.algorithm in _CURVES:
            fits = isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(
                private.curve, _CURVES[self.algorithm]
            )
        elif self.algorithm is Algorithm.ED25519:
            fits = isinstance(private, ed25519.Ed25519PrivateKey)
        else:
            fits = isinstance(private, rsa.RSAPrivateKey)
        if not fits:
            raise CredentialInvalid(f"the private key cannot sign with {self.algorithm}")

    def sign(self, data: bytes) -> bytes:
        private = self.private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            signature = private.sign(data, ec.ECDSA(_HASHES[self.algorithm]()))
            return der_to_raw(signature, self.algorithm)
        if isinstance(private, rsa.RSAPrivateKey):
            digest = _HASHES[self.algorithm]()
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return private.sign(data, pss, digest)
        return private.sign(data)

    def __repr__(self) -> str:
        return f"LocalKey({self.algorithm})"


@dataclass(frozen=True, slots=True)
class CallbackKey:
    """A key behind a function: a cloud key service, a remote signer.

    ``function`` gets the bytes to sign (not their hash) and returns the signature; with
    ``der=True`` an ECDSA signature may come as DER, as the big key services give it. Any
    exception inside becomes :class:`KeyUnavailable` with its cause kept.
    """

    algorithm: Algorithm
    function: Callable[[bytes], bytes]
    der: bool = False

    def sign(self, data: bytes) -> bytes:
        try:
            signature = self.function(data)
            if self.der and self.algorithm in _CURVES:
                signature = der_to_raw(signature, self.algorithm)
        except KeyUnavailable:
            raise
        except Exception as error:
            raise KeyUnavailable(
                f"the signing callback failed: {type(error).__name__}: {error}",
                "check the key service; nothing was signed",
            ) from error
        return signature


def algorithm_of(private: object) -> Algorithm:
    """The algorithm that fits a private key; RSA gives PS256."""
    if isinstance(private, ec.EllipticCurvePrivateKey):
        for algorithm, curve in _CURVES.items():
            if isinstance(private.curve, curve):
                return algorithm
    if isinstance(private, rsa.RSAPrivateKey):
        return Algorithm.PS256
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return Algorithm.ED25519
    raise CredentialInvalid("C2PA does not know keys of this type", "use P-256, RSA or Ed25519")


def algorithm_for(public: PublicKeyTypes) -> Algorithm:
    """The algorithm whose signatures a public key verifies; RSA gives PS256."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        for algorithm, curve in _CURVES.items():
            if isinstance(public.curve, curve):
                return algorithm
    if isinstance(public, rsa.RSAPublicKey):
        return Algorithm.PS256
    if isinstance(public, ed25519.Ed25519PublicKey):
        return Algorithm.ED25519
    raise CredentialInvalid("C2PA does not know keys of this type", "use P-256, RSA or Ed25519")


def save_key(
    path: Path, private: CertificateIssuerPrivateKeyTypes, passphrase: bytes | None
) -> None:
    """Write PKCS#8 PEM with mode 0600, encrypted when ``passphrase`` is given (PBES2, AES-256).

    The file must not exist; it never exists with wider rights, not even for an instant.
    """
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        how = serialization.BestAvailableEncryption(passphrase)
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)


def load_key(
    path: Path, passphrase: bytes | None = None, algorithm: Algorithm | None = None
) -> LocalKey:
    """Read a PEM private key; ``algorithm`` chooses among PS256, PS384 and PS512 for RSA.

    Raises :class:`CredentialInvalid` for a key that others can read, a wrong passphrase or a
    key of another kind, and :class:`KeyUnavailable` when the file cannot be read.
    """
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except OSError as error:
        raise KeyUnavailable(f"{path.name}: {error.strerror}", "check the key file") from error
    if mode & 0o077:
        raise CredentialInvalid(f"{path.name} can be read by others", f"chmod 600 {path}")
    try:
        private = serialization.load_pem_private_key(pem, passphrase or None)
    except TypeError as error:
        raise CredentialInvalid(f"{path.name}: {error}", "set the key's passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CredentialInvalid(
            f"{path.name}: not a private key, or the passphrase is wrong", "check the passphrase"
        ) from error
    if not isinstance(
        private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    ):
        raise CredentialInvalid(f"{path.name}: C2PA does not know keys of this type")
    return LocalKey(algorithm or algorithm_of(private), private)
