"""Certificate chains: the development chain, made on first use, and chains read from files.

The profile is that of C2PA 2.4, section 14.5 (and the Conformance Program's certificate
policy): X.509 v3, ``digitalSignature`` alone in a critical key usage, no CA flag, the claim
signing EKU ``1.3.6.1.4.1.62558.2.1`` together with ``emailProtection`` (the C2PA library
refuses the former alone), subject and authority key identifiers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from provenance.errors import CredentialInvalid
from provenance.keys import Algorithm, Key, PrivateKey, generate_key, load_key, save_key

CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
"""``c2pa-kp-claimSigning``."""

OCSP_NAME = "ocsp.der"
"""An OCSP response about the leaf, beside its chain: it goes into every signature."""
ORGANISATION = "Guarded Gen Development"
DEVELOPMENT = "Guarded Gen development"
"""How the names of the development authorities begin."""
ROOT_LIFE = timedelta(days=3650)
ISSUER_LIFE = timedelta(days=1825)
LEAF_LIFE = timedelta(days=365)
CLOCK_SKEW = timedelta(minutes=5)
"""Certificates begin this long before now, for verifiers whose clocks run behind."""


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A key with its certificate chain, leaf first, the root left out or last.

    ``ocsp_file`` is where an OCSP response about the leaf lies, when somebody keeps one there.
    """

    key: Key
    chain: tuple[x509.Certificate, ...]
    root: x509.Certificate | None = None
    ocsp_file: Path | None = None

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def subject(self) -> str:
        """The name in the certificate, as RFC 4514 writes it."""
        return self.leaf.subject.rfc4514_string()

    @property
    def chain_pem(self) -> bytes:
        """What goes into the signature: leaf and intermediates, never a self-signed root."""
        return b"".join(
            item.public_bytes(serialization.Encoding.PEM)
            for item in self.chain
            if len(self.chain) == 1 or item.issuer != item.subject
        )

    @property
    def root_pem(self) -> bytes:
        """The trust anchor, where it is known; else empty."""
        return self.root.public_bytes(serialization.Encoding.PEM) if self.root else b""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf certificate, hex."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that issues others, with its private key."""

    certificate: x509.Certificate
    private: PrivateKey


def _name(common: str, organisation: str = ORGANISATION) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _digest(private: PrivateKey) -> hashes.SHA256 | None:
    return None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _usage(**chosen: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: chosen.get(name, False) for name in every})


def issue_authority(
    common: str,
    issuer: Authority | None = None,
    *,
    algorithm: Algorithm = Algorithm.ES256,
    life: timedelta = ROOT_LIFE,
    now: datetime | None = None,
    path_length: int | None = None,
) -> Authority:
    """A certificate authority, self-signed when ``issuer`` is ``None``."""
    begin = (now or datetime.now(UTC)) - CLOCK_SKEW
    private = generate_key(algorithm)
    parent = issuer.certificate.subject if issuer else _name(common)
    signing = issuer.private if issuer else private
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(parent)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    return Authority(builder.sign(signing, _digest(signing)), private)


def issue_leaf(
    issuer: Authority,
    public: CertificatePublicKeyTypes,
    common: str = "Guarded Gen claim signer",
    *,
    life: timedelta = LEAF_LIFE,
    begin: datetime | None = None,
    purposes: Sequence[ObjectIdentifier] = (CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION),
    critical_purposes: bool = False,
    usage: x509.KeyUsage | None = None,
    organisation: str = ORGANISATION,
) -> x509.Certificate:
    """An end-entity certificate for ``public``, by default of the claim-signing profile."""
    start = begin or datetime.now(UTC) - CLOCK_SKEW
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common, organisation))
        .issuer_name(issuer.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage or _usage(digital_signature=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private.public_key()),
            critical=False,
        )
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical_purposes)
    return builder.sign(issuer.private, _digest(issuer.private))


def save_certificates(path: Path, *certificates: x509.Certificate) -> None:
    """Write PEM certificates, one after the other."""
    pem = b"".join(item.public_bytes(serialization.Encoding.PEM) for item in certificates)
    path.write_bytes(pem)


def load_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Read a PEM file of certificates; raises :class:`CredentialInvalid`."""
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except OSError as error:
        raise CredentialInvalid(f"{path.name}: {error.strerror}", "check the path") from error
    except ValueError as error:
        raise CredentialInvalid(f"{path.name}: no PEM certificates", "check the file") from error


def load_identity(
    chain: Path, key: Path, passphrase: bytes | None = None, algorithm: Algorithm | None = None
) -> SigningIdentity:
    """An identity from files: certificates leaf first, and a PEM private key.

    Raises :class:`CredentialInvalid` when the two are no pair.
    """
    certificates = load_certificates(chain)
    local = load_key(key, passphrase, algorithm)
    if certificates[0].public_key() != local.private.public_key():
        raise CredentialInvalid("the first certificate does not belong to the private key")
    last = certificates[-1]
    root = last if last.issuer == last.subject else None
    return SigningIdentity(local, certificates, root, chain.with_name(OCSP_NAME))


def ensure_development_chain(folder: Path, passphrase: bytes | None = None) -> SigningIdentity:
    """The identity below ``folder/development``, made when it is not there.

    Root, intermediate and leaf (ES256). The chain is made in a temporary folder and renamed,
    so a killed process leaves either all of it or nothing, and of two processes that race
    one wins and both use its chain. Folder 0700, keys 0600. The leaf is renewed from the
    kept intermediate when it has expired.

    Raises :class:`CredentialInvalid` when the chain is damaged, ``OSError`` when the folder
    cannot be written.
    """
    home = folder / "development"
    if not home.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Path(tempfile.mkdtemp(prefix=".development-", dir=folder))
        try:
            _make_chain(made, passphrase)
            made.rename(home)
        except OSError:
            if not (home / "leaf.key").exists():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    identity = load_identity(home / "chain.pem", home / "leaf.key", passphrase)
    if identity.leaf.not_valid_after_utc <= datetime.now(UTC):
        _renew_leaf(home, passphrase)
        identity = load_identity(home / "chain.pem", home / "leaf.key", passphrase)
    return identity


def _make_chain(home: Path, passphrase: bytes | None) -> None:
    root = issue_authority(f"{DEVELOPMENT} root")
    middle = issue_authority(f"{DEVELOPMENT} intermediate", root, life=ISSUER_LIFE, path_length=0)
    private = generate_key(Algorithm.ES256)
    leaf = issue_leaf(middle, private.public_key())
    save_key(home / "root.key", root.private, passphrase)
    save_key(home / "intermediate.key", middle.private, passphrase)
    save_key(home / "leaf.key", private, passphrase)
    save_certificates(home / "root.pem", root.certificate)
    save_certificates(home / "chain.pem", leaf, middle.certificate, root.certificate)


def _renew_leaf(home: Path, passphrase: bytes | None) -> None:
    """A new certificate for the same key: one file changes, by one rename."""
    middle_key = load_key(home / "intermediate.key", passphrase).private
    leaf, middle, root = load_certificates(home / "chain.pem")
    fresh = issue_leaf(Authority(middle, middle_key), leaf.public_key())
    descriptor, name = tempfile.mkstemp(prefix=".chain-", dir=home)
    os.close(descriptor)
    save_certificates(Path(name), fresh, middle, root)
    Path(name).replace(home / "chain.pem")
