"""Verification in twelve numbered steps; the same numbers stand in the code and in the tests.

1.  *Bounds.* The file is there, regular, not empty, and not larger than the limit.
2.  *Kind.* Its first bytes are those of a media type that we read; its name is not believed.
3.  *Container.* The outermost structure holds together and is not past the limits.
4.  *Store.* There is exactly one manifest store: inside, or beside it as a sidecar. None is
    ``unsigned``, or ``remote_only`` when the file names a server, which is never asked.
5.  *Structure.* The store parses and stays below the limits of size, depth and number.
6.  *Validation.* The C2PA library validates it, with every network access switched off.
7.  *Hard binding.* The active manifest binds the file's bytes, and the binding matches.
8.  *Claim.* The claim's signature and the hashes of all assertions hold.
9.  *Time.* The moment at which the signer's certificate is judged: a trusted time-stamp's,
    else the moment asked for, else now.
10. *Signer.* The certificate fits the profile, is not revoked, and leads to an anchor of the
    signers' list at that moment, by our own path check as well as by the library's.
11. *History.* Every ingredient, down to the oldest, is intact and its signer known.
12. *Uncovered bytes.* What no hash covers (``free`` boxes, appended ones) is told.

A failed step of 1 to 3 and a limit of 5 give ``unreadable``; a failed 4 to 8, or an altered
source in 11, ``tampered``; a failed 10, or an unknown signer in 11, ``valid_untrusted``.
Nothing here opens a network connection. :func:`provenance.verifier.verify` runs the steps in a
child process with limits on memory and time; :func:`examine` runs them in this one.

Sources: C2PA 2.4 chapter 15 (validation); ISO/IEC 14496-12.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import c2pa
from cryptography.hazmat.primitives.serialization import Encoding

from provenance import history
from provenance.containers import (
    ContainerBroken,
    ContainerTooComplex,
    read_container,
    signed_before_break,
)
from provenance.formats import FileKind, detect_file
from provenance.jumbf import StoreBroken, StoreTooComplex, parse_store
from provenance.limits import ProvenanceLimits
from provenance.signatory import judge_signer, judge_time
from provenance.steps import STEPS, Run, Stop
from provenance.trust import TrustList, parse_time
from provenance.verdicts import (
    Severity,
    Verdict,
    VerificationReport,
    clean,
    clean_json,
)
from provenance.view import SUMMARIES, manifest_view

SIDECAR_SUFFIX = ".c2pa"
_CHUNK = 1024 * 1024
_BINDING_MATCHES = frozenset(
    {"assertion.bmffHash.match", "assertion.dataHash.match", "assertion.boxesHash.match"}
)


def library_settings(trust: TrustList, *, verify_after_sign: bool = False) -> dict[str, Any]:
    """The C2PA library's settings: no network of any kind, our anchors, no thumbnails."""
    anchors = b"".join(c.public_bytes(Encoding.PEM) for c in (*trust.signers, *trust.timestamps))
    settings: dict[str, Any] = {
        "version": 1,
        "core": {"allowed_network_hosts": []},
        "verify": {
            "verify_after_reading": True,
            "verify_after_sign": verify_after_sign,
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
            Verdict.UNREADABLE, "limit.file_bytes",
            f"larger than the limit of {run.limits.max_file_bytes} bytes",
        )  # fmt: skip
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
        run.fail(4, "store.several", "more than one manifest store: one of them was added")
        raise Stop(Verdict.TAMPERED, "", "")
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
        run.fail(5, "store.broken", f"the manifest store is damaged: {error}")
        raise Stop(Verdict.TAMPERED, "", "") from error
    run.passed(5, f"{len(run.store.manifests)} manifest(s)")


def _validate(run: Run, kind: FileKind) -> None:
    # step 6
    aside = run.store_bytes if not run.container.stores else None
    try:
        context = c2pa.Context.from_dict(library_settings(run.trust))
        with run.path.open("rb", buffering=_CHUNK) as file:
            reader = c2pa.Reader(kind.mime, file, aside, context=context)
            run.read = json.loads(reader.json())
            if run.crjson:
                run.cr = clean_json(json.loads(reader.crjson()), run.limits.max_text_chars, 24)
            reader.close()
    except c2pa.C2paError as error:
        run.fail(6, "store.unparsable", f"the credentials do not parse: {error}")
        raise Stop(Verdict.TAMPERED, "", "") from error
    except (ValueError, RecursionError) as error:
        run.fail(6, "store.unparsable", f"the credentials do not parse: {type(error).__name__}")
        raise Stop(Verdict.TAMPERED, "", "") from error
    assert run.store is not None
    if run.active != run.store.active.label:
        run.fail(6, "store.ambiguous", "two readings of the store name two active manifests")
        raise Stop(Verdict.TAMPERED, "", "")
    run.passed(6, f"{len(run.codes('success'))} checks held")


def _binding(run: Run) -> None:
    # step 7
    broken = [
        e for e in (run.results.get("activeManifest") or {}).get("failure", [])
        if "Hash" in str(e.get("code", "")) and "hashedURI" not in str(e.get("code", ""))
    ]  # fmt: skip
    if broken:
        run.fail(7, str(broken[0]["code"]), "the bytes of the file are not those that were signed",
                 str(broken[0].get("url", "")))  # fmt: skip
    elif not _BINDING_MATCHES & set(run.codes("success")):
        run.fail(7, "claim.hardBindings.missing", "the manifest is not bound to this file")
    else:
        run.passed(7)


def _claim(run: Run) -> None:
    # step 8
    already = {f.code for f in run.findings}
    wrong = [
        e for e in (run.results.get("activeManifest") or {}).get("failure", [])
        if e.get("code") not in history.TRUST_CODES
        and e.get("code") != "signingCredential.invalid"
        and e.get("code") not in already
    ]  # fmt: skip
    for entry in wrong:
        run.note(
            clean(entry.get("code", "unknown"), 100), Severity.FAILURE,
            str(entry.get("explanation", "")), str(entry.get("url", "")),
        )  # fmt: skip
    if not wrong and "claimSignature.validated" not in run.codes("success"):
        run.note("claimSignature.missing", Severity.FAILURE, "no valid signature over the claim")
        wrong = [{}]
    run.passed(8, outcome="failed" if wrong else "passed")


def _history(run: Run) -> None:
    # step 11
    manifests = run.read.get("manifests") or {}
    try:
        run.ingredients = tuple(
            history.judge(
                manifests, run.active, run.results, run.store, run.trust, run.moment, run.limits
            )
        )
    except RecursionError as error:
        raise Stop(Verdict.UNREADABLE, "limit.ingredients", str(error)) from error
    bad = False
    for item in run.ingredients:
        where = f"{item.relationship} “{item.title}”, {item.depth} deep"
        if item.verdict is Verdict.TAMPERED:
            bad = True
            run.note("history.tampered", Severity.FAILURE,
                     "a source had been altered after it was signed", where)  # fmt: skip
        elif item.verdict is Verdict.VALID_UNTRUSTED:
            bad = True
            run.note("history.untrusted", Severity.FAILURE,
                     "a source's signer is not on the trust list", where)  # fmt: skip
        elif item.verdict is Verdict.UNSIGNED:
            run.note("history.unsigned", Severity.NOTE, "a source had no credentials", where)
    count = len(run.ingredients)
    run.passed(11, f"{count} ingredient(s)", "failed" if bad else "passed")


def _uncovered(run: Run) -> None:
    # step 12
    loud = False
    for item in run.container.uncovered:
        if item.blank and not item.appended:
            continue
        loud = True
        what = "after the media" if item.appended else "inside the file"
        run.note("uncovered.bytes", Severity.WARNING,
                 f"{item.size} bytes {what} ({item.what}) are covered by no hash; "
                 "anybody can have put them there", f"byte {item.offset}")  # fmt: skip
    run.passed(12, outcome="noted" if loud else "passed")


def _verdict(run: Run) -> Verdict:
    failed = {step.number for step in run.steps if step.outcome == "failed"}
    dirty = any(i.verdict is Verdict.TAMPERED for i in run.ingredients)
    if failed & {4, 5, 6, 7, 8} or dirty:
        return Verdict.TAMPERED
    return Verdict.VALID_UNTRUSTED if failed & {10, 11} else Verdict.TRUSTED


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
        _binding(run)
        _claim(run)
        try:
            judge_time(run)
            judge_signer(run)
        except StoreBroken as error:
            run.fail(8, "store.broken", f"the claim signature is damaged: {error}")
        _history(run)
        _uncovered(run)
        verdict = _verdict(run)
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
        tuple(u.to_json() for u in run.container.uncovered),
        clean(remote, 400) if remote else None,
        run.moment.isoformat(timespec="seconds"),
        clean(trust.name, 200),
        run.cr,
    )
    if report.laundered and verdict is Verdict.TAMPERED:
        return replace(
            report, summary="The file is as signed, but a source in its history had been altered."
        )
    return report


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
