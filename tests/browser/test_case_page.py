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


def test_keys_are_ones_own_and_the_lease_goes_on_with_what_was_typed(person, served) -> None:
    import json

    done = served.cli("people", "add", "kim", "--role", "reviewer", "--json")
    served.tokens["kim"] = json.loads(done.stdout)["token"]
    kim = person("kim")
    page = kim.open("/console/me")
    page.fill("[name=key_s]", "x")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.wait_for_url("**said=changed")
    page = taken(page, "output")
    assert page.locator("[value=skip] kbd").inner_text() == "X"
    page.fill("[name=note]", "half a thought")
    page.locator("h1").click()
    with page.expect_response("**/take"):
        page.keyboard.press("k")
    page.locator("#lease").get_by_text("Yours until").wait_for()
    assert page.input_value("[name=note]") == "half a thought"
    page.keyboard.press("s")
    page.keyboard.press("x")
    page.wait_for_url("**said=skip**")
    page = kim.open("/console/me")
    page.check("[name=keys_off]")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.wait_for_url("**said=changed")
    page = taken(page, "output")
    assert page.locator("main kbd").count() == 0 and page.locator("[data-key]").count() == 0
    page.get_by_role("button", name="Skip").click()
    page.wait_for_url("**said=skip**")
