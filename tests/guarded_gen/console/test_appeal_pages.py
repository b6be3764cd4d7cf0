"""What the one who was refused reads, and what the next reviewer sees of the first verdict."""

from __future__ import annotations

import html
import re

from starlette.testclient import TestClient

from guarded_gen.review.appeals import appeal_token
from guarded_gen.store.tables.review import Appeal, ReviewCase

BLOCK = {"action": "block", "reason": "hate"}


def words(answer) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def settle(site, case: str) -> None:
    with site.services.store.write() as session:
        session.get(ReviewCase, case).effective_at = 1
    site.console.settle()


def test_the_public_page_tells_what_really_happened(site) -> None:
    case = site.open_case()
    with site.services.store.read() as session:
        decision = session.get(ReviewCase, case).decision
    path = f"/appeal/{decision}/{appeal_token(site.console.appeals._key, decision)}"
    user = TestClient(site.app, follow_redirects=False)
    text = words(user.get(path))
    assert "A person has still to look at your request" in text
    assert "Send the appeal" not in text, "there is nothing to appeal yet"

    ann, bob = site.browser("ann"), site.browser("bob")
    form = ann.take(case)
    ann.press(f"/console/cases/{case}/decide", **form, **BLOCK, note="the salute at the end")
    assert "still to look" in words(user.get(path)), "what can be undone is not told"
    settle(site, case)
    text = words(user.get(path))
    assert "Your request was refused" in text
    assert "passed it on to a person" in text
    assert "a person looked at it and refused it" in text
    assert "Reason given: hate" in text
    assert "automatic check refused" not in text
    assert "salute" not in text, "notes are for reviewers"

    too_long = user.post(path, data={"statement": "x" * 4001})
    assert too_long.status_code == 400
    assert "x" * 4001 in too_long.text, "what was typed is kept"
    assert user.post(path, data={"statement": "it was a film about history"}).status_code == 303
    assert "you appealed" in words(user.get(path))

    with site.services.store.read() as session:
        appeal = session.query(Appeal).filter_by(decision=decision).one().case
    assert ann.press(f"/console/cases/{appeal}/take").status_code == 403
    form = bob.take(appeal)
    page = bob.get(f"/console/cases/{appeal}")
    beside = words(page).split("What is appealed")[1]
    assert "A person: blocked , hate" in beside
    assert "the salute at the end" in beside
    assert "Overturn" in beside and "Uphold" in beside
    bob.press(
        f"/console/cases/{appeal}/decide", **form, action="allow", reason="context_changes_meaning"
    )
    settle(site, appeal)
    text = words(user.get(path))
    assert "found that the decision was wrong" in text
    assert "the context changes the meaning" in text
