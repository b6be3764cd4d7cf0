"""``guarded-gen audit proof|check-proof|witness|reproduce``: for those who need not believe us."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guarded_gen.cli.audit_output import opened_log, operator, shown
from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
    stop,
)
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from guarded_gen.audit import AuditLog, LogEntry
    from guarded_gen.audit.note import Verifier
    from guarded_gen.audit.proof import TlogProof
    from guarded_gen.audit.witness import Witness
    from guarded_gen.audit.witness_policy import WitnessPolicy
    from guarded_gen.composition.services import Services
    from policies import Signal


def proof(
    id: Annotated[str, typer.Argument(help="An entry's id, or its index.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", dir_okay=False, help="File to write.")
    ] = None,
    json: Json = False,
) -> None:
    """Write an offline proof (C2SP tlog-proof) that an entry is in the log."""
    with errors_to_user(json), opened_log() as (log, _):
        key: str | int = int(id) if id.isdecimal() and len(id) < 19 else id
        entry = log.entry(key)
        target = out or Path(f"{entry.id}.tlog-proof")
        target.write_text(log.proof(entry.index).encode(), "utf-8")
        vkey = log.keys.signer.verifier.vkey
        if json:
            emit({"file": str(target), "entry": entry.id, "verifier_key": vkey})
            return
        console().print(f"{target}\nverifier key {vkey}", markup=False)


def check_proof(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .tlog-proof file.")],
    vkey: Annotated[
        str | None,
        typer.Option(help="The log's verifier key; left out: this home's own log."),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="Verifier key of a witness that must have cosigned.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A witness policy (C2SP tlog-policy) whose quorum must have cosigned.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check an offline proof. Needs no database: the file, and the log's verifier key."""
    with errors_to_user(json):
        from guarded_gen.audit import LogEntry
        from guarded_gen.audit.errors import BadProof
        from guarded_gen.audit.note import Verifier
        from guarded_gen.audit.proof import TlogProof
        from guarded_gen.audit.witness_policy import WitnessPolicy

        rules = WitnessPolicy.parse(policy.read_bytes()) if policy else None
        witnesses = [Verifier.parse(key) for key in witness or ()]
        given = {key.vkey for key in witnesses}
        try:
            found = TlogProof.parse(file.read_text("utf-8"))
        except UnicodeDecodeError as error:
            raise BadProof(f"{file} is no text") from error
        if found.extra is None:
            raise BadProof("the proof does not carry its entry")
        log_key = _log_key(vkey, rules, found)
        more = [v for v in (rules.verifiers if rules else ()) if v.vkey not in given]
        head, cosigners = found.verify(found.extra, log_key, [*witnesses, *more])
        missing = [w.name for w in witnesses if w not in cosigners]
        if missing:
            raise BadProof(f"{', '.join(missing)} did not cosign the checkpoint")
        if rules is not None and not rules.satisfied_by(cosigners):
            raise BadProof(rules.unmet(cosigners))
        try:
            entry = LogEntry.parse(found.index, found.extra).to_json()
        except (ValueError, KeyError, TypeError) as error:
            raise BadProof(f"the proven bytes are no entry of ours: {error}") from error
        record = {
            "ok": True,
            "origin": head.origin,
            "size": head.size,
            "index": found.index,
            "witnesses": [w.name for w in cosigners],
            "entry": entry,
        }
        if json:
            emit(record)
            return
        out = console()
        out.print(f"proven: entry {found.index} of {head.size:,} in {head.origin}", markup=False)
        for name, value in entry.items():
            out.print(f"{name:<10} {shown(value)}", markup=False)


def _log_key(vkey: str | None, policy: WitnessPolicy | None, proof: TlogProof) -> Verifier:
    """The log's key: as given, else the policy's that signed, else our own."""
    from guarded_gen.audit.errors import BadProof
    from guarded_gen.audit.note import Verifier, parse_note

    if vkey:
        return Verifier.parse(vkey)
    if policy is None or not policy.logs:
        return _own_key()
    signatures = parse_note(proof.checkpoint).signatures
    for key in policy.logs:
        if any(key.matches(signature) for signature in signatures):
            return key
    raise BadProof("no log of the policy signed the checkpoint")


def _own_key() -> Verifier:
    from guarded_gen.audit.note import Verifier
    from guarded_gen.errors import InvalidInput
    from guarded_gen.settings import load

    path = load().keys_folder / "audit" / "log.vkey"
    if not path.exists():
        raise InvalidInput("whose log?", "give the log's verifier key with --vkey", "vkey")
    return Verifier.parse(path.read_text("utf-8"))


def witness(
    serve: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Answer add-checkpoint here.")
    ] = None,
    every: Annotated[
        float | None, typer.Option(min=1, help="Repeat the round every so many seconds.")
    ] = None,
    json: Json = False,
) -> None:
    """One round of watching: have our checkpoint cosigned, check the logs that we watch.

    Exit code 1 when there is an alert: a fork, a rollback, or silence past the limit.
    """
    with errors_to_user(json), opened_log() as (log, settings):
        from guarded_gen.audit.rounds import make_witness, watch_round

        ours = make_witness(log, settings.keys_folder, settings.audit)
        if serve is not None:
            _serve(ours, serve, log)
            return
        while True:
            record = watch_round(log, settings.audit, ours.signers)
            record["witness_key"] = ours.signer.verifier.vkey
            record["witness_keys"] = [signer.verifier.vkey for signer in ours.signers]
            record["log_key"] = log.keys.signer.verifier.vkey
            _print_round(record, json)
            if every is None:
                break
            time.sleep(every)
        stop(Exit.FAILED if record["alerts"] else Exit.DONE)


def _serve(witness: Witness, address: str, log: AuditLog) -> None:
    import uvicorn
    from fastapi import FastAPI

    from guarded_gen.audit.http import log_router
    from guarded_gen.errors import InvalidInput

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidInput(f"no address: {address!r}", "write it like 127.0.0.1:8090", "serve")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(log_router(lambda: log, lambda: witness))
    progress_console().print(
        f"witness {witness.signer.verifier.vkey}\non http://{address}  (Ctrl-C ends)", markup=False
    )
    uvicorn.run(app, host=host, port=int(port), log_level="warning", server_header=False)


def _print_round(record: dict[str, Any], json: bool) -> None:
    if json:
        emit(record)
        return
    out = console()
    out.print(f"our log      {record['log_key']}", markup=False)
    for key in record["witness_keys"]:
        out.print(f"our witness  {key}", markup=False)
    for cosigned in record["cosigned"]:
        out.print(f"cosigned     {cosigned['witness']}: size {cosigned['size']:,}", markup=False)
    for seen in record["seen"]:
        out.print(
            f"consistent   {seen['origin']}: {seen['before']:,} to {seen['size']:,}", markup=False
        )
    for alert in record["alerts"]:
        out.print(f"ALERT        {alert['kind']}: {alert['who']}: {alert['message']}", markup=False)


def reproduce(
    id: Annotated[str, typer.Argument(help="The id of a decision.")],
    from_media: Annotated[
        bool,
        typer.Option("--from-media", help="Also run the checks again on what is still kept."),
    ] = False,
    json: Json = False,
) -> None:
    """Decide again from the recorded signals, by the policy of the recorded digest.

    Exit code 1 when the decision is not byte-identical.
    """
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.audit.reproduce import compare_signals
        from guarded_gen.audit.reproduce import reproduce as again

        log = services.log
        entry = log.entry(id)
        with log.reading() as connection:
            found = again(connection, entry)
        record = found.to_json()
        if from_media:
            signals = _check_again(services, log, entry)
            record["signals"] = [d.to_json() for d in compare_signals(entry, signals)]
        if json:
            emit(record)
        else:
            out = console()
            verdict = "byte-identical" if found.same else "DIFFERENT"
            out.print(f"{verdict}: {entry.id} by policy {found.policy_digest}", markup=False)
            for name in found.differences:
                out.print(f"  {name} differs", markup=False)
            if not found.same and found.other_rules:
                out.print("  it was decided by an earlier version of the evaluation, which can be")
                out.print("  why: run the version of guarded-gen of that time to be sure")
            for difference in record.get("signals", ()):
                out.print(f"  {shown(difference)}", markup=False)
            if from_media and not record["signals"]:
                out.print("every check says the same again", markup=False)
        stop(Exit.DONE if found.same else Exit.FAILED)


def _check_again(services: Services, log: AuditLog, entry: LogEntry) -> list[Signal]:
    """Run the checks of an entry's stage on what is still kept of it."""
    import json

    from guarded_gen.errors import InvalidInput, NotFound
    from guarded_gen.gates.gate import classify

    if entry.kind == "prompt.decision":
        secret = log.reveal(entry.id, operator(), "reproducing the decision")
        [signals] = classify(services.prompt_classifiers, [json.loads(secret)["prompt"]])
        return list(signals)
    if entry.kind != "output.decision":
        raise InvalidInput(f"{entry.kind} has no media that its checks looked at")
    from classifiers.frame.scan import scan

    clip = str(entry.body.get("clip", ""))
    settings = services.settings
    for kept in (settings.work_folder / clip / "draft.mp4",):
        if clip and kept.is_file():
            seed = entry.body.get("coverage", {}).get("sampling", {}).get("seed")
            done = scan(
                kept,
                services.frame_checks,
                services.frame_settings,
                settings.limits.media,
                seed=seed,
            )
            return list(done.report.signals)
    raise NotFound(
        f"the draft of {clip} is no longer kept", "only held clips keep what their checks saw"
    )


def kit(
    out: Annotated[Path, typer.Option("-o", "--out", dir_okay=False, help="File to write.")] = Path(
        "verify_export.py"
    ),
    json: Json = False,
) -> None:
    """Write the auditor's program: one file that checks an export with nothing but Python."""
    with errors_to_user(json):
        from guarded_gen.audit import auditor

        out.write_bytes(Path(auditor.__file__).read_bytes())
        if json:
            emit({"file": str(out)})
            return
        console().print(f"{out}: python {out} FOLDER --vkey '…'", markup=False)


def register(app: typer.Typer) -> None:
    for command in (proof, check_proof, witness, reproduce, kit):
        app.command(command.__name__.replace("_", "-"))(command)
