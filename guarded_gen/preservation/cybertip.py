"""A CyberTipline report: its fields, what is required of them, and its XML.

After NCMEC's public documentation of the reporting API (report.cybertip.org/ispws/documentation,
read through summaries of it in November 2026): element names, their order and the lists of allowed
values. The published XSD could not be had here, so the checks are our own; NCMEC's server validates
against its schema and a refusal is told with its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from guarded_gen.preservation.errors import ReportIncomplete

INCIDENT_TYPES = (
    "Child Pornography (possession, manufacture, and distribution)",
    "Child Sex Trafficking",
    "Child Sex Tourism",
    "Child Sexual Molestation",
    "Misleading Domain Name",
    "Misleading Words or Digital Images on the Internet",
    "Online Enticement of Children for Sexual Act",
    "Unsolicited Obscene Material Sent to a Child",
)
"""The hotline's own terms."""
ANNOTATIONS = (
    "animeDrawingVirtualHentai",
    "potentialMeme",
    "viral",
    "possibleSelfProduction",
    "physicalHarm",
    "violenceGore",
    "bestiality",
    "liveStreaming",
    "infant",
    "generativeAi",
)
CLASSIFICATIONS = ("A1", "A2", "B1", "B2")
"""Industry classification: prepubescent (A) or pubescent (B); sex act (1) or lascivious (2)."""
LATEST_SKEW_S = 300.0
"""How far in the future an incident may lie before a clock must be wrong."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: a person whom the authorities can reach, and the company's standing words."""

    first_name: str
    last_name: str
    email: str
    company: str = ""


@dataclass(frozen=True, slots=True)
class ReportedPerson:
    """Who is reported, as the platform knows them."""

    identifier: str
    service: str = ""
    screen_name: str = ""


@dataclass(frozen=True, slots=True)
class CyberTipReport:
    """What happened. ``at`` is when, with a time zone."""

    incident_type: str
    at: datetime
    reporter: Reporter
    person: ReportedPerson
    additional: str = ""
    high_priority: str = ""

    def check(self, now: datetime | None = None) -> None:
        """Raise :class:`ReportIncomplete` naming the first field that is missing or wrong."""
        required = (
            ("incident_type", self.incident_type),
            ("reporter.first_name", self.reporter.first_name),
            ("reporter.last_name", self.reporter.last_name),
            ("reporter.email", self.reporter.email),
            ("person.identifier", self.person.identifier),
        )
        for name, value in required:
            if not value.strip():
                raise ReportIncomplete(f"{name} is missing", "fill it in, then send again", name)
        if self.incident_type not in INCIDENT_TYPES:
            raise ReportIncomplete(
                f"{self.incident_type!r} is no incident type of the hotline",
                "choose one of: " + "; ".join(INCIDENT_TYPES),
                "incident_type",
            )
        if "@" not in self.reporter.email:
            raise ReportIncomplete("reporter.email is no address", None, "reporter.email")
        if self.at.tzinfo is None:
            raise ReportIncomplete("the time of the incident has no time zone", None, "at")
        if (self.at - (now or datetime.now(UTC))).total_seconds() > LATEST_SKEW_S:
            raise ReportIncomplete(
                "the incident lies in the future", "set the clock of this machine", "at"
            )

    def xml(self) -> bytes:
        """The document of ``/submit``. Raises :class:`ReportIncomplete`."""
        self.check()
        root = Element("report")
        summary = SubElement(root, "incidentSummary")
        _add(summary, "incidentType", self.incident_type)
        _add(summary, "escalateToHighPriority", self.high_priority)
        _add(summary, "incidentDateTime", _time(self.at))
        reporting = SubElement(SubElement(root, "reporter"), "reportingPerson")
        _add(reporting, "firstName", self.reporter.first_name)
        _add(reporting, "lastName", self.reporter.last_name)
        _add(reporting, "email", self.reporter.email)
        _add(root[-1], "companyTemplate", self.reporter.company)
        person = SubElement(root, "personOrUserReported")
        _add(person, "espIdentifier", self.person.identifier)
        _add(person, "espService", self.person.service)
        _add(person, "screenName", self.person.screen_name)
        _add(root, "additionalInfo", self.additional)
        return _document(root)


@dataclass(frozen=True, slots=True)
class FileDetails:
    """What is said of an uploaded file. ``viewed``: a person of the company looked at all of it."""

    name: str
    viewed: bool
    classification: str = ""
    annotations: Sequence[str] = ("generativeAi",)
    publicly_available: bool = False
    hashes: dict[str, str] = field(default_factory=dict)
    """Kind (``MD5``, ``SHA-256``, ``PDQ``) to value."""

    def xml(self, report: str, file: str) -> bytes:
        """The document of ``/fileinfo``. Raises :class:`ReportIncomplete`."""
        if self.classification not in ("", *CLASSIFICATIONS):
            raise ReportIncomplete(
                f"{self.classification!r} is no classification",
                "one of " + ", ".join(CLASSIFICATIONS),
                "classification",
            )
        for name in self.annotations:
            if name not in ANNOTATIONS:
                raise ReportIncomplete(f"{name!r} is no annotation", None, "annotations")
        root = Element("fileDetails")
        _add(root, "reportId", report)
        _add(root, "fileId", file)
        _add(root, "originalFileName", self.name)
        _add(root, "viewedByEsp", _bool(self.viewed))
        _add(root, "publiclyAvailable", _bool(self.publicly_available))
        if self.annotations:
            tags = SubElement(root, "fileAnnotations")
            for name in ANNOTATIONS:
                if name in self.annotations:
                    SubElement(tags, name)
        _add(root, "industryClassification", self.classification)
        for kind, value in self.hashes.items():
            original = SubElement(root, "originalFileHash")
            original.set("hashType", kind)
            original.text = value
        return _document(root)


def _add(parent: Element, name: str, text: str) -> None:
    if text:
        SubElement(parent, name).text = "".join(c for c in text if c.isprintable() or c in "\n\t")


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _document(root: Element) -> bytes:
    text: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return text
