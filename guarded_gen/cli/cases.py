"""``guarded-gen cases``: held items, and a person's decision of one, without the console.

Whoever decides is a person of ``guarded-gen people`` and shows their access token: the record
names them, and roles, leases, floor rules and second reviewers hold as in the console. Media is
looked at in the console, where what was seen is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.review.people import Member
    from guarded_gen.store.tables.review import ReviewCase

app = typer.Typer(
    help="Held items: list, show, decide.", no_args_is_help=True, rich_markup_mode=None
)
Person = Annotated[
    str, typer.Option("--as", envvar="GUARDED_GEN_PERSON", help="Your name among the people.")
]
Token = Annotated[
    str,
    typer.Option(
        envvar="GUARDED_GEN_PERSON_TOKEN", help="Your access token; better in the variable."
    ),
]
Id = Annotated[str, typer.Argument(help="The id of the case, or of its clip.")]


@app.command("list")
def list_(
    person: Person,
    token: Token,
    state: Annotated[
        str | None, typer.Option(help="open, second, escalated, closed; default: all that wait.")
    ] = None,
    json: Json = False,
) -> None:
    """List the cases that wait, the most urgent first."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.review.cases import CaseQueue, Filters

        who = _signed_in(services, person, token)
        queue = CaseQueue(services.store, services.log, services.settings.review)
        found = queue.page(who, Filters(state=state))
        if json:
            emit([_record(case) for case in found])
            return
        for case in found:
            about = f"{case.stage:<9} {case.category or '-':<22} {case.state:<9}"
            console().print(f"{case.id}  {about} {case.item}", markup=False)
        if not found:
            console().print("no case waits")


@app.command()
def show(id: Id, person: Person, token: Token, json: Json = False) -> None:
    """Show one case: why it is held, what decided, and by which reasons it can be decided."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.review.decide import reasons_of

        case = _case(services, _signed_in(services, person, token), id)
        record = {**_record(case), "details": case.details, "reasons": list(reasons_of(case))}
        if json:
            emit(record)
            return
        for name, value in record.items():
            if name != "details":
                text = ", ".join(value) if isinstance(value, list) else value
                console().print(f"{name:<14} {text}", markup=False)
        for match in case.details.get("trace", ()):
            console().print(f"{'rule':<14} {match}", markup=False)


@app.command()
def decide(
    id: Id,
    action: Annotated[str, typer.Argument(help="allow or block.")],
    person: Person,
    token: Token,
    reason: Annotated[
        str, typer.Option(help="A reason code; no_violation when left out for allow.")
    ] = "",
    note: Annotated[str, typer.Option(help="Kept sealed with the decision.")] = "",
    json: Json = False,
) -> None:
    """Decide a case. It takes effect when the time for undoing it is over, as in the console."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.jobs import Jobs
        from guarded_gen.jobs.settled import HeldJobs
        from guarded_gen.review.cases import CaseQueue
        from guarded_gen.review.decide import Decisions

        who = _signed_in(services, person, token)
        settings = services.settings
        jobs = Jobs(settings, services.store, services.log)
        try:
            queue = CaseQueue(services.store, services.log, settings.review)
            decisions = Decisions(
                services.store, services.log, HeldJobs(jobs.book), settings.review
            )
            case = queue.take(who, _case(services, who, id).id)
            if action == "allow" and not reason:
                reason = "no_violation"
            done = decisions.decide(who, case.id, action, reason, version=case.version, note=note)
            decisions.settle()
        finally:
            jobs.close()
        record: dict[str, Any] = {
            "case": case.id,
            "item": case.item,
            "action": action,
            "reason": reason,
            "decided_by": who.name,
            "waits_for_second": done.waits_for_second,
            "effective_at": done.effective_at,
        }
        if json:
            emit(record)
        elif done.waits_for_second:
            console().print(f"{case.id}: a second person must agree", markup=False)
        else:
            console().print(f"{case.id}: {action}, {reason}", markup=False)


def _signed_in(services: Services, name: str, token: str) -> Member:
    """The person; raises :class:`NotAllowed` for a wrong name or token, whichever it is."""
    from guarded_gen.review.errors import NotAllowed
    from guarded_gen.review.people import authenticate

    with services.store.read() as session:
        who = authenticate(session, name, token)
    if who is None:
        raise NotAllowed(
            "this name and token are not of a person here", "see: guarded-gen people list"
        )
    return who


def _case(services: Services, who: Member, id: str) -> ReviewCase:
    """The case with this id, or the one that waits of this clip."""
    from guarded_gen.review.cases import WAITING, CaseQueue, Filters

    queue = CaseQueue(services.store, services.log, services.settings.review)
    if id.startswith("case_"):
        return queue.get(who, id)
    for case in queue.page(who, Filters(item=id)):
        if case.state in WAITING:
            return case
    return queue.get(who, id)  # says that there is none


def _record(case: ReviewCase) -> dict[str, Any]:
    return {
        "id": case.id,
        "kind": "review" if case.kind == "golden" else case.kind,  # nobody may tell them apart
        "state": case.state,
        "item": case.item,
        "tenant": case.tenant,
        "stage": case.stage,
        "category": case.category,
        "rule": case.rule,
        "reason": case.reason,
        "floor": case.floor,
        "decision": case.decision,
        "policy_digest": case.policy_digest,
        "opened_at": case.opened_at,
    }
