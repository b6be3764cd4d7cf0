"""The console as people use it: a walk from a held clip to a proven log entry, keys, contrast."""

from __future__ import annotations

import importlib.util
import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.browser

PAGES = (
    "/console", "/console/queue", "/console/quality", "/console/audit", "/console/policy",
    "/verify", "/removal", "/console/sessions", "/console/queues",
    "/console/tenants/default", "/console/me",
)  # fmt: skip


def test_from_a_held_clip_to_an_overturned_appeal_with_proof(person, served, tmp_path) -> None:
    ann = person("ann")
    page = ann.open("/console/queue?stage=output")
    page.keyboard.press("n")
    page.wait_for_url("**/console/cases/*")
    case = page.url.split("?")[0]
    id = case.rsplit("/", 1)[1]
    assert page.locator("blockquote").inner_text()
    assert not page.locator("figure").is_visible(), "nothing is shown before it is asked for"

    page.keyboard.down("v")
    image = page.locator("figure img")
    image.wait_for(state="visible")
    # A function, not an expression: the page's policy forbids the eval of a second look.
    page.wait_for_function("() => document.querySelector('figure img').naturalWidth > 0")
    page.wait_for_timeout(1200)  # what is held for a second and more is counted
    with page.expect_response("**/revealed") as counted:
        page.keyboard.up("v")
    assert counted.value.ok
    assert not page.locator("figure").is_visible()

    page.select_option("#decide [name=reason]", "technical")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("b")
    page.wait_for_url("**said=decided**")
    page.keyboard.press("u")
    page.wait_for_url("**said=undone**")
    assert case in page.url

    page.keyboard.press("2")
    page.wait_for_url("**said=asked_second**")
    ann.open(f"/console/cases/{id}")
    assert (
        page.get_by_text("Waits for somebody who may decide")
        .or_(page.get_by_role("button", name="Take this case"))
        .count()
    )

    bob = person("bob")
    page = bob.open(f"/console/cases/{id}")
    page.keyboard.press("n")
    page.wait_for_selector("#decide")
    decision = page.get_by_role("link", name="The gate's decision in the log").get_attribute("href")
    page.select_option("#decide [name=reason]", "technical")
    page.locator("h1").click()
    page.keyboard.press("b")
    page.wait_for_url("**said=decided**")
    served.end_undo(id)
    until_said(page, f"{served.url}/console/cases/{id}", "Closed:")

    from guarded_gen.review.appeals import appeal_key, appeal_link
    from guarded_gen.settings import Settings

    home = Path(served.env["GUARDED_GEN_HOME"])
    key = appeal_key(Settings(home=home).keys_folder)
    link = appeal_link(key, served.url, decision.rsplit("/", 1)[1])
    stranger = bob.context.browser.new_context()
    stranger.set_default_timeout(1000 * PATIENCE_S)
    page = stranger.new_page()
    page.goto(link)
    page.fill("[name=statement]", "This is a drawing of a circle.")
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("Waiting for a person").wait_for()

    lea = person("lea")
    queue = lea.open("/console/queue?kind=appeal")
    queue.keyboard.press("n")
    queue.wait_for_url("**/console/cases/*")
    queue.wait_for_selector("#decide")
    appeal = queue.url.split("?")[0].rsplit("/", 1)[1]
    queue.keyboard.press("a")
    queue.wait_for_url("**said=decided**")
    served.end_undo(appeal)
    until_said(page, link, "The decision was wrong")
    stranger.close()

    audit = lea.open("/console/audit?kind=appeal.")
    audit.locator("table.list tbody a").first.click()
    audit.get_by_role("heading", name="appeal.decided").wait_for()
    with audit.expect_download() as download:
        audit.get_by_role("link", name="Download the proof").click()
    proof = tmp_path / "entry.tlog-proof"
    download.value.save_as(proof)
    done = served.cli("audit", "check-proof", proof)
    assert done.returncode == 0, done.stderr
    audit.goto(f"{served.url}/console/audit")
    audit.get_by_role("button", name="Verify the whole log").click()
    audit.get_by_text("The log verifies").wait_for()


def until_said(page, url: str, text: str) -> None:
    def said() -> bool:
        page.goto(url)
        return page.get_by_text(text).count() > 0

    until(said, text, every_s=0.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(person, scheme: str) -> None:
    lea = person("lea", color_scheme=scheme)
    first = lea.open("/console/queue").locator("table.list tbody a").first.get_attribute("href")
    entry = lea.open("/console/audit").locator("table.list tbody a").first.get_attribute("href")
    package = Path(importlib.util.find_spec("axe_playwright_python").origin).parent
    axe = (package / "axe.min.js").read_text()
    found: dict[str, list[str]] = {}
    for path in (*PAGES, first, entry):
        page = lea.open(path)
        page.evaluate(axe)
        result = page.evaluate("axe.run()")
        bad = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in result["violations"]]
        if bad:
            found[path] = bad
    assert found == {}


def test_no_page_asks_another_host_or_weighs_much(person, served) -> None:
    lea = person("lea")
    asked: list[str] = []
    sizes: dict[str, int] = {}
    page = lea.page
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        total = 0

        def count(response) -> None:
            nonlocal total
            total += len(response.body())

        page.on("response", count)
        page.goto(served.url + path)
        page.wait_for_load_state("networkidle")
        page.remove_listener("response", count)
        sizes[path] = total
    assert all(url.startswith(served.url) for url in asked)
    # the policy page holds the policy's own text
    assert {path: size for path, size in sizes.items() if size > 60 * 1024} == {}


def test_every_action_has_a_key_or_can_be_tabbed_to(person) -> None:
    ann = person("ann")
    page = ann.open("/console/queue")
    page.keyboard.press("n")
    page.wait_for_selector("#decide")
    reached: set[str] = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))
    wanted = page.locator("main button:visible").all_inner_texts()
    for text in wanted:
        assert any(re.sub(r"\s", "", text)[:6] in re.sub(r"\s", "", r) for r in reached), text
    page.locator("h1").click()
    page.keyboard.press("?")
    page.locator("dialog#keys").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog#keys").wait_for(state="hidden")
    page.keyboard.press("s")
    page.wait_for_url("**said=skip")


def test_it_works_without_javascript(person) -> None:
    bob = person("bob", java_script_enabled=False)
    page = bob.open("/console/queue")
    page.get_by_role("button", name="Next case").click()
    page.get_by_role("button", name="Skip").click()
    assert "said=skip" in page.url


def test_foreign_text_cannot_break_out(person, served) -> None:
    import httpx

    evil = "<script>document.title='owned'</script> \u202e gniht a chef \u2066 chops onions"
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        client.post("/v1/videos", json={"prompt": evil, "model": "world", "seconds": "1"})
    ann = person("ann")
    page = ann.open("/console/queue?stage=prompt")
    while page.locator("table.list tbody a").count():
        page = ann.page
        page.keyboard.press("n")
        page.wait_for_selector("#decide")
        break
    assert page.title() != "owned"
    assert page.locator("main script").count() == 0
    assert "\u202e" not in page.content()


def test_an_auditor_sees_the_record_but_no_words_and_no_media(person) -> None:
    aud = person("aud")
    page = aud.open("/console/queue")
    assert page.get_by_role("button", name="Next case").count() == 0
    page.locator("table.list tbody a").first.click()
    assert page.locator("blockquote").count() == 0
    assert page.get_by_role("button", name="Take this case").count() == 0


def test_a_lost_role_is_lost_at_once_and_forged_forms_are_refused(person, served) -> None:
    adm = person("adm")
    bob = person("bob")
    page = adm.open("/console/people")
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name="bob"))
    card.locator("[name=active]").uncheck()
    card.get_by_role("button", name="Change").click()
    page.wait_for_url("**said=changed")
    assert "sign-in" in bob.open("/console/queue").url
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name="bob"))
    card.locator("[name=active]").check()
    card.get_by_role("button", name="Change").click()
    page.wait_for_load_state()
    ann = person("ann")
    answer = ann.context.request.post(
        f"{served.url}/console/queue/next", form={"csrf": "wrong"}, max_redirects=0
    )
    assert answer.status == 403


def copies(clip: Path, home: Path) -> list[Path]:
    """The files with the bytes of a clip; other videos come and go as the server makes them."""
    found, wanted = [], clip.read_bytes()
    for path in sorted(home.rglob("*")):
        with suppress(OSError):  # gone meanwhile, or a folder
            if path.stat().st_size == len(wanted) and path.read_bytes() == wanted:
                found.append(path)
    return found


def test_the_verify_page_reads_a_video_and_keeps_nothing(person, served, tmp_path) -> None:
    clip = tmp_path / "clip.mp4"
    done = served.cli(
        "generate", "a red circle rises over the sea", "-o", clip,
        "--seconds", "1", "--size", "256x256", "--backend", "world",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lea = person("lea")
    before = copies(clip, Path(served.env["GUARDED_GEN_HOME"]))
    page = lea.open("/verify")
    page.set_input_files("[name=file]", clip)
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clip.mp4").first.wait_for()
    assert "trusted" in page.content().lower()
    assert copies(clip, Path(served.env["GUARDED_GEN_HOME"])) == before
