"""What a report says of a manifest, and each verdict in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provenance.limits import ProvenanceLimits
from provenance.verdicts import Verdict, clean_json

SUMMARIES = {
    Verdict.TRUSTED: "Signed by a known signer and unchanged since, its recorded history included.",
    Verdict.VALID_UNTRUSTED: "Unchanged since it was signed, but not every signer is trusted.",
    Verdict.NOT_JUDGED: "Nothing proves a change, but not everything could be judged here.",
    Verdict.MALFORMED: "Its credentials do not fit the specification; nothing proves a change.",
    Verdict.TAMPERED: "A hash or a signature proves that something was changed after signing.",
    Verdict.UNSIGNED: "No content credentials inside. This says nothing about where it comes from.",
    Verdict.UNREADABLE: "This cannot be read as a media file; nothing can be said about it.",
    Verdict.REMOTE_ONLY: "It names credentials on a server; we do not ask servers named in files.",
}


def manifest_view(read: Mapping[str, Any], active: str, limits: ProvenanceLimits) -> dict[str, Any]:
    """What the active manifest says, in our words; texts cleaned."""
    manifest = (read.get("manifests") or {}).get(active)
    if not isinstance(manifest, Mapping):
        return {}
    most = limits.max_text_chars
    assertions = [a for a in manifest.get("assertions") or [] if isinstance(a, Mapping)]
    data = {str(a.get("label")): a.get("data") for a in assertions}
    actions: list[Any] = []
    for label in ("c2pa.actions.v2", "c2pa.actions"):
        found = data.get(label)
        if isinstance(found, Mapping) and isinstance(found.get("actions"), list):
            actions += [a for a in found["actions"] if isinstance(a, Mapping)]
    bindings = [
        {"alg": a["data"].get("alg"), "value": block.get("value")}
        for a in assertions
        if str(a.get("label", "")).startswith("c2pa.soft-binding")
        and isinstance(a.get("data"), Mapping)
        for block in a["data"].get("blocks") or []
        if isinstance(block, Mapping)
    ]
    view = {
        "label": active,
        "title": manifest.get("title", ""),
        "claim_version": manifest.get("claim_version"),
        "generators": manifest.get("claim_generator_info") or [],
        "actions": [
            {
                "action": a.get("action"),
                "digitalSourceType": a.get("digitalSourceType"),
                "when": a.get("when"),
                "softwareAgent": a.get("softwareAgent"),
            }
            for a in actions
        ],
        "soft_bindings": bindings,
        "assertions": {
            label: value
            for label, value in data.items()
            if not label.startswith(("c2pa.hash.", "c2pa.thumbnail", "c2pa.soft-binding"))
        },
        "manifests": len(read.get("manifests") or {}),
    }
    cleaned: dict[str, Any] = clean_json(view, most)
    return cleaned
