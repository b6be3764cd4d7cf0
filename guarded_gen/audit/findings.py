"""What a check of the log finds: problems by row, and what the log itself tells of its gaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from guarded_gen.settings.audit import class_of

MAX_PROBLEMS = 100
"""More findings than this say nothing new."""


@dataclass(frozen=True, slots=True)
class LogProblem:
    """One finding. ``what`` is ``entry``, ``tile``, ``checkpoint``, ``payload``, ``tag`` or
    ``tree``; ``where`` names the row; ``index`` is the entry's, where the finding is about one."""

    what: str
    where: str
    message: str
    index: int | None = None

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"what": self.what, "where": self.where, "message": self.message}
        if self.index is not None:
            record["index"] = self.index
        return record


@dataclass(slots=True)
class VerifyReport:
    """What the check found; ``ok`` when it found nothing. Problems about entries come first, in
    the order of the log."""

    size: int = 0
    root: str = ""
    entries: int = 0
    payloads: int = 0
    erased: int = 0
    pruned: int = 0
    checkpoints: int = 0
    problems: list[LogProblem] = field(default_factory=list)
    more: bool = False
    """There were more than :data:`MAX_PROBLEMS`."""

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def first(self) -> LogProblem | None:
        """The first bad row."""
        return self.problems[0] if self.problems else None

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "size": self.size,
            "root": self.root,
            "entries": self.entries,
            "payloads": self.payloads,
            "erased": self.erased,
            "pruned": self.pruned,
            "checkpoints": self.checkpoints,
            "problems": [p.to_json() for p in self.problems],
            "more": self.more,
        }


@dataclass(slots=True)
class Findings:
    """Collects problems, and what entries tell that bears on other rows."""

    report: VerifyReport = field(default_factory=VerifyReport)
    found: list[LogProblem] = field(default_factory=list)
    missing: list[tuple[int, str, str | None, str]] = field(default_factory=list)
    """(index, id, subject, kind) of entries whose payload is not there."""
    erasures: dict[str, int] = field(default_factory=dict)
    """The index of the newest entry that tells of a subject's erasure."""
    payload_minimum: dict[str, int] = field(default_factory=dict)
    """By record class: payloads of entries below this index were pruned."""
    prunings: set[int] = field(default_factory=set)
    """The minimum indices that entries tell of."""
    tags: dict[str, list[int]] = field(default_factory=dict)
    """By tag: how many entries have it, and the sum of their indices."""

    def add(self, what: str, where: str, message: str, index: int | None = None) -> None:
        if len(self.found) <= MAX_PROBLEMS:
            self.found.append(LogProblem(what, where, message, index))

    @property
    def entries_differ(self) -> bool:
        """Whether some entry is not as it was appended."""
        return any(problem.what == "entry" for problem in self.found)

    def closed(self) -> VerifyReport:
        """The report, with the problems in the order of the log."""
        self.found.sort(key=lambda p: (p.index is None, p.index or 0))
        self.report.problems = self.found[:MAX_PROBLEMS]
        self.report.more = len(self.found) > MAX_PROBLEMS
        return self.report

    def count_tag(self, tag: str, count: int, total: int) -> None:
        """``count`` entries, whose indices add up to ``total``, have ``tag``."""
        known = self.tags.setdefault(tag, [0, 0])
        known[0] += count
        known[1] += total

    def remember(self, index: int, kind: str, body: dict[str, Any]) -> None:
        """Keep what an entry tells of erasing and pruning."""
        if kind == "payload.erased":
            for subject in body.get("subjects", ()):
                self.erasures[subject] = index
        elif kind == "payload.pruned":
            for name, minimum in body.get("minimum", {}).items():
                self.payload_minimum[name] = max(self.payload_minimum.get(name, 0), minimum)
        elif kind == "log.pruned":
            self.prunings.add(int(body.get("minimum", 0)))

    def judge_missing(self) -> None:
        """A payload may be missing only where the log says that it was erased or pruned."""
        for index, id, subject, kind in self.missing:
            pruned = index < self.payload_minimum.get(class_of(kind).value, 0)
            if pruned or index < self.erasures.get(subject or "", -1):
                self.report.erased += 1
            else:
                self.add(
                    "payload",
                    f"audit_payload idx {index} ({id})",
                    "the row was deleted, and the log knows of no erasure",
                    index,
                )
