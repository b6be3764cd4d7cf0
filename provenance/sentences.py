"""The words of a report about credentials and origin: true whatever the reader assumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provenance.evidence import DetectorScore, Evidence, Finding, Origin, State, date
from provenance.recovery import Recovery, RecoveryState
from provenance.verdicts import Severity, Verdict, VerificationReport

RECOVERED = RecoveryState.RECOVERED
MOST_SPANS = 6
"""Stretches of a video that one sentence names."""
MADE = {
    "trainedAlgorithmicMedia": "made by generative AI",
    "compositeWithTrainedAlgorithmicMedia": "partly made by generative AI",
    "algorithmicMedia": "made by a computer program, not by a trained AI model",
    "empty": "begun on an empty canvas",
    "trainedAlgorithmicData": "data made by generative AI",
    "compositeSynthetic": "composed with synthetic parts",
    "digitalCapture": "recorded with a camera",
    "computationalCapture": "recorded with a camera and computed from several pictures",
    "digitalCreation": "made by a person with digital tools",
    "composite": "composed of several sources",
    "screenCapture": "recorded from a screen",
    "humanEdits": "edited by a person",
    "minorHumanEdits": "made with slight corrections by a person",
    "algorithmicallyEnhanced": "changed by an algorithm",
    "virtualRecording": "recorded of a virtual event",
    "dataDrivenMedia": "drawn by a program from data",
    "negativeFilm": "scanned from a negative",
    "positiveFilm": "scanned from a positive",
    "print": "scanned from a print",
    "compositeCapture": "composed of recordings",
    "digitalArt": "made by a person with digital tools",
    "softwareImage": "made by a computer program",
}


def source_words(report: VerificationReport) -> str:
    """How the manifest says that the content was made, in plain words; may be empty."""
    for action in report.manifest.get("actions", ()):
        term = str(action.get("digitalSourceType") or "").rpartition("/")[2]
        if term in MADE:
            return MADE[term]
    return ""


_TRAINING = ("cawg.training-mining", "c2pa.training-mining")
_USES = {"notAllowed": "not allowed", "constrained": "allowed under conditions only"}


def training_words(report: VerificationReport) -> str:
    """What the manifest says about its use for training AI models; may be empty."""
    held = report.manifest.get("assertions") or {}
    for label in _TRAINING:
        said = held.get(label)
        entries = said.get("entries") if isinstance(said, Mapping) else None
        uses = [
            str(e.get("use"))
            for name, e in (entries.items() if isinstance(entries, Mapping) else ())
            if isinstance(e, Mapping) and ("training" in str(name) or "mining" in str(name))
        ]
        strictest = next((u for u in _USES if u in uses), "")
        if strictest:
            return f" They say that using it to train AI models is {_USES[strictest]}."
    return ""


def generator(report: VerificationReport) -> str:
    for action in report.manifest.get("actions", ()):
        agent = action.get("softwareAgent")
        if isinstance(agent, Mapping) and agent.get("name"):
            return f"{agent['name']} {agent.get('version') or ''}".strip()
    generators = report.manifest.get("generators") or [{}]
    return str(generators[0].get("name") or "")


def credentials(report: VerificationReport) -> Finding:
    """What the credentials came to: a sentence, what it proves, and what it does not."""
    kind = Evidence.CREDENTIALS
    detail = {"verdict": report.verdict.value}
    if report.verdict is Verdict.TRUSTED:
        assert report.signer is not None
        made = source_words(report)
        said = f" They say that it was {made}." if made else ""
        said += training_words(report)
        if report.signer.product:
            said += f" The list of conforming products names it: {report.signer.product}."
        if any(f.code == "uncovered.bytes" for f in report.findings):
            said += " The file also holds bytes that no signature covers; they may be anybody's."
        said += _identities(report)
        return Finding(
            kind,
            State.FOUND,
            f"It carries content credentials signed by {report.signer.common_name} "
            f"({report.signer.organisation}), a signer on the trust list, and nothing that they "
            f"cover was changed since.{said}",
            "Who signed it, that this signer is known to us, and that the signed bytes are "
            "unchanged.",
            "That what it shows happened, or that the signer told the truth.",
            detail,
        )
    if report.verdict is Verdict.VALID_UNTRUSTED:
        return Finding(
            kind,
            State.FOUND,
            "It carries content credentials that fit the file, but "
            + "; ".join(dict.fromkeys(f.message for f in report.failures))
            + "."
            + training_words(report)
            + _identities(report),
            "That the file was not changed since somebody signed it.",
            _OPEN_POINT.get(_reason(report), _ANYBODY),
            detail,
        )
    if report.verdict is Verdict.TAMPERED:
        reasons = "; ".join(dict.fromkeys(f.message for f in report.failures[:3]))
        if report.laundered:
            return Finding(
                kind,
                State.CONTRADICTS,
                f"It is as it was signed last, but its history is not clean: {reasons}.",
                "That a source was changed between two signatures.",
                "Who changed it, or what the source showed before.",
                detail,
            )
        return Finding(
            kind,
            State.CONTRADICTS,
            f"It carries content credentials that do not fit the file: {reasons}.",
            "That the file or its credentials were changed after signing.",
            "Who changed it or why; a damaged download looks the same.",
            detail,
        )
    if report.verdict is Verdict.MALFORMED:
        reasons = "; ".join(_plain(report))
        return Finding(
            kind,
            State.UNSETTLED,
            f"It carries content credentials that are not well-formed: {reasons}. Nothing proves "
            "that anything was changed; such mistakes are mostly made by software.",
            "That the credentials cannot be relied on.",
            "That anybody changed this file, or that nobody did.",
            detail,
        )
    if report.verdict is Verdict.NOT_JUDGED:
        return Finding(
            kind,
            State.UNSETTLED,
            "It carries content credentials of which we could not judge everything: "
            f"{'; '.join(_plain(report))}. Nothing proves that anything was changed.",
            "Nothing, until the open point is judged.",
            "That anybody changed this file, or that nobody did.",
            detail,
        )
    if report.verdict is Verdict.REMOTE_ONLY:
        return Finding(
            kind,
            State.NOT_CHECKED,
            "It names credentials on a server. We do not ask servers that files name.",
            "",
            "Anything: a name is not a credential.",
            detail,
        )
    if report.verdict is Verdict.UNSIGNED:
        return Finding(
            kind,
            State.NOT_FOUND,
            "It carries no content credentials.",
            "",
            "Anything: most programs and platforms remove credentials.",
            detail,
        )
    reason = report.findings[0].message if report.findings else "it cannot be read"
    return Finding(
        kind,
        State.NOT_CHECKED,
        f"It could not be read as a media file: {reason}.",
        "",
        "Anything.",
        detail,
    )


def _plain(report: VerificationReport) -> tuple[str, ...]:
    """What is wrong or open, in our own words; the library's only where there are no others."""
    heavy = [f for f in report.findings if f.severity is not Severity.NOTE]
    own = [f for f in heavy if f.code != "store.unparsable"] or heavy
    return tuple(dict.fromkeys(f.message.rstrip(" :") for f in own))[:3]


def _reason(report: VerificationReport) -> str:
    return report.signer.reason if report.signer else ""


_ANYBODY = "Who that was: anybody can make such a certificate at home."
_OPEN_POINT = {
    "": "Who stands behind its sources.",
    "outside_validity": "When it was signed: whoever holds the key can go on signing with a "
    "certificate that has run out.",
    "revoked": "Who signed it: a revoked key may be in other hands.",
    "list_expired": "Whether the signer is known: our list must be renewed first.",
}


def _identities(report: VerificationReport) -> str:
    """What is said of attached identities, after the sentence about the file itself."""
    said = dict.fromkeys(i.sentence for i in report.identities)
    return "".join(f" Beside that, {sentence}." for sentence in said)


def times(spans: Sequence[tuple[float, float]]) -> str:
    """Stretches of a video for people: ``From 4:05.2 to 4:08.1 and from …``; may be empty."""

    def clock(at: float) -> str:
        minutes, seconds = divmod(round(at, 1), 60)
        return f"{int(minutes)}:{seconds:04.1f}"

    told = [f"from {clock(a)} to {clock(b)}" for a, b in spans[:MOST_SPANS]]
    if len(spans) > MOST_SPANS:
        told.append("further on")
    text = " and ".join(told)
    return text[:1].upper() + text[1:]


def words(
    origin: Origin,
    verification: VerificationReport,
    recovery: Recovery,
    detector: DetectorScore | None,
) -> tuple[str, str]:
    """Headline and explanation: the answer in two sentences that are true for everybody."""
    made = source_words(verification)
    signer = verification.signer.common_name if verification.signer else "somebody"
    if origin in (Origin.OURS, Origin.CREDENTIALED):
        by = f" ({generator(verification)})" if generator(verification) else ""
        lead = f"This file was {made}{by}." if made else "This file is signed."
        us = "this service" if origin is Origin.OURS else "a signer whom we know"
        return lead, f"So says {signer}, {us}, and the file is unchanged since it was signed."
    if origin is Origin.OURS_RECOVERED:
        assert recovery.match is not None
        when = date(recovery.match.published_at)
        lost = {
            Verdict.TAMPERED: "The credentials inside do not fit it any more",
            Verdict.MALFORMED: "The credentials inside are not well-formed",
            Verdict.NOT_JUDGED: "The credentials inside could not be judged",
            Verdict.REMOTE_ONLY: "Its credentials lie on a server that was not asked",
            Verdict.UNREADABLE: "The file is damaged",
            Verdict.VALID_UNTRUSTED: "The credentials inside are somebody else's",
        }.get(verification.verdict, "Its credentials were removed")
        if recovery.part:
            several = [one for one in (recovery, *recovery.others) if one.state is RECOVERED]
            many = (
                "Parts of this file are copies of videos"
                if len(several) > 1
                else ("A part of this file is a copy of a video")
            )
            return (
                f"{many} that this service generated.",
                f"{times(recovery.spans)}: the invisible watermark and the picture both lead to "
                f"what we published on {when}. Nothing is said of the rest of the file.",
            )
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
    if origin is Origin.MALFORMED:
        return (
            "This file's credentials are not well-formed.",
            "Nothing proves that the file was changed: such mistakes are mostly made by the "
            "software that wrote them. What the credentials say cannot be relied on.",
        )
    if origin is Origin.NOT_JUDGED:
        return (
            "This file is signed, but not everything about that could be judged here.",
            "Nothing proves that it was changed. What is open is told below.",
        )
    if origin is Origin.REMOTE:
        return (
            "This file says that its credentials lie on a server.",
            "We did not ask that server, so nothing is known about them: they may be good, bad, "
            "or not there.",
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
        stamp = verification.timestamp
        beside = (
            " The time-stamp that it carries is not by an authority that we know."
            if (stamp is not None and not stamp.trusted)
            else ""
        )
        return (
            "This file is signed, but its certificate does not count for that time.",
            "Without a trusted time-stamp nobody can tell whether it was signed while the "
            f"certificate was valid.{beside}",
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
