"""Texts that arrive together are judged together, each with its own answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from guarded_gen.api.batching import MOST, Gatherer


async def test_answers_belong_to_their_texts_and_few_calls_are_made() -> None:
    calls: list[int] = []

    def work(texts: Sequence[str]) -> list[str]:
        calls.append(len(texts))
        time.sleep(0.02)
        return [text.upper() for text in texts]

    gather = Gatherer(work)
    answers = await asyncio.gather(*(gather(f"t{n}") for n in range(100)))
    assert answers == [f"T{n}" for n in range(100)]
    assert max(calls) <= MOST
    assert len(calls) <= 6
    assert await gather("later") == "LATER"


async def test_a_failure_reaches_everybody_and_the_next_goes_on() -> None:
    def work(texts: Sequence[str]) -> list[str]:
        if "bad" in texts:
            raise ValueError("broken")
        return list(texts)

    gather = Gatherer(work)
    with pytest.raises(ValueError, match="broken"):
        await gather("bad")
    assert await gather("good") == "good"
