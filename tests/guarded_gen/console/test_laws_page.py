"""The page of laws: every demand on a day and at a place, and the yearly numbers as files."""

from __future__ import annotations

import json

from guarded_gen.audit.transparency import recount
from provenance.law import laws


def test_the_page_shows_every_demand_and_what_holds_at_a_place(site) -> None:
    ann = site.browser("ann")
    page = ann.get("/console/laws?at=2026-12-02").text
    for law in laws().values():
        for demand in law.demands:
            assert f"{demand.id} " in page
    assert "not verified against the text" in page and "United Kingdom" in page
    assert "from 1 Jan 2027" in page, "what platforms owe later"
    german = ann.get("/console/laws?at=2026-12-02&place=DE").text
    assert "eu-1" in german and "cn-1" not in german
    assert "No law that is known" in ann.get("/console/laws?at=2026-08-01&place=DE").text
    assert ann.get("/console/laws?place=ZZ").status_code == 400
    assert ann.get("/console/laws?at=soon").status_code == 400


def test_the_numbers_are_for_auditors_and_agree_with_the_log(site) -> None:
    site.open_case()
    aud = site.browser("aud")
    told = json.loads(aud.get("/console/laws/transparency.json?year=2026").text)
    assert recount(site.services.log, told) == []
    assert aud.get("/console/laws/transparency.csv").text.startswith("# from")
    assert "<table>" in aud.get("/console/laws/transparency.html").text
    assert aud.get("/console/laws/transparency.pdf").status_code == 400
    assert site.browser("ann").get("/console/laws/transparency.csv").status_code == 403
