"""The verifier's twelve steps, one test each, and what hostile files get."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import pytest

from provenance import (
    ProvenanceError,
    ProvenanceLimits,
    TrustList,
    Verdict,
    ensure_development_chain,
    isolation,
    sign_file,
)
from provenance.certificates import SigningIdentity, issue_leaf
from provenance.containers import C2PA_UUID, XMP_UUID
from provenance.errors import TrustListInvalid
from provenance.isolation import Sandbox
from provenance.keys import Algorithm, LocalKey, generate_key
from provenance.manifest import build
from provenance.trust import Revoked, fingerprint
from provenance.verdicts import Severity, VerificationReport, clean
from provenance.verifier import STEPS, examine, library_settings, verify
from tests.provenance.conftest import Studio, make_clip
from tests.waiting import PATIENCE_S, until


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


def boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    found, offset = [], 0
    while offset < len(data):
        size, kind = struct.unpack(">I4s", data[offset : offset + 8])
        found.append((kind, offset, size or len(data) - offset))
        offset += size or len(data) - offset
    return found


def offset_of(data: bytes, kind: bytes) -> tuple[int, int]:
    return next((offset, size) for name, offset, size in boxes(data) if name == kind)


def outcome(report: VerificationReport, number: int) -> str:
    return next(s.outcome for s in report.steps if s.number == number)


def copy_with(signed: Path, folder: Path, change: bytes | None = None, at: int = 0) -> Path:
    data = bytearray(signed.read_bytes())
    if change is not None:
        data[at : at + len(change)] = change
    path = folder / "copy.mp4"
    path.write_bytes(data)
    return path


def launder(studio: Studio, parent: Path, out: Path, identity: SigningIdentity) -> Path:
    """What a dishonest tool does: sign over an altered parent, straight with the library."""
    context = c2pa.Context.from_dict(library_settings(studio.trust))
    definition = build(studio.request(thumbnail=None, ingredients=(parent,)))
    builder = c2pa.Builder(definition, context=context)
    entry = {"title": "parent", "relationship": "parentOf", "label": "ingredient-0"}
    with parent.open("rb") as file:
        builder.add_ingredient(entry, "video/mp4", file)
    signer = c2pa.Signer.from_callback(
        identity.key.sign, c2pa.C2paSigningAlg.ES256, identity.chain_pem.decode()
    )
    with studio.source.open("rb") as source, out.open("w+b") as target:
        builder.sign(signer, "video/mp4", source, target)
    return out


def test_a_fresh_file_passes_every_step(studio: Studio, signed: Path, sandbox: Sandbox) -> None:
    report = verify(signed, studio.trust, sandbox=sandbox)
    assert report.verdict is Verdict.TRUSTED
    assert [(s.number, s.name) for s in report.steps] == list(enumerate(STEPS, 1))
    assert {s.outcome for s in report.steps} == {"passed"}
    assert VerificationReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_step_1_bounds(studio: Studio, signed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    small = ProvenanceLimits(max_file_bytes=100)
    for path, limits, code in (
        (empty, None, "file.empty"),
        (tmp_path / "none.mp4", None, "file.unreadable"),
        (tmp_path / "pipe.mp4", None, "file.irregular"),
        (tmp_path, None, "file.irregular"),
        (signed, small, "limit.file_bytes"),
    ):
        report = examine(path, studio.trust, limits=limits)
        assert (report.verdict, report.findings[0].code) == (Verdict.UNREADABLE, code)
        assert outcome(report, 1) == "failed" and outcome(report, 2) == "not_reached"


def test_step_2_kind_is_judged_by_content(studio: Studio, signed: Path, tmp_path: Path) -> None:
    text = tmp_path / "film.mp4"
    text.write_text("this is no film, whatever its name says")
    report = examine(text, studio.trust)
    assert (report.verdict, outcome(report, 2)) == (Verdict.UNREADABLE, "failed")
    misnamed = tmp_path / "film.jpg"
    shutil.copy(signed, misnamed)
    assert examine(misnamed, studio.trust).verdict is Verdict.TRUSTED


def test_step_3_container(studio: Studio, signed: Path, tmp_path: Path) -> None:
    data = studio.source.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    report = examine(cut, studio.trust)
    assert (report.verdict, outcome(report, 3)) == (Verdict.UNREADABLE, "failed")
    # a cut file that was signed is told as changed
    whole = signed.read_bytes()
    cut.write_bytes(whole[: len(whole) - 100])
    assert examine(cut, studio.trust).verdict is Verdict.TAMPERED
    many = tmp_path / "many.mp4"
    many.write_bytes(data + box(b"free", b"") * 30_000)
    assert examine(many, studio.trust).findings[0].code == "limit.container"


def test_step_4_store(studio: Studio, signed: Path, tmp_path: Path) -> None:
    assert examine(studio.source, studio.trust).verdict is Verdict.UNSIGNED
    data = signed.read_bytes()
    offset, size = offset_of(data, b"uuid")
    twice = tmp_path / "twice.mp4"
    twice.write_bytes(data[: offset + size] + data[offset:])
    report = examine(twice, studio.trust)
    assert (report.verdict, report.findings[0].code) == (Verdict.MALFORMED, "store.several")


def remote_only(studio: Studio, folder: Path, url: str) -> Path:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
        f'dcterms:provenance="{url}"/></rdf:RDF></x:xmpmeta>'
    ).encode()
    path = folder / "remote.mp4"
    path.write_bytes(studio.source.read_bytes() + box(b"uuid", XMP_UUID + xmp))
    return path


def test_step_4_no_server_is_asked(studio: Studio, signed: Path, tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/manifest.c2pa"
    report = verify(remote_only(studio, tmp_path, url), studio.trust)
    assert report.verdict is Verdict.REMOTE_ONLY
    assert report.remote_url == url
    # the library would ask, from a fetched reference as well as from an embedded one
    builder = c2pa.Builder(build(studio.request(thumbnail=None)))
    builder.set_no_embed()
    builder.set_remote_url(url)
    signer = c2pa.Signer.from_callback(
        studio.identity.key.sign, c2pa.C2paSigningAlg.ES256, studio.identity.chain_pem.decode()
    )
    out = tmp_path / "library.mp4"
    with studio.source.open("rb") as source, out.open("w+b") as target:
        builder.sign(signer, "video/mp4", source, target)
    assert verify(out, studio.trust).verdict is Verdict.REMOTE_ONLY
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_step_5_structure(studio: Studio, signed: Path, tmp_path: Path) -> None:
    nested = b""
    for _ in range(1000):
        nested = box(b"jumb", box(b"jumd", b"c2pa" + b"\0" * 12 + b"\3deep\0") + nested)
    payload = C2PA_UUID + b"\0" * 4 + b"manifest\0" + b"\0" * 8 + nested
    deep = tmp_path / "deep.mp4"
    data = studio.source.read_bytes()
    offset, size = offset_of(data, b"ftyp")
    head, rest = data[: offset + size], data[offset + size :]
    deep.write_bytes(head + box(b"uuid", payload) + rest)
    report = examine(deep, studio.trust)
    assert (report.verdict, report.findings[0].code) == (Verdict.UNREADABLE, "limit.store")
    junk = C2PA_UUID + b"\0" * 4 + b"manifest\0" + b"\0" * 8 + b"\0\0\0\x10jumbXXXXXXXX"
    deep.write_bytes(head + box(b"uuid", junk) + rest)
    assert examine(deep, studio.trust).verdict is Verdict.MALFORMED
    tight = ProvenanceLimits(max_manifests=1)
    child = studio.sign(tmp_path / "child.mp4", ingredients=(signed,)).path
    assert examine(child, studio.trust, limits=tight).findings[0].code == "limit.store"


def test_step_6_validation(studio: Studio, signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes()
    spot = data.index(b"c2pa.actions.v2")
    report = examine(copy_with(signed, tmp_path, b"c2pa.actions.v9", spot), studio.trust)
    assert report.verdict is Verdict.TAMPERED
    assert outcome(report, 6) == "failed" or outcome(report, 8) == "failed"


def test_step_7_hard_binding(studio: Studio, signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes()
    offset, size = offset_of(data, b"mdat")
    flipped = copy_with(signed, tmp_path, bytes([data[offset + size - 9] ^ 1]), offset + size - 9)
    report = examine(flipped, studio.trust)
    assert (report.verdict, outcome(report, 7)) == (Verdict.TAMPERED, "failed")
    assert report.findings[0].code == "assertion.bmffHash.mismatch"


def test_step_8_claim(studio: Studio, signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes()
    spot = data.index(b"world")
    report = examine(copy_with(signed, tmp_path, b"W", spot), studio.trust)
    assert (report.verdict, outcome(report, 8)) == (Verdict.TAMPERED, "failed")
    assert "assertion.hashedURI.mismatch" in {f.code for f in report.findings}


def test_step_9_time(studio: Studio, signed: Path) -> None:
    before = studio.identity.leaf.not_valid_before_utc - timedelta(days=1)
    report = examine(signed, studio.trust, at=before)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    assert [f.code for f in report.failures] == ["signer.outside_validity"]
    assert report.at.startswith(before.date().isoformat())


def test_step_10_signer(studio: Studio, signed: Path, tmp_path: Path) -> None:
    nobody = examine(signed, TrustList())
    assert (nobody.verdict, outcome(nobody, 10)) == (Verdict.VALID_UNTRUSTED, "failed")
    leaf, middle = studio.identity.leaf, studio.identity.chain[1]
    for certificate in (leaf, middle):
        revoked = replace(
            studio.trust,
            revoked=(Revoked(fingerprint(certificate), datetime(2020, 1, 1, tzinfo=UTC)),),
        )
        report = examine(signed, revoked)
        assert [f.code for f in report.failures] == ["signer.revoked"]
    later = Revoked(fingerprint(leaf), datetime.now(UTC) + timedelta(days=1))
    assert examine(signed, replace(studio.trust, revoked=(later,))).verdict is Verdict.TRUSTED
    stale = replace(studio.trust, expires=datetime(2020, 1, 1, tzinfo=UTC))
    assert [f.code for f in examine(signed, stale).failures] == ["signer.list_expired"]


def test_step_10_self_signed(studio: Studio, tmp_path: Path) -> None:
    private = generate_key(Algorithm.ES256)
    from provenance.certificates import Authority, issue_authority

    seed = issue_authority("Self")
    own = Authority(seed.certificate, private)
    leaf = issue_leaf(own, private.public_key(), "Guarded Gen development root")
    identity = SigningIdentity(LocalKey(Algorithm.ES256, private), (leaf,))
    with pytest.raises(ProvenanceError):
        sign_file(studio.source, tmp_path / "o.mp4", studio.request(), identity, studio.trust)
    assert not list(tmp_path.iterdir())


def test_step_11_history(studio: Studio, signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes()
    bad = copy_with(signed, tmp_path, bytes([data[-40] ^ 1]), len(data) - 40)
    washed = launder(studio, bad, tmp_path / "washed.mp4", studio.identity)
    with washed.open("rb") as file:
        naive = c2pa.Reader(
            "video/mp4", file, context=c2pa.Context.from_dict(library_settings(studio.trust))
        )
    assert naive.get_validation_state() == "Trusted", "the trap that this step is for"
    report = examine(washed, studio.trust)
    assert (report.verdict, outcome(report, 11)) == (Verdict.TAMPERED, "failed")
    assert report.laundered and report.findings[0].code == "history.tampered"
    assert "source" in report.summary
    # a generation later it is still found
    twice = launder(studio, washed, tmp_path / "twice.mp4", studio.identity)
    again = examine(twice, studio.trust)
    assert again.verdict is Verdict.TAMPERED
    assert [(i.depth, i.verdict) for i in again.ingredients][-1] == (2, Verdict.TAMPERED)
    # a parent by a stranger
    stranger = ensure_development_chain(tmp_path / "keys")
    theirs = sign_file(
        studio.source, tmp_path / "t.mp4", studio.request(), stranger, TrustList.of(stranger)
    )
    child = launder(studio, theirs.path, tmp_path / "child.mp4", studio.identity)
    report = examine(child, studio.trust)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    assert report.findings[0].code == "history.untrusted"
    assert examine(child, studio.trust.joined(TrustList.of(stranger))).verdict is Verdict.TRUSTED
    short = ProvenanceLimits(max_ingredient_depth=1)
    assert examine(twice, studio.trust, limits=short).findings[0].code == "limit.ingredients"


def test_step_12_uncovered_bytes(studio: Studio, signed: Path, tmp_path: Path) -> None:
    padded = tmp_path / "padded.mp4"
    padded.write_bytes(signed.read_bytes() + box(b"free", b"a second film in disguise" * 40))
    report = examine(padded, studio.trust)
    assert report.verdict is Verdict.TRUSTED, "the signed bytes are unchanged"
    assert outcome(report, 12) == "noted"
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("uncovered.bytes", Severity.WARNING)
    assert report.uncovered[-1]["appended"] is True
    for extra in (box(b"mdat", b"more"), box(b"uuid", b"u" * 40), b"stray"):
        padded.write_bytes(signed.read_bytes() + extra)
        assert examine(padded, studio.trust).verdict is Verdict.TAMPERED


def test_a_remuxed_copy_is_unsigned(studio: Studio, signed: Path, tmp_path: Path) -> None:
    import av

    with (
        av.open(str(signed)) as source,
        av.open(str(tmp_path / "remux.mp4"), "w") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert examine(tmp_path / "remux.mp4", studio.trust).verdict is Verdict.UNSIGNED


def test_a_thousand_corrupted_manifests(studio: Studio, signed: Path, tmp_path: Path) -> None:
    """Never a crash, never a hung child, never trusted (except in the padding)."""
    import random

    data = signed.read_bytes()
    offset, size = offset_of(data, b"uuid")
    rng = random.Random(8)
    rounds = int(os.environ.get("GUARDED_GEN_CORRUPTIONS", "150"))
    path = tmp_path / "broken.mp4"
    verdicts: dict[Verdict, int] = {}
    with Sandbox() as sandbox:
        verify(signed, studio.trust, sandbox=sandbox)
        for _ in range(rounds):
            broken = bytearray(data)
            for _ in range(rng.randint(1, 12)):
                broken[rng.randrange(offset + 24, offset + size)] = rng.randrange(256)
            path.write_bytes(broken)
            report = verify(path, studio.trust, sandbox=sandbox)
            assert "limit.time" not in {finding.code for finding in report.findings}
            verdicts[report.verdict] = verdicts.get(report.verdict, 0) + 1
            if report.verdict is Verdict.TRUSTED:
                assert broken_only_in_padding(data, bytes(broken)), "a changed file was trusted"
    assert set(verdicts) <= {
        Verdict.TAMPERED,
        Verdict.MALFORMED,
        Verdict.NOT_JUDGED,
        Verdict.TRUSTED,
        Verdict.UNREADABLE,
        Verdict.UNSIGNED,
    }
    assert verdicts[Verdict.TAMPERED] + verdicts[Verdict.MALFORMED] > rounds * 0.4, verdicts


def broken_only_in_padding(before: bytes, after: bytes) -> bool:
    """Whether every changed byte lies where no signature can reach: in the C2PA box's own header
    (version, offset of a Merkle tree), or in the padding of the COSE header."""
    start, _ = offset_of(before, b"uuid")
    pad = before.rindex(b"pad")
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    return all(i > pad or i < start + 45 for i in changed)


def test_labels_that_no_hash_covers_are_checked(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    data = signed.read_bytes()
    for label in (b"c2pa.assertions\0", b"c2pa.claim.v2\0", b"c2pa.signature\0"):
        at = data.index(label) + 5
        report = examine(copy_with(signed, tmp_path, b"X", at), studio.trust)
        assert report.verdict in (Verdict.TAMPERED, Verdict.MALFORMED), label


def test_certificates_that_parse_only_in_part(studio: Studio, signed: Path, tmp_path: Path) -> None:
    data = signed.read_bytes()
    start = data.index(b"Guarded Gen development intermediate")
    for at in range(start - 120, start + 60, 7):
        broken = copy_with(signed, tmp_path, bytes([data[at] ^ 0x15]), at)
        assert examine(broken, studio.trust).verdict in (Verdict.TAMPERED, Verdict.MALFORMED)


def test_a_file_that_exhausts_the_child_is_survived(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    limits = ProvenanceLimits(verify_seconds=0.000_1, verify_bytes_per_second=10**15)
    with Sandbox() as sandbox:
        late = verify(signed, studio.trust, limits, sandbox=sandbox)
        assert (late.verdict, late.findings[0].code) == (Verdict.UNREADABLE, "limit.time")
        assert verify(signed, studio.trust, sandbox=sandbox).verdict is Verdict.TRUSTED
        child = sandbox._idle[0]
        child.process.kill()
        dead = verify(signed, studio.trust, sandbox=sandbox)
        assert (dead.verdict, dead.findings[0].code) == (Verdict.UNREADABLE, "limit.memory")
        assert verify(signed, studio.trust, sandbox=sandbox).verdict is Verdict.TRUSTED


def test_a_file_that_makes_the_child_work_is_stopped_after_so_much_work() -> None:
    with Sandbox(module="tests.provenance.busy_child") as sandbox:
        late = sandbox.call({}, 120.0, 0.3)
    assert (late.answer, late.code) == (None, "limit.time")


def test_a_childs_successor_is_there_before_its_end(
    monkeypatch: pytest.MonkeyPatch, studio: Studio, signed: Path
) -> None:
    monkeypatch.setattr(isolation, "MOST_RUNS", 4)
    monkeypatch.setattr(isolation, "WARM_BEFORE", 2)
    with Sandbox() as sandbox:
        for _ in range(2):
            assert verify(signed, studio.trust, sandbox=sandbox).verdict is Verdict.TRUSTED
        old = sandbox._idle[-1]
        until(lambda: len(sandbox._idle) == 2, "a successor")
        successor = sandbox._idle[0]
        for _ in range(2):
            verify(signed, studio.trust, sandbox=sandbox)
        assert old.process.poll() is not None, "the old one has ended"
        assert sandbox._idle == [successor]


def test_many_threads_share_a_sandbox(studio: Studio, signed: Path) -> None:
    verdicts: list[Verdict] = []
    with Sandbox(workers=2) as sandbox:
        threads = [
            threading.Thread(
                target=lambda: verdicts.append(
                    verify(signed, studio.trust, sandbox=sandbox).verdict
                )
            )
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verdicts == [Verdict.TRUSTED] * 6


def test_texts_of_a_file_cannot_speak_for_us(studio: Studio, tmp_path: Path) -> None:
    title = "<script>alert(1)</script>\x1b[2J\u202egnp.exe\u0000 end" + "x" * 5000
    done = studio.sign(tmp_path / "evil.mp4", title=title)
    shown = done.report.manifest["title"]
    assert not any(ord(c) < 32 or c in "\u202e\u200b" for c in shown)
    assert len(shown) <= 2001
    assert clean("a\u2028b\u0007") == "a\ufffdb\ufffd"


def test_trust_lists_are_files_with_expiry(studio: Studio, signed: Path, tmp_path: Path) -> None:
    assert studio.identity.root is not None
    pem = tmp_path / "anchors.pem"
    pem.write_bytes(studio.identity.root_pem)
    assert examine(signed, TrustList.load(pem)).verdict is Verdict.TRUSTED
    listed = tmp_path / "anchors.json"
    listed.write_text(json.dumps(studio.trust.to_json()))
    assert TrustList.load(listed) == studio.trust
    assert examine(signed, TrustList.load(listed, pem)).verdict is Verdict.TRUSTED
    for text in ("", "{}", '{"version": 2}', '{"version": 1, "signers": ["x"]}', "no pem"):
        listed.write_text(text)
        with pytest.raises(TrustListInvalid):
            TrustList.load(listed)
    with pytest.raises(TrustListInvalid):
        TrustList.load(tmp_path / "none.json")


def test_crjson_is_given_on_request(studio: Studio, signed: Path) -> None:
    report = examine(signed, studio.trust, crjson=True)
    assert report.crjson is not None
    assert report.crjson["manifests"][0]["label"] == report.manifest_label
    assert examine(signed, studio.trust).crjson is None


def test_the_library_is_never_used_on_its_own_default_context() -> None:
    """A process-wide setting would leak between requests; nothing may set one."""
    source = Path(__file__).parents[2] / "provenance"
    for path in source.rglob("*.py"):
        assert "load_settings" not in path.read_text(), path


def test_a_forked_child_can_verify(studio: Studio, signed: Path) -> None:
    """A context of the parent is of no use after a fork; ours are made per call."""
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from provenance import TrustList\nfrom provenance.verifier import examine\n"
        f"p, t = Path({str(signed)!r}), TrustList()\n"
        "first = examine(p, t).verdict\npid = os.fork()\n"
        "if pid == 0:\n    os._exit(0 if examine(p, t).verdict == first else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, timeout=PATIENCE_S)
    assert done.returncode == 0


def test_other_kinds_stay_unsigned_or_unreadable(studio: Studio, tmp_path: Path) -> None:
    webm = tmp_path / "a.mp4"
    make_clip(webm, seconds=0.2, seed=3)
    assert examine(webm, studio.trust).verdict is Verdict.UNSIGNED
    for head in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x08ftyp"):
        for length in (4, 30, 400):
            path = tmp_path / "stub"
            path.write_bytes((head + b"\xff" * length)[: len(head) + length])
            verdict = examine(path, studio.trust).verdict
            assert verdict in (Verdict.UNREADABLE, Verdict.UNSIGNED)
