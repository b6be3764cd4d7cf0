"""Fragmented MP4 as streams deliver it: one initialisation segment, many media segments.

The manifest lies in the initialisation segment and binds each media segment by a Merkle tree,
so segments are checked one by one, in any order and number: by our own check
(:mod:`provenance.merkle`) and by the C2PA library; the stricter one counts.

Source: C2PA 2.4, section 18.7.2.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import c2pa

from provenance.codes import Meaning, is_binding, meaning
from provenance.containers import ContainerBroken, read_container
from provenance.examination import examine, library_settings, signing_chains
from provenance.formats import MP4
from provenance.history import codes_of
from provenance.isolation import Sandbox
from provenance.jumbf import StoreBroken, parse_store
from provenance.limits import ProvenanceLimits
from provenance.merkle import FragmentTree, Leaf
from provenance.trust import TrustList, parse_time
from provenance.verdicts import (
    Severity,
    Verdict,
    VerificationFinding,
    VerificationReport,
    clean,
    strictest,
)
from provenance.view import SUMMARIES

_MIME = "video/mp4"
_FRAGMENT_HOLDS = "assertion.bmffHash.match"
_NO_CREDENTIALS = (Verdict.UNSIGNED, Verdict.UNREADABLE, Verdict.REMOTE_ONLY)


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One media segment. ``reason`` is empty when it is as it was signed.

    ``proven`` says that a hash proves the change; otherwise it is bound to nothing.
    ``location`` is its place in the stream, counted from 0; -1 when it is not known.
    """

    path: Path
    intact: bool
    reason: str = ""
    proven: bool = False
    location: int = -1


@dataclass(frozen=True, slots=True)
class StreamReport:
    """The initialisation segment's verification, and every media segment's result.

    ``verdict`` is the initialisation segment's, but stricter when a segment is not intact.
    """

    init: VerificationReport
    segments: tuple[SegmentResult, ...]
    verdict: Verdict

    @property
    def whole(self) -> VerificationReport:
        """The stream as one verification report, for everybody who weighs or shows one."""
        notes = [
            VerificationFinding(
                "segment.changed" if s.proven else "segment.unbound",
                Severity.FAILURE,
                f"a media segment is not as it was signed: {s.reason}",
                f"segment {number}",
            )
            for number, s in enumerate(self.segments, 1)
            if not s.intact
        ]
        kept = self.init.findings
        if self.segments:
            notes += _order(self.segments)
            kept = tuple(f for f in kept if not _about_whole_file(f))
        order = {Severity.FAILURE: 0, Severity.WARNING: 1, Severity.NOTE: 2}
        findings = sorted([*notes, *kept], key=lambda f: order[f.severity])
        shown = [
            {"number": number, "intact": s.intact, "location": s.location, "reason": s.reason}
            for number, s in enumerate(self.segments, 1)
        ]
        file = {**self.init.file, "segments": shown}
        return replace(
            self.init,
            verdict=self.verdict,
            summary=SUMMARIES[self.verdict],
            findings=tuple(findings),
            file=file,
        )


def _about_whole_file(finding: VerificationFinding) -> bool:
    """What the hash over a whole file says cannot hold for an initialisation segment."""
    return is_binding(finding.code) or finding.code == "disagreement.binding"


def _order(segments: Sequence[SegmentResult]) -> list[VerificationFinding]:
    places = [s.location for s in segments if s.intact and s.location >= 0]
    told: list[VerificationFinding] = []
    if len(set(places)) < len(places):
        told.append(
            VerificationFinding(
                "segments.repeated", Severity.WARNING, "the same segment was given more than once"
            )
        )
    if places != sorted(places):
        told.append(
            VerificationFinding(
                "segments.order",
                Severity.WARNING,
                "the segments were given in another order than they were signed in",
            )
        )
    missing = set(range(min(places), max(places) + 1)) - set(places) if places else set()
    if missing:
        text = f"{len(missing)} segment(s) between those given are missing"
        told.append(VerificationFinding("segments.gap", Severity.WARNING, text))
    return told


def verify_fragments(
    init: Path,
    segments: Iterable[Path],
    trust: TrustList,
    limits: ProvenanceLimits | None = None,
    *,
    at: datetime | None = None,
) -> StreamReport:
    """Verify a stream's segments against the manifest in its initialisation segment.

    The binding of the whole file cannot hold for an initialisation segment alone, so its own
    step 7 is judged by the tree. Runs in this process; :func:`verify_stream` is the guarded way.
    Never raises for what is in the files.
    """
    chosen = limits or ProvenanceLimits()
    report = examine(init, trust, limits=chosen, at=at)
    paths = list(segments)
    tree, problem, settings = _tree(init, trust, chosen)
    if tree is None and paths and all(_own_store(path, chosen) for path in paths):
        return _live(report, paths, trust, chosen, at)
    if report.verdict in _NO_CREDENTIALS:
        return StreamReport(report, (), report.verdict)
    results = tuple(_each(init, paths, settings, tree, problem))
    others = [f for f in report.findings if not _about_whole_file(f)]
    verdict = _without_binding(report, others)
    try:
        untouched = tree.init_intact(init) if tree else None
    except (OSError, ValueError):
        untouched = False
    if untouched is False:
        verdict = Verdict.TAMPERED
    if not results or tree is None:
        verdict = strictest(verdict, report.verdict)
    for result in results:
        if not result.intact:
            verdict = strictest(verdict, Verdict.TAMPERED if result.proven else Verdict.MALFORMED)
    return StreamReport(report, results, verdict)


def _own_store(path: Path, limits: ProvenanceLimits) -> bool:
    """Whether a segment carries credentials of its own (C2PA 2.4, chapter 19)."""
    try:
        return bool(read_container(path, MP4, limits).stores)
    except (ContainerBroken, OSError):
        return False


def _live(
    init: VerificationReport,
    paths: Sequence[Path],
    trust: TrustList,
    limits: ProvenanceLimits,
    at: datetime | None,
) -> StreamReport:
    """A live stream, each segment of which is signed by itself: each is judged by itself.

    That they follow each other is not checked: what is cut out between two is not seen, so the
    stream as a whole is at best ``not_judged``.
    """
    results: list[SegmentResult] = []
    verdict = Verdict.NOT_JUDGED
    if init.verdict not in _NO_CREDENTIALS:
        others = [f for f in init.findings if not _about_whole_file(f)]
        verdict = strictest(verdict, _without_binding(init, others))
    for path in paths:
        report = examine(path, trust, limits=limits, at=at)
        if report.verdict in _NO_CREDENTIALS:
            results.append(SegmentResult(path, False, report.summary))
            verdict = strictest(verdict, Verdict.MALFORMED)
            continue
        # the C2PA library reads no segments: our own steps 7 and 8 decide
        own = all(step.outcome == "passed" for step in report.steps[6:8])
        held = report.intact or (report.verdict is Verdict.NOT_JUDGED and own)
        reason = "" if held else "; ".join(f.message for f in report.findings[:2])
        proven = report.verdict is Verdict.TAMPERED
        results.append(SegmentResult(path, held, clean(reason, 300), proven))
        verdict = strictest(verdict, report.verdict)
    note = VerificationFinding(
        "stream.live",
        Severity.WARNING,
        "each segment is signed by itself, as in live streams: each was judged by itself; whether "
        "they follow each other as they were sent was not checked",
    )
    kept = replace(init, findings=(*init.findings, note))
    return StreamReport(kept, tuple(results), verdict)


def _without_binding(report: VerificationReport, others: Sequence[VerificationFinding]) -> Verdict:
    """The verdict of an initialisation segment, leaving out the hash over the whole file."""
    weights = {
        Meaning.CHANGED: Verdict.TAMPERED,
        Meaning.MALFORMED: Verdict.MALFORMED,
        Meaning.NOT_JUDGED: Verdict.NOT_JUDGED,
    }
    if len(others) == len(report.findings):
        return report.verdict
    found = Verdict.TRUSTED
    for finding in others:
        if finding.code == "history.tampered":
            found = Verdict.TAMPERED
        elif finding.code.startswith(("signer.", "history.")):
            if finding.severity is Severity.FAILURE:
                found = strictest(found, Verdict.VALID_UNTRUSTED)
        elif finding.severity is Severity.FAILURE:
            found = strictest(found, weights.get(meaning(finding.code), Verdict.MALFORMED))
        elif finding.code.startswith(("algorithm.", "store.", "binding.")):
            found = strictest(found, Verdict.NOT_JUDGED)
    return found


def _tree(
    init: Path, trust: TrustList, limits: ProvenanceLimits
) -> tuple[FragmentTree | None, str, dict[str, Any]]:
    """The signed tree, else why there is none; and how the library is set for this file."""
    settings = library_settings(trust)
    try:
        stores = read_container(init, MP4, limits).stores
        store = parse_store(stores[0], limits)
        settings = library_settings(trust, signing_chains(store))
        return FragmentTree(store.active, limits), "", settings
    except (ContainerBroken, StoreBroken, ValueError, IndexError, OSError) as error:
        return None, clean(str(error), 200), settings


def _each(
    init: Path,
    segments: Iterable[Path],
    settings: dict[str, Any],
    tree: FragmentTree | None,
    problem: str,
) -> Iterable[SegmentResult]:
    context = c2pa.Context.from_dict(settings)
    for path in segments:
        try:
            leaf = tree.check(path) if tree else Leaf(reason=problem)
        except OSError as error:
            yield SegmentResult(path, False, error.strerror or "cannot be read")
            continue
        theirs, changed = _library(init, path, context)
        reason = leaf.reason or theirs
        proven = leaf.proven or (changed and not leaf.reason)
        yield SegmentResult(path, not reason, clean(reason, 300), proven, leaf.location)


def _library(init: Path, segment: Path, context: Any) -> tuple[str, bool]:
    """Why the C2PA library refuses a segment (empty when it does not), and whether by a hash."""
    try:
        with init.open("rb") as first, init.open("rb") as again, segment.open("rb") as media:
            reader = c2pa.Reader(_MIME, first, context=context)
            reader = reader.with_fragment(_MIME, again, media)
            results = json.loads(reader.json()).get("validation_results") or {}
            reader.close()
    except (c2pa.C2paError, OSError, ValueError) as error:
        return str(error) or type(error).__name__, False
    active = results.get("activeManifest")
    broken = [c for c in codes_of(active, "failure") if is_binding(c)]
    if broken:
        return ", ".join(broken), any(meaning(c) is Meaning.CHANGED for c in broken)
    held = _FRAGMENT_HOLDS in codes_of(active, "success")
    return ("" if held else "the segment is not bound to the manifest"), False


def verify_stream(
    init: Path,
    segments: Sequence[Path],
    trust: TrustList,
    limits: ProvenanceLimits | None = None,
    *,
    at: datetime | None = None,
    sandbox: Sandbox,
) -> StreamReport:
    """:func:`verify_fragments` in a guarded child; raises :class:`VerifierUnavailable`."""
    chosen = limits or ProvenanceLimits()
    request = {
        "task": "fragments",
        "path": str(init.absolute()),
        "segments": [str(p.absolute()) for p in segments],
        "trust": trust.to_json(),
        "limits": chosen.model_dump(),
        "at": at.isoformat() if at else None,
    }
    sizes = sum(p.stat().st_size for p in (init, *segments) if p.is_file())
    hashing = 2 * sizes / chosen.verify_bytes_per_second
    each = chosen.verify_cpu_seconds * (1 + len(segments) / 10)
    outcome = sandbox.call(request, chosen.verify_seconds + hashing, each + hashing)
    if outcome.answer is None:
        report = VerificationReport(
            Verdict.UNREADABLE,
            SUMMARIES[Verdict.UNREADABLE],
            (VerificationFinding(outcome.code, Severity.FAILURE, outcome.message),),
            file={"name": clean(init.name, 255)},
            trust_list=clean(trust.name, 200),
        )
        return StreamReport(report, (), Verdict.UNREADABLE)
    return StreamReport(
        VerificationReport.from_json(outcome.answer["init"]),
        tuple(SegmentResult(**{**s, "path": Path(s["path"])}) for s in outcome.answer["segments"]),
        Verdict(outcome.answer["verdict"]),
    )


@contextmanager
def joined(init: Path, segments: Sequence[Path], most_bytes: int) -> Iterator[Path]:
    """A stream's segments as one film that a decoder can read, for as long as the block lasts.

    Never longer than ``most_bytes``: what is past that is left out of the picture's reading.
    """
    with tempfile.NamedTemporaryFile(suffix=init.suffix or ".mp4") as film:
        left = most_bytes
        for part in (init, *segments):
            try:
                size = part.stat().st_size
                if size > left:
                    break
                with part.open("rb") as source:
                    shutil.copyfileobj(source, film)
            except OSError:
                continue  # its absence is told by the verification
            left -= size
        film.flush()
        yield Path(film.name)


def fragments_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the child does with one request of :func:`verify_stream`."""
    report = verify_fragments(
        Path(request["path"]),
        [Path(p) for p in request["segments"]],
        TrustList.from_json(request["trust"]),
        ProvenanceLimits.model_validate(request["limits"]),
        at=parse_time(request["at"]) if request["at"] else None,
    )
    segments = [{**asdict(s), "path": str(s.path)} for s in report.segments]
    return {"init": report.init.to_json(), "segments": segments, "verdict": report.verdict.value}
