"""Steps 7 and 8: our own check and the library's, side by side; the stricter one counts.

A disagreement is put on record (``disagreement.…``). Where our own check says that a thing could
not be judged at all (an algorithm that it does not know, a part that does not parse), a mismatch
that the library reports of the same thing is no proof of a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provenance.bindings import MULTI, BindingReport, BindingState, check_binding
from provenance.claims import Checked
from provenance.codes import BINDING_HOLDS, Meaning, is_binding, meaning
from provenance.cose import SignatureState
from provenance.jumbf import StoreBroken, StoredManifest
from provenance.steps import Run
from provenance.verdicts import Severity, Verdict

_LONGEST_UPDATE_CHAIN = 64
_UPDATE = b"c2um"


def _failures(run: Run) -> list[Mapping[str, Any]]:
    entries = (run.results.get("activeManifest") or {}).get("failure", [])
    return [e for e in entries if isinstance(e, Mapping)]


def bound_manifest(run: Run) -> StoredManifest | None:
    """The manifest whose hard binding counts: an update manifest has its parent's."""
    assert run.store is not None
    manifest: StoredManifest | None = run.store.active
    for _ in range(_LONGEST_UPDATE_CHAIN):
        if manifest is None or manifest.box.kind != _UPDATE:
            return manifest
        manifest = _parent(run, manifest)
    return None


def _parent(run: Run, manifest: StoredManifest) -> StoredManifest | None:
    assert run.store is not None
    stored = manifest.box.child("c2pa.assertions")
    for box in stored.children if stored else ():
        if not box.label.startswith("c2pa.ingredient"):
            continue
        try:
            said = manifest.assertion(box.label)
        except StoreBroken:
            continue
        if not isinstance(said, Mapping) or said.get("relationship") != "parentOf":
            continue
        link = said.get("activeManifest") or said.get("c2pa_manifest")
        url = str(link.get("url", "")) if isinstance(link, Mapping) else ""
        return run.store.manifest(url.rpartition("/")[2])
    return None


def judge_binding(run: Run) -> None:
    """Step 7: the bytes of the file are those that were signed, into ``run.excluded``."""
    manifest = bound_manifest(run)
    if manifest is None:
        own = BindingReport(BindingState.MISSING, code="claim.hardBindings.missing")
    else:
        assert run.store is not None
        own = check_binding(
            run.path,
            str(run.file.get("mime", "")),
            manifest,
            run.container,
            run.limits,
            moved=manifest is not run.store.active,
        )
    run.excluded = own.excluded
    theirs = [e for e in _failures(run) if is_binding(str(e.get("code", "")))]
    codes = [str(e["code"]) for e in theirs]
    held = bool(BINDING_HOLDS & set(run.codes("success"))) and not codes
    before = run.verdict
    run.verdict = Verdict.TRUSTED
    if own.code:
        run.judge(own.code, own.message or "the manifest is not bound to this file", own.label)
    by_parts = own.state is BindingState.MATCH and own.label == MULTI
    unproven = by_parts or own.state in (BindingState.MALFORMED, BindingState.SEVERAL)
    if by_parts and codes:
        run.worsen(Verdict.NOT_JUDGED)
        run.note(
            "binding.parts",
            Severity.WARNING,
            "every part that is there fits its own signed hash, but the file is not whole, "
            "and the C2PA library does not read parts",
        )
    for entry in theirs:
        code = str(entry["code"])
        if meaning(code) is Meaning.CHANGED and unproven:
            continue
        message = "the bytes of the file are not those that were signed"
        changed = meaning(code) is Meaning.CHANGED
        already = any(f.code == code for f in run.findings)
        if not already:
            run.judge(
                code,
                message if changed else str(entry.get("explanation", "")),
                str(entry.get("url", "")),
            )
    if not run.library_failed:
        _compare_bindings(run, own, held, codes)
    elif own.state not in (BindingState.MATCH, BindingState.MISMATCH):
        run.note(
            "binding.not_judged",
            Severity.WARNING,
            "whether the bytes are those that were signed could not be judged",
        )
    outcome = run.verdict
    run.verdict = before
    run.worsen(outcome)
    words = {Verdict.TRUSTED: "passed", Verdict.NOT_JUDGED: "not_judged"}
    detail = f"{own.label}, {_DETAILS[own.state]}" if own.label else ""
    run.passed(7, detail, words.get(outcome, "failed"))


_DETAILS = {
    BindingState.MATCH: "by our own hash and the library's",
    BindingState.COVERED: "what it covers by our own look, the hash by the library's",
    BindingState.NOT_CHECKED: "by the library alone",
    BindingState.MISMATCH: "the hash does not fit",
    BindingState.MALFORMED: "not well-formed",
    BindingState.MISSING: "missing",
    BindingState.SEVERAL: "more than one",
}


def _compare_bindings(run: Run, own: BindingReport, held: bool, codes: list[str]) -> None:
    if own.state is BindingState.MATCH and codes:
        run.note(
            "disagreement.binding",
            Severity.WARNING,
            f"our own hash of the file fits, the C2PA library says {', '.join(codes)}; "
            "the stricter counts",
        )
    elif own.state is BindingState.MISMATCH and held:
        run.note(
            "disagreement.binding",
            Severity.WARNING,
            "the C2PA library finds that the hash of the file fits, we do not; the stricter counts",
        )
    elif own.state in (BindingState.MISSING, BindingState.SEVERAL, BindingState.MALFORMED) and held:
        run.note(
            "disagreement.binding",
            Severity.WARNING,
            "the C2PA library takes a binding that we find not well-formed; the stricter counts",
        )
    elif not held and not codes and not own.code:
        # neither a match nor a failure: an assertion that the library passes over
        run.judge("claim.hardBindings.missing", "the library finds the manifest bound to nothing")


def judge_claim(run: Run) -> None:
    """Step 8: the claim is its signer's, and every assertion is as it was then."""
    assert run.store is not None
    before, run.verdict = run.verdict, Verdict.TRUSTED
    check = run.checks[run.store.active.label]
    for problem in check.problems:
        run.judge(problem.code, problem.message, problem.where)
    unknown = {_label(p.where) for p in check.problems if meaning(p.code) is Meaning.NOT_JUDGED}
    theirs = [e for e in _failures(run) if not is_binding(str(e.get("code", "")))]
    for entry in theirs:
        code, where = str(entry.get("code", "unknown")), str(entry.get("url", ""))
        if code == "claimSignature.mismatch" and check.signature in (
            SignatureState.UNSUPPORTED,
            SignatureState.MISSING,
        ):
            continue  # not parsed, or of an unknown kind: nothing was compared
        if code in check.codes or (meaning(code) is Meaning.CHANGED and _label(where) in unknown):
            continue
        run.judge(code, str(entry.get("explanation", "")), where)
    if not run.library_failed:
        _compare_claims(run, check.problems, theirs)
        signed = "claimSignature.validated" in run.codes("success")
        if (
            not signed
            and not any(meaning(str(e.get("code", ""))) is not Meaning.IDENTITY for e in theirs)
            and not check.problems
        ):
            run.judge("claimSignature.missing", "no valid signature over the claim")
    outcome, run.verdict = run.verdict, before
    run.worsen(outcome)
    words = {Verdict.TRUSTED: "passed", Verdict.NOT_JUDGED: "not_judged"}
    run.passed(8, outcome=words.get(outcome, "failed"))


def _label(where: str) -> str:
    """The assertion that a JUMBF URI names, however it is written."""
    return where.rpartition("/")[2]


def _compare_claims(run: Run, own: tuple[Checked, ...], theirs: list[Mapping[str, Any]]) -> None:
    ours = {p.code for p in own if meaning(p.code) is Meaning.CHANGED}
    library = {str(e.get("code", "")) for e in theirs}
    changed = {c for c in library if meaning(c) is Meaning.CHANGED}
    if ours and not changed:
        run.note(
            "disagreement.claim",
            Severity.WARNING,
            f"we find {', '.join(sorted(ours))}, the C2PA library does not; the stricter counts",
        )
    elif changed and not ours and not own:
        run.note(
            "disagreement.claim",
            Severity.WARNING,
            f"the C2PA library says {', '.join(sorted(changed))}, our own check holds; "
            "the stricter counts",
        )
