"""``guarded-gen verify``: where does this file come from, and is it as it was signed?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
    stop,
)
from guarded_gen.cli.options import expanded
from guarded_gen.errors import Exit, InvalidInput

if TYPE_CHECKING:
    from provenance.report import ProvenanceReport
    from provenance.verdicts import VerificationReport

_COLOURS = {
    "trusted": "green",
    "valid_untrusted": "yellow",
    "tampered": "red",
    "malformed": "yellow",
    "not_judged": "yellow",
    "unsigned": "yellow",
    "unreadable": "red",
    "remote_only": "yellow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """By what a file is judged."""

    at: Annotated[
        str | None, typer.Option(help="Judge as of this moment (ISO 8601, UTC by default).")
    ] = None
    trust: Annotated[
        list[Path] | None, typer.Option(help="A trust list (PEM or JSON); may be repeated.")
    ] = None
    deep: Annotated[
        bool | None,
        typer.Option(
            "--deep/--credentials-only",
            help="Read watermark and likeness too; by default when credentials do not settle it.",
        ),
    ] = None


@expanded
def verify(
    file: Annotated[Path, typer.Argument(help="The file to verify.")],
    judging: VerifyOptions,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as one self-contained page.")
    ] = None,
    crjson: Annotated[bool, typer.Option("--crjson", help="Print the crJSON document.")] = False,
    segment: Annotated[
        list[Path] | None,
        typer.Option(
            help="A media segment of a DASH or CMAF stream whose initialisation segment FILE is; "
            "may be repeated, in order."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say where a file comes from: credentials, watermark, likeness; without any network.

    Exit codes: 0 the credentials hold (trusted or valid_untrusted), 1 any other verdict,
    2 wrong usage.
    """
    with errors_to_user(json), opened_services() as services:
        from provenance.html import render
        from provenance.trust import TrustList, parse_time

        if not file.is_file():
            raise InvalidInput(f"{file} is no file", "give the path of a media file", "file")
        segments = segment or []
        for path in segments:
            if not path.is_file():
                raise InvalidInput(f"{path} is no file", "give media segments", "segment")
        if segments and crjson:
            raise InvalidInput(
                "a stream has no crJSON document", "ask for --json instead", "crjson"
            )
        try:
            moment = parse_time(judging.at) if judging.at else None
        except ValueError as error:
            raise InvalidInput(
                f"{judging.at} is no moment", "write it as 2026-11-21T12:00:00Z", "at"
            ) from error
        anchors = services.trust
        if judging.trust:
            anchors = anchors.joined(TrustList.load(*judging.trust))
        with progress_console().status("verifying"):
            report = services.origin.report(
                file, at=moment, trust=anchors, deep=judging.deep, crjson=crjson, segments=segments
            )
        if html is not None:
            html.write_text(render(report), encoding="utf-8")
        verification = report.verification
        if crjson:
            emit(verification.crjson)
        elif json:
            # the verification stands at the top, as it always did; the weighing beside it
            full = report.to_json()
            emit(full.pop("verification") | {"report": full})
        else:
            print_report(verification)
            print_evidence(report)
        stop(Exit.DONE if verification.intact else Exit.FAILED)


def print_evidence(report: ProvenanceReport) -> None:
    """The weighed answer and the classes of evidence behind it."""
    from provenance.sentences import times

    out = console()
    out.print()
    out.print(f"[bold]{escape(report.headline)}[/]")
    out.print(escape(report.explanation))
    for finding in report.findings:
        state = finding.state.value.replace("_", " ")
        out.print(f"  {finding.kind.value:<19}{state:<13}{escape(finding.sentence)}")
    for one in (report.recovery, *report.recovery.others):
        if one.spans:
            where = times(one.spans).lower()
            name = one.match.content_id if one.match else ""
            out.print(f"  {one.state.value:<19}{where}  {escape(name)}")
    if report.recovery.match is not None:
        match = report.recovery.match
        out.print(
            f"  original           {escape(match.content_id)}  {escape(match.manifest_label)}"
        )
        if match.log_index is not None:
            proof = ", with inclusion proof" if report.recovery.proof else ""
            out.print(f"  audit log          entry {match.log_index}{proof}")


def print_report(report: VerificationReport) -> None:
    """A report for people, in a few lines."""
    out = console()
    verdict = report.verdict.value
    name = escape(str(report.file.get("name", "")))
    out.print(f"[bold {_COLOURS[verdict]}]{verdict}[/]  {name}")
    out.print(f"  {escape(report.summary)}")
    if "segments" in report.file:
        parts = report.file["segments"]
        intact = sum(part["intact"] for part in parts)
        out.print(f"  segments    {intact} of {len(parts)} as they were signed")
    if report.manifest:
        manifest = report.manifest
        generators = ", ".join(
            f"{g.get('name', '?')} {g.get('version', '')}".strip() for g in manifest["generators"]
        )
        out.print(f"  manifest    {escape(report.manifest_label)}")
        out.print(f"  title       {escape(str(manifest['title']))}")
        out.print(f"  made with   {escape(generators)}")
        for action in manifest["actions"]:
            kind = str(action.get("digitalSourceType") or "").rpartition("/")[2]
            out.print(f"  action      {escape(str(action['action']))}  {escape(kind)}")
    if report.signer:
        s = report.signer
        known = "[green]on the trust list[/]" if s.trusted else f"[yellow]{escape(s.reason)}[/]"
        out.print(f"  signed by   {escape(s.common_name)} ({escape(s.organisation)}), {known}")
        if s.product:
            out.print(f"  product     {escape(s.product)}, by the list of conforming products")
    if report.timestamp:
        t = report.timestamp
        state = "trusted" if t.trusted else f"not counted ({t.reason or t.state})"
        out.print(f"  time-stamp  {escape(t.time)} by {escape(t.authority)}, {escape(state)}")
    for identity in report.identities:
        out.print(f"  identity    {identity.state}  {escape(identity.name)}")
    for item in report.ingredients:
        indent = "  " * item.depth
        out.print(
            f"{indent}source      [{_COLOURS[item.verdict.value]}]{item.verdict.value}[/]  "
            f"{escape(item.relationship)}  {escape(item.title)}"
        )
    for finding in report.findings:
        place = f"  ({escape(finding.where)})" if finding.where else ""
        out.print(f"  {finding.severity.value}: {escape(finding.message)}{place}")
