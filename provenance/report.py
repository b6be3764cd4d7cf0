"""The answer to "where does this video come from?": classes of evidence, weighed into sentences.

Every sentence is true whatever the reader assumes. Each class of evidence says what it proves
and what it does not. Nothing found is told as nothing found, never as real; only a calibrated
detector speaks of likelihood, with its false-positive rate beside it; credentials by an unknown
signer are told as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from provenance.recovery import Recovery, RecoveryState
from provenance.verdicts import Verdict, VerificationReport, clean, clean_json

_DEFAULT_NAME = "This file"


class Evidence(StrEnum):
    """The classes, by falling weight."""

    CREDENTIALS = "credentials"
    WATERMARK = "watermark"
    FINGERPRINT = "fingerprint"
    HASH_BANK = "hash_bank"
    CONTAINER = "container_metadata"
    DETECTOR = "detector"


class State(StrEnum):
    """What a class of evidence came to."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    CONTRADICTS = "contradicts"
    NOT_CHECKED = "not_checked"


class Origin(StrEnum):
    """The one-word answer; the sentences are the answer."""

    OURS = "ours"
    OURS_RECOVERED = "ours_recovered"
    CREDENTIALED = "credentialed"
    UNTRUSTED = "untrusted"
    ALTERED = "altered"
    FORGED_MARK = "forged_mark"
    SIMILAR = "similar"
    LIKELY_SYNTHETIC = "likely_synthetic"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One class of evidence: a sentence, what it proves, and what it does not."""

    kind: Evidence
    state: State
    sentence: str
    proves: str = ""
    does_not_prove: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DetectorScore:
    """A calibrated detector's probability, and its false-positive rate at this threshold."""

    probability: float
    threshold: float
    false_positive_rate: float
    name: str


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


_MADE = {
    "trainedAlgorithmicMedia": "made by generative AI",
    "compositeWithTrainedAlgorithmicMedia": "partly made by generative AI",
    "algorithmicMedia": "made by a computer program, not by a trained AI model",
    "compositeSynthetic": "composed with synthetic parts",
    "digitalCapture": "recorded with a camera",
    "computationalCapture": "recorded with a camera and computed from several pictures",
    "digitalCreation": "made by a person with digital tools",
    "composite": "composed of several sources",
    "screenCapture": "recorded from a screen",
    "humanEdits": "edited by a person",
}


def source_words(report: VerificationReport) -> str:
    """How the manifest says that the content was made, in plain words; may be empty."""
    for action in report.manifest.get("actions", ()):
        term = str(action.get("digitalSourceType") or "").rpartition("/")[2]
        if term in _MADE:
            return _MADE[term]
    return ""


def _generator(report: VerificationReport) -> str:
    for action in report.manifest.get("actions", ()):
        agent = action.get("softwareAgent")
        if isinstance(agent, Mapping) and agent.get("name"):
            return f"{agent['name']} {agent.get('version') or ''}".strip()
    generators = report.manifest.get("generators") or [{}]
    return str(generators[0].get("name") or "")


def _date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%d %B %Y, %H:%M UTC")


def _credentials(report: VerificationReport) -> Finding:
    kind = Evidence.CREDENTIALS
    detail = {"verdict": report.verdict.value}
    if report.verdict is Verdict.TRUSTED:
        assert report.signer is not None
        made = source_words(report)
        said = f" They say that it was {made}." if made else ""
        if any(f.code == "uncovered.bytes" for f in report.findings):
            said += " The file also holds bytes that no signature covers; they may be anybody's."
        return Finding(
            kind, State.FOUND,
            f"It carries content credentials signed by {report.signer.common_name} "
            f"({report.signer.organisation}), a signer on the trust list, and nothing that they "
            f"cover was changed since.{said}",
            "Who signed it, that this signer is known to us, and that the signed bytes are "
            "unchanged.",
            "That what it shows happened, or that the signer told the truth.",
            detail,
        )  # fmt: skip
    if report.verdict is Verdict.VALID_UNTRUSTED:
        return Finding(
            kind, State.FOUND,
            "It carries content credentials that fit the file, but "
            + "; ".join(dict.fromkeys(f.message for f in report.failures)) + ".",
            "That the file was not changed since somebody signed it.",
            "Who that was: anybody can make such a certificate at home.",
            detail,
        )  # fmt: skip
    if report.verdict is Verdict.TAMPERED:
        reasons = "; ".join(dict.fromkeys(f.message for f in report.failures[:3]))
        if report.laundered:
            return Finding(
                kind, State.CONTRADICTS,
                f"It is as it was signed last, but its history is not clean: {reasons}.",
                "That a source was changed between two signatures.",
                "Who changed it, or what the source showed before.",
                detail,
            )  # fmt: skip
        return Finding(
            kind, State.CONTRADICTS,
            f"It carries content credentials that do not fit the file: {reasons}.",
            "That the file or its credentials were changed after signing.",
            "Who changed it or why; a damaged download looks the same.",
            detail,
        )  # fmt: skip
    if report.verdict is Verdict.REMOTE_ONLY:
        return Finding(
            kind, State.NOT_CHECKED,
            "It names credentials on a server. We do not ask servers that files name.",
            "", "Anything: a name is not a credential.", detail,
        )  # fmt: skip
    if report.verdict is Verdict.UNSIGNED:
        return Finding(
            kind, State.NOT_FOUND, "It carries no content credentials.",
            "", "Anything: most programs and platforms remove credentials.", detail,
        )  # fmt: skip
    reason = report.findings[0].message if report.findings else "it cannot be read"
    return Finding(
        kind, State.NOT_CHECKED, f"It could not be read as a media file: {reason}.",
        "", "Anything.", detail,
    )  # fmt: skip


def _watermark(recovery: Recovery, checked: bool, marks: int) -> Finding:
    kind = Evidence.WATERMARK
    if not checked:
        return Finding(kind, State.NOT_CHECKED, "The invisible watermark was not looked for.")
    if recovery.state is RecoveryState.RECOVERED and recovery.match:
        return Finding(
            kind, State.FOUND,
            f"Our invisible watermark is in the picture and names a video that we published on "
            f"{_date(recovery.match.published_at)}; the picture is that video's.",
            "That this is a copy of that video, or of a part of it.",
            "That nothing was changed: a copy can be cut, or shown in another context.",
        )  # fmt: skip
    if recovery.state is RecoveryState.UNCONFIRMED and recovery.match:
        return Finding(
            kind, State.FOUND,
            f"Our invisible watermark is in the picture and names a video that we published on "
            f"{_date(recovery.match.published_at)}; there was no fingerprint to confirm it by.",
            "That this mark was made by us.",
            "That it was made for this picture: a mark alone can be moved.",
        )  # fmt: skip
    if recovery.state is RecoveryState.REFUSED:
        return Finding(
            kind, State.CONTRADICTS,
            "Our invisible watermark is in the picture, but it belongs to a video that looks "
            "different. The mark was moved here or forged; it is not counted.",
            "That somebody put a mark where it does not belong.",
            "Where this picture comes from.",
        )  # fmt: skip
    if marks:
        return Finding(
            kind, State.FOUND,
            "A watermark of our kind is in the picture, but no published video has its number.",
            "", "That it comes from here: another installation, or chance, can give such a mark.",
        )  # fmt: skip
    return Finding(
        kind, State.NOT_FOUND, "Our invisible watermark was not found in the picture.",
        "", "That it was not made with AI, here or elsewhere: marks can be lost, and most "
        "generators put none.",
    )  # fmt: skip


def _fingerprint(recovery: Recovery, checked: bool) -> Finding:
    kind = Evidence.FINGERPRINT
    if not checked:
        return Finding(kind, State.NOT_CHECKED, "The picture was not compared with ours.")
    if recovery.state is RecoveryState.RECOVERED:
        return Finding(
            kind, State.FOUND,
            f"The picture agrees with the published one ({recovery.similarity} of 100).",
            "That the two look alike.", "By itself, that one was made from the other.",
        )  # fmt: skip
    if recovery.state is RecoveryState.SIMILAR and recovery.match:
        return Finding(
            kind, State.FOUND,
            f"The picture resembles one that we published on "
            f"{_date(recovery.match.published_at)} ({recovery.similarity} of 100).",
            "That the two look alike.",
            "That this is that video: without a mark or credentials it is a likeness.",
        )  # fmt: skip
    if recovery.state is RecoveryState.REFUSED:
        return Finding(
            kind, State.CONTRADICTS,
            f"The picture is not that of the video which the mark names "
            f"({recovery.similarity} of 100).",
        )  # fmt: skip
    return Finding(
        kind, State.NOT_FOUND, "The picture resembles none that we published.",
        "", "That it is not ours: heavy editing hides a likeness.",
    )  # fmt: skip


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
        Evidence.HASH_BANK, State.FOUND, f"It is in a bank of known pictures: {names}.",
        "That it looks like a picture that somebody registered.", "What it shows.",
    )  # fmt: skip


def _container(metadata: Mapping[str, Any] | None) -> Finding:
    kind = Evidence.CONTAINER
    if metadata is None:
        return Finding(kind, State.NOT_CHECKED, "Labels in the container were not read.")
    if not metadata:
        return Finding(kind, State.NOT_FOUND, "The container carries no label about its making.")
    return Finding(
        kind, State.FOUND, "The container carries a label that says it was made with AI.",
        "That somebody wrote this label.", "Anything more: anybody can write or remove it.",
        clean_json(metadata),
    )  # fmt: skip


def _detector(score: DetectorScore | None, failed: bool) -> Finding:
    kind = Evidence.DETECTOR
    if score is None and failed:
        return Finding(
            kind, State.NOT_CHECKED,
            "A detector of synthetic video is installed, but it gave no answer for this file.",
        )  # fmt: skip
    if score is None:
        return Finding(
            kind, State.NOT_CHECKED,
            "No calibrated detector of synthetic video was asked.",
        )  # fmt: skip
    rate = f"{score.false_positive_rate:.1%}"
    if score.probability >= score.threshold:
        return Finding(
            kind, State.FOUND,
            f"The detector {score.name} finds it likely synthetic; it says so of {rate} of real "
            "videos too.",
            "A likelihood.", "That it is synthetic.", {"probability": score.probability},
        )  # fmt: skip
    return Finding(
        kind, State.NOT_FOUND,
        f"The detector {score.name} does not find it likely synthetic.",
        "", "That it is real: detectors miss new generators.",
        {"probability": score.probability},
    )  # fmt: skip


def weigh(
    verification: VerificationReport,
    recovery: Recovery,
    *,
    ours: bool = False,
    marks: int = 0,
    watermark_checked: bool = False,
    fingerprint_checked: bool = False,
    hash_bank: Sequence[str] | None = None,
    container: Mapping[str, Any] | None = None,
    detector: DetectorScore | None = None,
    detector_failed: bool = False,
    thumbnail: bytes | None = None,
    now: datetime | None = None,
) -> ProvenanceReport:
    """Weigh the classes of evidence; ``ours`` says that the signer is this installation.

    ``hash_bank`` names the banks that know the picture; None: none was asked. ``detector_failed``
    says that a detector was asked and gave no answer.
    """
    findings = (
        _credentials(verification),
        _watermark(recovery, watermark_checked, marks),
        _fingerprint(recovery, fingerprint_checked),
        _hash_bank(hash_bank),
        _container(container),
        _detector(detector, detector_failed),
    )
    likely = detector is not None and detector.probability >= detector.threshold
    origin = _origin(verification, recovery, ours, likely)
    headline, explanation = _words(origin, verification, recovery, detector)
    return ProvenanceReport(
        origin, headline, explanation, findings, verification, recovery,
        now or datetime.now(UTC),
        thumbnail if verification.verdict is Verdict.TRUSTED else None,
    )  # fmt: skip


def _origin(
    verification: VerificationReport, recovery: Recovery, ours: bool, likely: bool
) -> Origin:
    """Credentials outweigh everything; a recovered original outweighs broken credentials."""
    if verification.verdict is Verdict.UNREADABLE:
        return Origin.UNREADABLE
    if verification.verdict is Verdict.TRUSTED:
        return Origin.OURS if ours else Origin.CREDENTIALED
    if recovery.state is RecoveryState.RECOVERED:
        return Origin.OURS_RECOVERED
    if verification.verdict is Verdict.TAMPERED:
        return Origin.ALTERED
    if recovery.state is RecoveryState.REFUSED:
        return Origin.FORGED_MARK
    if verification.verdict is Verdict.VALID_UNTRUSTED:
        return Origin.UNTRUSTED
    if recovery.state in (RecoveryState.SIMILAR, RecoveryState.UNCONFIRMED):
        return Origin.SIMILAR
    return Origin.LIKELY_SYNTHETIC if likely else Origin.UNKNOWN


def _words(
    origin: Origin,
    verification: VerificationReport,
    recovery: Recovery,
    detector: DetectorScore | None,
) -> tuple[str, str]:
    made = source_words(verification)
    signer = verification.signer.common_name if verification.signer else "somebody"
    if origin in (Origin.OURS, Origin.CREDENTIALED):
        by = f" ({_generator(verification)})" if _generator(verification) else ""
        lead = f"{_DEFAULT_NAME} was {made}{by}." if made else f"{_DEFAULT_NAME} is signed."
        us = "this service" if origin is Origin.OURS else "a signer whom we know"
        return lead, f"So says {signer}, {us}, and the file is unchanged since it was signed."
    if origin is Origin.OURS_RECOVERED:
        assert recovery.match is not None
        when = _date(recovery.match.published_at)
        lost = {
            Verdict.TAMPERED: "The credentials inside do not fit it any more",
            Verdict.VALID_UNTRUSTED: "The credentials inside are somebody else's",
        }.get(verification.verdict, "Its credentials were removed")
        return (
            "This is a copy of a video that this service generated.",
            f"{lost}, but the invisible watermark and the picture both "
            f"lead to what we published on {when}. The copy may have been changed since.",
        )
    if origin is Origin.ALTERED:
        if verification.laundered:
            return (
                "A source of this file was altered before it was signed.",
                "The last signature holds, but it covers a history that does not. Do not rely "
                "on what its credentials say.",
            )
        return (
            "This file was changed after it was signed.",
            "Do not rely on what its credentials say.",
        )
    if origin is Origin.FORGED_MARK:
        return (
            "This file carries a watermark that was not made for it.",
            "The mark belongs to another picture. Where this file comes from is not known.",
        )
    if origin is Origin.UNTRUSTED:
        return _untrusted_words(verification, signer)
    if origin is Origin.SIMILAR:
        return (
            "This file resembles a video that this service generated.",
            "The evidence is not enough to say that it is that video.",
        )
    if origin is Origin.LIKELY_SYNTHETIC and detector is not None:
        return (
            "A detector finds this file likely synthetic.",
            f"It says so of {detector.false_positive_rate:.1%} of real videos too. There is no "
            "other evidence.",
        )
    if origin is Origin.UNREADABLE:
        return "This file could not be read.", verification.summary
    return (
        "We found no provenance.",
        "That does not mean that it is real, and it does not mean that it is not: most videos "
        "carry no provenance, and it is easily lost.",
    )


def _untrusted_words(verification: VerificationReport, signer: str) -> tuple[str, str]:
    reason = verification.signer.reason if verification.signer else ""
    if reason == "":
        return (
            "This file is signed by a signer whom we know, but a source of it is not.",
            f"{signer} says what was done here; who stands behind the source is not known.",
        )
    if reason == "outside_validity":
        return (
            "This file is signed, but its certificate does not count for that time.",
            "Without a trusted time-stamp nobody can tell whether it was signed while the "
            "certificate was valid.",
        )
    if reason == "revoked":
        return (
            "This file is signed with a certificate that was revoked.",
            "Somebody else may hold its key. Do not rely on what its credentials say.",
        )
    if reason == "list_expired":
        return (
            "This file is signed, and our list of known signers is out of date.",
            "Nothing can be said about the signer until the list is updated.",
        )
    return (
        "This file is signed, but we do not know by whom.",
        f"The name in its certificate ({signer}) is only a claim, and so is everything that "
        "its credentials say.",
    )
