"""``guarded-gen selftest``: does a deployment do what it promises? Asked from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import Json, console, emit, errors_to_user, progress_console, stop
from guarded_gen.cli.options import expanded
from guarded_gen.errors import Exit, InvalidInput

if TYPE_CHECKING:
    from guarded_gen.selftest.receiver import Receiver
    from guarded_gen.selftest.run import TrialResult

_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where the service's webhook is waited for."""

    webhook_url: Annotated[
        str | None, typer.Option(help="An address by which the service reaches this machine.")
    ] = None
    webhook_listen: Annotated[
        str, typer.Option(help="HOST:PORT on which to wait for the webhook.")
    ] = "0.0.0.0:9000"  # the service calls from another machine


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOptions:
    """What is asked of the service."""

    size: Annotated[str, typer.Option(help="Size of the clip to ask for.")] = "256x256"
    seconds: Annotated[str, typer.Option(help="Length of the clip to ask for.")] = "2"
    prompt: Annotated[str | None, typer.Option(help="A prompt that must be allowed.")] = None
    refused: Annotated[str | None, typer.Option(help="A prompt that must be refused.")] = None


@expanded
def selftest(
    webhook: Webhook,
    asked: TrialOptions,
    base_url: Annotated[
        str, typer.Option(help="The service's address, without /v1.")
    ] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str,
        typer.Option(
            envvar="GUARDED_GEN_API_KEY",
            help="A key with the scopes generate, moderate and verify.",
        ),
    ] = "none",
    log_key: Annotated[
        str | None, typer.Option(help="The log's verifier key (vkey), got by another way.")
    ] = None,
    json: Json = False,
) -> None:
    """Run an outsider's checks against a running service: client, refusal, clip, mark, log.

    It makes one small clip and deletes it. Exit codes: 0 nothing failed, 1 a step failed, 2 usage.
    """
    with errors_to_user(json):
        import tempfile

        import httpx

        from guarded_gen.audit.note import Verifier
        from guarded_gen.selftest.run import run
        from guarded_gen.selftest.steps import ALLOWED, REFUSED, Trial

        try:
            from openai import OpenAI
        except ImportError:
            raise InvalidInput(
                "the official client is not installed", "run: pip install openai"
            ) from None

        address = base_url.rstrip("/").removesuffix("/v1")
        receiver = _receiver(webhook.webhook_url, webhook.webhook_listen)

        def told(result: TrialResult) -> None:
            colour = _COLOURS[result.outcome]
            line = f"[{colour}]{result.outcome:<8}[/]{result.name:<12} {escape(result.said)}"
            (progress_console() if json else console()).print(line)

        with tempfile.TemporaryDirectory() as folder, httpx.Client() as http:
            trial = Trial(
                address,
                OpenAI(base_url=f"{address}/v1", api_key=api_key),
                http,
                Path(folder),
                asked.prompt or ALLOWED,
                asked.refused or REFUSED,
                asked.size,
                asked.seconds,
                log_key=Verifier.parse(log_key) if log_key else None,
                receiver=receiver,
            )
            try:
                results = run(trial, told)
            finally:
                if receiver:
                    receiver.close()
        if json:
            emit({"base_url": address, "steps": [result.to_json() for result in results]})
        stop(Exit.FAILED if any(r.outcome == "failed" for r in results) else Exit.DONE)


def _receiver(url: str | None, listen: str) -> Receiver | None:
    from guarded_gen.selftest.receiver import Receiver

    if url is None:
        return None
    host, _, port = listen.rpartition(":")
    if not port.isdecimal():
        raise InvalidInput(f"{listen!r} is no HOST:PORT", "for example 0.0.0.0:9000")
    return Receiver(host, int(port), url)
