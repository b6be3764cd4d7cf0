"""The regression table: one file per thing that can be wrong, judged by four.

Each row is a file built here by hand, with what it must come to: our verdict, and a code that must
be on record. Beside it stand the C2PA library's state, the independent check of this folder, and
a stricter validator by others. Where one of them says something else, the row says why.

Codes: C2PA 2.4, section 15.2.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
import cbor2
import encypher_c2pa
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import TrustList, Verdict
from provenance.certificates import ExtendedKeyUsageOID
from provenance.codes import Meaning, meaning
from provenance.containers import XMP_UUID
from provenance.trust import Revoked, fingerprint
from provenance.verifier import examine, library_settings
from tests.conformance.c2pa.handmade import EXCLUSIONS, assertion, box, superbox
from tests.conformance.c2pa.independent import bmff_digest, judge
from tests.conformance.c2pa.test_strict import response
from tests.provenance.conftest import Studio, signed, studio  # noqa: F401
from tests.provenance.handmade import (
    CREATED,
    NAME,
    Hand,
    Stamper,
    c2pa_box,
    identity,
    mp4,
    old_root,
    store,
)

NOW = datetime.now(UTC)
PAST = NOW - timedelta(days=20)
ROOT = old_root("Table root")
GOOD = identity(root=ROOT)
EXPIRED = identity(root=ROOT, begin=NOW - timedelta(days=30), life=timedelta(days=20))
STRANGER = identity()
SELF = replace(GOOD, chain=GOOD.chain[:1])
TIME = Stamper(PAST, name="Known time-stamps")
FRESH = Stamper(NOW - timedelta(minutes=1), root=TIME.root)
EVIL = Stamper(PAST, name="Zzz unknown time-stamps of somebody with a long name")
TRUST = TrustList.of(GOOD).with_timestamps(TIME.root.certificate)
PARENT = "urn:c2pa:00000000-0000-4000-8000-000000000001"
TRUSTED, UNTRUSTED = Verdict.TRUSTED, Verdict.VALID_UNTRUSTED
TAMPERED, MALFORMED, OPEN = Verdict.TAMPERED, Verdict.MALFORMED, Verdict.NOT_JUDGED

Build = Callable[[bytes], bytes]


@dataclass
class Row:
    """One file. ``library`` and ``independent`` are what the others say of it."""

    build: Build
    verdict: Verdict
    code: str = ""
    library: str = "Invalid"
    independent: str = ""
    trust: TrustList = TRUST
    why: str = ""
    """Why another validator says something else."""
    stricter: str = "valid"
    """What the stricter validator says where we say ``trusted``."""


def hand(who: Any = GOOD, **more: Any) -> Build:
    return lambda media: mp4(media, Hand(who, **more))


def bound(**more: Any) -> Build:
    return lambda media: mp4(media, Hand(GOOD), **more)


def changed(at: int, build: Build | None = None) -> Build:
    def make(media: bytes) -> bytes:
        data = bytearray((build or hand())(media))
        data[at] ^= 1
        return bytes(data)

    return make


def in_store(needle: bytes, by: bytes, build: Build | None = None, *, nth: int = 0) -> Build:
    """The file with the nth ``needle`` of it replaced by as many bytes."""

    def make(media: bytes) -> bytes:
        data, at = (build or hand())(media), -1
        for _ in range(nth + 1):
            at = data.index(needle, at + 1)
        return data[:at] + by + data[at + len(by) :]

    return make


def source(**more: Any) -> dict[str, Any]:
    """An ingredient assertion about the manifest ``PARENT``."""
    return {
        "c2pa.actions.v2": {
            "actions": [
                {
                    "action": "c2pa.opened",
                    "parameters": {
                        "ingredients": [
                            {
                                "url": "self#jumbf=c2pa.assertions/c2pa.ingredient.v3",
                                "hash": hashlib.sha256(ingredient(**more)[8:]).digest(),
                            }
                        ]
                    },
                }
            ],
            "allActionsIncluded": True,
        },
        "c2pa.ingredient.v3": ingredient(**more),
    }


def ingredient(**more: Any) -> bytes:
    return assertion("c2pa.ingredient.v3", {
        "dc:title": "a source", "relationship": "parentOf", **more,
    })  # fmt: skip


def above(
    below: Hand, *, who: Any = GOOD, recorded: tuple[str, ...] = (), wrong: bool = False,
    gone: bool = False, **more: Any,
) -> Build:  # fmt: skip
    """A file over a parent's manifest, with what its signer ``recorded`` of the parent."""

    def make(media: bytes) -> bytes:
        hashed = {"exclusions": EXCLUSIONS, "alg": "sha256", "hash": b"\1" * 32, "name": "x"}
        manifest = below.manifest({"c2pa.hash.bmff.v3": hashed})
        digest = hashlib.sha256(manifest[8:]).digest()
        url = f"self#jumbf=/c2pa/{PARENT}"
        signature = manifest[manifest.index(b"c2pa.signature\0") - 25 - 8 :]
        said = {
            "activeManifest": {"url": url, "hash": b"\0" * 32 if wrong else digest},
            "claimSignature": {
                "url": f"{url}/c2pa.signature", "hash": hashlib.sha256(signature[8:]).digest(),
            },
            "validationResults": {
                "activeManifest": {
                    "success": [
                        {"code": "claimSignature.validated", "url": f"{url}/c2pa.signature"},
                        {"code": "assertion.bmffHash.match", "url": url},
                    ],
                    "informational": [],
                    "failure": [{"code": c, "url": url} for c in recorded],
                }
            },
        }  # fmt: skip
        child = Hand(who, assertions=source(**said), **more)
        return mp4(media, child, before=() if gone else (manifest,))

    return make


def without(manifest: bytes, label: str, value: Any) -> bytes:
    """The same manifest, its signature included, without one assertion."""
    part = assertion(label, value)
    at = manifest.index(part)
    inner = manifest.index(b"c2pa.assertions\0") - 25 - 8
    data = bytearray(manifest[:at] + manifest[at + len(part) :])
    for place in (0, inner):
        size = int.from_bytes(data[place : place + 4], "big") - len(part)
        data[place : place + 4] = size.to_bytes(4, "big")
    return bytes(data)


def updated(*, who: Any = GOOD, redact: str = "", kept: bool = False, **more: Any) -> Build:
    """An update manifest over the manifest that binds the file, perhaps with a redaction."""

    def make(media: bytes) -> bytes:
        below = Hand(GOOD, name=PARENT, assertions={
            "c2pa.actions.v2": CREATED, "org.x.note": {"who": "a private name"},
        })  # fmt: skip
        size = int.from_bytes(media[:4], "big")
        rules: dict[str, Any] = {"exclusions": EXCLUSIONS, "alg": "sha256"}

        def whole(digest: bytes) -> bytes:
            hashed = {"c2pa.hash.bmff.v3": {**rules, "hash": digest, "name": "by hand"}}
            manifest = below.manifest(hashed)
            signature = manifest[manifest.index(b"c2pa.signature\0") - 25 - 8 :]
            url = f"self#jumbf=/c2pa/{PARENT}"
            said = ingredient(
                activeManifest={"url": url, "hash": hashlib.sha256(manifest[8:]).digest()},
                claimSignature={
                    "url": f"{url}/c2pa.signature", "hash": hashlib.sha256(signature[8:]).digest(),
                },
                validationResults={"activeManifest": {
                    "success": [{"code": "claimSignature.validated", "url": url}],
                    "informational": [], "failure": [],
                }},
            )  # fmt: skip
            assertions: dict[str, Any] = {"c2pa.ingredient.v3": said}
            claim = {}
            if redact:
                uri = f"{url}/c2pa.assertions/{redact}"
                claim["redacted_assertions"] = [uri]
                assertions["c2pa.actions.v2"] = {"actions": [{
                    "action": "c2pa.redacted", "reason": "c2pa.PII.present",
                    "parameters": {"redacted": uri},
                }]}  # fmt: skip
            gone = redact and not kept
            left = without(manifest, redact, below.assertions[redact]) if gone else manifest
            top = Hand(who, kind=b"c2um", assertions=assertions, claim=claim, **more)
            body = store(left, top.manifest({}))
            return media[:size] + c2pa_box(body) + media[size:]

        return whole(bmff_digest(whole(b"\0" * 32), rules))

    return make


class TwoChains(Hand):
    """A second chain in the part of the signature's header that nobody signed."""

    def _cose(self, claim: bytes) -> bytes:
        protected, outside, payload, value = cbor2.loads(super()._cose(claim)).value
        other = [c.public_bytes(Encoding.DER) for c in STRANGER.chain]
        parts = [protected, {33: other, **outside}, payload, value]
        return cbor2.dumps(cbor2.CBORTag(18, parts))


LATER = superbox(b"zzzz", "org.example.later", box(b"cbor", cbor2.dumps({"a": 1})))
CLEAN = Hand(GOOD, name=PARENT)
REVOKED = replace(TRUST, revoked=(Revoked(fingerprint(GOOD.leaf), PAST),))
UNKNOWN_CODE = "org.example.future.check"

TABLE: dict[str, Row] = {
    # the file itself
    "good": Row(hand(), TRUSTED, library="Trusted", independent="trusted"),
    "a byte of the media changed": Row(
        changed(-9), TAMPERED, "assertion.bmffHash.mismatch", independent="tampered"),
    "a byte of an assertion changed": Row(
        in_store(b"trainedAlgorithmic", b"trainedalgorithmic"), TAMPERED,
        "assertion.hashedURI.mismatch", independent="tampered"),
    "a byte of the claim changed": Row(
        in_store(b"By hand", b"Xy hand"), TAMPERED, "claimSignature.mismatch",
        independent="tampered"),
    "the signature broken": Row(
        hand(spoil_signature=True), TAMPERED, "claimSignature.mismatch", independent="tampered"),
    "an assertion removed": Row(
        hand(assertions={"c2pa.actions.v2": CREATED, "org.x.note": {"a": 1}},
             missing=("org.x.note",)),
        TAMPERED, "assertion.missing", independent="tampered"),
    "bytes appended": Row(
        lambda m: hand()(m) + b"more words", TAMPERED, "assertion.bmffHash.mismatch",
        independent="tampered"),
    "a box appended": Row(
        lambda m: hand()(m) + box(b"mdat", b"more"), TAMPERED, "assertion.bmffHash.mismatch",
        independent="tampered"),
    # mistakes of whoever wrote the credentials: nothing proves a change
    "an assertion that the claim does not name": Row(
        hand(undeclared={"org.x.note": {"a": 1}}), MALFORMED, "assertion.undeclared",
        independent="tampered",
        why="the independent check calls everything tampered"),
    "no hard binding": Row(
        bound(bound=False), MALFORMED, "claim.hardBindings.missing", independent="tampered"),
    "two hard bindings": Row(
        hand(assertions={"c2pa.actions.v2": CREATED, "c2pa.hash.data": {
            "exclusions": [], "alg": "sha256", "hash": b"\1" * 32, "pad": b"", "name": "x"}}),
        MALFORMED, "assertion.multipleHardBindings", independent="trusted",
        why="the independent check looks for BMFF hashes only"),
    "a binding whose exclusions are no list": Row(
        bound(binding={"exclusions": 7}), MALFORMED, "", independent="tampered"),
    "no actions": Row(
        hand(assertions={"org.x.note": {"a": 1}}), MALFORMED, "assertion.action.malformed",
        independent="trusted", why="the independent check does not judge actions"),
    "actions without an action": Row(
        hand(assertions={"c2pa.actions.v2": {"actions": []}}), MALFORMED,
        "store.unparsable", independent="trusted",
        why="the independent check does not judge actions"),
    "a claim that is no map": Row(
        hand(raw_claim=cbor2.dumps([1, 2])), MALFORMED, "claim.malformed",
        independent="tampered"),
    "a claim that is no CBOR": Row(
        hand(raw_claim=b"\xff\xff"), MALFORMED, "claim.cbor.invalid", independent="tampered"),
    "a claim without its signature's place": Row(
        hand(drop=("signature",)), MALFORMED, "", independent="trusted",
        why="the independent check does not need it"),
    "a source that is not described": Row(
        hand(assertions={"c2pa.actions.v2": CREATED,
                         "c2pa.ingredient.v3": assertion("c2pa.ingredient.v3", 7)}),
        MALFORMED, "assertion.ingredient.malformed", independent="tampered"),
    "two stores": Row(
        lambda m: hand()(m) + c2pa_box(store(CLEAN.manifest({}))), MALFORMED, "store.several",
        independent="tampered"),
    "a store that does not parse": Row(
        lambda m: in_store(b"c2pa.claim.v2", b"c2pa.claim.v9")(m), MALFORMED, "store.broken",
        independent="tampered"),
    "two assertions of one name": Row(
        hand(undeclared={"c2pa.actions.v2": CREATED | {"allActionsIncluded": False}}),
        TAMPERED,
        "assertion.undeclared",
        independent="tampered",
    ),
    "two manifests of one name": Row(
        lambda m: mp4(m, Hand(GOOD), before=(Hand(STRANGER).manifest({}),)),
        MALFORMED,
        "store.broken",
        library="Trusted",
        independent="trusted",
        why="both take the last one; references to the other are open",
    ),
    "certificates inside and outside of what is signed": Row(
        lambda m: mp4(m, TwoChains(GOOD)),
        MALFORMED,
        "claimSignature.malformed",
        library="Trusted",
        independent="trusted",
        why="both take the chain that is signed; 14.5 says that it is malformed",
    ),
    "a box of a later specification beside the manifests": Row(
        lambda m: mp4(m, Hand(GOOD), before=(LATER,)), TRUSTED, "", "Trusted", "trusted"
    ),
    "not yet valid": Row(
        hand(identity(root=ROOT, begin=NOW + timedelta(days=3))),
        UNTRUSTED,
        "signer.outside_validity",
        independent="trusted",
        why="the independent check knows no time",
    ),
    # what could not be judged here
    "an unknown signature algorithm": Row(
        hand(algorithm=-999), OPEN, "algorithm.unsupported", independent="tampered"),
    "an unknown hash": Row(
        hand(claim={"alg": "sha999"}), OPEN, "algorithm.unsupported", independent="tampered"),
    # who signed, and when
    "a stranger": Row(
        hand(STRANGER), UNTRUSTED, "signer.unknown_issuer", "Valid", "valid_untrusted"),
    "expired": Row(
        hand(EXPIRED), UNTRUSTED, "signer.outside_validity", independent="trusted",
        why="the independent check knows no time"),
    "expired, with a time-stamp": Row(
        hand(EXPIRED, stamp=TIME.token), TRUSTED, "", "Trusted", "trusted"),
    "expired, with a forged time-stamp": Row(
        hand(EXPIRED, stamp=lambda m: EVIL.token(m, first=[TIME.leaf])), UNTRUSTED,
        "timeStamp.untrusted", independent="trusted", why="the independent check knows no time"),
    "expired, stamped by an untrusted authority": Row(
        hand(EXPIRED, stamp=EVIL.token), UNTRUSTED, "timeStamp.untrusted", independent="trusted",
        why="the independent check knows no time"),
    "a time-stamp of something else": Row(
        hand(EXPIRED, stamp=lambda m: TIME.token(m + b"!")), UNTRUSTED, "timeStamp.mismatch",
        independent="trusted", why="the independent check knows no time"),
    "a time-stamp that does not parse": Row(
        hand(EXPIRED, stamp=lambda m: b"\x30\x00"), UNTRUSTED, "timeStamp.malformed",
        independent="trusted", why="the independent check knows no time"),
    "a time-stamp by an authority that had run out": Row(
        hand(EXPIRED, stamp=Stamper(PAST, root=TIME.root, life=timedelta(hours=1)).token),
        UNTRUSTED, "timeStamp.outsideValidity", independent="trusted",
        why="the independent check knows no time"),
    "a good signer, stamped by an untrusted authority": Row(
        hand(stamp=EVIL.token), TRUSTED, "timeStamp.untrusted", "Trusted", "trusted"),
    "on the list of the revoked": Row(
        hand(), UNTRUSTED, "signer.revoked", "Trusted", "trusted", trust=REVOKED,
        why="neither knows our list"),
    "revoked by a stapled response": Row(
        hand(stamp=FRESH.token,
             ocsp=(response(ROOT, GOOD, ocsp.OCSPCertStatus.REVOKED),)),
        UNTRUSTED, "signer.revoked", library="Trusted",
        independent="trusted",
        why="neither looks at a response whose issuer is not in the signature"),
    "not revoked by a stapled response": Row(
        hand(stamp=FRESH.token, ocsp=(response(ROOT, GOOD),)), TRUSTED,
        "signingCredential.ocsp.notRevoked", "Trusted", "trusted"),
    "a certificate for servers": Row(
        hand(identity(root=ROOT, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))), UNTRUSTED,
        "signer.profile", independent="trusted", why="the independent check knows no profile"),
    # where it comes from
    "a clean parent": Row(above(CLEAN), TRUSTED, "", "Trusted", "trusted"),
    "a laundered parent": Row(
        above(CLEAN, recorded=("assertion.bmffHash.mismatch",)), TAMPERED, "history.tampered",
        "Trusted", "trusted",
        why="the child's own signature holds; what its signer recorded is looked at by us"),
    "a parent with a code that nobody knows": Row(
        above(CLEAN, recorded=(UNKNOWN_CODE,)), UNTRUSTED, "history.not_judged", "Trusted",
        "trusted", why="neither looks at what was recorded"),
    "a parent with a mistake of form": Row(
        above(CLEAN, recorded=("assertion.action.malformed",)), UNTRUSTED, "history.malformed",
        "Trusted", "trusted", why="neither looks at what was recorded"),
    "a parent of a stranger": Row(
        above(replace(CLEAN, identity=STRANGER)), UNTRUSTED, "history.untrusted", "Valid",
        "trusted", why="the independent check does not ask who signed the sources"),
    "a parent whose signature is broken": Row(
        above(replace(CLEAN, spoil_signature=True)), TAMPERED, "history.tampered",
        independent="tampered"),
    "a parent that is another than was recorded": Row(
        above(CLEAN, wrong=True), TAMPERED, "ingredient.manifest.mismatch",
        independent="tampered"),
    "a parent whose credentials are gone": Row(
        above(CLEAN, gone=True), TAMPERED, "ingredient.manifest.missing",
        independent="tampered"),
    # update manifests and redactions
    "an update manifest": Row(
        updated(), TRUSTED, "", "Trusted", "tampered",
        why="the independent check knows no update manifests"),
    "an update manifest of a stranger": Row(
        updated(who=STRANGER), UNTRUSTED, "signer.unknown_issuer", "Valid", "tampered",
        why="the independent check knows no update manifests"),
    "a changed file under an update manifest": Row(
        changed(-9, updated()), TAMPERED, "assertion.bmffHash.mismatch",
        independent="tampered"),
    "a redaction": Row(
        updated(redact="org.x.note"), TRUSTED, "", "Trusted", "tampered",
        why="the independent check knows no redactions; the stricter validator does not resolve "
        "the part that is gone", stricter="invalid"),
    "a redaction that left the part there": Row(
        updated(redact="org.x.note", kept=True), MALFORMED, "assertion.notRedacted",
        independent="tampered"),
    "a claim that redacts its own part": Row(
        hand(assertions={"c2pa.actions.v2": CREATED, "org.x.note": {"a": 1}},
             claim={"redacted_assertions": [
                 f"self#jumbf=/c2pa/{NAME}/c2pa.assertions/org.x.note"]}),
        MALFORMED, "assertion.selfRedacted", independent="trusted",
        why="the independent check knows no redactions"),
    # credentials elsewhere
    "no credentials": Row(lambda m: m, Verdict.UNSIGNED, independent="unsigned"),
    "credentials on a server": Row(
        lambda m: m + box(b"uuid", XMP_UUID + b'<d dcterms:provenance="https://example.org/m"/>'),
        Verdict.REMOTE_ONLY, independent="unsigned",
        why="the independent check reads no XMP"),
    "cut in the middle": Row(
        lambda m: hand()(m)[:-200], TAMPERED, "container.cut", independent="tampered"),
    # what no hash covers
    "a filled free box appended": Row(
        bound(exclusions=(*EXCLUSIONS, {"xpath": "/free", "data": None})),
        TRUSTED, "", "Trusted", "trusted"),
    "words left out of the hash": Row(
        lambda m: mp4(m + box(b"free", b"words of anybody"), Hand(GOOD),
                      exclusions=(*EXCLUSIONS, {"xpath": "/free", "data": None})),
        TRUSTED, "uncovered.bytes", "Trusted", "trusted"),
    "a second box of the C2PA kind": Row(
        lambda m: hand()(m) + c2pa_box(b"words of anybody", b"other\0"), TRUSTED,
        "uncovered.foreign", "Trusted", "trusted"),
    "a file type box that holds a text": Row(
        lambda m: in_store(b"isom", b"is\x01!")(m), TRUSTED, "uncovered.bytes", "Trusted",
        "trusted"),
}  # fmt: skip


@pytest.fixture(scope="module")
def media(studio: Studio) -> bytes:  # noqa: F811
    return studio.source.read_bytes()


def library_state(path: Path, trust: TrustList) -> str:
    try:
        with path.open("rb") as file:
            context = c2pa.Context.from_dict(library_settings(trust))
            return str(c2pa.Reader("video/mp4", file, context=context).get_validation_state())
    except c2pa.C2paError:
        return "Invalid"


def stricter(data: bytes, trust: TrustList) -> str:
    """``encypher-c2pa`` in its ordinary mode: ``valid`` or ``invalid``."""
    pem = ["".join(c.public_bytes(Encoding.PEM).decode() for c in certificates)
           for certificates in (trust.signers, trust.timestamps)]  # fmt: skip
    report = encypher_c2pa.verify(
        data, "video/mp4", trust_pem=pem[0], tsa_trust_pem=pem[1], no_default_trust=True,
        telemetry=False, online=False,
    )  # fmt: skip
    return str(report["integrity"])


@pytest.mark.parametrize("name", TABLE)
def test_row(media: bytes, tmp_path: Path, name: str) -> None:
    row = TABLE[name]
    data = row.build(media)
    path = tmp_path / "row.mp4"
    path.write_bytes(data)
    report = examine(path, row.trust)
    codes = {f.code for f in report.findings} | {
        code for item in report.ingredients for code in item.codes
    }
    seen = (report.verdict, sorted(f"{f.code}: {f.message}" for f in report.findings))
    assert report.verdict is row.verdict, seen
    assert not row.code or row.code in codes, seen
    others = (library_state(path, row.trust), judge(data, row.trust.signers))
    assert others == (row.library, row.independent), (others, seen)
    # never laxer than the library: what it refuses, we do not call trusted
    if others[0] == "Invalid":
        assert report.verdict is not Verdict.TRUSTED
    if report.verdict is Verdict.TRUSTED:
        assert stricter(data, row.trust) == row.stricter


LABELS = st.from_regex(r"(org|com|c2pa|cawg|stds)\.[a-z][a-z0-9.-]{0,30}", fullmatch=True)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | WORDS | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
INTACT = {TRUSTED, UNTRUSTED, MALFORMED, OPEN}


@settings(max_examples=15, deadline=None, derandomize=True)
@given(label=LABELS, value=VALUES, relationship=WORDS, code=LABELS)
def test_what_nobody_knows_is_no_accusation(
    label: str, value: Any, relationship: str, code: str
) -> None:
    """An intact file with an assertion, a relationship and a recorded code of the future."""
    media = box(b"ftyp", b"isom\0\0\2\0isom") + box(b"moov") + box(b"mdat", b"pixels")
    extra = {} if label.startswith(("c2pa.hash", "c2pa.actions", "c2pa.ingr")) else {label: value}
    known = meaning(code) is Meaning.CHANGED
    build = hand() if known else above(CLEAN, recorded=(code,))
    for make in (
        hand(assertions={"c2pa.actions.v2": CREATED, **extra}),
        hand(
            assertions={
                "c2pa.actions.v2": CREATED,
                "c2pa.ingredient.v3": assertion(
                    "c2pa.ingredient.v3",
                    {
                        "dc:title": "of the future",
                        "relationship": relationship,
                    },
                ),
            }
        ),
        build,
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "future.mp4"
            path.write_bytes(make(media))
            report = examine(path, TRUST)
        assert report.verdict in INTACT, report.findings
