"""What proves a demand of a law: one check for each kind of proof, over what a file carries.

A demand that a file alone cannot show (a public tool, a contract) is told as such and never as
met. What a file merely declares of itself is no proof where the thing itself can be read: a
watermark counts when it was found, a signature when others than its maker can trust it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from provenance.certificates import DEVELOPMENT
from provenance.label import SECONDS, SHARE, WHOLE
from provenance.law import UNVERIFIED, known
from provenance.verdicts import Verdict, VerificationReport

DISCLOSURE_LABEL = "org.guarded-gen.disclosure"
AIGC_KEY = "AIGC"
LABEL_SECONDS = SECONDS
LABEL_SHARE = SHARE
_GENERATED = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicMedia",
        "compositeSynthetic",
    }
)


class Compliance(StrEnum):
    """How a demand stands."""

    MET = "met"
    UNMET = "unmet"
    OUTSIDE = "outside_the_file"
    NOT_IN_FORCE = "not_in_force"


@dataclass(frozen=True, slots=True)
class Result:
    """One demand and how the file stands to it."""

    id: str
    demand: str
    source: str
    answer: Compliance
    because: str
    owes: str = ""
    severity: str = "must"
    verification: str = UNVERIFIED
    explanation: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            "id": self.id,
            "demand": self.demand,
            "source": self.source,
            "answer": self.answer.value,
            "because": self.because,
            "owes": self.owes,
            "severity": self.severity,
            "verification": self.verification,
            "explanation": self.explanation,
        }


@dataclass(frozen=True, slots=True)
class Carried:
    """What a file carries: the verification, and its container's labels."""

    report: VerificationReport
    labels: Mapping[str, str]
    watermark: bool | None = None

    @property
    def disclosure(self) -> Mapping[str, Any]:
        found = self.report.manifest.get("assertions", {}).get(DISCLOSURE_LABEL)
        return found if isinstance(found, Mapping) and self.report.intact else {}

    @property
    def aigc(self) -> Mapping[str, Any]:
        text = next((v for k, v in self.labels.items() if k.upper() == AIGC_KEY), "")
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            return {}
        return found if isinstance(found, Mapping) else {}


Check = Callable[[Carried], tuple[bool | None, str]]


def _signed(c: Carried) -> tuple[bool | None, str]:
    signer = c.report.signer
    if signer is not None and signer.issuer.startswith(DEVELOPMENT):
        return False, "signed with a development certificate, which nobody else trusts"
    return c.report.verdict is Verdict.TRUSTED, f"the credentials are {c.report.verdict}"


def _says_generated(c: Carried) -> tuple[bool | None, str]:
    terms = [
        str(a.get("digitalSourceType") or "").rpartition("/")[2]
        for a in c.report.manifest.get("actions", ())
    ]
    found = next((t for t in terms if t in _GENERATED), None)
    return bool(found) and c.report.intact, f"the source type is {found or 'not given'}"


def _stamped(c: Carried) -> tuple[bool | None, str]:
    stamp = c.report.timestamp
    if stamp is None:
        return False, "there is no time-stamp"
    return stamp.trusted, f"time-stamped {stamp.time}" + ("" if stamp.trusted else ", untrusted")


def _bindings(c: Carried) -> list[str]:
    return [str(b.get("alg")) for b in c.report.manifest.get("soft_bindings", ())]


def _watermarked(c: Carried) -> tuple[bool | None, str]:
    acted = any(
        str(a.get("action", "")).startswith("c2pa.watermarked")
        for a in c.report.manifest.get("actions", ())
    )
    marks = [a for a in _bindings(c) if "watermark" in a]
    if not (acted and marks and c.report.intact):
        return False, "no watermark is declared"
    told = ", ".join(marks)
    if c.watermark is None:
        return False, f"declared, but nobody looked for it in the picture: {told}"
    return c.watermark, f"read from the picture: {told}" if c.watermark else f"not found: {told}"


def _found_again(c: Carried) -> tuple[bool | None, str]:
    prints = [a for a in _bindings(c) if "watermark" not in a]
    content = c.report.manifest.get("assertions", {}).get("org.guarded-gen.generation", {})
    logged = isinstance(content, Mapping) and bool(content.get("contentId"))
    if not c.report.intact:
        return False, "the credentials do not hold"
    if prints:
        return True, f"fingerprint {', '.join(prints)}"
    return logged, "logged under its content id" if logged else "neither fingerprint nor log id"


def _tool(c: Carried) -> tuple[bool | None, str]:
    url = c.disclosure.get("tool")
    return None, f"the file names {url}" if url else "the file names no tool; offer one publicly"


def _field(name: str, what: str) -> Check:
    def check(c: Carried) -> tuple[bool | None, str]:
        value = c.disclosure.get(name)
        return bool(value), f"{what}: {value}" if value else f"{what} is missing"

    return check


def _visible(c: Carried) -> tuple[bool | None, str]:
    label = c.disclosure.get("visibleLabel")
    if not isinstance(label, Mapping):
        return False, "no visible label is declared"
    seconds, share = label.get("seconds"), label.get("share")
    long = seconds == WHOLE or (isinstance(seconds, int | float) and seconds >= LABEL_SECONDS)
    good = long and isinstance(share, int | float) and share >= LABEL_SHARE
    shown = "the whole time" if seconds == WHOLE else f"{seconds} s"
    return good, f"declared: “{label.get('text')}”, {shown}, {share} of the short side"


def _words(c: Carried) -> tuple[bool | None, str]:
    label = c.disclosure.get("visibleLabel")
    text = str(label.get("text")) if isinstance(label, Mapping) else ""
    who = any(word in text for word in ("AI", "人工智能"))
    what = any(word in text for word in ("生成", "合成"))
    return who and what, f"the text is “{text}”" if text else "no visible label is declared"


def _aigc(name: str, what: str) -> Check:
    def check(c: Carried) -> tuple[bool | None, str]:
        value = c.aigc.get(name)
        return bool(value), f"{what}: {value}" if value else f"{what} is missing"

    return check


def _only_you(c: Carried) -> tuple[bool | None, str]:
    return None, "no file can show this"


def _visible_or_you(c: Carried) -> tuple[bool | None, str]:
    label = c.disclosure.get("visibleLabel")
    text = label.get("text") if isinstance(label, Mapping) else None
    return (
        None,
        f"a visible label is declared: “{text}”" if text else "no visible label is declared",
    )


def _icon_or_you(c: Carried) -> tuple[bool | None, str]:
    label = c.disclosure.get("visibleLabel")
    icon = label.get("icon") if isinstance(label, Mapping) else None
    return None, f"an icon is declared: {icon}" if icon else "no icon is declared"


def _plain(check: Callable[[Carried], tuple[bool | None, str]]) -> Callable[[str], Check]:
    return lambda of: check


_FIELDS = {"created": "time", "contentId": "identifier"}
"""Words for fields of the disclosure whose names are not words."""

CHECKS: Mapping[str, Callable[[str], Check]] = {
    "signed": _plain(_signed),
    "says_generated": _plain(_says_generated),
    "stamped": _plain(_stamped),
    "watermarked": _plain(_watermarked),
    "found_again": _plain(_found_again),
    "tool": _plain(_tool),
    "visible": _plain(_visible),
    "words": _plain(_words),
    "only_you": _plain(_only_you),
    "visible_or_you": _plain(_visible_or_you),
    "icon_or_you": _plain(_icon_or_you),
    "disclosed": lambda of: _field(of, _FIELDS.get(of, of)),
    "aigc": lambda of: _aigc(of, of),
}
"""What proves a demand, by the name that a law's document gives; each takes the demand's `of`."""


def check(
    profile: str,
    report: VerificationReport,
    labels: Mapping[str, str],
    *,
    at: date | None = None,
    watermark: bool | None = None,
) -> tuple[Result, ...]:
    """Every demand of a law against what the file carries, on the day ``at`` (today without).

    ``watermark`` says whether a mark was read from the picture; None: nobody looked, and then a
    mark that the credentials declare is not counted. Raises ``ValueError`` for an unknown law.
    """
    law, day = known(profile), at or datetime.now(UTC).date()
    carried = Carried(report, labels, watermark)
    results = []
    for demand in law.demands:
        held, because = CHECKS[demand.check](demand.of)(carried)
        answer = (
            Compliance.OUTSIDE if held is None else Compliance.MET if held else Compliance.UNMET
        )
        if not law.holds(day, demand):
            answer = Compliance.NOT_IN_FORCE
            because = f"holds from {demand.since or law.since}"
        results.append(
            Result(
                demand.id,
                demand.demand,
                demand.source,
                answer,
                because,
                demand.owes.value,
                demand.severity,
                demand.verification,
                " ".join(demand.explain.split()),
            )
        )
    return tuple(results)


def unmet(results: Iterable[Result]) -> tuple[Result, ...]:
    return tuple(r for r in results if r.answer is Compliance.UNMET)
