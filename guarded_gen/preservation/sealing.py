"""Evidence: files sealed to the legal role's key, with an index whose digest stands in the log.

Each file is a CMS EnvelopedData (RFC 5652; AES-256-CBC, RSA) that any CMS tool opens:
``openssl cms -decrypt -inform DER -in FILE -inkey KEY``. The index lists every file's SHA-256
before and after sealing; it is sealed too, since names and times are evidence as well.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from guarded_gen.errors import LimitExceeded
from guarded_gen.preservation.errors import RecipientMissing

INDEX = "index.json"
MIN_RSA_BITS = 3072


@dataclass(frozen=True, slots=True)
class Sealed:
    """A bundle on disk. ``digest`` is the SHA-256 of its sealed index."""

    folder: Path
    digest: str
    recipient: str


def recipient(path: Path | None) -> x509.Certificate:
    """The legal role's certificate. Raises :class:`RecipientMissing` with the remedy."""
    if path is None:
        raise RecipientMissing(
            "no certificate of the legal role is set: evidence cannot be sealed",
            "set preservation.recipient to a PEM certificate whose private key only they have",
        )
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RecipientMissing(
            f"{path} is no readable certificate: evidence cannot be sealed",
            "give the PEM certificate of the legal role",
        ) from error
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise RecipientMissing(
            f"the key of {path} is no RSA key of {MIN_RSA_BITS} bits or more",
            "make one: openssl req -x509 -newkey rsa:4096 -nodes -keyout legal.key -out legal.pem",
        )
    return certificate


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def seal(
    folder: Path,
    files: Iterable[tuple[str, bytes | Path]],
    facts: dict[str, Any],
    to: x509.Certificate,
    max_file_bytes: int,
) -> Sealed:
    """Write a bundle below ``folder``, which must not exist; whole or not at all.

    ``facts`` go into the index. One file at a time is in memory. Raises :class:`LimitExceeded`.
    """
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True, mode=0o700)
    try:
        digest = _fill(part, files, facts, to, max_file_bytes)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Sealed(folder, digest, fingerprint(to))


def _fill(
    part: Path,
    files: Iterable[tuple[str, bytes | Path]],
    facts: dict[str, Any],
    to: x509.Certificate,
    max_file_bytes: int,
) -> str:
    """Write the sealed files and their index; gives the SHA-256 of the sealed index."""
    index: dict[str, Any] = {**facts, "files": []}
    for name, content in files:
        if isinstance(content, Path):
            if content.stat().st_size > max_file_bytes:
                raise LimitExceeded(
                    f"{name} is larger than {max_file_bytes} bytes",
                    "raise preservation.max_file_bytes",
                )
            content = content.read_bytes()
        envelope = _envelope(content, to)
        stored = part / f"{name}.cms"
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(envelope)
        index["files"].append(
            {
                "name": name,
                "bytes": len(content),
                "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
                "sha256": hashlib.sha256(content).hexdigest(),
                "sealed_sha256": hashlib.sha256(envelope).hexdigest(),
            }
        )
    sealed = _envelope(json.dumps(index, ensure_ascii=False, indent=1).encode(), to)
    (part / f"{INDEX}.cms").write_bytes(sealed)
    return hashlib.sha256(sealed).hexdigest()


def _envelope(content: bytes, to: x509.Certificate) -> bytes:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(content).add_recipient(to)
    builder = builder.set_content_encryption_algorithm(algorithms.AES256)
    return builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
