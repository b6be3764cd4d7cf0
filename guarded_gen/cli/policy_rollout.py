"""``guarded-gen policy rollout``: from draft over shadow and canary to active, step by step."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services
from guarded_gen.errors import InvalidInput

if TYPE_CHECKING:
    from guarded_gen.governance.rollout import RolloutEntry

app = typer.Typer(
    help="Roll a policy out in steps; each change is an audit entry with author and reason.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Author = Annotated[str, typer.Option(help="Who makes the change.", show_default="you")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit log.")]


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@app.command()
def propose(
    source: Annotated[str, typer.Argument(help="A policy's YAML file, or a library name.")],
    reason: Reason,
    author: Author = "",
    json: Json = False,
) -> None:
    """Take a policy in as a draft, as it stands now: later changes of the file do not count."""
    with errors_to_user(json):
        import policies

        policy = policies.load(source)
        text = policies.loader.locate(source).read_text("utf-8")
        with opened_services() as services:
            standing = services.rollout.propose(services.log, policy, author or _me(), reason, text)
        _tell(standing, json)


@app.command()
def move(
    policy: Annotated[str, typer.Argument(help="The beginning of its digest, see `list`.")],
    state: Annotated[str, typer.Argument(help="draft, shadow, canary, active or retired.")],
    reason: Reason,
    percent: Annotated[
        float | None, typer.Option(help="Share of the subjects, for a canary.")
    ] = None,
    author: Author = "",
    json: Json = False,
) -> None:
    """Take a policy one step on, or back. Activating one retires the one before it."""
    with errors_to_user(json):
        from policies.rollout import RolloutState

        if state not in list(RolloutState):
            raise InvalidInput(
                f"unknown state {state}", f"one of: {', '.join(RolloutState)}", "state"
            )
        with opened_services() as services:
            standing = services.rollout.move(
                services.log, policy, RolloutState(state), author or _me(), reason, percent
            )
        _tell(standing, json)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the policies of the rollout, and what decides at present."""
    with errors_to_user(json), opened_services() as services:
        standings = services.rollout.standings()
        plan = services.rollout.plan()
        if json:
            emit(
                {
                    "active": {"policy": plan.active.id, "digest": plan.active.digest},
                    "rollout": [standing.to_json() for standing in standings],
                }
            )
            return
        out = console()
        out.print(f"acting: {plan.active.id} {plan.active.digest[:16]}…", markup=False)
        if not standings:
            out.print("no policy is being rolled out; the settings name the one that acts")
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("digest", "policy", "state", "changed", "by", "reason"):
            table.add_column(name, overflow="fold")
        for one in standings:
            changed = datetime.fromtimestamp(one.changed_at / 1000, UTC)
            state = f"{one.state} {one.percent:g} %" if one.percent else str(one.state)
            table.add_row(
                one.digest[:12],
                escape(f"{one.policy} {one.version}"),
                state,
                f"{changed:%Y-%m-%d %H:%M}",
                escape(one.author),
                escape(one.reason),
            )
        out.print(table)


def _tell(standing: RolloutEntry, as_json: bool) -> None:
    if as_json:
        emit(standing.to_json())
        return
    share = f" for {standing.percent:g} % of the subjects" if standing.percent else ""
    console().print(
        f"{standing.policy} {standing.version} ({standing.digest[:12]}) is {standing.state}{share}",
        markup=False,
    )
