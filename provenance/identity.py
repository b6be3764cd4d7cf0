"""Identity assertions (CAWG): who says that they stand behind the content, told apart.

An identity assertion is a second signature, by a person or an organisation, over parts of the
manifest. Whatever becomes of it touches neither the file's own signature nor its bytes.

Source: CAWG Identity Assertion 1.2, sections 7 and 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provenance.cawg import IdentityState, OwnView, identity_labels, judge_identity
from provenance.codes import Meaning, meaning
from provenance.jumbf import StoredManifest
from provenance.trust import TrustList
from provenance.verdicts import IdentityReport, clean

_NEEDS_NETWORK = (
    "did_unavailable",
    "did_unresolved",
    "unsupported_did",
    "unavailable",
    "inaccessible",
    "skipped",
    "status_unknown",
    "invalid_alg",
    "unsupported",
    "unknown",
)
_UNKNOWN_HOLDER = (
    "untrusted",
    "expired",
    "untrusted_issuer",
    "not_trusted",
    "revoked",
    "valid_from",
    "valid_until",
)
_FALSE = ("mismatch", "signature.invalid", "invalid_signature", "signature_invalid")


SENTENCES = {
    IdentityState.TRUSTED: "an identity is attached, and its issuer is known",
    IdentityState.UNTRUSTED: "an identity is attached and its signature holds, but who vouches "
    "for it is not known here",
    IdentityState.FAILED: "an identity is attached whose own signature does not hold: it is not "
    "counted, and the file's credentials are judged without it",
    IdentityState.MALFORMED: "an identity is attached that is not well-formed: it is not counted, "
    "and the file's credentials are judged without it",
    IdentityState.NOT_JUDGED: "an identity is attached that was not judged: that needs the "
    "network, or a kind of credential that is not known here",
}


@dataclass(frozen=True, slots=True)
class _Codes:
    failures: tuple[str, ...]
    successes: tuple[str, ...]


def identities(
    stored: StoredManifest,
    manifest: Mapping[str, Any],
    results: Mapping[str, Any] | None,
    trust: TrustList,
) -> tuple[IdentityReport, ...]:
    """The identity assertions of one manifest: by our own check, the C2PA library's beside it.

    ``manifest`` and ``results`` are the library's, empty where it does not read the file. The
    library knows no anchors for identities, so who is known is ours to say; of everything else
    the worse of the two counts.
    """
    read = {
        str(a.get("label", "")): a
        for a in manifest.get("assertions") or []
        if isinstance(a, Mapping)
    }
    found: list[IdentityReport] = []
    for label in identity_labels(stored):
        own = judge_identity(stored, label, trust)
        codes = _about(label, results or {})
        seen = label in read
        theirs = _state(codes) if seen else IdentityState.NOT_JUDGED
        state = _worse(own, theirs) if seen else own.state
        known = state is IdentityState.TRUSTED
        told = dict.fromkeys(
            c for c in (own.code, *codes.failures) if c and not (known and "untrusted" in c)
        )
        data = read[label].get("data") if seen else None
        found.append(
            IdentityReport(
                clean(label, 100),
                state.value,
                own.name or _name(data),
                tuple(clean(c, 100) for c in told),
                SENTENCES[state],
                theirs.value if seen else "",
            )
        )
    return tuple(found)


def _worse(own: OwnView, theirs: IdentityState) -> IdentityState:
    order = list(IdentityState)
    if own.state is IdentityState.TRUSTED and theirs is IdentityState.UNTRUSTED:
        return IdentityState.TRUSTED
    return max(own.state, theirs, key=order.index)


def _about(label: str, results: Mapping[str, Any]) -> _Codes:
    kept: dict[str, tuple[str, ...]] = {}
    for bucket in ("failure", "success"):
        entries = [e for e in results.get(bucket) or [] if isinstance(e, Mapping)]
        mine = [
            str(e.get("code", ""))
            for e in entries
            if meaning(str(e.get("code", "")), str(e.get("url", ""))) is Meaning.IDENTITY
            and str(e.get("url", "")).rpartition("/")[2] in (label, "")
        ]
        kept[bucket] = tuple(dict.fromkeys(c for c in mine if "hashedURI" not in c))
    return _Codes(kept["failure"], kept["success"])


def _state(codes: _Codes) -> IdentityState:
    if any(any(word in c for word in _FALSE) for c in codes.failures):
        return IdentityState.FAILED
    unsettled = [c for c in codes.failures if any(word in c for word in _NEEDS_NETWORK)]
    unknown = [c for c in codes.failures if any(word in c for word in _UNKNOWN_HOLDER)]
    rest = set(codes.failures) - set(unsettled) - set(unknown)
    if rest:
        malformed = any("invalid" in c or "malformed" in c or "missing" in c for c in rest)
        return IdentityState.MALFORMED if malformed else IdentityState.NOT_JUDGED
    if unsettled:
        return IdentityState.NOT_JUDGED
    if unknown:
        return IdentityState.UNTRUSTED
    if any("trusted" in c for c in codes.successes):
        return IdentityState.TRUSTED
    held = any("well-formed" in c or "validated" in c for c in codes.successes)
    return IdentityState.UNTRUSTED if held else IdentityState.NOT_JUDGED


def _name(data: Any) -> str:
    """The name that the identity claims, where the library reads it out."""
    if not isinstance(data, Mapping):
        return ""
    info = data.get("signature_info")
    if isinstance(info, Mapping):
        return clean(info.get("common_name") or info.get("issuer") or "", 200)
    verified = data.get("verifiedIdentities")
    first = verified[0] if isinstance(verified, list) and verified else {}
    return (
        clean(first.get("name") or first.get("username") or "", 200)
        if isinstance(first, Mapping)
        else ""
    )
