"""Manifests, signatures and time-stamps made by hand: everything that a library would refuse.

Written from the specification with CBOR, asn1crypto and cryptography only. Sources: C2PA 2.4
chapters 10 (time-stamps), 11 (JUMBF), 13 (signatures), 18 (assertions); RFC 3161; RFC 5652.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.certificates import Authority, SigningIdentity, issue_authority, issue_leaf
from provenance.keys import Algorithm, LocalKey, generate_key
from tests.conformance.c2pa.handmade import EXCLUSIONS, assertion, box, superbox
from tests.conformance.c2pa.independent import bmff_digest

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
NAME = "urn:c2pa:00000000-0000-4000-8000-000000000007"
_ROOM = 12_000
"""Bytes of padding that give a signature a size known in advance."""
CREATED = {
    "actions": [
        {
            "action": "c2pa.created",
            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
            "trainedAlgorithmicMedia",
        }
    ],
    "allActionsIncluded": True,
}


def old_root(name: str) -> Authority:
    """A root that was there long before anything that it issues."""
    return issue_authority(name, now=datetime.now(UTC) - timedelta(days=800))


def identity(
    *,
    begin: datetime | None = None,
    life: timedelta = timedelta(days=30),
    root: Authority | None = None,
    **more: Any,
) -> SigningIdentity:
    """A leaf right below a root of its own."""
    above = root or old_root("Handmade root")
    private = generate_key(Algorithm.ES256)
    leaf = issue_leaf(above, private.public_key(), "Handmade", begin=begin, life=life, **more)
    chain = (leaf, above.certificate)
    return SigningIdentity(LocalKey(Algorithm.ES256, private), chain, above.certificate)


@dataclass
class Stamper:
    """A time-stamp authority with its root; its clock says ``time``."""

    time: datetime
    root: Authority = field(default_factory=lambda: old_root("Handmade time-stamp root"))
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,)
    critical: bool = True
    name: str = "Handmade time-stamps"
    life: timedelta = timedelta(days=400)

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.leaf = issue_leaf(
            self.root, self.key.public_key(), self.name, purposes=self.purposes,
            critical_purposes=self.critical, begin=self.time - timedelta(days=1), life=self.life,
        )  # fmt: skip

    def token(
        self,
        message: bytes,
        *,
        first: Sequence[x509.Certificate] = (),
        named: x509.Certificate | None = None,
        said: x509.Certificate | None = None,
        spoil: bool = False,
        signers: int = 1,
    ) -> bytes:
        """A token about ``message``.

        ``first`` are certificates put in front; ``named`` is the one that the ``SignerInfo``
        names and ``said`` the one of the signed attribute, each our own by default; ``spoil``
        breaks the signature; ``signers`` repeats the ``SignerInfo``.
        """
        named, said = named or self.leaf, said or self.leaf
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.3.6.1.4.1.13762.3",
                "message_imprint": {
                    "hash_algorithm": {"algorithm": "sha256"},
                    "hashed_message": hashlib.sha256(message).digest(),
                },
                "serial_number": 7,
                "gen_time": self.time.astimezone(UTC).replace(microsecond=0),
            }
        ).dump()
        der = said.public_bytes(Encoding.DER)
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
                {
                    "type": "signing_certificate_v2",
                    "values": [
                        tsp.SigningCertificateV2(
                            {"certs": [{"cert_hash": hashlib.sha256(der).digest()}]}
                        )
                    ],
                },
            ]
        )
        value = bytearray(self.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())))
        value[-1] ^= int(spoil)
        known = asn1_x509.Certificate.load(named.public_bytes(Encoding.DER))
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": known.issuer, "serial_number": known.serial_number},
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": bytes(value),
        }
        every = dict.fromkeys([*first, self.leaf, self.root.certificate])
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(info),
                },
                "certificates": [
                    asn1_x509.Certificate.load(c.public_bytes(Encoding.DER)) for c in every
                ],
                "signer_infos": [signer] * signers,
            }
        )
        done: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
        return done


Stamp = Callable[[bytes], bytes]
"""A token for a message."""


@dataclass
class Hand:
    """How one manifest is made; every field is something that can be made wrong."""

    identity: SigningIdentity
    name: str = NAME
    assertions: dict[str, Any] = field(default_factory=lambda: {"c2pa.actions.v2": CREATED})
    claim: dict[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    undeclared: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    hashes: dict[str, bytes] = field(default_factory=dict)
    algorithm: Any = -7
    stamp: Stamp | None = None
    older_stamp: Stamp | None = None
    ocsp: tuple[bytes, ...] = ()
    spoil_signature: bool = False
    attached: Callable[[dict[str, bytes]], Mapping[str, bytes]] | None = None
    kind: bytes = b"c2ma"
    raw_claim: bytes | None = None

    def manifest(self, more: Mapping[str, Any]) -> bytes:
        """The manifest's superbox; ``more`` are further assertions (the binding)."""
        wanted = {**self.assertions, **more}
        parts = {k: v if isinstance(v, bytes) else assertion(k, v) for k, v in wanted.items()}
        if self.attached is not None:  # what is said about the other parts
            parts |= self.attached(dict(parts))
        claim: dict[str, Any] = {
            "instanceID": "xmp:iid:00000000-0000-4000-8000-000000000001",
            "claim_generator_info": {"name": "By hand", "version": "1"},
            "signature": f"self#jumbf=/c2pa/{self.name}/c2pa.signature",
            "created_assertions": [
                {
                    "url": f"self#jumbf=c2pa.assertions/{label}",
                    "hash": self.hashes.get(label, hashlib.sha256(part[8:]).digest()),
                }
                for label, part in parts.items()
            ],
            "alg": "sha256",
            **self.claim,
        }
        for key in self.drop:
            del claim[key]
        encoded = cbor2.dumps(claim) if self.raw_claim is None else self.raw_claim
        present = [p for label, p in parts.items() if label not in self.missing]
        present += [assertion(k, v) for k, v in self.undeclared.items()]
        return superbox(
            self.kind,
            self.name,
            superbox(b"c2as", "c2pa.assertions", *present),
            superbox(b"c2cl", "c2pa.claim.v2", box(b"cbor", encoded)),
            superbox(b"c2cs", "c2pa.signature", box(b"cbor", self._cose(encoded))),
        )

    def _cose(self, claim: bytes) -> bytes:
        chain = [
            c.public_bytes(Encoding.DER)
            for c in self.identity.chain
            if c.issuer != c.subject or len(self.identity.chain) == 1
        ]
        protected = cbor2.dumps({1: self.algorithm, 33: chain})
        value = bytearray(
            self.identity.key.sign(cbor2.dumps(["Signature1", protected, b"", claim]))
        )
        value[5] ^= int(self.spoil_signature)

        def about(payload: bytes) -> bytes:
            return cbor2.dumps(["CounterSignature", protected, b"", payload])

        outside: dict[str, Any] = {}
        if self.stamp:
            token = self.stamp(about(cbor2.dumps(bytes(value))))
            outside["sigTst2"] = {"tstTokens": [{"val": token}]}
        if self.older_stamp:
            outside["sigTst"] = {"tstTokens": [{"val": self.older_stamp(about(claim))}]}
        if self.ocsp:
            outside["rVals"] = {"ocspVals": list(self.ocsp)}
        outside["pad"] = b"\0" * (_ROOM - len(cbor2.dumps(outside)))
        return cbor2.dumps(cbor2.CBORTag(18, [protected, outside, None, bytes(value)]))


def store(*manifests: bytes) -> bytes:
    """A manifest store; the last manifest is the active one."""
    return superbox(b"c2pa", "c2pa", *manifests)


def c2pa_box(body: bytes, purpose: bytes = b"manifest\0") -> bytes:
    return box(b"uuid", C2PA, b"\0" * 4 + purpose + b"\0" * 8, body)


def mp4(
    media: bytes,
    hand: Hand,
    *,
    before: Sequence[bytes] = (),
    exclusions: Sequence[Mapping[str, Any]] = tuple(EXCLUSIONS),
    binding: Mapping[str, Any] | None = None,
    bound: bool = True,
) -> bytes:
    """``media`` with a store after its first box; ``before`` are older manifests.

    ``binding`` changes the hash assertion; without ``bound`` there is none.
    """
    size = struct.unpack_from(">I", media)[0]
    rules: dict[str, Any] = {"exclusions": list(exclusions), "alg": "sha256"}

    def whole(digest: bytes) -> bytes:
        hashed = {**rules, "hash": digest, "name": "by hand", **(binding or {})}
        more = {"c2pa.hash.bmff.v3": hashed} if bound else {}
        body = store(*before, hand.manifest(more))
        return media[:size] + c2pa_box(body) + media[size:]

    # the store's size does not depend on the digest inside, so one pass finds the offsets
    return whole(bmff_digest(whole(b"\0" * 32), rules))
