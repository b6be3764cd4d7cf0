"""``guarded-gen policy``: check, show and test the rules; replay them; roll them out."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guarded_gen.cli import policy_replay, policy_rollout
from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services, stop
from guarded_gen.errors import Exit, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from policies import Issue, Policy
    from policies.cases import CaseOutcome, Judge

app = typer.Typer(
    help="Rules that are text: check, show and test them, replay them, roll them out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.command()(policy_replay.replay)
app.add_typer(policy_rollout.app, name="rollout")
ACTION_COLOURS = {"allow": "green", "review": "yellow", "block": "red"}


@app.command()
def check(
    sources: Annotated[
        list[str] | None, typer.Argument(help="YAML files or names of the library.")
    ] = None,
    json: Json = False,
) -> None:
    """Check policies: every mistake with its place and what to do about it.

    Without an argument the active policy of the settings. Exit code 1 when there is a mistake;
    warnings alone do not fail.
    """
    with errors_to_user(json):
        import policies

        results: list[tuple[str, Policy | None, list[Issue]]] = []
        for source in sources or [active()]:
            try:
                policy, issues = policies.check(source)
                results.append((source, policy, list(issues)))
            except policies.PolicyInvalid as error:
                results.append((source, None, list(error.issues)))
        if json:
            emit([_checked(*result) for result in results])
        else:
            for result in results:
                _print_checked(*result)
        if any(policy is None for _, policy, _ in results):
            stop(Exit.FAILED)


@app.command()
def show(
    source: Annotated[
        str | None, typer.Argument(help="A YAML file or a name of the library.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Lay the overlays for this tenant over it.")] = "",
    jurisdiction: Annotated[str, typer.Option(help="ISO 3166 code, such as DE or US-CA.")] = "",
    age: Annotated[str, typer.Option(help="adult or teen.")] = "adult",
    json: Json = False,
) -> None:
    """Show the policy that is in force for a tenant, a place and an age, with its digest."""
    with errors_to_user(json):
        import policies
        from policies import jurisdictions

        if jurisdiction and not jurisdictions.known(jurisdiction):
            raise InvalidInput(
                f"unknown jurisdiction {jurisdiction}",
                "use a code such as DE, US-CA",
                "jurisdiction",
            )
        if age not in list(policies.AgeMode):
            raise InvalidInput(f"unknown age mode {age}", "use adult or teen", "age")
        base = policies.load(source or active())
        policy = policies.effective(base, tenant or "default", jurisdiction, policies.AgeMode(age))
        if json:
            emit({"digest": policy.digest, "base_digest": base.digest} | shown(policy))
        else:
            _print_policy(policy, base)


@app.command()
def test(
    sources: Annotated[
        list[str] | None, typer.Argument(help="YAML files or names of the library.")
    ] = None,
    cases: Annotated[
        list[Path] | None, typer.Option(help="A case file besides; may be repeated.")
    ] = None,
    library: Annotated[bool, typer.Option("--library", help="Test the whole library.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    every: Annotated[bool, typer.Option("--all", help="List the cases that passed, too.")] = False,
    json: Json = False,
) -> None:
    """Run the examples of every rule, and case files. Exit code 1 when any did not pass.

    A case with a prompt is scored by the installed prompt classifiers; without them it did not
    run, and what did not run has not passed.
    """
    with errors_to_user(json), ExitStack() as stack:
        import policies
        from policies import cases as trials

        names = list(sources or []) + (list(policies.library()) if library else [])
        loaded = [(name, policies.load(name)) for name in names or [active()]]
        tried = []
        for name, policy in loaded:
            own = [entry.id for entry in policy.categories]
            more = [case for path in cases or [] for case in trials.of_file(path, own)]
            tried.append((name, policy, [*trials.of_policy(policy), *more]))
        judge = None
        if any(case.example.prompt is not None for _, _, listed in tried for case in listed):
            judge = _judge(stack)
        suites = [
            (name, policy, trials.run(policy, listed, judge and judge(policy)))
            for name, policy, listed in tried
        ]
        if junit is not None:
            junit.write_bytes(trials.junit((name, found) for name, _, found in suites))
        if json:
            emit(
                [
                    {"policy": name, "digest": policy.digest}
                    | _counted(found)
                    | {"cases": [outcome.to_json() for outcome in found]}
                    for name, policy, found in suites
                ]
            )
        else:
            for name, policy, found in suites:
                _print_tested(name, policy, found, every)
        if any(o.status != trials.CaseStatus.PASSED for _, _, found in suites for o in found):
            stop(Exit.FAILED)


def _judge(stack: ExitStack) -> Callable[[Policy], Judge]:
    """The installed prompt classifiers and a policy's own word lists as one function."""
    from guarded_gen.gates.examples import judge_of

    services = stack.enter_context(opened_services())
    return judge_of(lambda: services.prompt_classifiers)


def _counted(outcomes: list[CaseOutcome]) -> dict[str, int]:
    counts = Counter(outcome.status.value for outcome in outcomes)
    return {name: counts[name] for name in ("passed", "failed", "not_run")}


_STATUS_COLOURS = {"passed": "green", "failed": "red", "not_run": "yellow"}


def _print_tested(name: str, policy: Policy, outcomes: list[CaseOutcome], every: bool) -> None:
    from policies import cases as trials

    out = console()
    shown_rows = [o for o in outcomes if every or o.status != "passed"]
    if shown_rows:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("", "rule or file", "case", "stage", "expect", "got", "why"):
            table.add_column(column, overflow="fold")
        for outcome in shown_rows:
            case = outcome.case
            colour = _STATUS_COLOURS[outcome.status]
            table.add_row(
                f"[{colour}]{outcome.status.replace('_', ' ')}[/]",
                escape(case.origin),
                escape(case.name),
                case.stage,
                case.example.expect,
                outcome.decision.action if outcome.decision else "-",
                escape(outcome.message),
            )
        out.print(table)
    counts = _counted(outcomes)
    style = "green" if counts["passed"] == len(outcomes) else "red"
    text = ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in counts.items() if n)
    out.print(f"{name}: {text or 'no examples'}", style=style)
    silent = trials.without_example(policy)
    if silent:
        out.print(f"  without an example: {', '.join(silent)}", style="yellow")


@app.command()
def categories(json: Json = False) -> None:
    """List the categories that rules can name: all, and those of the policy in the settings."""
    with errors_to_user(json):
        from policies import load
        from policies.taxonomy import CATEGORIES

        every = (*CATEGORIES.values(), *load(active()).categories)
        if json:
            emit(
                [
                    {"id": c.id, "kind": c.kind.value, "title": c.title, "definition": c.definition}
                    for c in every
                ]
            )
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("category", "kind", "what it means"):
            table.add_column(name)
        for c in every:
            table.add_row(c.id, c.kind, c.definition)
        console().print(table)


def active() -> str:
    """The policy that the settings name."""
    from guarded_gen.settings import load

    return load().policy


def shown(policy: Policy) -> dict[str, Any]:
    """The policy as JSON, examples left out: they decide nothing."""
    record = policy.model_dump(mode="json", exclude_defaults=True)
    for rule in record["rules"]:
        rule.pop("examples", None)
    return record


def _checked(source: str, policy: Policy | None, issues: list[Issue]) -> dict[str, Any]:
    return {
        "policy": source,
        "valid": policy is not None,
        "digest": policy.digest if policy else None,
        "rules": len(policy.rules) if policy else None,
        "issues": [issue.to_json() for issue in issues],
    }


def _print_checked(source: str, policy: Policy | None, issues: list[Issue]) -> None:
    out = console()
    for issue in issues:
        out.print(issue.render(), markup=False)
        out.print()
    if policy is None:
        count = sum(not issue.warning for issue in issues)
        out.print(f"{source}: {count} {'mistake' if count == 1 else 'mistakes'}", style="red")
        return
    out.print(
        f"{source}: good, {len(policy.rules)} rules, {len(policy.overlays)} overlays, "
        f"digest {policy.digest[:16]}…",
        style="green",
    )


def _print_policy(policy: Policy, base: Policy) -> None:
    out = console()
    out.print(f"[bold]{policy.id}[/] version {policy.version}", highlight=False)
    if policy.description:
        out.print(policy.description, markup=False)
    if policy.lineage:
        out.print(f"built on {' + '.join(policy.lineage)}", markup=False)
    out.print(f"digest   {policy.digest}")
    if policy is not base:
        out.print(f"without overlays  {base.digest}", style="dim")
    out.print(f"default  {policy.default} (a required check did not run)")
    out.print(_rules(policy))
    for stage, requirements in policy.required.items():
        for need in requirements:
            line = f"required at {stage}: {', '.join(need.categories)}"
            if need.when:
                line += f"\n    when {need.when}, else not assessed ({need.otherwise})"
            out.print(line, markup=False)
    for overlay in policy.overlays:
        to = overlay.applies_to
        whom = ", ".join((*to.tenants, *to.jurisdictions, *to.age_mode))
        out.print(f"overlay {overlay.overlay} for {whom}", markup=False)


def _rules(policy: Policy) -> Table:
    """The rules as a table; columns that are empty for all of them are left out."""
    rows = []
    for rule in policy.rules:
        score = (
            f"≥ {rule.at_least:g}" if rule.between is None else f"{rule.low:g}–{rule.between[1]:g}"
        )
        rows.append(
            {
                "rule": rule.id + (" (floor)" if rule.id in policy.floor else ""),
                "category": rule.category,
                "score": score,
                "action": f"[{ACTION_COLOURS[rule.action]}]{rule.action}[/]",
                "stages": "all" if len(set(rule.stage)) == 4 else ", ".join(rule.stage),
                "only for": ", ".join((*rule.tenants, *rule.jurisdictions, *rule.age_mode)),
                "when": escape(rule.when or ""),
            }
        )
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in ("rule", "score", "action"))
    for row in rows:
        table.add_row(*(row[name] for name in names))
    return table
