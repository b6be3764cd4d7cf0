"""A stranger's words with the parts that decided marked: escaped, whatever the spans say."""

from __future__ import annotations

import pytest

from guarded_gen.console.render import marked

WORDS = "a <b> & c"


def shown(spans: list[tuple[int, int]]) -> str:
    html = str(marked(WORDS, [{"start": a, "end": b} for a, b in spans]))
    return html.replace('<bdi class="foreign">', "").replace("</bdi>", "")


@pytest.mark.parametrize(
    ("spans", "html"),
    [
        ([], "a &lt;b&gt; &amp; c"),
        ([(2, 5)], "a <mark>&lt;b&gt;</mark> &amp; c"),
        ([(4, 6), (2, 5)], "a <mark>&lt;b&gt; </mark>&amp; c"),
        ([(0, 99)], "<mark>a &lt;b&gt; &amp; c</mark>"),
        ([(7, 3), (-4, 1), (50, 60)], "<mark>a</mark> &lt;b&gt; &amp; c"),
    ],
)
def test_marks_follow_the_spans(spans: list[tuple[int, int]], html: str) -> None:
    assert shown(spans) == html
