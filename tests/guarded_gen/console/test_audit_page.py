"""The audit explorer: what it finds, what it gives out, and that asking is on record."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from guarded_gen.audit import Event
from guarded_gen.gates.gate import judge
from guarded_gen.production import events
from guarded_gen.production.request import ClipRequest
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from policies import Context
from policies.decision import Signal, Stage


def decided(site, score: float = 0.9) -> str:
    services = site.services
    request = ClipRequest.checked(services.settings.limits, prompt="a duel", backend="world")
    signals = [Signal.ran("t", "violence", score)]
    gate = judge(services.policy, Stage.PROMPT, signals, Context())
    return services.log.append(events.decision(request, "clip_1", gate, None))


def test_searching_finds_by_score_and_is_itself_an_entry(site) -> None:
    low, high = decided(site, 0.11), decided(site, 0.77)
    aud = site.browser("aud")
    page = aud.get("/console/audit?category=violence&min_score=0.5").text
    assert high in page
    assert low not in page
    [search] = [e for e in site.entries() if e.kind == "audit.searched"]
    assert search.actor == site.people["aud"][0].id
    assert search.body["filters"] == {"category": "violence", "min_score": "0.5"}
    assert aud.get("/console/audit?min_score=lots").status_code == 400
    assert aud.get("/console/audit?subject=x").status_code == 400


def test_pages_go_back_to_the_first_entry(site) -> None:
    for number in range(120):
        site.services.log.append(Event(kind="test.event", body={"n": number}))
    aud = site.browser("aud")
    seen, address = set(), "/console/audit?kind=test.event"
    for _ in range(5):
        text = aud.get(address).text
        seen |= {part.split('"')[0] for part in text.split('href="/console/audit/')[1:]}
        if "Earlier entries" not in text:
            break
        before = text.split("before=")[1].split('"')[0]
        address = f"/console/audit?kind=test.event&before={before}"
    assert len(seen) == 120


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_an_export_holds_entries_with_proofs_and_is_on_record(site, tmp_path, form: str) -> None:
    from guarded_gen.audit.note import Verifier
    from guarded_gen.audit.proof import TlogProof

    id = decided(site)
    answer = site.browser("aud").press("/console/audit/export", format=form, kind="prompt.decision")
    assert answer.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["entries"] == manifest["proofs"] >= 1
    assert f"entries.{form}" in archive.namelist()
    proof = archive.read(f"proofs/{id}.tlog-proof").decode()
    entry = site.services.log.entry(id).data
    TlogProof.parse(proof).verify(entry, Verifier.parse(manifest["verifier_key"]))
    assert "log.exported" in site.kinds()


def test_dsa_statements_are_given_out(site) -> None:
    decided(site)
    answer = site.browser("aud").press("/console/audit/dsa")
    statement = answer.json()["statements"][-1]
    assert statement["automated_decision"] == "AUTOMATED_DECISION_FULLY"
    assert "log.exported" in site.kinds()


def test_a_decision_is_made_again_and_is_the_same(site) -> None:
    id = decided(site)
    aud = site.browser("aud")
    assert "Reproduce" in aud.get(f"/console/audit/{id}").text
    text = aud.press(f"/console/audit/{id}/reproduce").text
    assert "the same, byte by byte" in text


def test_whoever_sees_one_tenant_takes_out_that_one_only(site) -> None:
    decided(site)
    member = add_person(site.services.log, "test", "zoe", {Role.AUDITOR}, {"acme"})
    site.people["zoe"] = member
    zoe = site.browser("zoe")
    for path in ("export", "dsa"):
        assert zoe.press(f"/console/audit/{path}", format="jsonl").status_code == 403
        sent = zoe.press(f"/console/audit/{path}", format="jsonl", tenant="default")
        assert sent.status_code == 403
        assert zoe.press(f"/console/audit/{path}", format="jsonl", tenant="acme").status_code == 200
    assert site.browser("ann").press("/console/audit/export", format="csv").status_code == 403
