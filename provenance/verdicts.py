"""What a verification says: verdicts, findings, and the report that carries them.

Texts that come out of a file are cleaned when they enter a report: control characters and
bidirectional overrides become U+FFFD, and long texts are cut. Whoever shows them still has
to escape them for the medium.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The eight answers.

    ``TRUSTED``: what the signer signed is unchanged, history included, and the signer is on
    the trust list. ``VALID_UNTRUSTED``: unchanged, but signed (here or in its history) by
    somebody unknown, expired or revoked. ``NOT_JUDGED``: nothing proves a change, but something
    that matters could not be judged here; the findings say what and why. ``MALFORMED``: the
    credentials do not fit the specification, by a mistake of the software that wrote them or by
    damage; nothing proves a change. ``TAMPERED``: a hash or a signature proves that something,
    in the file or in its history, is not as it was signed. ``UNSIGNED``: no credentials inside.
    ``UNREADABLE``: no media file that we can read, or past a limit; nothing can be said.
    ``REMOTE_ONLY``: the credentials lie on a server that we do not ask.
    """

    TRUSTED = "trusted"
    VALID_UNTRUSTED = "valid_untrusted"
    NOT_JUDGED = "not_judged"
    MALFORMED = "malformed"
    TAMPERED = "tampered"
    UNSIGNED = "unsigned"
    UNREADABLE = "unreadable"
    REMOTE_ONLY = "remote_only"


_STRICTNESS = (
    Verdict.TRUSTED,
    Verdict.VALID_UNTRUSTED,
    Verdict.NOT_JUDGED,
    Verdict.MALFORMED,
    Verdict.TAMPERED,
)


def strictest(*verdicts: Verdict) -> Verdict:
    """The verdict that says the least good; only of files whose credentials were read."""
    return max(verdicts, key=_STRICTNESS.index)


class Severity(StrEnum):
    """How much a finding weighs."""

    NOTE = "note"
    WARNING = "warning"
    FAILURE = "failure"


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def clean(value: object, most: int = 2_000) -> str:
    """A text from a file, safe to carry: no control or format characters, at most ``most``."""
    text = value if isinstance(value, str) else str(value)
    cut = text[:most]
    if cut.isprintable():  # nothing of the hidden categories is
        return cut + ("…" if len(text) > most else "")
    shown = "".join("\ufffd" if unicodedata.category(c) in _HIDDEN else c for c in cut)
    return shown + ("…" if len(text) > most else "")


def clean_json(value: Any, most: int = 2_000, depth: int = 12) -> Any:
    """:func:`clean` for every text of a JSON value; deeper parts become ``"…"``."""
    if depth == 0:
        return "…"
    if isinstance(value, str):
        return clean(value, most)
    if isinstance(value, Mapping):
        return {clean(k, 200): clean_json(v, most, depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(v, most, depth - 1) for v in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, int | float | bool | None) else clean(value, most)


@dataclass(frozen=True, slots=True)
class VerificationFinding:
    """One thing that was seen. ``code`` is stable, ``where`` points into the manifest."""

    code: str
    severity: Severity
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class VerificationStep:
    """One numbered step: ``passed``, ``failed``, ``noted``, ``not_judged``, ``not_reached``."""

    number: int
    name: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SignerReport:
    """Who signed. ``reason`` says why the certificate is not trusted, and is empty when it is."""

    common_name: str
    organisation: str
    issuer: str
    algorithm: str
    serial: str
    not_before: str
    not_after: str
    sha256: str
    trusted: bool
    reason: str = ""
    product: str = ""
    """The conforming product that a list names for it; empty where none does."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """An RFC 3161 time-stamp over the claim's signature.

    ``authority`` is who really signed it, by its own certificate; ``state`` a status code of
    C2PA 2.4 (15.2.2), ``reason`` why it does not count, in words.
    """

    time: str
    trusted: bool
    authority: str = ""
    state: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IngredientReport:
    """One ingredient, at ``depth`` 1 for the file's own, deeper for their sources'."""

    title: str
    relationship: str
    verdict: Verdict
    depth: int
    manifest: str = ""
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentityReport:
    """An identity assertion (CAWG). ``state``: ``trusted``, ``untrusted``, ``failed``,
    ``malformed`` or ``not_judged``; it never changes the verdict about the file."""

    label: str
    state: str
    name: str = ""
    codes: tuple[str, ...] = ()
    sentence: str = ""
    library: str = ""
    """The C2PA library's view of it, where it has one."""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The result of one verification; JSON by :meth:`to_json`, back by :meth:`from_json`."""

    verdict: Verdict
    summary: str
    findings: tuple[VerificationFinding, ...] = ()
    steps: tuple[VerificationStep, ...] = ()
    file: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    signer: SignerReport | None = None
    timestamp: Timestamp | None = None
    ingredients: tuple[IngredientReport, ...] = ()
    uncovered: tuple[Mapping[str, Any], ...] = ()
    remote_url: str | None = None
    at: str = ""
    trust_list: str = ""
    crjson: Mapping[str, Any] | None = None
    identities: tuple[IdentityReport, ...] = ()

    @property
    def manifest_label(self) -> str:
        return str(self.manifest.get("label", ""))

    @property
    def intact(self) -> bool:
        """Whether there are credentials and nothing that they cover was changed."""
        return self.verdict in (Verdict.TRUSTED, Verdict.VALID_UNTRUSTED)

    @property
    def laundered(self) -> bool:
        """Whether the file itself holds together but its history does not."""
        codes = [f.code for f in self.failures]
        return any(c.startswith("history.") for c in codes)

    @property
    def failures(self) -> tuple[VerificationFinding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.FAILURE)

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "verdict": self.verdict.value,
            "summary": self.summary,
            "findings": [asdict(f) for f in self.findings],
            "steps": [asdict(s) for s in self.steps],
            "file": dict(self.file),
            "manifest": dict(self.manifest),
            "signer": asdict(self.signer) if self.signer else None,
            "timestamp": asdict(self.timestamp) if self.timestamp else None,
            "ingredients": [
                {**asdict(i), "verdict": i.verdict.value, "codes": list(i.codes)}
                for i in self.ingredients
            ],
            "identities": [{**asdict(i), "codes": list(i.codes)} for i in self.identities],
            "uncovered": [dict(u) for u in self.uncovered],
            "remote_url": self.remote_url,
            "at": self.at,
            "trust_list": self.trust_list,
        }
        for finding in record["findings"]:
            finding["severity"] = str(finding["severity"].value)
        if self.crjson is not None:
            record["crjson"] = dict(self.crjson)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> VerificationReport:
        """The inverse of :meth:`to_json`; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        return cls(
            Verdict(record["verdict"]),
            record["summary"],
            tuple(
                VerificationFinding(f["code"], Severity(f["severity"]), f["message"], f["where"])
                for f in record["findings"]
            ),
            tuple(VerificationStep(**s) for s in record["steps"]),
            record["file"],
            record["manifest"],
            SignerReport(**record["signer"]) if record["signer"] else None,
            Timestamp(**record["timestamp"]) if record["timestamp"] else None,
            tuple(
                IngredientReport(
                    **{**i, "verdict": Verdict(i["verdict"]), "codes": tuple(i["codes"])}
                )
                for i in record["ingredients"]
            ),
            tuple(record["uncovered"]),
            record["remote_url"],
            record["at"],
            record["trust_list"],
            record.get("crjson"),
            tuple(
                IdentityReport(**{**i, "codes": tuple(i["codes"])}) for i in record["identities"]
            ),
        )
