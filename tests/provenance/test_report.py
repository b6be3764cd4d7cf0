"""Every sentence of a report is true; nothing from a file can speak for us on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance import TrustList, Verdict, ensure_development_chain, sign_file
from provenance.html import render
from provenance.recovery import PublishedFile, Recovery, RecoveryState
from provenance.report import (
    DetectorScore,
    Evidence,
    Origin,
    OtherEvidence,
    ProvenanceReport,
    State,
    weigh,
)
from provenance.trust import Revoked
from provenance.verifier import examine
from tests.provenance.conftest import Studio
from tests.provenance.test_verifier import copy_with, launder
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MATCH = PublishedFile("clip_1", "urn:c2pa:1", "ab" * 32, b"", "t", "video/mp4", 1_763_700_000_000)
NOTHING = Recovery(RecoveryState.NOT_FOUND)
NOT_CHECKED = Recovery(RecoveryState.NOT_CHECKED)


def state(report: ProvenanceReport, kind: Evidence) -> State:
    return next(f.state for f in report.findings if f.kind is kind)


def test_nothing_found_is_not_called_real(studio: Studio) -> None:
    plain = examine(studio.source, studio.trust)
    report = weigh(plain, NOTHING, OtherEvidence(watermark=True, fingerprint=True))
    assert report.origin is Origin.UNKNOWN
    assert "does not mean that it is real" in report.explanation
    text = report.headline + report.explanation + " ".join(f.sentence for f in report.findings)
    assert not re.search(r"\b(authentic|genuine|verified real|not synthetic)\b", text, re.I)


def test_what_was_not_looked_at_is_told_as_such(studio: Studio, signed: Path) -> None:
    report = weigh(examine(signed, studio.trust), NOT_CHECKED)
    assert {state(report, k) for k in Evidence if k is not Evidence.CREDENTIALS} == {
        State.NOT_CHECKED
    }


def test_the_weighing(studio: Studio, signed: Path, tmp_path: Path) -> None:
    fresh = examine(signed, studio.trust)
    unknown = examine(signed, TrustList())
    data = signed.read_bytes()
    flipped = copy_with(signed, tmp_path, bytes([data[-40] ^ 1]), len(data) - 40)
    altered = examine(flipped, studio.trust)
    washed = examine(
        launder(studio, flipped, tmp_path / "washed.mp4", studio.identity), studio.trust
    )
    plain = examine(studio.source, studio.trust)
    recovered = Recovery(RecoveryState.RECOVERED, MATCH, 98, "watermark+fingerprint")
    refused = Recovery(RecoveryState.REFUSED, MATCH, 3, "watermark")
    unlike = Recovery(RecoveryState.REFUSED, MATCH, None, "watermark")
    similar = Recovery(RecoveryState.SIMILAR, MATCH, 90, "fingerprint")
    score = DetectorScore(0.97, 0.9, 0.02, "example 1")
    cases = [
        (weigh(fresh, NOT_CHECKED, ours=True), Origin.OURS),
        (weigh(fresh, NOT_CHECKED), Origin.CREDENTIALED),
        (weigh(unknown, NOTHING), Origin.UNTRUSTED),
        (weigh(unknown, recovered), Origin.OURS_RECOVERED),
        (weigh(altered, NOTHING), Origin.ALTERED),
        (weigh(altered, recovered), Origin.OURS_RECOVERED),
        (weigh(washed, NOT_CHECKED), Origin.ALTERED),
        (weigh(plain, recovered), Origin.OURS_RECOVERED),
        (weigh(plain, refused), Origin.FORGED_MARK),
        (weigh(plain, similar), Origin.SIMILAR),
        (weigh(plain, NOTHING, OtherEvidence(detector=score)), Origin.LIKELY_SYNTHETIC),
        (
            weigh(plain, NOTHING, OtherEvidence(detector=replace(score, probability=0.2))),
            Origin.UNKNOWN,
        ),
        (weigh(plain, unlike), Origin.FORGED_MARK),
    ]
    for report, origin in cases:
        assert report.origin is origin
        assert report.to_json()["origin"] == origin.value
        assert render(report).count("<h1>") == 1
        assert "None of 100" not in render(report)
    assert "2.0% of real videos" in cases[10][0].explanation
    assert "source" in cases[6][0].headline


def test_each_reason_for_distrust_has_its_own_words(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    past = studio.identity.leaf.not_valid_before_utc - timedelta(days=1)
    revoked = Revoked(studio.identity.fingerprint, datetime(2020, 1, 1, tzinfo=UTC))
    stranger = ensure_development_chain(tmp_path / "keys")
    theirs = tmp_path / "theirs.mp4"
    sign_file(studio.source, theirs, studio.request(), stranger, TrustList.of(stranger))
    child = studio.sign(tmp_path / "child.mp4", ingredients=(theirs,)).path
    stale = replace(studio.trust, expires=datetime(2020, 1, 1, tzinfo=UTC))
    for verification, word in (
        (examine(signed, studio.trust, at=past), "does not count for that time"),
        (examine(signed, replace(studio.trust, revoked=(revoked,))), "was revoked"),
        (examine(signed, stale), "out of date"),
        (examine(signed, TrustList()), "do not know by whom"),
        (examine(child, studio.trust), "a source of it is not"),
    ):
        report = weigh(verification, NOT_CHECKED)
        assert report.origin is Origin.UNTRUSTED
        assert word in report.headline


class _Page(HTMLParser):
    """Collects what a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href")]
        self.handlers += [k for k, _ in attrs if k.startswith("on")]


def test_the_page_is_self_contained_and_nothing_in_it_runs(studio: Studio, tmp_path: Path) -> None:
    title = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e'
    done = studio.sign(tmp_path / "evil.mp4", title=title)
    page = render(weigh(done.report, NOT_CHECKED, thumbnail=studio.jpeg))
    parsed = _Page()
    parsed.feed(page)
    assert "script" not in parsed.tags and parsed.handlers == []
    assert all(load.startswith("data:image/jpeg;base64,") for load in parsed.loads)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "&lt;script&gt;" in page and "\u202e" not in page
    assert done.report.verdict is Verdict.TRUSTED


@pytest.mark.browser
def test_the_page_in_a_browser(
    studio: Studio, signed: Path, tmp_path: Path, browser: Browser
) -> None:
    report = weigh(examine(signed, studio.trust), NOT_CHECKED, ours=True, thumbnail=studio.jpeg)
    page_file = tmp_path / "report.html"
    page_file.write_text(render(report), encoding="utf-8")
    page = browser.new_page(viewport={"width": 380, "height": 800})
    page.set_default_timeout(1000 * PATIENCE_S)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_file.as_uri())
    assert "made by generative AI" in page.inner_text("h1")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 380, "nothing runs over the edge of a phone"
    assert not problems
    assert {url.split(":")[0] for url in requests} <= {"file", "data"}
    page.close()
