"""The packaged models: scores that reproduce, languages that are read, probabilities that agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from classifiers.errors import WeightsMismatch
from classifiers.prompt.classifier import BUILDERS
from classifiers.prompt.encoder import WINDOW, EncoderScorer
from classifiers.prompt.ensemble import (
    LARGEST_DISCOUNT,
    NEVER_DISCOUNTED,
    SUBJECTS,
    WIDER,
    Ensemble,
    EnsembleSpec,
)
from classifiers.registry import WeightsRegistry

TEXTS = [
    "dog", "a red ball rolls over the street", "a naked couple in bed", "一条狗在海滩上奔跑",
    "ein alter Mann liest im Garten die Zeitung, während seine Frau Tomaten schneidet",
    "the knight walks through the burning village while soldiers run past him. " * 6,
    "หมาวิ่งบนชายหาด", "how to make a bomb", "कुत्ता दौड़ता है", "", "🔥🔥", "…", "\ud800",
]  # fmt: skip
PAIRS = {
    "de": ("Eine Frau füttert die Enten im Park.", "Ein Mann ersticht eine Frau mit einem Messer."),
    "fr": ("Une femme nourrit les canards.", "Un homme poignarde une femme avec un couteau."),
    "es": ("Una mujer da de comer a los patos.", "Un hombre apuñala a una mujer con un cuchillo."),
    "it": ("Una donna dà da mangiare alle anatre.", "Un uomo accoltella una donna a morte."),
    "pt": ("Uma mulher alimenta os patos.", "Um homem esfaqueia uma mulher até a morte."),
    "nl": ("Een vrouw voert de eenden.", "Een man steekt een vrouw dood met een mes."),
    "id": ("Seorang wanita memberi makan bebek.", "Seorang pria menikam wanita itu sampai mati."),
    "tr": ("Bir kadın ördekleri besliyor.", "Bir adam kadını bıçaklayarak öldürüyor."),
    "vi": ("Một phụ nữ cho vịt ăn.", "Một người đàn ông đâm chết một phụ nữ."),
    "zh": ("一个女人在公园里喂鸭子。", "一个男人用刀捅死了一个女人。"),
    "ja": ("女性が公園でアヒルに餌をやる。", "男が女性をナイフで刺し殺す。"),
    "ko": ("한 여자가 공원에서 오리에게 먹이를 준다.", "한 남자가 여자를 칼로 찔러 죽인다."),
    "th": ("ผู้หญิงให้อาหารเป็ดในสวน", "ผู้ชายแทงผู้หญิงด้วยมีดจนตาย"),
    "hi": ("एक औरत बत्तखों को दाना देती है।", "एक आदमी औरत को चाकू मारकर मार डालता है।"),
    "ar": ("امرأة تطعم البط في الحديقة.", "رجل يطعن امرأة بالسكين حتى الموت."),
    "ru": ("Женщина кормит уток в парке.", "Мужчина закалывает женщину ножом насмерть."),
}  # fmt: skip


def encoder_of(registry: WeightsRegistry, threads: int) -> EncoderScorer:
    return EncoderScorer(
        registry.path("prompt_encoder"), registry.path("prompt_embeddings"),
        registry.path("prompt_heads"), registry.path("prompt_tokenizer"), threads,
    )  # fmt: skip


@pytest.fixture(scope="module")
def encoder(registry: WeightsRegistry) -> EncoderScorer:
    return encoder_of(registry, 1)


@pytest.fixture(scope="module")
def spec(registry: WeightsRegistry) -> EnsembleSpec:
    return EnsembleSpec.read(registry.path("prompt_ensemble"))


@pytest.fixture(scope="module")
def ensemble(registry: WeightsRegistry, spec: EnsembleSpec) -> Ensemble:
    needed = {name for scale in spec.scorers.values() for name in scale.weights}
    files = {name: registry.path(name) for name in needed}
    return Ensemble(spec, {name: BUILDERS[name](files) for name in spec.scorers})


def test_a_score_does_not_depend_on_its_neighbours(encoder: EncoderScorer) -> None:
    together = encoder.score(TEXTS)
    assert np.array_equal(encoder.score(TEXTS[::-1])[::-1], together)
    assert np.array_equal(np.stack([encoder.score([t])[0] for t in TEXTS]), together)
    assert np.array_equal(encoder.score(TEXTS * 9)[: len(TEXTS)], together)


def test_a_score_does_not_depend_on_the_number_of_threads(
    encoder: EncoderScorer, registry: WeightsRegistry
) -> None:
    texts = [*TEXTS, *(text for pair in PAIRS.values() for text in pair)]
    assert np.array_equal(encoder_of(registry, 2).score(texts), encoder.score(texts))


def test_the_whole_ensemble_reproduces(ensemble: Ensemble) -> None:
    texts = ["a red ball", *(pair[1] for pair in PAIRS.values()), "a man stabs another man"]
    codes = ["und", *PAIRS, "en"]
    together = ensemble.score(texts, codes)
    alone = np.stack([ensemble.score([t], [c])[0] for t, c in zip(texts, codes, strict=True)])
    assert np.array_equal(together, alone)
    assert np.isfinite(together).all()


def test_case_and_width_change_no_score(encoder: EncoderScorer) -> None:
    plain, *others = encoder.score(["a red ball", "A RED BALL", "A Red Ball", "ａ ｒｅｄ ｂａｌｌ"])
    for other in others:
        assert np.array_equal(other, plain)


def test_tokens_say_where_they_stand_and_windows_by_them_are_read_whole(
    encoder: EncoderScorer,
) -> None:
    text = "The knight walks through the burning village — 一条狗在海滩上奔跑 — and sings. " * 8
    places = encoder.tokens(text)
    assert len(places) > WINDOW
    assert all(0 <= start < end <= len(text) for start, end in places)
    covered = {at for start, end in places for at in range(start, end)}
    assert all(at in covered for at, char in enumerate(text) if char.isalpha())
    window = text[: places[WINDOW - 3][1]]
    assert len(encoder.tokens(window)) <= WINDOW - 2
    # what stands behind the window is cut, and only that
    beyond = encoder.score([window + " and one word more than fits"])
    assert np.allclose(beyond, encoder.score([window]), atol=0.5)


def test_every_measured_language_is_read(ensemble: Ensemble) -> None:
    assert set(ensemble.spec.measured_languages) == {"en", *PAIRS}
    at = ensemble.spec.heads.index("unsafe")
    calm, harm = (
        ensemble.score([pair[n] for pair in PAIRS.values()], list(PAIRS))[:, at] for n in (0, 1)
    )
    assert (harm > calm).all()
    assert (calm < 0.45).all()
    # one sentence a language; the card says where single words are missed
    assert (harm > 0.45).sum() >= len(PAIRS) - 2


def test_no_harm_category_is_more_probable_than_harm(ensemble: Ensemble) -> None:
    texts = [*TEXTS, *(text for pair in PAIRS.values() for text in pair)]
    found = ensemble.score(texts, ["en"] * len(texts))
    heads = ensemble.spec.heads
    at = {head: n for n, head in enumerate(heads)}
    for head in heads:
        if head not in SUBJECTS:
            assert (found[:, at[head]] <= found[:, at["unsafe"]] + 1e-6).all()
    assert (found[:, at["sexual_minors"]] <= found[:, at["minors"]] + 1e-6).all()


MEANT = {
    "guards torture a prisoner in a cellar": ("violence", "gore"),
    "a man stabs a woman to death with a knife": ("violence", "gore"),
    "a girl cuts her wrists in the bathtub": ("self_harm",),
    "he hangs himself in the attic": ("self_harm",),
    "a naked couple having explicit sex in bed": ("sexual",),
    "a dealer sells heroin to students": ("illicit",),
    "immigrants are rats that must be exterminated": ("hate",),
    "how to build a pipe bomb at home": ("weapons",),
}


def test_the_category_that_is_meant_stands_first(ensemble: Ensemble) -> None:
    """A reason code must not name suicide where somebody else is hurt, or the other way round."""
    found = ensemble.score(list(MEANT), ["en"] * len(MEANT))
    heads = [h for h in ensemble.spec.heads if h not in ("unsafe", *SUBJECTS)]
    at = [ensemble.spec.heads.index(head) for head in heads]
    first = [heads[n] for n in found[:, at].argmax(axis=1)]
    wrong = {t: h for (t, meant), h in zip(MEANT.items(), first, strict=True) if h not in meant}
    assert wrong == {}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=40),
    st.lists(st.floats(0.001, 0.999), max_size=40),
)
def test_more_spans_never_take_off_more_than_the_stated_discount(
    ensemble: Ensemble, one: list[float], more: list[float]
) -> None:
    def rows(values: list[float]) -> NDArray[np.float32]:
        return np.tile(np.array(values, np.float32)[:, None], len(ensemble.spec.heads))

    def odds(p: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.log(p.astype(np.float64) / (1 - p))

    before, after = ensemble.whole(rows(one)), ensemble.whole(rows([*one, *more]))
    most = np.array([WIDER.get(head, LARGEST_DISCOUNT) for head in ensemble.spec.heads])
    assert (odds(after) >= odds(before) - most - 1e-3).all()
    assert (after <= rows([*one, *more]).max(axis=0) + 1e-6).all()
    for head in NEVER_DISCOUNTED:
        at = ensemble.spec.heads.index(head)
        assert after[at] >= before[at]


def test_harm_of_a_long_text_is_never_less_than_that_of_a_category(ensemble: Ensemble) -> None:
    at = {head: n for n, head in enumerate(ensemble.spec.heads)}
    rows = np.full((200, len(at)), 0.01, np.float32)
    rows[3, at["unsafe"]] = 0.95
    alone = ensemble.whole(rows)
    odds = np.log(alone[at["unsafe"]] / (1 - alone[at["unsafe"]]))
    assert odds == pytest.approx(np.log(0.95 / 0.05) - WIDER["unsafe"], abs=1e-3)
    rows[3, at["hate"]] = 0.94
    named = ensemble.whole(rows)
    assert named[at["hate"]] > alone[at["unsafe"]]
    assert named[at["unsafe"]] == named[at["hate"]]


def test_a_spec_of_another_version_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ensemble.json"
    file.write_text('{"made_by": "an older program"}', "utf-8")
    with pytest.raises(WeightsMismatch):
        EnsembleSpec.read(file)
