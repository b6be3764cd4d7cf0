"""Ingredients in depth: a clean file over a dirty source is found.

A validator that looks at the active manifest alone calls a file trusted whose parent had been
altered, because the signer of the child recorded the failure and signed on. Here every
ingredient of every manifest in the store is judged by what was recorded when it was taken in
and by what a fresh validation of its own manifest says, down to the oldest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from provenance.codes import Meaning, meaning, meanings
from provenance.jumbf import ManifestStore, StoreBroken
from provenance.steps import Run
from provenance.trust import TrustList, check_path
from provenance.verdicts import IngredientReport, Verdict, clean

_SUPERSEDED = frozenset(
    {"signingCredential.untrusted", "signingCredential.expired", "timeStamp.untrusted"}
)
"""What was recorded about trust then gives way to our own path check against today's list."""

INTACT_CODES = frozenset({"claimSignature.validated", "ingredient.manifest.validated"})


def codes_of(results: Mapping[str, Any] | None, bucket: str) -> list[str]:
    """The codes of one bucket (``success``, ``informational``, ``failure``)."""
    entries = (results or {}).get(bucket, [])
    return [str(e.get("code", "")) for e in entries if isinstance(e, Mapping)]


def _deltas(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for delta in results.get("ingredientDeltas") or []:
        if isinstance(delta, Mapping):
            found[str(delta.get("ingredientAssertionURI", ""))] = delta.get("validationDeltas", {})
    return found


def _recorded(ingredient: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Failure and success codes noted when the ingredient was taken in, nested ones included."""
    failures: list[str] = [
        str(e.get("code", ""))
        for e in ingredient.get("validation_status") or []
        if isinstance(e, Mapping)
        and not e.get("success", False)
        and meaning(str(e.get("code", "")), str(e.get("url", ""))) is not Meaning.IDENTITY
    ]
    results = ingredient.get("validation_results")
    successes: list[str] = []
    if isinstance(results, Mapping):
        failures += codes_of(results.get("activeManifest"), "failure")
        successes += codes_of(results.get("activeManifest"), "success")
        for delta in _deltas(results).values():
            failures += codes_of(delta, "failure")
    return failures, successes


def _signer_known(
    store: ManifestStore | None, label: str, trust: TrustList, moment: datetime, recorded: bool
) -> bool:
    """Whether the ingredient's own signer leads to an anchor.

    A certificate that has run out since is accepted when the child's signer had seen it valid
    and trusted, which the child's signature attests.
    """
    manifest = store.manifest(label) if store else None
    try:
        signature = manifest.signature if manifest else None
    except StoreBroken:
        return False
    if signature is None or not signature.chain:
        return False
    result = check_path(signature.chain, trust.signers, moment, trust)
    if result.reason == "outside_validity" and recorded:
        early = max(c.not_valid_before_utc for c in signature.chain)
        result = check_path(signature.chain, trust.signers, early, trust)
    return result.trusted


def _verdict(failures: Sequence[str], successes: Sequence[str], known: bool) -> Verdict:
    proven = meanings(failures)
    if Meaning.CHANGED in proven:
        return Verdict.TAMPERED
    if Meaning.MALFORMED in proven:
        return Verdict.MALFORMED
    if Meaning.NOT_JUDGED in proven:
        return Verdict.NOT_JUDGED
    lasting = {c for c in failures if meaning(c) is not Meaning.IDENTITY} - _SUPERSEDED
    if lasting or not known or not INTACT_CODES & set(successes):
        return Verdict.VALID_UNTRUSTED
    return Verdict.TRUSTED


def judge(manifests: Mapping[str, Any], run: Run) -> Iterator[IngredientReport]:
    """Every ingredient below the active manifest, breadth first.

    ``manifests`` are the C2PA library's, ``run`` holds what the steps before came to. Raises
    ``RecursionError`` when the chain is longer than the limit.
    """
    deltas = _deltas(run.results)
    queue = [(run.active, 1)]
    seen = {run.active}
    while queue:
        label, depth = queue.pop(0)
        manifest = manifests.get(label)
        if not isinstance(manifest, Mapping):
            continue
        for ingredient in manifest.get("ingredients") or []:
            if depth > run.limits.max_ingredient_depth:
                raise RecursionError("the chain of ingredients is too long")
            below = str(ingredient.get("active_manifest") or "")
            failures, successes = _recorded(ingredient)
            name = str(ingredient.get("label", ""))
            uri = f"self#jumbf=/c2pa/{label}/c2pa.assertions/{name}"
            fresh = deltas.get(uri, {})
            failures += codes_of(fresh, "failure")
            successes += codes_of(fresh, "success")
            if below in run.checks:
                failures += run.checks[below].codes
            if below or failures:
                recorded = "signingCredential.trusted" in successes
                known = bool(below) and _signer_known(
                    run.store, below, run.trust, run.moment, recorded
                )
                verdict = _verdict(failures, successes, known)
            else:
                verdict = Verdict.UNSIGNED
            yield IngredientReport(
                clean(ingredient.get("title") or "untitled", 200),
                clean(ingredient.get("relationship") or "", 40),
                verdict,
                depth,
                clean(below, 200),
                tuple(sorted({clean(code, 100) for code in failures})),
            )
            if below and below not in seen:
                seen.add(below)
                queue.append((below, depth + 1))
