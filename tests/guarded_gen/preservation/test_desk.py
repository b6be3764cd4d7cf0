"""From a refusal to sealed evidence and a finished report. Harmless stand-ins everywhere."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from guarded_gen.audit import AuditLog, Event
from guarded_gen.audit.erasure import erase
from guarded_gen.audit.errors import LegalHoldActive
from guarded_gen.audit.proof import TlogProof
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.jobs.settled import HeldJobs
from guarded_gen.preservation.cybertip import (
    INCIDENT_TYPES,
    CyberTipReport,
    ReportedPerson,
    Reporter,
)
from guarded_gen.preservation.desk import Desk
from guarded_gen.preservation.errors import HotlineOff, ReportIncomplete
from guarded_gen.preservation.settings import HotlineSettings, PreservationSettings
from guarded_gen.review.cases import CaseQueue, NewCase, now_ms, open_case
from guarded_gen.review.decide import Decisions
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member, add_person
from guarded_gen.review.roles import Role
from tests.guarded_gen.preservation.standin import PASSWORD, USER, Service, running
from tests.waiting import until

LATER_MS = 10 * 3_600_000
FIELDS = {"incident_type": INCIDENT_TYPES[0], "classification": "", "additional": "a stand-in"}


@pytest.fixture(scope="session")
def legal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, x509.Certificate, Any]:
    key = rsa.generate_private_key(65537, 3072)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "legal")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(9))
    certificate = builder.sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("legal") / "legal.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path, certificate, key


@pytest.fixture
def hotline() -> Iterator[Service]:
    with running() as service:
        yield service


def opened(envelope: bytes, certificate: x509.Certificate, key: Any) -> bytes:
    """What the legal role does on a machine of its own."""
    return pkcs7.pkcs7_decrypt_der(envelope, certificate, key, [])


class Place:
    """A log with people, one restricted case and its desk."""

    def __init__(self, log: AuditLog, folder: Path, settings: PreservationSettings) -> None:
        self.log, self.folder = log, folder
        self.picture = folder / "draft.png"
        self.picture.write_bytes(b"a stand-in for a draft")
        self.desk = Desk(log, settings, folder / "evidence", lambda case: (self.picture,))
        self.queue = CaseQueue(log.store, log)
        self.decisions = Decisions(log.store, log, HeldJobs(None))  # type: ignore[arg-type]
        self.people: dict[str, Member] = {}
        trained = dict.fromkeys(("tess", "tim"), Role.RESTRICTED)
        lawyers = dict.fromkeys(("lex", "lou"), Role.LEGAL)
        for person, role in {**trained, **lawyers, "ann": Role.REVIEWER}.items():
            self.people[person] = add_person(log, "test", person, {role})[0]
        decision = log.append(
            Event(
                kind="prompt.decision",
                tenant="acme",
                subject="user-7",
                decision={"action": "block", "stage": "prompt", "policy_digest": "0" * 64},
                payload={"prompt": "a stand-in for a prompt"},
            )
        )
        new = NewCase(
            item="video_1", tenant="acme", subject="user-7", stage="prompt", decision=decision,
            category="sexual_minors", rule="CSAE-1", reason="sexual_content_minors",
            policy_digest="0" * 64, kind="report", floor=True,
        )  # fmt: skip
        self.case = log.write(lambda tx: open_case(tx, new))

    def confirm(self, action: str = "block") -> None:
        for name in ("tess", "tim"):
            who = self.people[name]
            case = self.queue.take(who, self.case)
            self.decisions.decide(
                who, self.case, action, "sexual_content_minors", version=case.version
            )
        self.decisions.clock = lambda: 2**52
        self.decisions.settle()

    def kinds(self) -> list[str]:
        return [e.kind for e in self.log.entries()][::-1]


def place(log: AuditLog, folder: Path, recipient: Path | None, url: str = "") -> Place:
    hotline = HotlineSettings(
        url=url, username=USER, password=PASSWORD, first_name="Lex", last_name="Example",
        email="lex@example.org", service="clips", timeout_s=20,
    )  # fmt: skip
    return Place(log, folder, PreservationSettings(recipient=recipient, hotline=hotline))


def test_sealed_at_once_and_only_the_legal_key_opens_it(
    log: AuditLog, tmp_path: Path, legal: Any
) -> None:
    here = place(log, tmp_path, legal[0])
    here.desk.sweep()
    (line,) = here.desk.page(here.people["lex"])
    assert line.evidence is not None
    folder = Path(line.evidence.folder)
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"stand-in" not in path.read_bytes(), path
    index = json.loads(opened((folder / "index.json.cms").read_bytes(), *legal[1:]))
    names = {file["name"] for file in index["files"]}
    assert "media/0.png" in names and any(n.endswith("payload.json") for n in names)
    for name in names:
        content = opened((folder / f"{name}.cms").read_bytes(), *legal[1:])
        if name.endswith(".tlog-proof"):
            TlogProof.parse(content.decode())
    assert (
        opened((folder / "media/0.png.cms").read_bytes(), *legal[1:]) == here.picture.read_bytes()
    )
    assert here.desk.sweep() == 0 and len(list((tmp_path / "evidence").iterdir())) == 1


def test_the_hold_outruns_an_erasure_and_says_so(log: AuditLog, tmp_path: Path) -> None:
    place(log, tmp_path, None)
    with pytest.raises(LegalHoldActive, match="nothing was erased"):
        erase(log, "user-7", "acme", "op", "asked for it")
    assert erase(log, "user-8", "acme", "op", "asked for it").payloads == 0


def test_what_two_people_clear_is_held_no_more(log: AuditLog, tmp_path: Path) -> None:
    here = place(log, tmp_path, None)
    with log.store.write() as session:  # no floor rule: people may say that it was nothing
        case = here.queue.get(here.people["tess"], here.case)
        session.merge(case).floor = False
    here.confirm("allow")
    assert "hold.ended" in here.kinds()
    assert erase(log, "user-7", "acme", "op", "asked for it").payloads == 1


def test_without_a_key_it_is_told_and_nothing_is_lost(log: AuditLog, tmp_path: Path) -> None:
    here = place(log, tmp_path, None)
    here.desk.sweep()
    assert any("no certificate of the legal role" in p for p in here.desk.problems())
    assert here.desk.page(here.people["lex"])[0].evidence is None
    here.desk.evidence.settings = PreservationSettings(recipient=tmp_path / "gone.pem")
    assert any("no readable certificate" in p for p in here.desk.problems())


def test_a_report_needs_four_eyes_and_ends_once(
    log: AuditLog, tmp_path: Path, legal: Any, hotline: Service
) -> None:
    here = place(log, tmp_path, legal[0], hotline.url)
    tess, lex = here.people["tess"], here.people["lex"]
    with pytest.raises(Conflict, match="two people"):
        here.desk.reports.ask(tess, here.case, FIELDS)
    here.confirm()
    with pytest.raises(ReportIncomplete) as missing:
        here.desk.reports.ask(tess, here.case, {**FIELDS, "incident_type": ""})
    assert missing.value.param == "incident_type"
    here.desk.reports.ask(tess, here.case, FIELDS)
    with pytest.raises(NotAllowed):
        here.desk.reports.agree(here.people["ann"], here.case)
    assert here.desk.sweep() == 0 and not hotline.reports
    here.desk.reports.agree(lex, here.case)
    assert here.desk.sweep() == 1 and here.desk.sweep() == 0
    (number,) = hotline.finished
    report = hotline.reports[number]
    assert list(report["files"].values()) == [here.picture.read_bytes()]
    assert b"generativeAi" in report["details"][0] and b"user-7" in report["xml"]
    assert here.kinds().count("report.finished") == 1
    (line,) = here.desk.page(lex)
    assert line.report is not None and (line.report.state, line.report.report) == (
        "finished",
        number,
    )
    assert line.report.fields == {}


@pytest.mark.parametrize("path", ["submit", "upload", "fileinfo", "finish"])
@pytest.mark.parametrize("trouble", [500, 1000])
def test_a_hotline_in_trouble_gets_it_later(
    log: AuditLog, tmp_path: Path, legal: Any, hotline: Service, path: str, trouble: int
) -> None:
    here = place(log, tmp_path, legal[0], hotline.url)
    here.confirm()
    here.desk.reports.ask(here.people["tess"], here.case, FIELDS)
    here.desk.reports.agree(here.people["lex"], here.case)
    hotline.trouble = lambda asked: trouble if asked == path else None
    assert here.desk.sweep() == 0
    hotline.trouble = lambda asked: None
    assert here.desk.sweep() == 0, "it waits before it tries again"
    here.desk.reports.clock = lambda: now_ms() + LATER_MS
    assert here.desk.reports.send_due() == 1
    assert len(hotline.finished) == 1


def test_what_the_hotline_refuses_goes_back_to_people(
    log: AuditLog, tmp_path: Path, legal: Any, hotline: Service
) -> None:
    here = place(log, tmp_path, legal[0], hotline.url)
    here.confirm()
    here.desk.reports.ask(here.people["tess"], here.case, FIELDS)
    here.desk.reports.agree(here.people["lex"], here.case)
    hotline.trouble = lambda asked: 4100
    assert here.desk.sweep() == 0
    (line,) = here.desk.page(here.people["lex"])
    assert line.report is not None and line.report.state == "refused"
    assert "4100" in str(line.report.error)


def test_nothing_is_sent_until_it_is_configured(log: AuditLog, tmp_path: Path, legal: Any) -> None:
    here = place(log, tmp_path, legal[0], url="")
    here.confirm()
    here.desk.reports.ask(here.people["tess"], here.case, FIELDS)
    with pytest.raises(HotlineOff):
        here.desk.reports.agree(here.people["lex"], here.case)


FORM = {"name": "hotline-de", "kind": "inhope", "where": "https://hotline.example/form"}


def test_another_hotline_is_told_by_a_person_from_a_sheet(
    log: AuditLog, tmp_path: Path, legal: Any
) -> None:
    ours = HotlineSettings(first_name="Lex", last_name="Example", email="lex@example.org")
    settings = PreservationSettings(recipient=legal[0], hotline=ours, hotlines=(FORM,))
    here = Place(log, tmp_path, settings)
    tess, lex, reports = here.people["tess"], here.people["lex"], here.desk.reports
    here.confirm()
    with pytest.raises(InvalidInput) as unknown:
        reports.ask(tess, here.case, {**FIELDS, "hotline": "nowhere"})
    assert unknown.value.param == "hotline"
    with pytest.raises(ReportIncomplete):
        reports.ask(tess, here.case, {**FIELDS, "incident_type": " "})
    reports.ask(tess, here.case, FIELDS)
    with pytest.raises(NotFound, match="no sheet"):
        reports.sheet(lex, here.case)
    reports.agree(lex, here.case)
    sheet = reports.sheet(lex, here.case)
    content = here.picture.read_bytes()
    assert sheet["files"][0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert sheet["where"] == FORM["where"] and sheet["takes_files"] is False
    assert "stand-in for a prompt" not in json.dumps(sheet), "no words of the person's"
    with pytest.raises(NotAllowed):
        reports.sheet(here.people["ann"], here.case)
    assert here.desk.sweep() == 0, "nothing is sent by this service"
    with pytest.raises(InvalidInput) as missing:
        reports.sent_by_hand(lex, here.case, "  ")
    assert missing.value.param == "number"
    reports.sent_by_hand(lex, here.case, "DE-2026-17")
    (line,) = here.desk.page(lex)
    assert line.report is not None
    assert (line.report.state, line.report.report, line.report.fields) == (
        "finished", "DE-2026-17", {},
    )  # fmt: skip
    assert here.kinds().count("report.finished") == 1
    with pytest.raises(Conflict):
        reports.sent_by_hand(lex, here.case, "DE-2026-18")


def test_the_legal_role_makes_a_hold_longer_and_never_shorter(
    log: AuditLog, tmp_path: Path
) -> None:
    here = place(log, tmp_path, None)
    lex = here.people["lex"]

    def end() -> int:
        (line,) = here.desk.page(lex)
        assert line.hold is not None
        return line.hold.until

    first, year = end(), datetime.now(UTC).year
    with pytest.raises(NotAllowed):
        here.desk.hold_until(here.people["tess"], here.case, f"{year + 3}-01-31")
    for wrong in ("", "tomorrow", f"{year}-01-01", f"{year + 40}-01-01", "9999-99-99"):
        with pytest.raises(InvalidInput) as refused:
            here.desk.hold_until(lex, here.case, wrong)
        assert refused.value.param == "until"
    assert end() == first
    here.desk.hold_until(lex, here.case, f"{year + 3}-01-31")
    assert end() > first and here.kinds()[-1] == "hold.extended"
    with pytest.raises(LegalHoldActive):
        erase(log, "user-7", "acme", "op", "asked for it")


def test_release_by_two_people_with_the_chain_of_custody(
    log: AuditLog, tmp_path: Path, legal: Any
) -> None:
    here = place(log, tmp_path, legal[0])
    here.desk.sweep()
    here.confirm()
    assert here.desk.evidence.release(here.people["lex"], here.case) is None
    with pytest.raises(NotAllowed):
        here.desk.evidence.release(here.people["lex"], here.case)
    with pytest.raises(NotAllowed):
        here.desk.evidence.release(here.people["tess"], here.case)
    folder = here.desk.evidence.release(here.people["lou"], here.case)
    assert folder is not None
    custody = json.loads((folder / "custody.json").read_text())
    actors = {entry["actor"] for entry in custody}
    assert {here.people[n].id for n in ("tess", "tim", "lex", "lou")} <= actors


def test_killed_between_submit_and_finish_there_is_one_report(
    home_of_log: Path, log: AuditLog, tmp_path: Path, legal: Any, hotline: Service
) -> None:
    here = place(log, tmp_path, legal[0], hotline.url)
    here.confirm()
    here.desk.reports.ask(here.people["tess"], here.case, FIELDS)
    here.desk.reports.agree(here.people["lex"], here.case)
    reached, go = threading.Event(), threading.Event()

    def hang(path: str) -> None:
        if path == "upload":
            reached.set()
            go.wait(60)

    hotline.trouble = hang  # type: ignore[assignment]
    code = (
        "import sys; from pathlib import Path; from tests.guarded_gen.preservation.again import go;"
        "go(*sys.argv[1:])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(home_of_log), str(tmp_path), str(legal[0]), hotline.url]
    )
    assert reached.wait(120)
    child.send_signal(signal.SIGKILL)
    child.wait(60)
    hotline.trouble = lambda path: None
    go.set()
    until(lambda: len(hotline.reports) == 1)
    here.desk.reports.clock = lambda: now_ms() + LATER_MS
    assert here.desk.reports.send_due() == 1
    assert len(hotline.finished) == 1 and len(hotline.reports) == 1


def test_the_fields_that_a_report_needs() -> None:
    good = CyberTipReport(
        INCIDENT_TYPES[0],
        datetime.now(UTC),
        Reporter("Lex", "Example", "lex@example.org"),
        ReportedPerson("user-7"),
        additional="<b>&\x00 a stand-in",
    )
    assert b"&lt;b&gt;&amp; a stand-in" in good.xml()
    late = CyberTipReport(
        good.incident_type, datetime.now(UTC) + timedelta(hours=1), good.reporter, good.person
    )
    with pytest.raises(ReportIncomplete, match="future") as skew:
        late.check()
    assert skew.value.param == "at"


def test_what_cannot_be_sealed_leaves_nothing_and_holds_nothing_up(
    log: AuditLog, tmp_path: Path, legal: Any, hotline: Service
) -> None:
    here = place(log, tmp_path, legal[0], hotline.url)
    room = here.desk.evidence
    room.settings = room.settings.model_copy(update={"max_file_bytes": 1})
    here.confirm()
    here.desk.reports.ask(here.people["tess"], here.case, FIELDS)
    here.desk.reports.agree(here.people["lex"], here.case)
    assert here.desk.sweep() == 1, "the report goes out all the same"
    assert list((tmp_path / "evidence").iterdir()) == []
    assert here.desk.page(here.people["lex"])[0].evidence is None
