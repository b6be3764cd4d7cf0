"""Recorded decisions as columns: what replay evaluates a policy over.

One :class:`StageHistory` for each stage. Scores are kept in millionths (``int32``, -1 where no
check ran), which is exactly how they are recorded, so that comparing whole columns gives the same
answers as comparing one decision after another. Circumstances repeat, so each distinct
:class:`~policies.context.Context` is kept once and rows hold its number.

Memory: about 5 bytes a row for each category that was ever recorded, and the ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from policies.context import Context
from policies.decision import SCORE_DIGITS, Action, CheckStatus, Signal, Stage
from policies.errors import ReplayInvalid
from policies.taxonomy import NEEDS_CALIBRATION

SCALE = 10**SCORE_DIGITS
ABSENT = -1
FAILED, SKIPPED = 1, 2
"""Bits of a row's gaps: some check of the category failed, some was skipped."""

FORMAT = 1
MAX_ROWS = 50_000_000


@dataclass(frozen=True, slots=True)
class StageHistory:
    """The decisions of one stage, ``n`` rows.

    ``scores[category]`` is ``int32 [n]``, the worst score of the checks that ran, in
    millionths; ``calibrated[category]`` the same of calibrated checks, for the categories that
    need calibration; ``gaps[category]`` is ``uint8 [n]``. ``context`` is ``int32 [n]``, a
    number in ``History.contexts``; ``action`` is ``uint8 [n]``, the severity that was recorded;
    ``empty`` is ``bool [n]``, no check spoke. ``ids`` is a fixed-width text array ``[n]``.
    """

    ids: NDArray[np.str_]
    context: NDArray[np.int32]
    action: NDArray[np.uint8]
    empty: NDArray[np.bool_]
    scores: dict[str, NDArray[np.int32]]
    calibrated: dict[str, NDArray[np.int32]]
    gaps: dict[str, NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self.action)

    def take(self, rows: NDArray[Any]) -> StageHistory:
        """The block of these rows (numbers or a mask)."""
        return StageHistory(
            self.ids[rows],
            self.context[rows],
            self.action[rows],
            self.empty[rows],
            {c: column[rows] for c, column in self.scores.items()},
            {c: column[rows] for c, column in self.calibrated.items()},
            {c: column[rows] for c, column in self.gaps.items()},
        )

    def signals(self, row: int) -> list[Signal]:
        """Signals that say the same as the recorded ones of this row did."""
        found: list[Signal] = []
        for category, column in self.scores.items():
            score = int(column[row])
            known = self.calibrated.get(category)
            sure = ABSENT if known is None else int(known[row])
            if score > ABSENT:
                found.append(
                    Signal.ran("replay", category, score / SCALE, calibrated=sure == score)
                )
            if ABSENT < sure < score:
                found.append(Signal.ran("replay", category, sure / SCALE, calibrated=True))
        for category, gaps in self.gaps.items():
            if gaps[row] & FAILED:
                found.append(Signal.failed("replay", category, "recorded"))
            if gaps[row] & SKIPPED:
                found.append(Signal.skipped("replay", category, "recorded"))
        return found


@dataclass(frozen=True, slots=True)
class History:
    """Recorded decisions of any number of tenants and stages."""

    blocks: dict[Stage, StageHistory]
    contexts: tuple[Context, ...]

    def __len__(self) -> int:
        return sum(len(block) for block in self.blocks.values())

    def save(self, path: Path) -> None:
        """Write to a ``.npz`` file; no prompt and no person stands in it."""
        arrays: dict[str, NDArray[Any]] = {}
        for stage, block in self.blocks.items():
            for name in ("ids", "context", "action", "empty"):
                arrays[f"{stage}/{name}"] = getattr(block, name)
            for name in ("scores", "calibrated", "gaps"):
                for category, column in getattr(block, name).items():
                    arrays[f"{stage}/{name}/{category}"] = column
        about = {"format": FORMAT, "contexts": [context.to_json() for context in self.contexts]}
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> History:
        """Read what :meth:`save` wrote; raises :class:`ReplayInvalid`."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file.items())
            about = json.loads(arrays.pop("about").tobytes())
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']}")
            contexts = tuple(Context.from_json(record) for record in about["contexts"])
            blocks = {}
            for stage in Stage:
                if f"{stage}/action" in arrays:
                    blocks[stage] = _block(stage, arrays, len(contexts))
        except OSError as error:
            reason = error.strerror or str(error)
            raise ReplayInvalid(f"{path} cannot be read: {reason}", "check the path") from None
        except (ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
            raise ReplayInvalid(
                f"{path} is no recorded history: {error}", "write it with `policy replay --save`"
            ) from None
        return cls(blocks, contexts)


def _block(stage: Stage, arrays: Mapping[str, NDArray[Any]], contexts: int) -> StageHistory:
    def columns(kind: str) -> dict[str, NDArray[Any]]:
        start = f"{stage}/{kind}/"
        return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}

    block = StageHistory(
        arrays[f"{stage}/ids"],
        arrays[f"{stage}/context"],
        arrays[f"{stage}/action"],
        arrays[f"{stage}/empty"],
        columns("scores"),
        columns("calibrated"),
        columns("gaps"),
    )
    every: list[NDArray[Any]] = [block.context, block.action, block.empty]
    for kind in (block.scores, block.calibrated, block.gaps):
        every.extend(kind.values())
    if len(block.ids) > MAX_ROWS or any(column.shape != block.ids.shape for column in every):
        raise ValueError("columns of different length")
    if len(block) and not 0 <= int(block.context.min()) <= int(block.context.max()) < contexts:
        raise ValueError("a row without circumstances")
    return block


@dataclass(slots=True)
class _Growing:
    ids: list[str] = field(default_factory=list)
    context: list[int] = field(default_factory=list)
    action: list[int] = field(default_factory=list)
    empty: list[bool] = field(default_factory=list)
    scores: dict[str, dict[int, int]] = field(default_factory=dict)
    calibrated: dict[str, dict[int, int]] = field(default_factory=dict)
    gaps: dict[str, dict[int, int]] = field(default_factory=dict)


class HistoryBuilder:
    """Collects decisions one by one."""

    def __init__(self) -> None:
        self._stages: dict[Stage, _Growing] = {}
        self._contexts: dict[Context, int] = {}
        self.unusable = 0

    def add(
        self, id: str, stage: Stage, signals: Iterable[Signal], context: Context, action: Action
    ) -> None:
        """Add one decision; raises ``ValueError`` for a category that cannot be a name."""
        signals = list(signals)
        if not all(signal.category.isidentifier() for signal in signals):
            raise ValueError("a signal's category is no name")
        growing = self._stages.setdefault(stage, _Growing())
        row = len(growing.ids)
        growing.ids.append(id)
        growing.context.append(self._contexts.setdefault(context, len(self._contexts)))
        growing.action.append(action.severity)
        growing.empty.append(not signals)
        for signal in signals:
            category = signal.category
            if signal.score is not None:
                score = round(signal.score * SCALE)
                column = growing.scores.setdefault(category, {})
                column[row] = max(column.get(row, ABSENT), score)
                if signal.calibrated and category in NEEDS_CALIBRATION:
                    column = growing.calibrated.setdefault(category, {})
                    column[row] = max(column.get(row, ABSENT), score)
            else:
                bit = FAILED if signal.status is CheckStatus.FAILED else SKIPPED
                column = growing.gaps.setdefault(category, {})
                column[row] = column.get(row, 0) | bit

    def add_record(
        self, id: str, decision: Mapping[str, Any], signals: Sequence[Mapping[str, Any]]
    ) -> None:
        """Add a decision from its record; one that cannot be read is counted in ``unusable``."""
        try:
            context = Context.from_json(decision["context"])
            read = [Signal.from_json(signal) for signal in signals]
            self.add(id, Stage(decision["stage"]), read, context, Action(decision["action"]))
        except (KeyError, TypeError, ValueError):
            self.unusable += 1

    def build(self) -> History:
        """The history so far."""
        return History(
            {stage: _columns(growing) for stage, growing in self._stages.items()},
            tuple(self._contexts),
        )


def _columns(growing: _Growing) -> StageHistory:
    n = len(growing.ids)

    def column(values: Mapping[int, int], dtype: Any, nothing: int) -> NDArray[Any]:
        made = np.full(n, nothing, dtype)
        if values:
            made[np.fromiter(values.keys(), np.int64)] = np.fromiter(values.values(), dtype)
        return made

    return StageHistory(
        np.array(growing.ids, np.str_),
        np.array(growing.context, np.int32),
        np.array(growing.action, np.uint8),
        np.array(growing.empty, np.bool_),
        {c: column(values, np.int32, ABSENT) for c, values in growing.scores.items()},
        {c: column(values, np.int32, ABSENT) for c, values in growing.calibrated.items()},
        {c: column(values, np.uint8, 0) for c, values in growing.gaps.items()},
    )
