"""``guarded-gen keys``: API keys and what tenants may use."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services

app = typer.Typer(help="API keys and quotas of tenants.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "default",
    tenant: Annotated[str, typer.Option(help="Whose key it is.")] = "default",
    scopes: Annotated[
        str, typer.Option(help="generate, moderate, verify, review, audit, admin; with commas.")
    ] = "generate,moderate,verify",
    days: Annotated[int, typer.Option(help="Days until it expires; 0: never.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Make a key. Its text is shown once and is nowhere else."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.access.keys import ApiKeys
        from guarded_gen.errors import InvalidInput
        from guarded_gen.jobs import now_ms

        if not tenant.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise InvalidInput("a tenant is letters, digits, . _ and -", param="tenant")
        until = now_ms() + days * 86_400_000 if days else None
        wanted = [scope.strip() for scope in scopes.split(",")]
        key, text = ApiKeys(services.store).create(tenant[:64], name[:80], wanted, until)
        _show(key, text, json)


@app.command("list")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    json: Json = False,
) -> None:
    """All keys, without their secrets."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.access.keys import ApiKeys, key_object

        keys = [key_object(key) for key in ApiKeys(services.store).list(tenant)]
        if json:
            emit(keys)
        for key in [] if json else keys:
            state = "revoked" if key["revoked_at"] else "good"
            console().print(
                f"{key['id']}  {key['tenant']}  {key['name']}  {','.join(key['scopes'])}  {state}"
            )


@app.command()
def rotate(
    key: Annotated[str, typer.Argument(help="The id of the key.")],
    hours: Annotated[float, typer.Option(help="How long the old one goes on working.")] = 24.0,
    json: Json = False,
) -> None:
    """Make a successor with the same rights."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.access.keys import ApiKeys

        fresh, text = ApiKeys(services.store).rotate(None, key, int(hours * 3_600_000))
        _show(fresh, text, json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The id of the key.")], json: Json = False
) -> None:
    """End a key; running processes follow within five seconds."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.access.keys import ApiKeys

        ApiKeys(services.store).revoke(None, key)
        if json:
            emit({"id": key, "revoked": True})
        else:
            console().print(f"{key} is revoked")


@app.command()
def quota(
    tenant: Annotated[str, typer.Argument(help="Whose quota.")],
    open_jobs: Annotated[int | None, typer.Option(help="Most open jobs.", min=0)] = None,
    seconds_per_day: Annotated[float | None, typer.Option(help="Seconds of video.", min=0)] = None,
    storage_bytes: Annotated[int | None, typer.Option(help="Bytes kept.", min=0)] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Per key.", min=1)] = None,
    json: Json = False,
) -> None:
    """Set what a tenant may use; what is not given has no bound."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.jobs import now_ms
        from guarded_gen.store.tables.jobs import Tenant

        values: dict[str, Any] = {
            "max_open_jobs": open_jobs,
            "max_seconds_per_day": seconds_per_day,
            "max_bytes": storage_bytes,
            "requests_per_minute": requests_per_minute,
        }
        with services.store.write() as session:
            session.merge(Tenant(id=tenant, created_at=now_ms(), **values))
        if json:
            emit({"tenant": tenant, **values})
        else:
            console().print(f"{tenant}: " + ", ".join(f"{k} {v}" for k, v in values.items()))


def _show(key: Any, text: str, json: bool) -> None:
    if json:
        from guarded_gen.access.keys import key_object

        emit(key_object(key, text))
    else:
        out = console()
        out.print(f"[bold]{text}[/]")
        out.print(f"  {key.id}, tenant {key.tenant}, scopes {', '.join(key.scopes)}")
        out.print("  [dim]keep it now: it is not stored and cannot be shown again[/]")
