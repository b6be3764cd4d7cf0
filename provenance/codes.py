"""What each status code proves: a change, a mistake, a doubt about who or when, or nothing.

A code is no verdict. ``assertion.dataHash.mismatch`` proves that bytes differ from those that were
signed; ``assertion.ingredient.malformed`` proves only that somebody's software wrote something
wrong; an identity that could not be looked up says nothing about the file at all. What we do not
know is neither an accusation nor a pass: it is ``not judged``.

Source: C2PA 2.4, section 15.2 (standard status codes); CAWG Identity Assertion 1.2, section 7.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Meaning(StrEnum):
    """What a failure code proves."""

    CHANGED = "changed"
    """A hash or signature proves that something is not as it was signed."""
    MALFORMED = "malformed"
    """The credentials do not fit the specification; nothing proves a change."""
    SIGNER = "signer"
    """Who signed is unknown, expired, revoked or unfit."""
    TIME = "time"
    """A time-stamp does not count."""
    IDENTITY = "identity"
    """About an identity assertion; it touches nothing else."""
    NOT_JUDGED = "not_judged"
    """It could not be judged here: another algorithm, a network, a code that we do not know."""


_CHANGED = frozenset(
    {
        "claimSignature.mismatch",
        "assertion.hashedURI.mismatch",
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.collectionHash.mismatch",
        "assertion.multiAssetHash.mismatch",
        "assertion.multiAssetHash.missingPart",
        "assertion.externalReference.mismatch",
        "hashedURI.mismatch",
        "ingredient.hashedURI.mismatch",
        "ingredient.manifest.mismatch",
        "ingredient.claimSignature.mismatch",
        "assertion.missing",
        "ingredient.manifest.missing",
        "livevideo.segment.invalid",
    }
)
"""The missing ones too: a hash that was signed fits nothing that is there any more."""
_SIGNER = frozenset(
    {
        "signingCredential.untrusted",
        "signingCredential.expired",
        "signingCredential.invalid",
        "signingCredential.revoked",
        "signingCredential.ocsp.revoked",
        "signingCredential.ocsp.unknown",
        "signingCredential.ocsp.inaccessible",
        "signingCredential.ocsp.skipped",
        "claimSignature.outsideValidity",
        "timeOfSigning.outsideValidity",
    }
)
_NOT_JUDGED = frozenset(
    {
        "algorithm.unsupported",
        "algorithm.deprecated",
        "manifest.inaccessible",
        "assertion.inaccessible",
        "hashedURI.missing",
    }
)
_MALFORMED = frozenset(
    {
        "claim.missing",
        "claim.multiple",
        "claim.required.missing",
        "claim.cbor.invalid",
        "claim.malformed",
        "claim.hardBindings.missing",
        "claimSignature.missing",
        "claimSignature.malformed",
        "manifest.multipleParents",
        "manifest.update.invalid",
        "manifest.update.wrongParents",
        "manifest.timestamp.invalid",
        "manifest.timestamp.wrongParents",
        "manifest.compressed.invalid",
        "assertion.undeclared",
        "assertion.required.missing",
        "assertion.multipleHardBindings",
        "assertion.outsideManifest",
        "assertion.notRedacted",
        "assertion.selfRedacted",
        "assertion.json.invalid",
        "assertion.cbor.invalid",
        "assertion.timestamp.malformed",
        "ingredient.missing",
        "ingredient.claimSignature.missing",
        "general.error",
    }
)
_MALFORMED_FAMILIES = (
    "assertion.action.",
    "assertion.cloud-data.",
    "assertion.collectionHash.",
    "assertion.dataHash.",
    "assertion.bmffHash.",
    "assertion.boxesHash.",
    "assertion.multiAssetHash.",
    "assertion.externalReference.",
    "assertion.ingredient.",
    "assertion.metadata.",
    "livevideo.",
)
"""Codes about the form of an assertion; the mismatches among them stand in :data:`_CHANGED`."""
_BINDINGS = (
    "assertion.dataHash.",
    "assertion.bmffHash.",
    "assertion.boxesHash.",
    "assertion.collectionHash.",
    "assertion.multiAssetHash.",
)
BINDING_HOLDS = frozenset(f"{name}match" for name in _BINDINGS)


def is_binding(code: str) -> bool:
    """Whether a code is about the hash over the file's bytes."""
    return code.startswith(_BINDINGS) or code == "claim.hardBindings.missing"


def meaning(code: str, where: str = "") -> Meaning:
    """What a failure ``code``, reported about the assertion at ``where``, proves."""
    if code.startswith("cawg.") or "/cawg.identity" in where:
        return Meaning.IDENTITY
    if code in _CHANGED:
        return Meaning.CHANGED
    if code in _SIGNER:
        return Meaning.SIGNER
    if code.startswith("timeStamp."):
        return Meaning.TIME
    if code in _NOT_JUDGED:
        return Meaning.NOT_JUDGED
    if code in _MALFORMED or code.startswith(_MALFORMED_FAMILIES):
        return Meaning.MALFORMED
    return Meaning.NOT_JUDGED


def meanings(codes: Iterable[str]) -> frozenset[Meaning]:
    return frozenset(meaning(code) for code in codes)
