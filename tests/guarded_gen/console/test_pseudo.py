"""Pages in a language made of wide letters: what is still in narrow ones is not translated."""

from __future__ import annotations

import io
import re
from gettext import GNUTranslations
from html.parser import HTMLParser

import pytest
from babel.messages.mofile import write_mo

from guarded_gen.console import language, render
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from scripts import messages

KEPT = re.compile(r"%\(\w+\)s|%%|\{\w+\}|<[^>]*>|&\w+;")
PAGES = {
    "lea": (
        "", "/queue", "/queues", "/quality", "/audit", "/audit?tenant=nobody", "/me", "/sessions",
        "/tenants/default", "/policy", "/policy/history", "/laws", "/explore", "/explore?q=&days=7",
        "/explore?q=x+%3D%3D+1&days=7", "/cases/none", "/audit?min_score=2", "/people",
    ),
    "pia": ("", "/policy", "/explore?q=&days=7"),
    "adm": ("", "/people", "/audit"),
    "tess": ("/preservation",),
}  # fmt: skip


def wide(message: str) -> str:
    """The same with wide letters, values and tags apart."""
    parts, at = [], 0
    for kept in KEPT.finditer(message):
        parts += [_wide(message[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*parts, _wide(message[at:])])


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in text)


@pytest.fixture
def pseudo(monkeypatch: pytest.MonkeyPatch):
    catalog = messages.catalogue()
    catalog.locale = "de"
    for message in catalog:
        if message.id:
            plural = isinstance(message.id, tuple)
            message.string = tuple(map(wide, message.id)) if plural else wide(message.id)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    translations = GNUTranslations(compiled)
    monkeypatch.setattr(language, "catalogue", lambda code: translations)
    # units of time are the locale's
    monkeypatch.setattr(language.PageLanguage, "_lasting", lambda *a, **k: "1")
    for kept in (language.language, render._environment):
        kept.cache_clear()
    yield
    for kept in (language.language, render._environment):
        kept.cache_clear()


class Narrow(HTMLParser):
    """Collects the narrow words that a person reads; names, codes and other languages apart."""

    APART = ("code", "kbd", "pre", "script", "style", "textarea", "bdi", "time")
    EMPTY = ("input", "meta", "link", "img", "br", "rect", "line", "polyline")
    READ_OUT = ("aria-label", "alt", "placeholder")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        apart = tag in self.APART or ("lang" in given and tag != "html")
        if not apart and not any(a for _, a in self.open):
            self.found += [given[name] for name in self.READ_OUT if given.get(name)]
        if tag not in self.EMPTY:
            self.open.append((tag, apart))

    def handle_endtag(self, tag) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data) -> None:
        if not any(apart for _, apart in self.open):
            self.found.append(data)


OURS = re.compile(
    r"Guarded Gen|UTC|CSV|HTML|JSON|DSA|jsonl|parquet|csv|mp4|webp|png|Deutsch|English"
    r"|\b[A-Z]+-\w+|\b[a-z]{2}-[\w-]+|\b[A-Z]{2}\b|prompt\.decision|\d\.? [A-Z][a-z]{2}\b"
    r"|\b(default|ann|bob|lea|aud|adm|pia|tess)\b|\b[0-9a-f]{6,}\b"
)
"""The product, formats, ids of rules and laws, places, dates, names of people and tenants."""


def narrow(page: str) -> set[str]:
    parser = Narrow()
    parser.feed(page)
    words = (re.findall(r"[A-Za-z]{2,}", OURS.sub("", text)) for text in parser.found)
    return {" ".join(found) for found in words if found}


def test_every_page_says_all_its_words_in_the_readers_language(site, pseudo) -> None:
    site.people["tess"] = add_person(site.services.log, "test", "tess", {Role.RESTRICTED})
    scores = {"violence": 0.71, "hate": 0.2, "gore": 0.1, "sexual": 0.1, "threats": 0.1}
    missing = [{"category": "ncii", "reason": "no_check"}]
    details = {"scores": scores, "missing": missing, "not_assessed": missing}
    cases = [site.open_case(details=details, floor=floor) for floor in (False, True)]
    site.open_case(category="ncii", rule="NCII-1")
    left: dict[str, set[str]] = {}
    german = {"accept-language": "de"}
    for name, paths in PAGES.items():
        browser = site.browser(name)
        browser.headers.update(german)
        for path in paths:
            if words := narrow(browser.get(f"/console{path}").text):
                left[f"{name} {path}"] = words
        if name == "lea":
            entry = next(e.id for e in site.entries() if e.decision)
            browser.take(cases[0])
            for path in (
                f"/audit/{entry}", *(f"/cases/{case}" for case in cases),
                f"/cases/{cases[0]}?said=decided&undo=x", f"/cases/{cases[0]}/subject",
            ):  # fmt: skip
                if words := narrow(browser.get(f"/console{path}").text):
                    left[path] = words
            again = browser.press(f"/console/cases/{cases[0]}/decide", action="block", version="0")
            if words := narrow(again.text):
                left["a form that failed"] = words
    browser.cookies.clear()
    for path in ("/verify", "/removal", "/console/sign-in", "/appeal/none/none"):
        if words := narrow(browser.get(path).text):
            left[path] = words
    assert not left, "\n".join(f"{where}: {words}" for where, words in left.items())
