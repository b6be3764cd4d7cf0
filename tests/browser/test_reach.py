"""Everybody can use it: by keyboard, without JavaScript, enlarged, in German, right to left."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

PAGES = (
    "/console", "/console/queue", "/console/queues", "/console/quality", "/console/audit",
    "/console/explore?q=&days=7", "/console/policy", "/console/policy/history", "/console/laws",
    "/console/sessions", "/console/me", "/console/tenants/default", "/console/cases/none",
    "/verify", "/removal",
)  # fmt: skip
AXE = Path(importlib.util.find_spec("axe_playwright_python").origin).parent / "axe.min.js"
OVER = "() => document.documentElement.scrollWidth - innerWidth"
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
ENLARGED = (720, 450)
"""1440 by 900 at 200 %."""


def pages_of(person, name: str):
    """A page of each kind that exists, a held case and an entry of the log among them."""
    one = person(name, locale="de-DE")
    entry = one.open("/console/audit").locator("table.list tbody a").first.get_attribute("href")
    one.open("/console/queue?stage=prompt").locator("[data-key=n]").click()
    one.page.wait_for_selector("#decide")
    case = "/" + one.page.url.split("?")[0].split("/", 3)[3]
    return one, (*PAGES, entry, case, f"{case}/subject")


def test_axe_finds_nothing_in_both_themes_at_both_sizes_and_nothing_overflows(person) -> None:
    lea, pages = pages_of(person, "lea")
    axe, found = AXE.read_text(), {}
    for path in pages:
        page = lea.open(path)
        assert page.evaluate("document.documentElement.lang") == "de", path
        page.evaluate(axe)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                result = page.evaluate("axe.run()")
                bad = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in result["violations"]]
                if bad:
                    found[path, size, scheme] = bad
            if page.evaluate(OVER) > 0:
                found[path, size] = ["wider than the screen"]
        page.set_viewport_size({"width": ENLARGED[0], "height": ENLARGED[1]})
        if page.evaluate(OVER) > 0:
            found[path, "200 %"] = ["wider than the screen"]
        page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate("document.documentElement.dir = 'rtl'")
        if page.evaluate(OVER) > 0:
            found[path, "rtl"] = ["wider than the screen"]
    assert found == {}


def test_a_case_is_decided_by_tab_and_enter_alone(person, served) -> None:
    bob = person("bob", locale="de-DE")
    page = bob.open("/console/me")
    page.check("[name=keys_off]")
    page.get_by_role("button", name="Speichern", exact=True).press("Enter")
    page.wait_for_url("**said=changed")
    bob.open("/console/queue")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    tab_to(page, "Nächster Fall")
    page.keyboard.press("Enter")
    page.wait_for_selector("#decide")
    tab_to(page, "", "document.activeElement.name === 'reason'")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") != ""
    tab_to(page, "Blockieren")
    page.keyboard.press("Enter")
    page.wait_for_url("**said=**")
    tab_to(page, "Rückgängig")
    page.keyboard.press("Enter")
    page.wait_for_url("**said=undone**")
    assert page.get_by_text("Zurückgenommen.").count()
    bob.open("/console/me")
    page.uncheck("[name=keys_off]")
    page.get_by_role("button", name="Speichern", exact=True).press("Enter")
    page.wait_for_url("**said=changed")


def tab_to(page, text: str, met: str = "") -> None:
    """Press Tab until the focus is on what has this text; it can be seen there."""
    met = met or f"document.activeElement.textContent.trim().startsWith({text!r})"
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(met):
            focused = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(focused) != "none", "the focus cannot be seen"
            return
    raise AssertionError(f"{text or met} is not reached")


def test_a_case_is_decided_and_undone_without_javascript(person) -> None:
    ann = person("ann", java_script_enabled=False, locale="de-DE")
    page = ann.open("/console/queue?stage=prompt")
    page.get_by_role("button", name="Nächster Fall").click()
    page.locator("#decide [name=reason]").select_option(index=1)
    page.get_by_role("button", name="Blockieren").first.click()
    assert "said=" in page.url
    page.get_by_role("button", name="Rückgängig").first.click()
    assert "said=undone" in page.url


def test_ones_own_language_is_kept(person) -> None:
    ann = person("ann")
    page = ann.open("/console/me")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.select_option("[name=language]", "de")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.wait_for_url("**said=changed")
    assert page.evaluate("document.documentElement.lang") == "de"
    assert page.get_by_role("status").inner_text() == "Geändert."
    page.select_option("[name=language]", "")
    page.get_by_role("button", name="Speichern", exact=True).click()
    page.wait_for_url("**said=changed")
    assert page.evaluate("document.documentElement.lang") == "en"
