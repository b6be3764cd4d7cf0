"""Where a case is decided: what a decision needs is on the screen, without scrolling."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

INSIDE = """(selectors) => selectors.filter((s) => {
  const box = document.querySelector(s)?.getBoundingClientRect();
  return !box || !box.height || box.top < 0 || box.bottom > innerHeight || box.right > innerWidth;
})"""


def taken(page, stage: str):
    """A case of this stage, taken and opened."""
    page.goto(page.url.split("/console")[0] + f"/console/queue?stage={stage}")
    page.get_by_role("button", name="Next case").click()
    page.wait_for_selector("#decide")
    return page


def test_a_decision_needs_no_scrolling_at_1440_by_900(person) -> None:
    ann = person("ann", viewport={"width": 1440, "height": 900})
    page = taken(ann.page, "output")
    wanted = [
        "blockquote", "#why", "#why .scores", "#decide [name=note]", "#decide [name=reason]",
        "#decide [value=allow]", "#decide [value=block]", "#decide [value=second]",
        "#decide [value=escalate]", "#media .hold",
    ]  # fmt: skip
    assert page.evaluate(INSIDE, wanted) == []
    page.keyboard.down("v")
    page.wait_for_function("() => document.querySelector('figure img').naturalWidth > 0")
    assert page.evaluate(INSIDE, ["#media figure", "#decide [value=block]"]) == []
    page.keyboard.up("v")
    page.locator("#media figure").wait_for(state="hidden")
    page.get_by_role("button", name="Skip").click()
    page.wait_for_url("**said=skip**")


def test_a_phone_has_decide_at_hand_and_shows_the_picture_that_is_held(person) -> None:
    ann = person("ann", viewport={"width": 390, "height": 844})
    page = taken(ann.page, "output")
    at_hand = ["#decide [name=reason]", "#decide [value=allow]", "#decide [value=block]"]
    assert page.evaluate(INSIDE, at_hand) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.down("v")
    page.wait_for_function("() => document.querySelector('figure img').naturalWidth > 0")
    seen = "() => { const f = document.querySelector('#media figure').getBoundingClientRect();"
    seen += " const bar = document.querySelector('.at-hand').getBoundingClientRect();"
    seen += " return f.top >= 0 && f.bottom <= bar.top + 1; }"
    page.wait_for_function(seen)
    page.keyboard.up("v")
    page.get_by_role("button", name="Skip").click()
    page.wait_for_url("**said=skip**")
