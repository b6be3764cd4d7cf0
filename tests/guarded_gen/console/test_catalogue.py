"""The catalogue: everything that pages say stands in it, and each language says all of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from guarded_gen.console.language import language, languages
from scripts import messages

TEMPLATES = sorted((messages.CONSOLE / "templates").glob("*.html"))
OTHERS = languages()[1:]
HOLES = re.compile(r"%\((\w+)\)s|\{([a-z_]+)\}|(</?[a-z]+)|(href=\"[^\"]*\")")


@pytest.fixture(scope="module")
def template():
    return messages.catalogue()


def entries(code: str) -> dict[object, tuple[str, ...]]:
    file = messages.FOLDER / f"{code}.po"
    catalog = read_po(file.open("rb"), locale=code)
    assert not [m.id for m in catalog if m.id and m.fuzzy], "python scripts/messages.py"
    assert not catalog.obsolete
    return {m.id: m.string if isinstance(m.string, tuple) else (m.string,) for m in catalog if m.id}


def forms(message: object) -> tuple[str, ...]:
    return message if isinstance(message, tuple) else (str(message),)


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_every_message_and_no_other(code: str, template) -> None:
    wanted, there = {m.id for m in template if m.id}, entries(code)
    assert wanted - there.keys() == set(), "python scripts/messages.py, then translate"
    assert there.keys() - wanted == set(), "python scripts/messages.py"
    assert [message for message, texts in there.items() if not all(texts)] == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_same_values_links_and_tags(code: str) -> None:
    for message, texts in entries(code).items():
        wanted = [sorted(HOLES.findall(form)) for form in forms(message)]
        for text in texts:
            assert sorted(HOLES.findall(text)) in wanted, text


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_is_as_the_script_writes_it(code: str, template) -> None:
    kept = (messages.FOLDER / f"{code}.po").read_text("utf-8")
    assert messages.written(messages.merged(code, template)) == kept


def test_german_is_there() -> None:
    assert "de" in languages()
    german = language("de")
    assert (german.name, german.direction) == ("Deutsch", "ltr")
    assert german.told("there is no case case_7") == "Es gibt keinen Fall case_7"
    assert german.told("ann may not see audit") == "ann hat dieses Recht nicht: Protokoll einsehen"
    assert german.told("nobody knows this one") == "nobody knows this one"
    assert german.ngettext("%(num)s day", "%(num)s days", 1) == "1 Tag"
    assert german.moment(1764405000000).striptags() == "29.11.2025, 08:30 UTC"


def test_a_report_of_several_sentences_is_told_in_german() -> None:
    told = language("de").told(
        "It carries content credentials signed by Ann Ltd (Ann), a signer on the trust list, and "
        "nothing that they cover was changed since. They say that it was made by generative AI. "
        "They say that using it to train AI models is not allowed."
    )
    assert "signiert von Ann Ltd (Ann)" in told
    assert "sei von generativer KI erzeugt." in told and "sei nicht erlaubt." in told
    assert "They" not in told


class Bare(HTMLParser):
    """Collects what a person reads of a page: texts, and the attributes that are read out."""

    READ_OUT = ("title", "aria-label", "alt", "placeholder", "aria-description")
    CODE = ("code", "kbd", "pre", "script", "style", "textarea")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag in self.CODE:
            self.inside.append(tag)
        self.found += [value for name, value in attrs if name in self.READ_OUT and value]

    def handle_endtag(self, tag) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data) -> None:
        if not self.inside:
            self.found.append(data)


EXEMPT = {"Guarded Gen", "UTC", "CSV", "HTML", "JSON", "SHA", "MD5", "s"}
"""The product, formats, and the sign of the unit."""


def source_of(tree: nodes.Template) -> str:
    """The page that a template makes, each expression replaced by the texts that it can say."""
    parts: list[str] = []

    def walk(node: nodes.Node) -> None:
        if isinstance(node, nodes.TemplateData):
            parts.append(node.data)
        elif isinstance(node, nodes.Output):
            for child in node.nodes:
                parts.append(child.data) if isinstance(child, nodes.TemplateData) else say(child)
        elif isinstance(node, nodes.If):
            for child in (*node.body, *node.elif_, *node.else_):
                walk(child)
        else:
            for child in node.iter_child_nodes():
                walk(child)

    def say(node: nodes.Node) -> None:
        if isinstance(node, nodes.Const):
            parts.append(str(node.value) if node.value is not None else "")
        elif isinstance(node, nodes.CondExpr):
            for child in (node.expr1, node.expr2):
                if child is not None:
                    say(child)
        elif isinstance(node, nodes.Or | nodes.And | nodes.Concat | nodes.Add):
            for child in node.iter_child_nodes():
                say(child)
        elif isinstance(node, nodes.Filter) and node.node is not None:
            if node.name not in ("plain", "category", "title_of", "told"):
                say(node.node)
        elif isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Dict):
            for pair in node.node.items:
                say(pair.value)

    walk(tree)
    return "".join(parts)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_has_no_words_outside_the_catalogue(path: Path) -> None:
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    parser = Bare()
    parser.feed(source_of(environment.parse(path.read_text("utf-8"))))
    bare = [text.strip() for text in parser.found if re.search(r"[^\W\d_]", text)]
    assert [text for text in bare if not only_exempt(text)] == []


def only_exempt(text: str) -> bool:
    for word in EXEMPT:
        text = re.sub(rf"\b{word}\b", "", text)
    return not re.search(r"[^\W\d_]", text)


def test_words_outside_the_catalogue_are_found() -> None:
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])

    def found(template: str) -> list[str]:
        parser = Bare()
        parser.feed(source_of(environment.parse(template)))
        return [text for text in parser.found if re.search(r"[^\W\d_]", text)]

    assert found("<p>Bare</p>") == ["Bare"]
    assert found('<p title="Bare" class="x">{{ "yes" if a else "no" }}</p>') == ["Bare", "yesno"]
    assert (
        found('<p class="{{ "good" if a }}">{{ _("Said") }}{% trans %}Said{% endtrans %}</p>') == []
    )
    assert found('{{ {"a": "Bare"}[x] }}') == ["Bare"]
