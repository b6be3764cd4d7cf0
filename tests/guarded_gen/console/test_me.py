"""What people choose for themselves: keys, time to undo, categories they are not given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guarded_gen.console.wording import KEYS
from guarded_gen.store.tables.review import Person, ReviewCase
from tests.guarded_gen.console.conftest import Browser, Site


@pytest.fixture
def ann(site: Site) -> Iterator[Browser]:
    yield site.browser("ann")
    with site.services.store.write() as session:
        session.get_one(Person, site.people["ann"][0].id).preferences = {}


def test_keys_are_turned_off_and_changed(ann: Browser) -> None:
    assert 'data-keys="{}"' in ann.get("/console/me").text
    assert ann.press("/console/me", key_a="x", undo="0").status_code == 303
    assert 'data-keys="{&#34;a&#34;:&#34;x&#34;}"' in ann.get("/console/queue").text
    assert ann.press("/console/me", keys_off="1", undo="0").status_code == 303
    assert 'data-keys="off"' in ann.get("/console/queue").text


@pytest.mark.parametrize(
    "fields",
    [{"key_a": "b"}, {"key_a": "!"}, {"key_a": "xy"}, {"undo": "7"}, {"undo": "x"}],
)
def test_what_is_no_choice_is_refused(ann: Browser, fields: dict[str, str]) -> None:
    assert ann.press("/console/me", **{"undo": "0", **fields}).status_code == 400


def test_every_key_of_a_page_can_be_changed(ann: Browser, site: Site) -> None:
    import re

    case = site.open_case()
    ann.press(f"/console/cases/{case}/take")
    used = set(re.findall(r'data-key="(.)"', ann.get(f"/console/cases/{case}").text))
    assert {"a", "b", "k", "s", "?"} <= used <= set(KEYS)


def test_somebody_has_longer_to_undo(ann: Browser, site: Site) -> None:
    ann.press("/console/me", undo="300")
    case = site.open_case()
    form = ann.take(case)
    ann.press(f"/console/cases/{case}/decide", **form, action="block", reason="violence")
    with site.services.store.read() as session:
        until = session.get_one(ReviewCase, case).effective_at
    assert until is not None and until - site.console.queue.clock() > 200_000
    assert ann.press(f"/console/cases/{case}/undo").status_code == 303


def test_opted_out_categories_are_kept_and_unknown_ones_dropped(ann: Browser, site: Site) -> None:
    ann.press("/console/me", undo="0", refuses="self_harm")
    page = ann.get("/console/me").text
    assert 'value="self_harm" checked' in page
    ann.press("/console/me", undo="0", refuses="made-up")
    with site.services.store.read() as session:
        kept = session.get_one(Person, site.people["ann"][0].id).preferences
    assert kept["refuses"] == []
