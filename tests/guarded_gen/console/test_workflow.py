"""A case on its way through several hands: notes, second opinions, filters that hold, mistakes."""

from __future__ import annotations

import html
import re

from guarded_gen.store.tables.review import ReviewCase

BLOCK = {"action": "block", "reason": "violence"}
NOTE = "the blade is rubber, see 0:04 <b>twice</b>"


def read(site, case: str) -> ReviewCase:
    with site.services.store.read() as session:
        return session.get(ReviewCase, case)


def seen(browser, case: str) -> str:
    """The case page's text as a person reads it."""
    answer = browser.get(f"/console/cases/{case}")
    assert answer.status_code == 200
    return html.unescape(re.sub(r"<[^>]+>", "", answer.text))


def test_notes_stay_with_the_case_and_in_the_log(site) -> None:
    case = site.open_case()
    ann, bob, lea, aud = (site.browser(name) for name in ("ann", "bob", "lea", "aud"))
    ann.take(case)
    ann.press(f"/console/cases/{case}/note", note="first look")
    ann.press(f"/console/cases/{case}/leave", how="second", note=NOTE)
    bob.take(case)
    assert NOTE in seen(bob, case), "a question is for the second person"
    bob.press(f"/console/cases/{case}/leave", how="escalate", note="I cannot tell either")
    form = lea.take(case)
    lea.press(f"/console/cases/{case}/decide", **form, **BLOCK, note="steel, by the sound")
    for person in (lea, aud, ann):
        text = seen(person, case)
        for note in ("first look", NOTE, "I cannot tell either", "steel, by the sound"):
            assert note in text
    kept = [e for e in site.entries() if e.commit is not None and e.kind.startswith("case.")]
    assert [e.kind for e in kept] == [
        "case.decided", "case.escalated", "case.second_asked", "case.noted",
    ]  # fmt: skip
    assert all(e.body["case"] == case for e in kept)
    assert all(NOTE not in str(e.body) for e in kept), "words stand encrypted"


def test_a_note_goes_with_a_skip_too(site) -> None:
    case = site.open_case()
    ann = site.browser("ann")
    ann.take(case)
    ann.press(f"/console/cases/{case}/leave", how="skip", note="needs somebody who reads Thai")
    assert "needs somebody who reads Thai" in seen(site.browser("bob"), case)


def test_a_second_reviewer_does_not_see_the_first_verdict(site) -> None:
    case = site.open_case(floor=True)
    ann, bob = site.browser("ann"), site.browser("bob")
    form = ann.take(case)
    ann.press(f"/console/cases/{case}/note", note="who reads the banner?")
    ann.press(f"/console/cases/{case}/decide", **form, **BLOCK, note="plainly a threat")
    bob.take(case)
    text = seen(bob, case)
    assert "plainly a threat" not in text
    assert "who reads the banner?" in text
    assert "ann: blocked" not in text
    assert ann.press(f"/console/cases/{case}/note", note="I blocked it").status_code == 403
    form = bob.take(case)
    bob.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    assert "plainly a threat" in seen(bob, case)


def test_a_second_opinion_is_a_queue_and_one_decision_ends_it(site) -> None:
    case = site.open_case(tenant="opinion")
    ann, bob = site.browser("ann"), site.browser("bob")
    ann.take(case)
    ann.press(f"/console/cases/{case}/leave", how="second")
    assert read(site, case).state == "second"
    assert case in bob.get("/console/queue?state=second&tenant=opinion").text
    assert case not in bob.get("/console/queue?state=open&tenant=opinion").text
    form = bob.take(case)
    bob.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    assert read(site, case).state == "deciding"
    bob.press(f"/console/cases/{case}/undo")
    assert read(site, case).state == "second", "back where it was"


def test_an_asked_opinion_does_not_replace_the_second_person_of_a_floor_rule(site) -> None:
    case = site.open_case(floor=True)
    ann, bob, lea = site.browser("ann"), site.browser("bob"), site.browser("lea")
    ann.take(case)
    ann.press(f"/console/cases/{case}/leave", how="second")
    form = bob.take(case)
    bob.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    assert read(site, case).state == "second", "nobody but bob has decided yet"
    form = lea.take(case)
    lea.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    assert read(site, case).state == "deciding"


def test_an_undone_decision_of_a_lead_is_escalated_again(site) -> None:
    case = site.open_case()
    ann, lea = site.browser("ann"), site.browser("lea")
    ann.take(case)
    ann.press(f"/console/cases/{case}/leave", how="escalate")
    form = lea.take(case)
    lea.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    lea.press(f"/console/cases/{case}/undo")
    assert read(site, case).state == "escalated"


def test_a_filter_holds_until_it_is_left(site) -> None:
    mine = [site.open_case(tenant="hold", stage="output") for _ in range(3)]
    other = site.open_case(tenant="hold", stage="prompt", category="sexual_minors", rule=None)
    ann = site.browser("ann")
    where = ann.press("/console/queue/next", tenant="hold", stage="output").headers["location"]
    visited = []
    for action in ("decide", "leave", "decide"):
        page = ann.get(where)
        case = re.search(r"case_[0-9a-f]+", where).group()
        visited.append(case)
        assert "leave this filter" in page.text
        within = html.unescape(re.search(r'name="within" value="([^"]*)"', page.text).group(1))
        form = dict(re.findall(r'name="(version|seconds)" value="([^"]*)"', page.text))
        how = BLOCK if action == "decide" else {"how": "escalate"}
        answer = ann.press(f"/console/cases/{case}/{action}", **form, **how, within=within)
        assert answer.status_code == 303
        where = answer.headers["location"]
    assert sorted(visited) == sorted(mine)
    assert where.startswith("/console/queue?")
    assert "tenant=hold" in where and "stage=output" in where, "the empty filter stays"
    assert other not in where
    assert read(site, other).holder is None


def test_what_was_typed_is_there_again(site) -> None:
    case = site.open_case()
    ann = site.browser("ann")
    form = ann.take(case)
    answer = ann.press(
        f"/console/cases/{case}/decide", **form, action="block", reason="", note=NOTE
    )
    assert answer.status_code == 400
    assert "What to do" in answer.text
    assert html.escape(NOTE) in answer.text or "&lt;b&gt;twice" in answer.text
    assert f'value="{form["version"]}"' in answer.text, "the form works from there"

    with site.services.store.write() as session:
        session.get(ReviewCase, case).lease_until = 1
    lost = ann.press(f"/console/cases/{case}/decide", **form, **BLOCK, note=NOTE)
    assert lost.status_code == 409
    assert "Take this case again" in lost.text and "&lt;b&gt;twice" in lost.text
    again = ann.press(f"/console/cases/{case}/take", note=NOTE, reason="violence")
    assert again.status_code == 200
    assert "&lt;b&gt;twice" in again.text
    assert re.search(r'value="violence" selected', again.text)
    assert ann.press(f"/console/cases/{case}/leave", how="sideways", note=NOTE).status_code == 400


def test_reasons_of_the_policys_own_can_be_chosen(site) -> None:
    own = {"id": "betting", "title": "Gambling", "severity": 0.9, "reasons": ["gambling_promoted"]}
    case = site.open_case(
        category="betting", rule="HOUSE-1", reason="house_rules",
        details={"categories": [own], "scores": {"betting": 0.8}},
    )  # fmt: skip
    ann = site.browser("ann")
    for reason in ("gambling_promoted", "house_rules"):
        form = ann.take(case)
        page = ann.get(f"/console/cases/{case}").text
        assert f'<option value="{reason}"' in page
        assert "Gambling" in page
        answer = ann.press(f"/console/cases/{case}/decide", **form, action="block", reason=reason)
        assert answer.status_code == 303
        ann.press(f"/console/cases/{case}/undo")


def test_harm_is_never_green_and_the_gravest_is_red(site) -> None:
    case = site.open_case(details={"scores": {"ncii": 0.2, "violence": 0.9}})
    ann = site.browser("ann")
    ann.take(case)
    page = ann.get(f"/console/cases/{case}").text
    scores = page[
        page.index("<caption>Highest scores") : page.index("</table>", page.index("Highest scores"))
    ]
    assert "<meter" not in scores, "browsers paint meters green"
    assert re.search(
        r'class="bar-of high"[^>]*aria-label="Non-consensual intimate imagery 0.20"', scores
    )
    assert re.search(r'class="bar-of middle"[^>]*aria-label="Violence 0.90"', scores)
    assert "<meter" not in ann.get("/console/queue").text
