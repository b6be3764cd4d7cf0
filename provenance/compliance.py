"""Laws as demands: what a profile adds before signing, and what a file meets afterwards.

Profiles are lists of demands with their source in the law. A demand is checked against what
the signed file carries; a demand that a file alone cannot show (a public tool, a contract) is
told as such and never as met.

Sources: Regulation (EU) 2024/1689 Art. 50(2) and the code of practice on marking; California
SB 942 (Bus. & Prof. Code 22757), § 22757.3(b); GB 45438-2025 sections 4 and 5, appendix E.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from provenance.errors import ComplianceUnmet
from provenance.manifest import ManifestRequest
from provenance.verdicts import Verdict, VerificationReport

DISCLOSURE_LABEL = "org.guarded-gen.disclosure"
AIGC_KEY = "AIGC"
LABEL_SECONDS = 2.0
LABEL_SHARE = 0.05
_GENERATED = frozenset(
    {
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "algorithmicMedia",
        "compositeSynthetic",
    }
)


class Profile(StrEnum):
    """The laws that are known, by their names in settings and commands."""

    EU_AI_ACT = "eu-ai-act"
    US_CA_SB942 = "us-ca-sb942"
    CN_GB45438 = "cn-gb45438"


class Answer(StrEnum):
    """How a demand stands."""

    MET = "met"
    UNMET = "unmet"
    OUTSIDE = "outside_the_file"


class ComplianceSettings(BaseModel):
    """Which profiles a deployment signs for, and what it says of itself there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: tuple[Profile, ...] = Field((), description="eu-ai-act, us-ca-sb942, cn-gb45438")
    provider: str = Field("", max_length=200, description="name of the provider, as a law wants it")
    provider_code: str = Field(
        "", max_length=64, description="registration code of the provider (GB 45438)"
    )
    tool_url: str = Field("", max_length=500, description="address of the public detection tool")
    visible_label: bool = Field(False, description="draw a visible label also where no law asks")
    label_text: str = Field("AI generated", max_length=60, description="text of the visible label")
    label_font: str = Field("", description="TrueType font file for the label; needed for Chinese")

    @property
    def labels(self) -> bool:
        """Whether a visible label is drawn."""
        return self.visible_label or Profile.CN_GB45438 in self.profiles


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of one clip."""

    content_id: str
    system: str
    version: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """One demand and how the file stands to it."""

    id: str
    demand: str
    source: str
    answer: Answer
    because: str

    def to_json(self) -> dict[str, str]:
        return {
            "id": self.id,
            "demand": self.demand,
            "source": self.source,
            "answer": self.answer.value,
            "because": self.because,
        }


@dataclass(frozen=True, slots=True)
class Carried:
    """What a file carries: the verification, and its container's labels."""

    report: VerificationReport
    labels: Mapping[str, str]

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


@dataclass(frozen=True, slots=True)
class _Demand:
    id: str
    demand: str
    source: str
    check: Check


def _signed(c: Carried) -> tuple[bool | None, str]:
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
    held = acted and bool(marks) and c.report.intact
    return held, f"declared: {', '.join(marks)}" if held else "no watermark is declared"


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
    good = (
        isinstance(seconds, int | float)
        and isinstance(share, int | float)
        and seconds >= LABEL_SECONDS
        and share >= LABEL_SHARE
    )
    return good, f"declared: “{label.get('text')}”, {seconds} s, {share} of the short side"


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


_DEMANDS: Mapping[Profile, tuple[_Demand, ...]] = {
    Profile.EU_AI_ACT: (
        _Demand("eu-1", "marked in a machine-readable format, signed", "Art. 50(2)", _signed),
        _Demand("eu-2", "detectable as artificially generated", "Art. 50(2)", _says_generated),
        _Demand("eu-3", "the signed metadata is time-stamped", "code of practice", _stamped),
        _Demand("eu-4", "an imperceptible watermark as second layer", "code of practice",
                _watermarked),
        _Demand("eu-5", "fingerprint or log to find it again", "code of practice", _found_again),
        _Demand("eu-6", "a free interface to detect the mark", "code of practice", _tool),
    ),
    Profile.US_CA_SB942: (
        _Demand("ca-1", "the name of the provider", "§ 22757.3(b)(1)(A)",
                _field("provider", "provider")),
        _Demand("ca-2", "the name and version of the system", "§ 22757.3(b)(1)(B)",
                _field("system", "system")),
        _Demand("ca-3", "the time and date of creation", "§ 22757.3(b)(1)(C)",
                _field("created", "time")),
        _Demand("ca-4", "a unique identifier", "§ 22757.3(b)(1)(D)",
                _field("contentId", "identifier")),
        _Demand("ca-5", "permanent or extraordinarily difficult to remove", "§ 22757.3(b)(3)",
                _watermarked),
        _Demand("ca-6", "consistent with industry standards", "§ 22757.3(b)(4)", _signed),
        _Demand("ca-7", "detectable by a free public tool", "§ 22757.2(a)", _tool),
    ),
    Profile.CN_GB45438: (
        _Demand("cn-1", "the AIGC key in the file's metadata says generated", "appendix E",
                _aigc("Label", "Label")),
        _Demand("cn-2", "the name or code of the producer", "appendix E",
                _aigc("ContentProducer", "producer")),
        _Demand("cn-3", "the producer's number of the content", "appendix E",
                _aigc("ProduceID", "number")),
        _Demand("cn-4", "a visible label, 2 s or longer, 5 % of the short side or larger",
                "section 4.4", _visible),
        _Demand("cn-5", "the label says AI or 人工智能, and 生成 or 合成", "section 4.4", _words),
        _Demand("cn-6", "the implicit label is protected against change", "section 5", _signed),
    ),
}  # fmt: skip


def check(
    profile: Profile, report: VerificationReport, labels: Mapping[str, str]
) -> tuple[Result, ...]:
    """Every demand of ``profile`` against what the file carries."""
    carried = Carried(report, labels)
    results = []
    for demand in _DEMANDS[profile]:
        held, because = demand.check(carried)
        answer = Answer.OUTSIDE if held is None else Answer.MET if held else Answer.UNMET
        results.append(Result(demand.id, demand.demand, demand.source, answer, because))
    return tuple(results)


def unmet(results: Iterable[Result]) -> tuple[Result, ...]:
    return tuple(r for r in results if r.answer is Answer.UNMET)


def prepare(
    request: ManifestRequest, settings: ComplianceSettings, facts: Facts
) -> ManifestRequest:
    """The request with what the chosen profiles add; unchanged when none is chosen.

    Raises :class:`ComplianceUnmet` when a profile wants something that is not configured.
    """
    if not settings.profiles and not settings.visible_label:
        return request
    if settings.profiles and not settings.provider:
        raise ComplianceUnmet(
            "the chosen compliance profiles want the provider's name", "set compliance.provider"
        )
    if Profile.EU_AI_ACT in settings.profiles and request.watermark is None:
        raise ComplianceUnmet("eu-ai-act wants a watermark, and this clip has none")
    disclosure: dict[str, Any] = {
        "provider": settings.provider,
        "system": f"{facts.system} {facts.version}",
        "created": facts.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "contentId": facts.content_id,
        "profiles": [p.value for p in settings.profiles],
    }
    if settings.tool_url:
        disclosure["tool"] = settings.tool_url
    if settings.labels:
        disclosure["visibleLabel"] = {
            "text": settings.label_text, "seconds": LABEL_SECONDS, "share": LABEL_SHARE,
        }  # fmt: skip
    return replace(request, assertions={**request.assertions, DISCLOSURE_LABEL: disclosure})


def container_metadata(settings: ComplianceSettings, facts: Facts) -> dict[str, str]:
    """Metadata for the encoder, so that the signature covers it; empty without GB 45438."""
    if Profile.CN_GB45438 not in settings.profiles:
        return {}
    record = {
        "Label": "1",
        "ContentProducer": settings.provider_code or settings.provider,
        "ProduceID": facts.content_id,
        "ReservedCode1": "",
        "ContentPropagator": settings.provider_code or settings.provider,
        "PropagateID": facts.content_id,
        "ReservedCode2": "",
    }
    return {AIGC_KEY: json.dumps(record, ensure_ascii=False, separators=(",", ":"))}
