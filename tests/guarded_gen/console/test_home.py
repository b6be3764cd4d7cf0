"""Home shows each role its own: what is theirs to do, to watch, or to let go."""

from __future__ import annotations

import pytest

from tests.guarded_gen.console.conftest import Site

YOURS, QUEUES, PEOPLE = 'id="mine"', 'id="lead"', "are signed in now"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ann", {YOURS}), ("lea", {YOURS, QUEUES}), ("aud", set()), ("pia", set()),
        ("adm", {QUEUES, PEOPLE}),
    ],
)  # fmt: skip
def test_home_by_role(site: Site, name: str, shown: set[str]) -> None:
    site.open_case()
    page = site.browser(name).get("/console").text
    assert {part for part in (YOURS, QUEUES, PEOPLE) if part in page} == shown


def test_what_somebody_holds_stands_on_their_home(site: Site) -> None:
    case, ann = site.open_case(), site.browser("ann")
    assert case not in ann.get("/console").text
    ann.take(case)
    page = ann.get("/console").text
    assert case in page and "yours now" in page
    assert case not in site.browser("bob").get("/console").text
