"""The gate in mid-generation: a block stops before half of the steps, nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers.frame import FlashCheck, GateReport, IntegrityCheck, PreviewGate, PreviewStopped

FLASHING = np.zeros((48, 64, 96, 3), np.uint8)
FLASHING[(np.arange(48) // 2) % 2 == 0] = 220
CALM = np.full((48, 64, 96, 3), 90, np.uint8)


def flashes(report: GateReport) -> bool:
    return any(s.category == "flash" and (s.score or 0) >= 0.9 for s in report.signals)


def generate(gate: PreviewGate, preview, total: int = 20) -> int:
    for index in range(1, total + 1):
        gate(index, total, preview)
    return total


def test_a_block_stops_before_half_of_the_steps() -> None:
    gate = PreviewGate((IntegrityCheck(), FlashCheck()), flashes, 2.0)
    with pytest.raises(PreviewStopped) as stopped:
        generate(gate, lambda: FLASHING)
    assert stopped.value.index < 10
    assert stopped.value.report.coverage["frames"] == 48


def test_later_previews_are_looked_at_too() -> None:
    shown = iter([CALM, CALM, FLASHING])
    gate = PreviewGate((FlashCheck(),), flashes, 2.0)
    with pytest.raises(PreviewStopped) as stopped:
        generate(gate, lambda: next(shown))
    assert stopped.value.index == 9


def broken() -> np.ndarray:
    raise RuntimeError("no preview")


@pytest.mark.parametrize("preview", [lambda: CALM, lambda: None, broken])
def test_nothing_else_stops(preview) -> None:
    gate = PreviewGate((FlashCheck(),), flashes, 2.0)
    assert generate(gate, preview) == 20
    assert [look["step"] for look in gate.looks] == [3, 6, 9]


@pytest.mark.parametrize("total", [1, 2, 3, 50])
def test_any_number_of_steps(total: int) -> None:
    gate = PreviewGate((FlashCheck(),), flashes, 2.0)
    try:
        generate(gate, lambda: FLASHING, total)
    except PreviewStopped as stopped:
        assert 2 * stopped.index < total
    else:
        assert total <= 2
