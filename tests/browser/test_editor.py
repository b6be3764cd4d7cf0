"""The workbench's editor offers words, by keyboard alone, and stays a plain text field."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

FOCUSED = "() => document.activeElement.getAttribute('name')"


def test_words_are_offered_where_they_fit(person) -> None:
    page = person("lea").open("/console/policy")
    box, words = page.locator("[name=text]"), page.locator("#words")
    chosen = page.locator("#words [aria-selected=true]")

    def typed(text: str, then: str = "") -> None:
        box.fill(text)
        page.keyboard.press("End")
        page.keyboard.type(then)

    typed("rules:\n  - id: A-1\n    category: ", "sexual_m")
    words.wait_for(state="visible")
    page.keyboard.press("ArrowDown")
    assert chosen.inner_text() == "sexual_minors"
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    axe = Path(importlib.util.find_spec("axe_playwright_python").origin).parent / "axe.min.js"
    page.evaluate(axe.read_text())
    assert page.evaluate("axe.run('#workbench')")["violations"] == []
    page.keyboard.press("Enter")
    assert box.input_value().endswith("category: sexual_minors")
    words.wait_for(state="hidden")
    page.keyboard.press("Control+z")
    assert box.input_value().endswith("category: sexual_m")

    for before, then, wanted in (
        ("rules:\n  - {id: A-1, stage: [prompt, ", "out", "stage: [prompt, output"),
        ("extends: default\ntighten:\n  ", "gore-1", "\n  GORE-1:"),
        ("rules:\n  - id: A-1\n    action: ", "bl", "action: block"),
        ("rules:\n  - id: A-1\n    when: ", "scores.minor", "when: scores.minors"),
    ):
        typed(before, then)
        words.wait_for(state="visible")
        page.keyboard.press("Tab")
        assert box.input_value().endswith(wanted)
        assert page.evaluate(FOCUSED) == "text"
    typed("rules:\n  - id: A-1\n    reason: ", "v")
    words.wait_for(state="visible")
    page.keyboard.press("Escape")
    words.wait_for(state="hidden")
    assert page.evaluate(FOCUSED) == "text"
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) != "text"


def test_names_of_the_text_itself_are_offered_once_it_was_checked(person) -> None:
    page = person("lea").open("/console/policy")
    box, words = page.locator("[name=text]"), page.locator("#words")
    own = "extends: default\ncategories:\n  - id: games_of_chance\nrules:\n  - id: A-1\n"
    box.fill(own + "    category: ")
    page.keyboard.press("End")
    page.keyboard.type("games_o")
    words.wait_for(state="visible")  # typed before the server knew the text
    page.keyboard.press("Tab")
    assert box.input_value().endswith("category: games_of_chance")


def test_without_javascript_the_editor_is_a_plain_text_field(person) -> None:
    page = person("lea", java_script_enabled=False).open("/console/policy")
    assert page.locator("#words").is_hidden() and page.locator("#completing").is_hidden()
    page.fill("[name=text]", "policy: acme\nextends: nobody\n")
    page.get_by_role("button", name="Check, run the examples, try").click()
    page.locator(".listing .wrong").first.wait_for()
