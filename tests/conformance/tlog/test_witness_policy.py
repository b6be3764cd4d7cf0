"""C2SP tlog-policy: parsing, evaluation, and a quorum that the service reaches by its rounds."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from fastapi import FastAPI
from typer.testing import CliRunner

from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.audit.errors import BadNote, BadWitnessPolicy
from guarded_gen.audit.export import ExportFormat, export
from guarded_gen.audit.http import log_router
from guarded_gen.audit.keys import load_witness_keys
from guarded_gen.audit.note import (
    COSIGNATURE,
    ML_DSA_44,
    Checkpoint,
    Signer,
    Verifier,
    open_note,
    signed,
)  # fmt: skip
from guarded_gen.audit.rounds import watch_round
from guarded_gen.audit.watching import Seen, check_log
from guarded_gen.audit.witness import Witness
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.cli import app as cli
from guarded_gen.settings import Settings
from guarded_gen.settings.audit import AuditSettings
from guarded_gen.store import open_store

SIX = {
    name: Signer(f"w.example/{name}", Ed25519PrivateKey.generate(), COSIGNATURE)
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
LINES = [f"witness {name} {signer.verifier.vkey}" for name, signer in SIX.items()]
NESTED = [
    "# two organizations", *LINES, "",
    "group X 2 X1 X2 X3", "\tgroup  Y any Y1 Y2 Y3 ", "group both all X Y", "quorum both",
]  # fmt: skip


def policy_of(*lines: str) -> WitnessPolicy:
    return WitnessPolicy.parse("".join(f"{line}\n" for line in lines).encode())


def test_nested_groups_count_as_they_say() -> None:
    policy = policy_of(*NESTED)
    for count in range(7):
        for names in combinations(SIX, count):
            xs = sum(name[0] == "X" for name in names)
            enough = xs >= 2 and len(names) - xs >= 1
            assert policy.satisfied_by([SIX[name].verifier for name in names]) is enough, names


def test_no_witness_is_needed_where_the_policy_says_none() -> None:
    assert policy_of("quorum none").satisfied_by([])


@pytest.mark.parametrize(
    "lines",
    [
        LINES,
        [*LINES, "quorum X1", "quorum X2"],
        [*LINES, "quorum nobody"],
        ["quorum X1", *LINES],
        [*LINES, "group a 4 X1 X2 X3", "quorum a"],
        [*LINES, "group a 0 X1 X2", "quorum a"],
        [*LINES, "group a 01 X1 X2", "quorum a"],
        [*LINES, "group a any", "quorum a"],
        [*LINES, "group a any X1 X1", "quorum a"],
        [*LINES, "group a any X1 X2", "group b all X1 a", "quorum b"],
        [*LINES, "group a any none", "quorum a"],
        [*LINES, "group X1 any X2", "quorum X1"],
        [*LINES, "group a any b", "group b any X1", "quorum a"],
        [*LINES, LINES[0].replace("X1", "again", 1), "quorum X1"],
        [*LINES, f"log {SIX['X1'].verifier.vkey}", "quorum X1"],
        [*LINES, "quorum X1 X2"],
        [*LINES, "quorum X1", "quo\x00rum"],
        ["witness a b+00+AA=="],
    ],
)  # fmt: skip
def test_what_the_format_forbids_is_refused(lines: list[str]) -> None:
    with pytest.raises(BadWitnessPolicy):
        policy_of(*lines)


def test_ml_dsa_cosignatures_name_their_witness_and_their_tree() -> None:
    key = MLDSA44PrivateKey.generate()
    signer = Signer("w.example/q", key, ML_DSA_44)
    text = Checkpoint("example.com/log", 7, b"r" * 32, ("an extension",)).text()
    line = signer.cosign(text, 1_700_000_000)
    verifier = Verifier.parse(signer.verifier.vkey)
    assert (verifier.timestamp(line), verifier.check(text, line)) == (1_700_000_000, True)
    opened, found = open_note(signed(text, [line]), [verifier])
    assert (opened.text, found) == (text, [verifier])
    # The structure of the specification, put together by hand.
    message = (
        b"subtree/v1\n\0" + b"\x0bw.example/q" + (1_700_000_000).to_bytes(8, "big")
        + b"\x0fexample.com/log" + bytes(8) + (7).to_bytes(8, "big") + b"r" * 32
    )  # fmt: skip
    key.public_key().verify(line.blob[8:], message)
    assert len(line.blob) == 8 + 2420
    assert not verifier.check(text.replace("\n7\n", "\n8\n"), line)
    other = Signer("w.example/other", key, ML_DSA_44).verifier
    renamed = type(line)(other.name, other.key_id, line.blob)
    assert not other.check(text, renamed)
    with pytest.raises(BadNote):
        Signer("w.example/q", key, COSIGNATURE)


@pytest.fixture
def three(
    tmp_path: Path, log: AuditLog, serve: Callable[[FastAPI], str]
) -> list[tuple[Witness, str]]:
    """Three operators' witnesses of this log, over real HTTP."""
    made = []
    for name in "abc":
        home = tmp_path / name
        settings = Settings(home=home)
        theirs = AuditLog.open(open_store(settings), settings.keys_folder)
        keys = load_witness_keys(settings.keys_folder, f"w.example/{name}")
        witness = Witness(theirs, keys[0], [log.keys.signer.verifier], keys[1])
        app = FastAPI()
        app.include_router(log_router(lambda log=theirs: log, lambda witness=witness: witness))
        made.append((witness, serve(app)))
    return made


def test_a_round_reaches_the_quorum_or_says_that_it_did_not(
    log: AuditLog, three: list[tuple[Witness, str]], tmp_path: Path
) -> None:
    dead = "http://127.0.0.1:1"
    lines = [f"log {log.keys.signer.verifier.vkey}"]
    for number, (witness, url) in enumerate(three):
        # The third is known by its ML-DSA key; the second does not answer at first.
        key = witness.signers[number == 2].verifier.vkey
        lines.append(f"witness {'abc'[number]} {key} {dead if number == 1 else url}")
    needed = [*lines, "group two 2 a b", "group all all two c", "quorum all"]
    log.witness_policy = policy_of(*needed)
    settings = AuditSettings()
    for n in range(5):
        log.append(Event("a.b", body={"n": n}))
    first = watch_round(log, settings)
    assert {a["kind"] for a in first["alerts"]} == {"unreachable", "quorum"}
    out = tmp_path / "none"
    assert (
        export(log, out, Query(), ExportFormat.JSONL, "ops").manifest["cosigned_checkpoint"] is None
    )

    text = "\n".join(needed).replace(dead, three[1][1]) + "\n"
    log.witness_policy = WitnessPolicy.parse(text.encode())
    log.append(Event("a.b"))
    size = log.snapshot().size
    second = watch_round(log, settings)
    assert second["alerts"] == []
    assert [c["size"] for c in second["cosigned"]] == [size] * 3

    (tmp_path / "policy").write_text(text)
    file = tmp_path / "one.tlog-proof"
    file.write_text(log.proof(2).encode(), "utf-8")
    arguments = ["audit", "check-proof", str(file), "--policy"]
    done = CliRunner().invoke(cli, [*arguments, str(tmp_path / "policy")])
    assert done.exit_code == 0, done.output
    stranger = SIX["X1"].verifier.vkey
    more = text.replace("quorum all", f"witness d {stranger}\ngroup e all all d\nquorum e")
    (tmp_path / "harder").write_text(more)
    done = CliRunner().invoke(cli, [*arguments, str(tmp_path / "harder")])
    assert (done.exit_code, "is not reached" in done.output) == (1, True), done.output


def test_a_monitor_reads_what_a_witness_cosigned(
    log: AuditLog, three: list[tuple[Witness, str]], serve: Callable[[FastAPI], str]
) -> None:
    witness, url = three[0]
    key = log.keys.signer.verifier
    where = f"{url}/{sha256(key.name.encode()).hexdigest()}/checkpoint"
    assert httpx.get(where).status_code == 404
    app = FastAPI()
    app.include_router(log_router(lambda: log))
    with httpx.Client() as client:
        ours = serve(app)
        # Seen, but not cosigned: nothing for monitors.
        assert isinstance(check_log(witness._log, key, ours, client), Seen)
        assert httpx.get(where).status_code == 404
        log.append(Event("a.b"))
        found = check_log(witness._log, key, ours, client, witness.signers)
        assert isinstance(found, Seen)
    shown = httpx.get(where)
    keys = [key, *(signer.verifier for signer in witness.signers)]
    opened, signers = open_note(shown.text, keys)
    assert (Checkpoint.parse(opened.text).size, signers) == (1, keys)
    assert httpx.get(f"{url}/{'0' * 64}/checkpoint").status_code == 404
