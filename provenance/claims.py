"""Every manifest of a store, checked by ourselves: signature, assertions, links to sources.

A manifest's claim names its assertions by hash; its signature covers the claim. An ingredient
names the manifest that it came with, again by hash. What an update manifest redacted is missing
with its consent, and must be.

Source: C2PA 2.4, sections 8.4 (hashed URIs), 10.3 (claims), 15.7 to 15.11 (validation).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.cose import SignatureState, check_signature
from provenance.jumbf import JumbfBox, ManifestStore, StoreBroken, StoredManifest

HASHES = {"sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}
"""C2PA 2.4, section 13.1."""
DEFAULT_HASH = "sha256"
_LISTS = ("created_assertions", "gathered_assertions", "assertions")


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that does not hold: a status code of C2PA, and where."""

    code: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class ManifestCheck:
    """What our own look at one manifest came to; ``problems`` is empty when all holds."""

    label: str
    signature: SignatureState
    problems: tuple[Checked, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(p.code for p in self.problems)


def check_manifests(store: ManifestStore) -> dict[str, ManifestCheck]:
    """Every manifest of the store by label. Never raises for what is in them."""
    redacted = _redactions(store)
    return {m.label: _check(m, store, redacted) for m in store.manifests}


def _check(
    manifest: StoredManifest, store: ManifestStore, redacted: Mapping[str, frozenset[str]]
) -> ManifestCheck:
    where = f"self#jumbf=/c2pa/{manifest.label}"
    problems: list[Checked] = []
    try:
        signature = check_signature(manifest.signature, manifest.claim_bytes)
    except StoreBroken as error:
        problems.append(Checked("claimSignature.malformed", where, str(error)))
        signature = SignatureState.MISSING
    if signature is not SignatureState.HOLDS:
        text = {
            SignatureState.MISMATCH: "the signature does not fit the claim",
            SignatureState.MISSING: "the claim is not signed by any certificate",
            SignatureState.UNSUPPORTED: "the claim is signed with an unknown algorithm",
        }[signature]
        problems.append(Checked(signature.value, where, text))
    try:
        claim = manifest.claim
        if not isinstance(claim, Mapping):
            problems.append(Checked("claim.malformed", where, "the claim is no map"))
        else:
            problems += _assertions(manifest, claim, redacted.get(manifest.label, frozenset()))
            problems += _sources(manifest, claim, store, redacted)
    except StoreBroken as error:
        problems.append(Checked("claim.cbor.invalid", where, str(error)))
    return ManifestCheck(manifest.label, signature, tuple(problems))


def links(claim: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The hashed URIs of a claim's assertions."""
    for name in _LISTS:
        listed = claim.get(name)
        if isinstance(listed, list | tuple):
            yield from (link for link in listed if isinstance(link, Mapping))


def _assertions(
    manifest: StoredManifest, claim: Mapping[str, Any], redacted: frozenset[str]
) -> Iterator[Checked]:
    stored = manifest.box.child("c2pa.assertions")
    children = {c.label: c for c in stored.children} if stored else {}
    if stored and len(children) < len(stored.children):
        yield Checked(
            "assertion.undeclared",
            "self#jumbf=c2pa.assertions",
            "two parts have the same name: the signature covers one of them at most",
        )
    named: set[str] = set()
    for link in links(claim):
        where = str(link.get("url", ""))
        owner, label = _owner(where, manifest.label)
        if owner != manifest.label:
            yield Checked("assertion.outsideManifest", where, "an assertion lies elsewhere")
            continue
        named.add(label)
        found = children.get(label)
        if label in redacted:
            if found is not None and not _blanked(found):
                yield Checked("assertion.notRedacted", where, "a redacted part is still there")
        elif found is None:
            yield Checked("assertion.missing", where, "a part that the claim names is not there")
        else:
            problem = _hash_problem(link, claim, found.body, where)
            if problem is not None:
                yield problem
    for label in children.keys() - named:
        yield Checked(
            "assertion.undeclared",
            f"self#jumbf=c2pa.assertions/{label}",
            "a part lies in the credentials that the signature does not cover",
        )


def _blanked(box: JumbfBox) -> bool:
    """Whether a redacted assertion's content was overwritten with zeros (section 6.8)."""
    return all(not body.strip(b"\0") for _, body in box.contents) and not box.children


def _owner(url: str, own: str) -> tuple[str, str]:
    """The manifest and the assertion that a JUMBF URI names; relative ones are ``own``."""
    path = url.partition("#jumbf=")[2]
    if path.startswith("/c2pa/"):
        owner, _, rest = path[len("/c2pa/") :].partition("/")
    else:
        owner, rest = own, path
    return owner, rest.removeprefix("c2pa.assertions/")


def _hash_problem(
    link: Mapping[str, Any],
    claim: Mapping[str, Any],
    body: bytes,
    where: str,
    code: str = "assertion.hashedURI.mismatch",
) -> Checked | None:
    name = link.get("alg") or claim.get("alg") or DEFAULT_HASH
    given = link.get("hash")
    if name not in HASHES:
        return Checked("algorithm.unsupported", where, "a hash of an unknown kind")
    if not isinstance(given, bytes):
        return Checked("claim.malformed", where, "a link without a hash")
    if hmac.compare_digest(hashlib.new(HASHES[str(name)], body).digest(), given):
        return None
    return Checked(code, where, "a part is not as it was when the claim was signed")


def _redactions(store: ManifestStore) -> dict[str, frozenset[str]]:
    """For each manifest the assertions that a manifest above it redacted."""
    found: dict[str, set[str]] = {}
    for manifest in store.manifests:
        try:
            claim = manifest.claim
        except StoreBroken:
            continue
        listed = claim.get("redacted_assertions") if isinstance(claim, Mapping) else None
        for url in listed if isinstance(listed, list | tuple) else ():
            owner, label = _owner(str(url), manifest.label)
            if owner != manifest.label:
                found.setdefault(owner, set()).add(label)
    return {owner: frozenset(labels) for owner, labels in found.items()}


def _sources(
    manifest: StoredManifest,
    claim: Mapping[str, Any],
    store: ManifestStore,
    redacted: Mapping[str, frozenset[str]],
) -> Iterator[Checked]:
    """The links from ingredients to the manifests that they came with."""
    stored = manifest.box.child("c2pa.assertions")
    for box in stored.children if stored else ():
        if not box.label.startswith("c2pa.ingredient"):
            continue
        where = f"self#jumbf=/c2pa/{manifest.label}/c2pa.assertions/{box.label}"
        if box.label in redacted.get(manifest.label, frozenset()):
            continue
        try:
            said = manifest.assertion(box.label)
        except StoreBroken:
            said = None
        if not isinstance(said, Mapping):
            yield Checked("assertion.ingredient.malformed", where, "a source is not described")
            continue
        link = said.get("activeManifest") or said.get("c2pa_manifest")
        if not isinstance(link, Mapping):
            continue
        below = store.manifest(_owner(str(link.get("url", "")), "")[0])
        if below is None:
            yield Checked("ingredient.manifest.missing", where, "a source's credentials are gone")
            continue
        # where something was redacted, the manifest's hash cannot hold any more: then its
        # signature's does, and its other parts are checked like every manifest's (15.11.3.3)
        code, body = "ingredient.manifest.mismatch", below.outer.body
        if redacted.get(below.label):
            code, link = "ingredient.claimSignature.mismatch", said.get("claimSignature")
            signature = below.box.child("c2pa.signature")
            if not isinstance(link, Mapping) or signature is None:
                continue  # older ingredients name the manifest alone
            body = signature.body
        problem = _hash_problem(link, claim, body, where, code)
        if problem is not None:
            yield problem
