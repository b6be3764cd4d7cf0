"""Verification in twelve numbered steps; the same numbers stand in the code and in the tests.

1.  *Bounds.* The file is there, regular, not empty, and not larger than the limit.
2.  *Kind.* Its first bytes are those of a media type that we read; its name is not believed.
3.  *Container.* The outermost structure holds together and is not past the limits.
4.  *Store.* There is exactly one manifest store: inside, or beside it as a sidecar. None is
    ``unsigned``, or ``remote_only`` when the file names a server, which is never asked.
5.  *Structure.* The store parses and stays below the limits of size, depth and number.
6.  *Validation.* The C2PA library validates it, with every network access switched off.
7.  *Hard binding.* The active manifest binds the file's bytes, and the binding matches: by our
    own check and by the library's.
8.  *Claim.* The claim's signature and the hashes of all assertions hold, by both.
9.  *Time.* The moment at which the signer's certificate is judged: a trusted time-stamp's,
    else the moment asked for, else now.
10. *Signer.* The certificate fits the profile, is not revoked, and leads to an anchor of the
    signers' list at that moment, by our own path check as well as by the library's.
11. *History.* Every ingredient, down to the oldest, is intact and its signer known.
12. *Uncovered bytes.* What no hash covers (``free`` boxes, appended ones, foreign ones) is told.

A failed step of 1 to 3 and a limit of 5 give ``unreadable``. In 4 to 8 the verdict follows what
is *proven* (:mod:`provenance.codes`): a hash or a signature that does not fit is ``tampered``, a
mistake of form ``malformed``, what could not be judged ``not_judged``. An altered source in 11 is
``tampered``; a failed 10, or an unknown signer in 11, ``valid_untrusted``. Where our own check
and the library disagree, that is a finding, and the stricter of the two counts. Identity
assertions are told apart and touch nothing else.
Nothing here opens a network connection. :func:`provenance.verifier.verify` runs the steps in a
child process with limits on memory and time; :func:`examine` runs them in this one.

Sources: C2PA 2.4 chapter 15 (validation); ISO/IEC 14496-12.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance import history
from provenance.claims import check_manifests
from provenance.codes import Meaning, meanings
from provenance.containers import (
    ContainerBroken,
    ContainerTooComplex,
    read_container,
    signed_before_break,
)
from provenance.coverage import tell_uncovered
from provenance.formats import FileKind, detect_file
from provenance.identity import identities
from provenance.judgement import judge_binding, judge_claim
from provenance.jumbf import ManifestStore, StoreBroken, StoreTooComplex, parse_store
from provenance.limits import ProvenanceLimits
from provenance.signatory import judge_signer, judge_time
from provenance.steps import STEPS, Run, Stop
from provenance.trust import TrustList, issued_by, parse_time
from provenance.verdicts import (
    Severity,
    Verdict,
    VerificationReport,
    clean,
    clean_json,
)
from provenance.view import SUMMARIES, manifest_view

SIDECAR_SUFFIX = ".c2pa"
_UNSUPPORTED = (c2pa.C2paError.NotSupported,)


def library_settings(
    trust: TrustList, chains: Sequence[Sequence[x509.Certificate]] = ()
) -> dict[str, Any]:
    """The C2PA library's settings: no network of any kind, our anchors, no thumbnails.

    The library has one set of anchors for signers and time-stampers, whatever ``trust_kind`` it
    is given (0.38), so an anchor for time-stamps that a certificate of ``chains`` (the signers'
    of the file) leads to is left out: it would vouch for who signed.
    """
    anchors = b"".join(
        c.public_bytes(Encoding.PEM) for c in (*trust.signers, *_stampers(trust, chains))
    )
    settings: dict[str, Any] = {
        "version": 1,
        "core": {"allowed_network_hosts": []},
        "verify": {
            "verify_after_reading": True,
            "verify_after_sign": False,
            "verify_trust": True,
            "verify_timestamp_trust": True,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
        "builder": {"thumbnail": {"enabled": False}},
    }
    if anchors:
        settings["trust"] = {"trust_anchors": anchors.decode("ascii")}
    return settings


def _stampers(
    trust: TrustList, chains: Sequence[Sequence[x509.Certificate]]
) -> Iterator[x509.Certificate]:
    signing = {c for chain in chains for c in chain}
    issuers = {c.issuer for c in signing}
    for anchor in trust.timestamps:
        used = anchor in signing or (
            anchor.subject in issuers and any(issued_by(c, anchor) for c in signing)
        )
        if not used:
            yield anchor


def signing_chains(store: ManifestStore) -> list[Sequence[x509.Certificate]]:
    """The certificates of everybody who signed a manifest of the store, where they parse."""
    found: list[Sequence[x509.Certificate]] = []
    for manifest in store.manifests:
        with suppress(StoreBroken):
            if manifest.signature is not None:
                found.append(manifest.signature.chain)
    return found


def _bounds(run: Run) -> None:
    # step 1
    try:
        status = run.path.stat()
    except OSError as error:
        raise Stop(
            Verdict.UNREADABLE, "file.unreadable", error.strerror or "cannot be opened"
        ) from error
    run.file = {"name": clean(run.path.name, 255), "bytes": status.st_size}
    if not stat.S_ISREG(status.st_mode):
        raise Stop(Verdict.UNREADABLE, "file.irregular", "this is not a regular file")
    if status.st_size == 0:
        raise Stop(Verdict.UNREADABLE, "file.empty", "the file is empty")
    if status.st_size > run.limits.max_file_bytes:
        raise Stop(
            Verdict.UNREADABLE,
            "limit.file_bytes",
            f"larger than the limit of {run.limits.max_file_bytes} bytes",
        )
    run.passed(1, f"{status.st_size} bytes")


def _kind(run: Run) -> FileKind:
    # step 2
    kind = detect_file(run.path)
    if kind is None:
        raise Stop(Verdict.UNREADABLE, "file.unknown_kind", "no media type that we read")
    run.file["mime"] = kind.mime
    run.passed(2, kind.mime)
    return kind


def _container(run: Run, kind: FileKind) -> None:
    # step 3
    try:
        run.container = read_container(run.path, kind, run.limits)
    except ContainerTooComplex as error:
        raise Stop(Verdict.UNREADABLE, "limit.container", str(error)) from error
    except ContainerBroken as error:
        # a cut file with a whole store in front was signed once and is no longer as signed
        if kind.bmff and signed_before_break(run.path, run.limits):
            raise Stop(Verdict.TAMPERED, "container.cut", f"cut or altered: {error}") from error
        raise Stop(Verdict.UNREADABLE, "container.broken", str(error)) from error
    run.passed(3, f"{len(run.container.boxes)} boxes" if kind.bmff else "")


def _find_store(run: Run, kind: FileKind) -> None:
    # step 4
    stores = list(run.container.stores)
    beside = run.sidecar or run.path.with_name(run.path.name + SIDECAR_SUFFIX)
    if kind.mime == "application/c2pa":
        raise Stop(
            Verdict.UNREADABLE, "file.is_sidecar", "this is a sidecar; verify the media beside it"
        )
    if not stores and (run.sidecar or beside.is_file()):
        if beside.stat().st_size > run.limits.max_store_bytes:
            raise Stop(Verdict.UNREADABLE, "limit.store_bytes", "the sidecar is too large")
        stores = [beside.read_bytes()]
        run.file["sidecar"] = clean(beside.name, 255)
        run.note("store.sidecar", Severity.NOTE, "the credentials lie in a file beside it")
    if len(stores) > 1:
        run.fail(
            4,
            "store.several",
            "more than one manifest store: which one counts is open; one "
            "of them may have been added",
        )
        raise Stop(Verdict.MALFORMED, "", "")
    if not stores:
        if run.container.remote_url:
            run.passed(4, "none inside, a server is named")
            raise Stop(Verdict.REMOTE_ONLY, "", "")
        run.passed(4, "none")
        raise Stop(Verdict.UNSIGNED, "", "")
    run.store_bytes = stores[0]
    if run.container.remote_url:
        run.note("store.remote_reference", Severity.NOTE, "a server is named; it was not asked")
    run.passed(4, f"{len(run.store_bytes)} bytes")


def _structure(run: Run) -> None:
    # step 5
    try:
        run.store = parse_store(run.store_bytes, run.limits)
    except StoreTooComplex as error:
        raise Stop(Verdict.UNREADABLE, "limit.store", str(error)) from error
    except StoreBroken as error:
        run.fail(5, "store.broken", f"the manifest store does not parse: {error}")
        raise Stop(Verdict.MALFORMED, "", "") from error
    run.passed(5, f"{len(run.store.manifests)} manifest(s)")


def _validate(run: Run, kind: FileKind) -> None:
    # step 6
    assert run.store is not None
    run.checks = check_manifests(run.store)
    aside = run.store_bytes if not run.container.stores else None
    problem = ""
    try:
        context = c2pa.Context.from_dict(library_settings(run.trust, signing_chains(run.store)))
        with run.path.open("rb") as file:
            reader = c2pa.Reader(kind.mime, file, aside, context=context)
            run.read = json.loads(reader.json())
            if run.crjson:
                run.cr = clean_json(json.loads(reader.crjson()), run.limits.max_text_chars, 24)
            reader.close()
    except _UNSUPPORTED as error:
        run.library_failed = True
        run.worsen(Verdict.NOT_JUDGED)
        problem = f"the C2PA library does not read this: {error}"
        run.note("store.unsupported", Severity.WARNING, problem)
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        run.library_failed = True
        active = run.checks[run.store.active.label]
        boxes = run.container.boxes
        # a media segment of a stream: the library reads whole files only
        part = bool(boxes) and boxes[0].kind != b"ftyp"
        open_ = part or Meaning.NOT_JUDGED in meanings(active.codes)
        # where we know what it stumbled over, it is no mistake of form
        run.worsen(Verdict.NOT_JUDGED if open_ else Verdict.MALFORMED)
        told = str(error) if isinstance(error, c2pa.C2paError) else type(error).__name__
        problem = f"the credentials do not parse: {told}"
        severity = Severity.WARNING if open_ else Severity.FAILURE
        run.note("store.unparsable", severity, problem)
    else:
        if run.active != run.store.active.label:
            run.worsen(Verdict.MALFORMED)
            problem = "two readings of the store name two active manifests"
            run.note("store.ambiguous", Severity.FAILURE, problem)
    if problem:
        run.passed(6, clean(problem, 400), "failed")
    else:
        run.passed(6, f"{len(run.codes('success'))} checks held")


def _history(run: Run) -> None:
    # step 11
    manifests = run.read.get("manifests") or {}
    try:
        run.ingredients = tuple(history.judge(manifests, run))
    except RecursionError as error:
        raise Stop(Verdict.UNREADABLE, "limit.ingredients", str(error)) from error
    bad = False
    for item in run.ingredients:
        where = f"{item.relationship} “{item.title}”, {item.depth} deep"
        if item.verdict is Verdict.TAMPERED:
            bad = True
            run.worsen(Verdict.TAMPERED)
            run.note(
                "history.tampered",
                Severity.FAILURE,
                "a source had been altered after it was signed",
                where,
            )
        elif item.verdict in (Verdict.MALFORMED, Verdict.NOT_JUDGED):
            bad = True
            run.worsen(Verdict.VALID_UNTRUSTED)
            why = (
                "does not fit the specification"
                if item.verdict is Verdict.MALFORMED
                else ("could not be judged")
            )
            run.note(
                f"history.{item.verdict.value}",
                Severity.FAILURE,
                f"what a source says of itself {why}; nothing proves a change",
                where,
            )
        elif item.verdict is Verdict.VALID_UNTRUSTED:
            bad = True
            run.worsen(Verdict.VALID_UNTRUSTED)
            run.note(
                "history.untrusted",
                Severity.FAILURE,
                "a source's signer is not on the trust list",
                where,
            )
        elif item.verdict is Verdict.UNSIGNED:
            run.note("history.unsigned", Severity.NOTE, "a source had no credentials", where)
    count = len(run.ingredients)
    run.passed(11, f"{count} ingredient(s)", "failed" if bad else "passed")


def _identities(run: Run) -> None:
    """Identity assertions, of the file's own manifest; they weigh nothing."""
    assert run.store is not None
    manifest = (run.read.get("manifests") or {}).get(run.active)
    run.identities = identities(
        run.store.active,
        manifest if isinstance(manifest, Mapping) else {},
        run.results.get("activeManifest"),
        run.trust,
    )
    for item in run.identities:
        good = item.state == "trusted"
        codes = f" ({', '.join(item.codes)})" if item.codes else ""
        run.note(
            f"identity.{item.state}",
            Severity.NOTE if good else Severity.WARNING,
            item.sentence + codes,
            item.name,
        )


def examine(
    path: Path,
    trust: TrustList,
    *,
    at: datetime | None = None,
    limits: ProvenanceLimits | None = None,
    sidecar: Path | None = None,
    crjson: bool = False,
) -> VerificationReport:
    """The twelve steps, in this process; :func:`provenance.verifier.verify` is the guarded way.

    Never raises for what is in the file. Cost: one pass over the file.
    """
    run = Run(path, trust, at, limits or ProvenanceLimits(), sidecar, crjson)
    verdict = Verdict.UNREADABLE
    try:
        _bounds(run)
        kind = _kind(run)
        _container(run, kind)
        _find_store(run, kind)
        _structure(run)
        _validate(run, kind)
        judge_binding(run)
        judge_claim(run)
        try:
            judge_time(run)
            judge_signer(run)
        except StoreBroken as error:
            run.fail(9, "store.broken", f"the claim signature does not parse: {error}")
            run.worsen(Verdict.MALFORMED)
        _history(run)
        _identities(run)
        tell_uncovered(run)
        verdict = run.verdict
    except Stop as stop:
        verdict = stop.verdict
        if stop.code:
            run.fail(len(run.steps) + 1, stop.code, str(stop))
    except OSError as error:
        run.fail(len(run.steps) + 1, "file.unreadable", error.strerror or "cannot be read")
    done = {step.number for step in run.steps}
    for number in range(1, len(STEPS) + 1):
        if number not in done:
            run.passed(number, outcome="not_reached")
    order = {Severity.FAILURE: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    remote = run.container.remote_url
    report = VerificationReport(
        verdict,
        SUMMARIES[verdict],
        tuple(sorted(run.findings, key=lambda f: order[f.severity])),
        tuple(run.steps),
        run.file,
        manifest_view(run.read, run.active, run.limits),
        run.signer,
        run.timestamp,
        run.ingredients,
        tuple(u.to_json() for u in run.uncovered),
        clean(remote, 400) if remote else None,
        run.moment.isoformat(timespec="seconds"),
        clean(trust.name, 200),
        run.cr,
        run.identities,
    )
    if only_laundered(report):
        return replace(
            report, summary="The file is as signed, but a source in its history had been altered."
        )
    return report


def only_laundered(report: VerificationReport) -> bool:
    """Whether it is a source alone that makes the file ``tampered``."""
    proven = [f for f in report.failures if not f.code.startswith(("history.", "signer."))]
    return report.verdict is Verdict.TAMPERED and report.laundered and not proven


def examine_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the child does with one request of :func:`provenance.verifier.verify`."""
    return examine(
        Path(request["path"]),
        TrustList.from_json(request["trust"]),
        at=parse_time(request["at"]) if request["at"] else None,
        limits=ProvenanceLimits.model_validate(request["limits"]),
        sidecar=Path(request["sidecar"]) if request["sidecar"] else None,
        crjson=bool(request["crjson"]),
    ).to_json()
