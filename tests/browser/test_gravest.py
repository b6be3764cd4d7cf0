"""The gravest cases from the refusal to the proof, as the people of a service see it.

A harmless prompt stands for a grave one and a server of ours for the hotline; the service is killed
in the middle of the report.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from tests.browser.conftest import Person, Served
from tests.guarded_gen.preservation.standin import PASSWORD, USER, Service, running
from tests.waiting import PATIENCE_S, answering, free_port, until

pytestmark = pytest.mark.browser

POLICY = """
policy: stand-in
version: "1"
extends: default
rules:
  - id: STAND-1
    category: ncii
    stage: prompt
    at_least: 0.0
    action: block
    reason: intimate_imagery
"""
"""Refuses every prompt as the gravest ones are, so that a harmless one may stand for them."""


class Legal:
    """The legal role's key, which the service never has."""

    def __init__(self, folder: Path) -> None:
        self.key = rsa.generate_private_key(65537, 3072)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "legal")])
        now = datetime.now(UTC)
        public = self.key.public_key()
        builder = x509.CertificateBuilder(name, name, public, 1, now, now + timedelta(9))
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.path = folder / "legal.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def opened(self, file: Path) -> bytes:
        return pkcs7.pkcs7_decrypt_der(file.read_bytes(), self.certificate, self.key, [])


class Running:
    """``guarded-gen serve``, to be killed and started again."""

    def __init__(self, port: int, env: dict[str, str]) -> None:
        self.port, self.env = port, env
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "guarded_gen.cli", "serve", "--port", str(self.port)]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, env=self.env, stdout=quiet, stderr=quiet)
        until(lambda: answering(f"http://127.0.0.1:{self.port}/healthz"), "an answer")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)


@pytest.fixture
def hotline() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.fixture
def site(
    tmp_path: Path, preforked: dict[str, str], hotline: Service
) -> Iterator[tuple[Served, Running, Legal]]:
    port, legal = free_port(), Legal(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    told = "GUARDED_GEN_PRESERVATION__HOTLINE__"
    env = os.environ | preforked | {
        "GUARDED_GEN_HOME": str(tmp_path / "home"),
        "GUARDED_GEN_POLICY": str(tmp_path / "policy.yaml"),
        "GUARDED_GEN_REVIEW__UNDO": "0",
        "GUARDED_GEN_PRESERVATION__RECIPIENT": str(legal.path),
        f"{told}URL": hotline.url, f"{told}USERNAME": USER, f"{told}PASSWORD": PASSWORD,
        f"{told}FIRST_NAME": "Lex", f"{told}LAST_NAME": "Example",
        f"{told}EMAIL": "lex@example.org", f"{told}TIMEOUT_S": f"{PATIENCE_S:.0f}",
    }  # fmt: skip
    here = Served(f"http://127.0.0.1:{port}", env, {})
    for name, role in (("tess", "restricted_reviewer"), ("tim", "restricted_reviewer"),
                       ("lex", "legal"), ("lou", "legal"), ("ann", "reviewer")):  # fmt: skip
        done = here.cli("people", "add", name, "--role", role, "--json")
        assert done.returncode == 0, done.stderr
        here.tokens[name] = json.loads(done.stdout)["token"]
    refused = here.cli("generate", "a paper boat on a pond", "-o", tmp_path / "no.mp4", "--json")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    server = Running(port, env)
    yield here, server, legal
    server.kill()


def test_from_the_refusal_to_the_proof(
    browser, site: tuple[Served, Running, Legal], hotline: Service, tmp_path: Path
) -> None:
    served, server, legal = site
    ann = Person(browser, served, "ann")
    assert "STAND-1" not in ann.open("/console/queue").content()
    people = {name: Person(browser, served, name) for name in ("tess", "tim", "lex", "lou")}
    case = ""
    for name in ("tess", "tim"):  # two trained people confirm
        page = people[name].open(case or "/console/queue")
        if not case:
            page.locator("a[href*='/console/cases/']").first.click()
            page.wait_for_url("**/console/cases/*")
            case = page.url.removeprefix(served.url).split("?")[0]
        page.get_by_role("button", name="Take this case").click()
        page.locator("#decide").wait_for()
        page.select_option("#decide [name=reason]", "intimate_imagery")
        page.locator("#decide button[value=block]").click()
        page.wait_for_url(re.compile("said=(second|decided)"))
    id = case.rsplit("/", 1)[1]

    def desk(name: str):
        return people[name].open("/console/preservation")

    until(lambda: "Prepare a report" in desk("tess").content(), "the decision to take effect")
    page = desk("tess")
    page.locator("summary", has_text="Prepare a report").click()
    page.locator("[name=incident_type]").select_option(index=6)
    page.fill("[name=additional]", "a stand-in")
    page.get_by_role("button", name="Ask for this report").click()
    page.wait_for_url("**said=asked**")

    reached, go = threading.Event(), threading.Event()

    def hang(path: str) -> None:
        if path == "finish":
            reached.set()
            go.wait(PATIENCE_S)

    hotline.trouble = hang  # type: ignore[assignment]
    desk("lex").get_by_role("button", name="Send the report").click()
    assert reached.wait(PATIENCE_S)
    server.kill()
    hotline.trouble = lambda path: None
    go.set()
    server.start()
    until(lambda: "finished, number" in desk("lex").content(), "the report to be finished")
    (number,) = hotline.finished
    assert list(hotline.reports) == [number] and number in desk("lex").content()

    for name in ("lex", "lou"):  # two people of the legal role release the evidence
        label = "Ask for the release" if name == "lex" else "Agree to the release"
        desk(name).get_by_role("button", name=label).click()
        people[name].page.wait_for_url("**said=**")
    (folder,) = (tmp_path / "home" / "evidence").iterdir()
    index = json.loads(legal.opened(folder / "index.json.cms"))
    proofs = [file["name"] for file in index["files"] if file["name"].endswith(".tlog-proof")]
    words = [file["name"] for file in index["files"] if file["name"].endswith("payload.json")]
    assert any(b"paper boat" in legal.opened(folder / f"{name}.cms") for name in words)
    for name in proofs:
        proof = tmp_path / "entry.tlog-proof"
        proof.write_bytes(legal.opened(folder / f"{name}.cms"))
        done = served.cli("audit", "check-proof", proof, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
    custody = {entry["kind"] for entry in json.loads((folder / "custody.json").read_text())}
    assert {"report.asked", "report.agreed", "report.finished", "evidence.released"} <= custody
    assert id not in ann.open("/console/queue").content()
    for one in (ann, *people.values()):
        assert one.errors == []
        one.context.close()
