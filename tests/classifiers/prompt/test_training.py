"""What the models learn from: held wordings stay out, and copies keep what they are."""

from __future__ import annotations

from classifiers.prompt.training import rows as corpus
from classifiers.prompt.training.written import rows as written

SEED = 7


def test_no_held_sentence_is_ever_trained_on_and_harm_embedded_stays_harm() -> None:
    train, held = corpus.split(written(SEED))
    known = {row.text.lower().rstrip(".") for row in train}
    assert len(train) > 50_000
    assert len(held) > 700
    # languages repeat a bare name now and then; sentences must not
    assert [r.text for r in held if r.text.lower().rstrip(".") in known and " " in r.text] == []
    sample = train[::40]
    copies = corpus.embedded(sample, 1.0, SEED)
    by_text = {row.text: row for row in sample}
    assert len(copies) > len(sample) // 2
    for copy in copies:
        assert copy.text not in by_text
        assert any(mark in copy.text for mark in (" ", "\n"))
    harmful = sum(row.unsafe for row in copies) / len(copies)
    assert 0.2 < harmful < 0.8


def test_half_of_what_is_learnt_in_every_style_is_harmful() -> None:
    train, _ = corpus.split(written(SEED))
    chance = corpus.cell_probabilities(train)
    assert abs(chance.sum() - 1) < 1e-9
    assert (chance > 0).all()
    mass: dict[tuple[str, bool], float] = {}
    for row, share in zip(train, chance, strict=True):
        mass[row.style, row.unsafe] = mass.get((row.style, row.unsafe), 0.0) + share
    for style in {style for style, _ in mass}:
        assert abs(mass[style, True] - mass[style, False]) < 1e-9, style
