"""Fragmented MP4 as streams deliver it: one initialisation segment, many media segments.

The manifest lies in the initialisation segment and binds each media segment by a Merkle tree,
so segments are checked one by one, in any order. Source: C2PA 2.4, section 18.7.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import c2pa

from provenance.examination import examine, library_settings
from provenance.history import TRUST_CODES, codes_of
from provenance.limits import ProvenanceLimits
from provenance.trust import TrustList
from provenance.verdicts import Verdict, VerificationReport, clean

_MIME = "video/mp4"
_FRAGMENT_HOLDS = "assertion.bmffHash.match"


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One media segment. ``reason`` is empty when it is as it was signed."""

    path: Path
    intact: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """The initialisation segment's verification, and every media segment's result.

    ``verdict`` is the initialisation segment's, but ``tampered`` when one segment is not intact.
    """

    init: VerificationReport
    segments: tuple[SegmentResult, ...]
    verdict: Verdict


def verify_fragments(
    init: Path,
    segments: Iterable[Path],
    trust: TrustList,
    limits: ProvenanceLimits | None = None,
) -> StreamReport:
    """Verify a stream's segments against the manifest in its initialisation segment.

    The binding of the whole file cannot hold for an initialisation segment alone, so its own
    step 7 is judged by the segments. Runs in this process: give it files that you produced or
    fetched from a source you know. Never raises for what is in the files.
    """
    report = examine(init, trust, limits=limits)
    if report.verdict in (Verdict.UNSIGNED, Verdict.UNREADABLE, Verdict.REMOTE_ONLY):
        return StreamReport(report, (), report.verdict)
    results = tuple(_each(init, segments, trust))
    others = [f for f in report.failures if "bmffHash" not in f.code]
    only_trust = all(f.code.startswith(("signer.", "history.untrusted")) for f in others)
    if not results or not all(r.intact for r in results) or not only_trust:
        return StreamReport(report, results, Verdict.TAMPERED)
    return StreamReport(report, results, Verdict.VALID_UNTRUSTED if others else Verdict.TRUSTED)


def _each(init: Path, segments: Iterable[Path], trust: TrustList) -> Iterator[SegmentResult]:
    context = c2pa.Context.from_dict(library_settings(trust))
    for path in segments:
        try:
            with init.open("rb") as first, init.open("rb") as again, path.open("rb") as segment:
                reader = c2pa.Reader(_MIME, first, context=context)
                reader = reader.with_fragment(_MIME, again, segment)
                results = json.loads(reader.json()).get("validation_results") or {}
                reader.close()
        except (c2pa.C2paError, OSError, ValueError) as error:
            yield SegmentResult(path, False, clean(str(error), 300))
            continue
        active = results.get("activeManifest")
        broken = [c for c in codes_of(active, "failure") if c not in TRUST_CODES]
        held = _FRAGMENT_HOLDS in codes_of(active, "success")
        reason = ", ".join(broken) or ("" if held else "the segment is not bound to the manifest")
        yield SegmentResult(path, held and not broken, clean(reason, 300))
