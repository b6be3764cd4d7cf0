"""The answer to "where does this video come from?": classes of evidence, weighed into sentences.

Every sentence is true whatever the reader assumes. Each class of evidence says what it proves
and what it does not. Nothing found is told as nothing found, never as real; only a calibrated
detector speaks of likelihood, with its false-positive rate beside it; credentials by an unknown
signer are told as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from provenance.evidence import DetectorScore, Evidence, Finding, Origin, State, date
from provenance.labels import UNSIGNED, said, says_ai
from provenance.recovery import Recovery, RecoveryState
from provenance.sentences import credentials, times, words
from provenance.verdicts import Verdict, VerificationReport, clean, clean_json

__all__ = ["DetectorScore", "Evidence", "Finding", "Origin", "ProvenanceReport", "State", "weigh"]


LIBRARIES = "guarded-gen[verify]"
"""The extra with the libraries that read marks and pictures."""


@dataclass(frozen=True, slots=True)
class ProvenanceReport:
    """Headline, explanation, classes of evidence, and the verification behind them."""

    origin: Origin
    headline: str
    explanation: str
    findings: tuple[Finding, ...]
    verification: VerificationReport
    recovery: Recovery
    made_at: datetime
    thumbnail: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "origin": self.origin.value,
            "headline": self.headline,
            "explanation": self.explanation,
            "evidence": [
                {**asdict(f), "kind": f.kind.value, "state": f.state.value} for f in self.findings
            ],
            "recovery": self.recovery.to_json(),
            "verification": self.verification.to_json(),
            "made_at": self.made_at.isoformat(timespec="seconds"),
        }


def _where(recovery: Recovery) -> str:
    """When the mark is there, and what further marks led to; after the sentence about the first."""
    said = f" {times(recovery.spans)}." if recovery.part else ""
    for other in recovery.others:
        assert other.match is not None
        when = times(other.spans).lower() or "somewhere in it"
        what = {
            RecoveryState.RECOVERED: "another video of ours, and the picture is that video's",
            RecoveryState.UNCONFIRMED: "another video of ours, which nothing confirms",
            RecoveryState.REFUSED: "a video of ours that looks different: it was moved here",
        }[other.state]
        said += f" A mark {when} names {what} (published {date(other.match.published_at)})."
    return said


def _not_checked(kind: Evidence, sentence: str, looked: OtherEvidence) -> Finding:
    needs = f" That needs {LIBRARIES}." if looked.no_libraries else ""
    return Finding(kind, State.NOT_CHECKED, sentence + needs)


def _watermark(recovery: Recovery, looked: OtherEvidence) -> Finding:
    kind = Evidence.WATERMARK
    if not looked.watermark:
        return _not_checked(kind, "The invisible watermark was not looked for.", looked)
    if recovery.state is RecoveryState.RECOVERED and recovery.match:
        return Finding(
            kind,
            State.FOUND,
            f"Our invisible watermark is in the picture and names a video that we published on "
            f"{date(recovery.match.published_at)}; the picture is that video's."
            f"{_where(recovery)}",
            "That this is a copy of that video, or of a part of it.",
            "That nothing was changed: a copy can be cut, or shown in another context.",
        )
    if recovery.state is RecoveryState.UNCONFIRMED and recovery.match:
        return Finding(
            kind,
            State.FOUND,
            f"Our invisible watermark is in the picture and names a video that we published on "
            f"{date(recovery.match.published_at)}; there was no fingerprint to confirm it by.",
            "That this mark was made by us.",
            "That it was made for this picture: a mark alone can be moved.",
        )
    if recovery.state is RecoveryState.REFUSED:
        return Finding(
            kind,
            State.CONTRADICTS,
            "Our invisible watermark is in the picture, but it belongs to a video that looks "
            "different. The mark was moved here or forged; it is not counted."
            if recovery.similarity is not None
            else "Our invisible watermark is in the picture, but it was made for another one: its "
            "strength does not follow this one. It was moved here or forged; it is not counted.",
            "That somebody put a mark where it does not belong.",
            "Where this picture comes from.",
        )
    if looked.marks:
        return Finding(
            kind,
            State.FOUND,
            "A watermark of our kind is in the picture, but no published video has its number.",
            "",
            "That it comes from here: another installation, or chance, can give such a mark.",
        )
    return Finding(
        kind,
        State.NOT_FOUND,
        "Our invisible watermark was not found in the picture.",
        "",
        "That it was not made with AI, here or elsewhere: marks can be lost, and most "
        "generators put none.",
    )


def _fingerprint(recovery: Recovery, looked: OtherEvidence) -> Finding:
    kind = Evidence.FINGERPRINT
    if not looked.fingerprint:
        return _not_checked(kind, "The picture was not compared with ours.", looked)
    if recovery.state is RecoveryState.RECOVERED:
        return Finding(
            kind,
            State.FOUND,
            f"The picture agrees with the published one ({recovery.similarity} of 100).",
            "That the two look alike.",
            "By itself, that one was made from the other.",
        )
    if recovery.state is RecoveryState.SIMILAR and recovery.match:
        return Finding(
            kind,
            State.FOUND,
            f"The picture resembles one that we published on "
            f"{date(recovery.match.published_at)} ({recovery.similarity} of 100).",
            "That the two look alike.",
            "That this is that video: without a mark or credentials it is a likeness.",
        )
    if recovery.state is RecoveryState.REFUSED and recovery.similarity is None:
        return Finding(kind, State.NOT_CHECKED, "There is no fingerprint to compare it with.")
    if recovery.state is RecoveryState.REFUSED:
        return Finding(
            kind,
            State.CONTRADICTS,
            f"The picture is not that of the video which the mark names "
            f"({recovery.similarity} of 100).",
        )
    return Finding(
        kind,
        State.NOT_FOUND,
        "The picture resembles none that we published.",
        "",
        "That it is not ours: heavy editing hides a likeness.",
    )


def _hash_bank(matches: Sequence[str] | None) -> Finding:
    if matches is None:
        return Finding(
            Evidence.HASH_BANK, State.NOT_CHECKED, "No bank of known pictures was asked."
        )
    if not matches:
        return Finding(
            Evidence.HASH_BANK, State.NOT_FOUND, "It is in none of the banks of known pictures."
        )
    names = ", ".join(clean(name, 80) for name in matches)
    return Finding(
        Evidence.HASH_BANK,
        State.FOUND,
        f"It is in a bank of known pictures: {names}.",
        "That it looks like a picture that somebody registered.",
        "What it shows.",
    )


def _container(looked: OtherEvidence) -> Finding:
    kind, metadata = Evidence.CONTAINER, looked.container
    if metadata is None:
        return _not_checked(kind, "Labels in the container were not read.", looked)
    if not metadata:
        return Finding(kind, State.NOT_FOUND, "The container carries no label about its making.")
    return Finding(
        kind,
        State.FOUND,
        said(metadata),
        "That somebody wrote this into the file.",
        "Anything more: nobody signed it, and anybody can write or remove it.",
        clean_json(metadata),
    )


def _detector(score: DetectorScore | None, failed: bool) -> Finding:
    kind = Evidence.DETECTOR
    if score is None and failed:
        return Finding(
            kind,
            State.NOT_CHECKED,
            "A detector of synthetic video is installed, but it gave no answer for this file.",
        )
    if score is None:
        return Finding(
            kind,
            State.NOT_CHECKED,
            "No calibrated detector of synthetic video was asked.",
        )
    rate = f"{score.false_positive_rate:.1%}"
    if score.probability >= score.threshold:
        return Finding(
            kind,
            State.FOUND,
            f"The detector {score.name} finds it likely synthetic; it says so of {rate} of real "
            "videos too.",
            "A likelihood.",
            "That it is synthetic.",
            {"probability": score.probability},
        )
    return Finding(
        kind,
        State.NOT_FOUND,
        f"The detector {score.name} does not find it likely synthetic.",
        "",
        "That it is real: detectors miss new generators.",
        {"probability": score.probability},
    )


@dataclass(frozen=True, slots=True)
class OtherEvidence:
    """What else was looked at, and what was found there.

    ``hash_banks`` names the banks that know the picture; None: none was asked. ``detector_failed``
    says that a detector was asked and gave no answer. ``marks`` counts the watermarks read.
    ``no_libraries``: what reads marks and pictures is not installed.
    """

    marks: int = 0
    watermark: bool = False
    fingerprint: bool = False
    hash_banks: Sequence[str] | None = None
    container: Mapping[str, Any] | None = None
    detector: DetectorScore | None = None
    detector_failed: bool = False
    no_libraries: bool = False


def weigh(
    verification: VerificationReport,
    recovery: Recovery,
    looked: OtherEvidence | None = None,
    *,
    ours: bool = False,
    thumbnail: bytes | None = None,
    now: datetime | None = None,
) -> ProvenanceReport:
    """Weigh the classes of evidence; ``ours`` says that the signer is this installation."""
    looked = looked or OtherEvidence()
    container, detector = looked.container, looked.detector
    findings = (
        credentials(verification),
        _watermark(recovery, looked),
        _fingerprint(recovery, looked),
        _hash_bank(looked.hash_banks),
        _container(looked),
        _detector(detector, looked.detector_failed),
    )
    likely = detector is not None and detector.probability >= detector.threshold
    origin = _origin(verification, recovery, ours, likely)
    headline, explanation = words(origin, verification, recovery, detector)
    if container and says_ai(container) and origin in _LABEL_COUNTS:
        explanation = f"{UNSIGNED} {explanation}"
    return ProvenanceReport(
        origin,
        headline,
        explanation,
        findings,
        verification,
        recovery,
        now or datetime.now(UTC),
        thumbnail if verification.verdict is Verdict.TRUSTED else None,
    )


_LABEL_COUNTS = frozenset(Origin) - {
    Origin.OURS,
    Origin.CREDENTIALED,
    Origin.OURS_RECOVERED,
    Origin.LIKELY_SYNTHETIC,
}
"""Answers beside which an unsigned label is worth saying; signatures and marks say more."""


def _origin(
    verification: VerificationReport, recovery: Recovery, ours: bool, likely: bool
) -> Origin:
    """Credentials outweigh everything; a recovered original outweighs broken credentials."""
    verdict = verification.verdict
    if verdict is Verdict.TRUSTED:
        return Origin.OURS if ours else Origin.CREDENTIALED
    if recovery.state is RecoveryState.RECOVERED:
        return Origin.OURS_RECOVERED
    if verdict is Verdict.TAMPERED:
        return Origin.ALTERED
    if recovery.state is RecoveryState.REFUSED:
        return Origin.FORGED_MARK
    if verdict in _BY_VERDICT:
        return _BY_VERDICT[verdict]
    if recovery.state in (RecoveryState.SIMILAR, RecoveryState.UNCONFIRMED):
        return Origin.SIMILAR
    if verdict is Verdict.UNREADABLE:
        return Origin.UNREADABLE
    if verdict is Verdict.REMOTE_ONLY:
        return Origin.REMOTE
    return Origin.LIKELY_SYNTHETIC if likely else Origin.UNKNOWN


_BY_VERDICT = {
    Verdict.VALID_UNTRUSTED: Origin.UNTRUSTED,
    Verdict.MALFORMED: Origin.MALFORMED,
    Verdict.NOT_JUDGED: Origin.NOT_JUDGED,
}
