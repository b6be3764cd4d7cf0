from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.watermark import polar
from provenance.watermark.carrier import CODE_LENGTH


@given(st.integers(0, 2**64 - 1), st.sampled_from([64, 128]))
@settings(max_examples=20, deadline=None)
def test_clean_words_decode_to_what_was_encoded(number: int, size: int) -> None:
    bits = np.array([(number >> (i % 64)) & 1 for i in range(size)], dtype=np.uint8)
    word = polar.encode(bits, CODE_LENGTH, 1)
    got = polar.decode(4.0 * (1 - 2.0 * word), size, 1, 4)
    assert got is not None
    assert np.array_equal(got, bits)


@given(st.lists(st.integers(0, 1), min_size=64, max_size=64))
@settings(max_examples=20, deadline=None)
def test_the_transform_is_its_own_inverse(bits: list[int]) -> None:
    u = np.array(bits, dtype=np.uint8)
    assert np.array_equal(polar.transform(polar.transform(u)), u)


def test_noisy_words_decode_near_the_capacity_of_the_channel() -> None:
    rng = np.random.default_rng(5)
    right = 0
    for _ in range(20):
        bits = rng.integers(0, 2, 64).astype(np.uint8)
        word = polar.encode(bits, CODE_LENGTH, 1)
        amplitude = 0.75
        heard = amplitude * (1 - 2.0 * word) + rng.standard_normal(CODE_LENGTH)
        got = polar.decode(2 * amplitude * heard, 64, 1, 32)
        right += got is not None and np.array_equal(got, bits)
    assert right >= 18


def test_noise_and_other_versions_decode_to_nothing() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        assert polar.decode(rng.standard_normal(CODE_LENGTH), 64, 1, 8) is None
    bits = rng.integers(0, 2, 64).astype(np.uint8)
    word = polar.encode(bits, CODE_LENGTH, 2)
    assert polar.decode(4.0 * (1 - 2.0 * word), 64, 1, 4) is None


def test_frozen_subtrees_cost_what_their_leaves_cost() -> None:
    """With room for every word the metric of each is the sum of what it contradicts."""
    rng = np.random.default_rng(7)
    for length, info in ((16, [3, 12, 13, 15]), (32, [15, 23, 30, 31]), (8, [7])):
        llr = rng.normal(0, 2, length)
        words, metric = polar._list_decode(llr, np.array(info), 2 ** len(info))
        assert len({tuple(word) for word in words}) == 2 ** len(info)
        for word, cost in zip(words, metric, strict=True):
            sent = 1 - 2.0 * polar.transform(word)
            assert np.isclose(cost, np.maximum(-sent * llr, 0).sum())


@pytest.mark.parametrize("version", [1, 2])
def test_the_crc_depends_on_version_and_bits(version: int) -> None:
    bits = np.zeros(64, dtype=np.uint8)
    other = bits.copy()
    other[3] = 1
    assert not np.array_equal(polar.crc(bits, version), polar.crc(other, version))
    assert not np.array_equal(polar.crc(bits, version), polar.crc(bits, version + 1))
