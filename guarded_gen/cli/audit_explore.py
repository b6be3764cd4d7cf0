"""``guarded-gen audit explore``: a query in CEL over the log, counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guarded_gen.cli.audit_output import opened_log, operator, parse_time, printable
from guarded_gen.cli.common import Json, console, emit, errors_to_user
from guarded_gen.cli.options import Since, Until, expanded

if TYPE_CHECKING:
    from guarded_gen.governance.explore import Asked, Exploration

WEEK_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploredEntries:
    """Which entries a query is asked of."""

    since: Since = None
    until: Until = None
    everything: Annotated[
        bool, typer.Option("--everything", help="All entries, not only what gates decided.")
    ] = False

    def asked(self, query: str) -> Asked:
        """Raises ``InvalidInput`` for a time that is none, a period without length, and a query
        that is no condition."""
        from guarded_gen.errors import InvalidInput
        from guarded_gen.governance.explore import Asked
        from guarded_gen.governance.log_query import LogQuery

        until = parse_time(self.until)
        end = time.time_ns() // 1_000_000 + 1 if until is None else until
        since = parse_time(self.since)
        begin = end - WEEK_MS if since is None else since
        if begin >= end:
            raise InvalidInput("the period is empty", "--since comes before --until", "since")
        return Asked(LogQuery.read(query), begin, end, self.everything)


@expanded
def explore(
    entries: ExploredEntries,
    query: Annotated[
        str, typer.Argument(help="A condition in CEL, such as 'action == \"block\"'; default: all.")
    ] = "",
    top: Annotated[int, typer.Option(min=1, max=1000, help="Names of each dimension.")] = 10,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write what fits to this file: .csv, .jsonl, .parquet."),
    ] = None,
    rule: Annotated[
        bool,
        typer.Option("--rule", help="Print a rule for the configured policy, drawn up from it."),
    ] = False,
    json: Json = False,
) -> None:
    """Count what the log says, of the last seven days: by action, rule, category, tenant …

    Reads from the newest entry back, as far as audit.explore_entries and audit.explore_seconds go.
    """
    with errors_to_user(json):
        from guarded_gen.audit.export import ExportFormat
        from guarded_gen.errors import InvalidInput
        from guarded_gen.governance import explore as exploring

        asked = entries.asked(query)
        if out is not None and out.suffix[1:] not in set(ExportFormat):
            raise InvalidInput("this is no format", "end it in .csv, .jsonl or .parquet", "out")
        with opened_log() as (log, settings):
            bounds = exploring.Bounds(
                settings.audit.explore_entries, settings.audit.explore_seconds
            )
            exploring.recorded(log, asked, operator())
            answer = exploring.explore(log, asked, bounds)
            if out is not None:
                form = ExportFormat(out.suffix[1:])
                exploring.take_out(log, asked, bounds, lambda entry: True, form, out, operator())
        drawn = _drafted(answer, settings.policy) if rule else None
        if json:
            emit(answer.to_json(top) | ({} if drawn is None else {"rule": drawn}))
            return
        _print(answer, top)
        if drawn is not None:
            console().print(drawn["text"], markup=False)
            for part in drawn["left_out"]:
                console().print(f"no rule can ask for: {part}", markup=False)


def _drafted(answer: Exploration, policy: str | Path) -> dict[str, Any]:
    import policies
    from guarded_gen.governance.rule_draft import drafted

    draft = drafted(answer.asked.query, answer, policies.load(policy))
    return {"id": draft.id, "text": draft.text, "left_out": list(draft.left_out)}


def _print(answer: Exploration, top: int) -> None:
    from guarded_gen.audit.ids import iso

    out = console()
    out.print(f"{answer.found:,} of {answer.read:,} entries read", markup=False)
    if answer.failed:
        out.print(f"{answer.failed:,} could not be answered", markup=False)
    if answer.ended is not None and answer.reaches is not None:
        out.print(f"ended by {answer.ended}: older than {iso(answer.reaches)} is not counted")
    for name, counts in [("action", answer.actions), *answer.top.items()]:
        if counts:
            out.print(name.replace("_", " "), style="bold")
        for value, number in counts.most_common(top):
            out.print(f"  {number:>9,}  {printable(value)}", markup=False)
