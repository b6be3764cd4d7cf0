"""The policy workbench: the text with its mistakes, its examples, a prompt, the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import unified_diff
from functools import lru_cache
from typing import Any

import yaml
from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

import policies
from guarded_gen.audit import Query
from guarded_gen.console import completing
from guarded_gen.console.charts import curve
from guarded_gen.console.context import Console, console_of
from guarded_gen.console.language import language_of
from guarded_gen.console.render import page
from guarded_gen.console.replaying import DAYS, differences
from guarded_gen.console.session import Session
from guarded_gen.console.wording import Wording
from guarded_gen.errors import GuardedGenError, InvalidInput
from guarded_gen.gates.gate import judge_prompts
from guarded_gen.governance.rollout import PolicyRollouts
from guarded_gen.production.request import clean_prompt
from guarded_gen.review.publishing import NEEDS_TWO
from guarded_gen.review.roles import Permission
from policies import Context, Issue, Policy, PolicyInvalid
from policies.cases import CaseOutcome, CaseStatus
from policies.issues import SourceSpan
from policies.rollout import STEPS, RolloutState

router = APIRouter(prefix="/console/policy")
MAX_TEXT = 256 * 1024
MAX_DIFF = 2_000
"""Lines of a difference that are shown."""
HISTORY = 100
"""Changes on one page."""
FIELDS = ("text", "prompt", "rule", "threshold", "days", "against", "reason")


@router.get("")
def show(request: Request) -> Response:
    """The text of the active policy, or of another one: ``?open=`` a name or a digest."""
    console = console_of(request)
    console.who(request)
    wanted = request.query_params.get("open", "")[:64]
    text = text_of(console, wanted)
    fields, result = {"text": text}, check_text(text, console.services.rollout)
    asked = request.query_params.get("rule", "")
    chosen = next((r for r in getattr(result["policy"], "rules", ()) if r.id == asked), None)
    if chosen is not None:
        fields |= {"rule": chosen.id, "threshold": f"{chosen.low:g}"}
    return workbench(request, console, fields, result)


def text_of(console: Console, wanted: str) -> str:
    """The text of a library policy, of one in the rollout, or (nothing wanted) the active one.

    One of the rollout as its author wrote it; where only the policy itself was given, written
    out in full.
    """
    services = console.services
    if wanted in policies.library():
        return policies.loader.locate(wanted).read_text("utf-8")
    if wanted:
        return services.rollout.source(wanted) or written(services.rollout.policy(wanted))
    if services.policy.digest == services.configured_policy.digest:
        return policies.loader.locate(services.settings.policy).read_text("utf-8")
    kept = services.rollout.source(services.policy.digest)
    return kept or written(services.policy)


def written(policy: Policy) -> str:
    """A whole policy as YAML that reads back to the same policy."""
    record = policy.model_dump(mode="json", exclude_defaults=True)
    record.pop("lineage", None)
    whole = {"policy": record.pop("id"), **record}
    text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=96)
    return text


@router.post("")
async def check(request: Request) -> Response:
    """Check the text, run its examples, and try a prompt if there is one."""
    given = await _given(request)
    services, policy, prompt = given.console.services, given.policy, given.fields["prompt"]
    if prompt and policy is not None:
        clean = clean_prompt(prompt, services.settings.limits)

        def work() -> Any:
            return judge_prompts(policy, services.prompt_classifiers, [clean], Context())[0]

        given.result["tried"] = (await to_thread.run_sync(work)).decision.to_json()
    return workbench(request, given.console, given.fields, given.result)


@router.post("/replay")
async def replay(request: Request) -> Response:
    """The text over recorded decisions, with another threshold in one rule. Changes nothing."""
    given = await _given(request)
    console, fields = given.console, given.fields
    if given.policy is not None:
        try:
            threshold = float(fields["threshold"])
        except ValueError as error:
            raise InvalidInput("a threshold is a number", "0 to 1", "threshold") from error
        if not 0 <= threshold <= 1:
            raise InvalidInput("a threshold lies between 0 and 1", "move the slider", "threshold")
        days = int(fields["days"]) if fields["days"] in map(str, DAYS) else DAYS[0]
        replayed = await to_thread.run_sync(
            console.replays.try_,
            given.found.who,
            given.policy,
            fields["rule"],
            threshold,
            days,
            console.services.policy if fields["against"] == "active" else None,
        )
        language = language_of(request)
        title = language.gettext("Decisions that change, by threshold")
        chart = curve(language, replayed.curve, threshold, title)
        given.result.update({"replayed": replayed, "chart": chart})
    return workbench(request, console, fields, given.result)


@router.post("/propose")
async def propose(request: Request) -> Response:
    """Take the text into the rollout as a draft."""
    given = await _given(request)
    console, fields, result = given.console, given.fields, given.result
    if given.policy is None:
        return workbench(request, console, fields, result, status=400)
    propose = console.publishing.propose
    try:
        await to_thread.run_sync(
            propose, given.found.who, given.policy, fields["reason"], fields["text"]
        )
    except GuardedGenError as error:
        return workbench(
            request, console, fields, {**result, "refused": error}, status=error.http_status
        )
    return RedirectResponse("/console/policy?said=proposed#rollout", 303)


@router.post("/rollout/{digest}")
async def move(request: Request, digest: str) -> Response:
    """One step of a policy in the rollout; what decides about people asks for a second one."""
    console = console_of(request)
    found, fields = await console.form(request)
    try:
        to = RolloutState(fields.get("to", ""))
        percent = float(fields["percent"]) if to is RolloutState.CANARY else None
    except (KeyError, ValueError) as error:
        raise InvalidInput("this is no step", "choose one, a canary with its share") from error
    waits = await to_thread.run_sync(
        console.publishing.move, found.who, digest, to, fields.get("reason", ""), percent
    )
    said = "asked" if waits is not None else "moved"
    return RedirectResponse(f"/console/policy?said={said}#rollout", 303)


@router.post("/rollback")
async def rollback(request: Request) -> Response:
    """Back to the policy before."""
    console = console_of(request)
    found, fields = await console.form(request)
    await to_thread.run_sync(console.publishing.rollback, found.who, fields.get("reason", ""))
    return RedirectResponse("/console/policy?said=rolled_back#rollout", 303)


@router.get("/requests/{id}")
def asked(request: Request, id: str) -> Response:
    """What somebody is asked to agree to: of that very policy what changes, its examples, and
    what it would have decided."""
    console = console_of(request)
    who = console.who(request)
    ask = console.publishing.request(id)
    policy, active = console.services.rollout.policy(ask.digest), console.services.policy
    outcomes = console.services.rollout.examples(policy)
    mine, theirs = text_of(console, ask.digest), text_of(console, "")
    return page(
        request,
        "request.html",
        {
            "ask": ask,
            "policy": policy,
            "active": active,
            "differs": differences(policy, active, Wording(language_of(request))),
            "lines": list(
                unified_diff(
                    theirs.splitlines(),
                    mine.splitlines(),
                    f"{active.id} {active.version}, active",
                    f"{policy.id} {policy.version}, asked for",
                    lineterm="",
                )
            )[:MAX_DIFF],
            "outcomes": outcomes,
            "failed": [o for o in outcomes if o.status is not CaseStatus.PASSED],
            "days": DAYS[0],
            "report": console.replays.over(who, policy, DAYS[0], active),
            "names": console.names(),
        },
    )


@router.get("/history")
def history(request: Request) -> Response:
    """Who changed what and when, from the log."""
    console = console_of(request)
    console.who(request)
    entries = list(console.log.entries(Query(kind="policy.", limit=HISTORY)))
    return page(
        request, "history.html", {"entries": entries, "names": console.names(), "most": HISTORY}
    )


@router.post("/requests/{id}")
async def answer(request: Request, id: str) -> Response:
    """The second person's word."""
    console = console_of(request)
    found, fields = await console.form(request)
    agree = fields.get("answer") == "agree"
    await to_thread.run_sync(
        console.publishing.answer, found.who, id, agree, fields.get("reason", "").strip()[:1000]
    )
    return RedirectResponse(
        f"/console/policy?said={'published' if agree else 'declined'}#rollout", 303
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """A posted form of the workbench and what the check of its text says (``result``)."""

    console: Console
    found: Session
    fields: dict[str, str]
    result: dict[str, Any]

    @property
    def policy(self) -> Policy | None:
        policy: Policy | None = self.result["policy"]
        return policy


async def _given(request: Request) -> _Given:
    console = console_of(request)
    found, posted = await console.form(request)
    found.who.require(Permission.EDIT_POLICY)
    fields = {name: posted.get(name, "").strip() for name in FIELDS}
    fields["text"] = posted.get("text", "").replace("\r\n", "\n")[:MAX_TEXT]
    checked = await to_thread.run_sync(check_text, fields["text"], console.services.rollout)
    return _Given(console, found, fields, checked)


def check_text(text: str, rollouts: PolicyRollouts) -> dict[str, Any]:
    """``{"policy", "issues", "examples"}`` of a policy's text, its examples tried as they are
    before a publication."""
    policy, issues, examples = _checked(text, rollouts, datetime.now(UTC).date())
    return {"policy": policy, "issues": list(issues), "examples": list(examples)}


@lru_cache(maxsize=8)
def _checked(
    text: str, rollouts: PolicyRollouts, day: date
) -> tuple[Policy | None, tuple[Issue, ...], tuple[CaseOutcome, ...]]:
    """Kept for a slider, which asks about the same text again and again; for a day, since words
    may count on some days only."""
    policy: Policy | None = None
    issues: Sequence[Issue]
    try:
        policy, issues = policies.loads(text)
    except PolicyInvalid as error:
        issues = error.issues
    examples = tuple(rollouts.examples(policy)) if policy is not None else ()
    return policy, tuple(issues), examples


def lines_of(text: str, issues: list[Issue]) -> list[tuple[int, str, list[Issue]]]:
    """Every line of the text with its number and the mistakes in it."""
    by_line: dict[int, list[Issue]] = {}
    lines = text.split("\n")
    for issue in issues:
        span: SourceSpan = issue.span
        by_line.setdefault(min(span.line, len(lines) - 1), []).append(issue)
    return [(n + 1, line, by_line.get(n, [])) for n, line in enumerate(lines)]


def workbench(
    request: Request,
    console: Console,
    fields: dict[str, str],
    result: dict[str, Any],
    status: int = 200,
) -> Response:
    """The page of a text that :func:`check_text` looked at, ``fields`` as they were filled in."""
    services = console.services
    active = services.policy
    policy: Policy | None = result["policy"]
    fields = {**dict.fromkeys(FIELDS, ""), **fields}
    standings = services.rollout.standings()
    words = Wording(language_of(request))
    return page(
        request,
        "policy.html",
        {
            "tried": None,
            "replayed": None,
            "chart": None,
            "refused": None,
            "drafted": None,
            **result,
            **fields,
            "lines": lines_of(fields["text"], result["issues"]) if result["issues"] else [],
            "words": completing.words(fields["text"], policy),
            "active": active,
            "configured": services.configured_policy,
            "differs": differences(policy, active, words) if policy is not None else [],
            "rules": policy.rules if policy is not None else (),
            "periods": DAYS,
            "library": policies.library(),
            "standings": standings,
            "waiting": console.publishing.waiting(),
            "steps": {
                s.digest: sorted(STEPS[s.state], key=list(RolloutState).index) for s in standings
            },
            "needs_two": NEEDS_TWO,
            "names": console.names(),
        },
        status=status,
    )
