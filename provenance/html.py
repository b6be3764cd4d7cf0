"""The report as one self-contained page that a layman can read.

No script, nothing loaded from anywhere, a strict content-security policy, and everything that
comes out of a file is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from provenance.evidence import Origin, State
from provenance.law import Carries, Law, cells, looked_at
from provenance.report import ProvenanceReport
from provenance.sentences import MADE
from provenance.signatory import UNTRUSTED

_TONES = {
    Origin.OURS: "good",
    Origin.CREDENTIALED: "good",
    Origin.OURS_RECOVERED: "good",
    Origin.UNTRUSTED: "caution",
    Origin.SIMILAR: "caution",
    Origin.LIKELY_SYNTHETIC: "caution",
    Origin.ALTERED: "bad",
    Origin.FORGED_MARK: "bad",
    Origin.MALFORMED: "caution",
    Origin.NOT_JUDGED: "caution",
    Origin.REMOTE: "neutral",
    Origin.UNKNOWN: "neutral",
    Origin.UNREADABLE: "neutral",
}
_STATES = {
    State.FOUND: "found",
    State.NOT_FOUND: "nothing found",
    State.CONTRADICTS: "does not fit",
    State.UNSETTLED: "not settled",
    State.NOT_CHECKED: "not checked",
}
_KINDS = {
    "credentials": "Content credentials",
    "watermark": "Invisible watermark",
    "fingerprint": "Likeness",
    "hash_bank": "Known pictures",
    "container_metadata": "Labels in the file",
    "detector": "Detector",
}


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("provenance", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_laws(laws: Sequence[Law], at: date, carries: Carries) -> str:
    """The table law x demand x format as one page, as it stands on a day."""
    return (
        _environment()
        .get_template("laws.html")
        .render(
            laws=laws,
            at=at,
            formats=tuple(carries),
            places=looked_at(),
            cells=cells(laws, at, carries),
        )
    )


def render(report: ProvenanceReport) -> str:
    """The page as text (UTF-8 when written)."""
    environment = _environment()
    picture = base64.b64encode(report.thumbnail).decode("ascii") if report.thumbnail else ""
    return environment.get_template("report.html").render(
        report=report,
        verification=report.verification,
        tone=_TONES[report.origin],
        states=_STATES,
        kinds=_KINDS,
        picture=picture,
        made=MADE,
        untrusted=UNTRUSTED,
    )
