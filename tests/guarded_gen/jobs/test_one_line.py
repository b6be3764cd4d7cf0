"""Both books end in the same trace, whatever gates say, people decide, and machines do.

The stages here decide what a script says; the driver, the books, the log, the cases and the
decisions of people are the real ones. A worker may be killed before, between and after its
work and its writing, and a row may claim any stage, as rows of other versions did.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import policies
from guarded_gen import settings as config
from guarded_gen.audit import AuditLog, Event, Query
from guarded_gen.gates.gate import judge
from guarded_gen.jobs import Jobs, Queue
from guarded_gen.jobs.runner import Runner
from guarded_gen.production.files import WorkFiles
from guarded_gen.production.line import STEPS, Line, Plan, Standing
from guarded_gen.production.memory import make
from guarded_gen.production.request import ClipRequest, FileReference
from guarded_gen.production.rows import new_job
from guarded_gen.production.stage import Done, Result, Stage, gated
from guarded_gen.production.work import Gated, Judged, Output, Work
from guarded_gen.store import open_store
from guarded_gen.store.tables.jobs import Job, JobStage
from guarded_gen.telemetry import Metrics
from policies import Context
from policies.decision import Action, Signal
from policies.decision import Stage as GateStage

_FLOOR = Path(__file__).parents[1] / "api" / "policy.yaml"
_RULES = """
  - {id: B, category: violence, stage: [prompt, reference, output], at_least: 0.8,
     action: block, reason: violence}
  - {id: R, category: violence, stage: [prompt, reference, output], at_least: 0.4,
     action: review, reason: violence}
"""
POLICY = policies.loads(
    re.sub(r"categories: \[.*\]", "categories: [violence]", _FLOOR.read_text()).rstrip() + _RULES
)[0]
SCORES = {Action.ALLOW: 0.1, Action.REVIEW: 0.5, Action.BLOCK: 0.9}
NAMES = [step.name for step in STEPS]
MOMENTS = ("before", "between", "after")


class PowerCut(BaseException):
    """The worker is gone; no handler of errors runs."""


@dataclass(frozen=True)
class Script:
    """What gates say, what people say, where workers die, what a row wrongly claims."""

    prompt: Action
    references: tuple[Action, ...]
    output: Action
    approvals: tuple[bool, bool, bool]
    kills: frozenset[tuple[str, str]] = frozenset()
    claims: str | None = None

    def says(self, name: str) -> tuple[Action, ...]:
        return {"prompt": (self.prompt,), "reference": self.references, "output": (self.output,)}[
            name
        ]

    def expected(self) -> tuple[list[str], str]:
        """The entries of the log in order, and how the job ends: the specification."""
        trace: list[str] = []
        for n, name in enumerate(("prompt", "reference", "output")):
            if name == "output":
                trace.append("test.generate")
            actions = self.says(name)
            trace += [f"{name}.decision {action.value}" for action in actions]
            if Action.BLOCK in actions:
                return trace, "refused"
            if Action.REVIEW in actions:
                trace.append(f"person {self.approvals[n]}")
                if not self.approvals[n]:
                    return trace, "refused"
        return [*trace, "test.encode", "test.sign", "test.publish"], "completed"


scripts = st.builds(
    Script,
    st.sampled_from(Action),
    st.lists(st.sampled_from(Action), max_size=3).map(tuple),
    st.sampled_from(Action),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.frozensets(
        st.tuples(st.sampled_from(NAMES[1:]), st.sampled_from(MOMENTS)), max_size=4
    ),
    st.none() | st.sampled_from(NAMES[1:]),
)  # fmt: skip


@dataclass(frozen=True)
class Scripted:
    """A stage that does what the script says, and checks what it is given."""

    name: str
    script: Script
    killed: set[tuple[str, str]] = field(default_factory=set)

    @property
    def output(self) -> type[Output]:
        return Gated if self.name in ("prompt", "reference", "output") else Output

    def run(self, work: Work) -> Result:
        self.dies("before")
        if self.name in ("generate", "encode", "sign", "publish"):
            self.checks_gates(work)
            kind = f"test.{self.name}"
            return Done(Output(), (lambda related: Event(kind=kind, body={"clip": work.id}),))
        judged = []
        for action in self.script.says(self.name):
            scores = {rule.category: 0.0 for rule in POLICY.rules} | {"violence": SCORES[action]}
            signals = [Signal.ran("scripted", name, score) for name, score in scores.items()]
            gate = judge(POLICY, GateStage(self.name), signals, Context())
            assert gate.decision.action is action
            judged.append(Judged(gate=gate))
        return gated(Gated(judged=tuple(judged)), "refused")

    def checks_gates(self, work: Work) -> None:
        """Nothing is made, marked or published without every gate that the request has."""
        wanted = ["prompt", *(["reference"] if work.request.references else [])]
        wanted += ["output"] if self.name != "generate" else []
        for name in wanted:
            gate = work.outputs[name]
            assert isinstance(gate, Gated)
            assert len(gate.judged) == len(self.script.says(name))
            assert work.passed(gate), (self.name, name)

    def dies(self, moment: str) -> None:
        if (self.name, moment) in self.script.kills - self.killed:
            self.killed.add((self.name, moment))
            raise PowerCut


class DyingRunner(Runner):
    """Dies between the work and the writing, and right after the writing, where told."""

    def write(
        self, work: Work, stage: Stage, result: Result, seconds: float, following: str
    ) -> None:
        assert isinstance(stage, Scripted)
        stage.dies("between")
        super().write(work, stage, result, seconds, following)
        stage.dies("after")


class House:
    def __init__(self, home: Path) -> None:
        self.settings = config.load(home=home)
        self.store = open_store(self.settings)
        self.log = AuditLog.open(self.store, self.settings.keys_folder)
        self.jobs = Jobs(self.settings, self.store, self.log)
        self.files = WorkFiles(self.settings.work_folder, self.jobs.storage)
        self.mine = home / "mine.png"
        self.mine.write_bytes(b"a picture")

    def line(self, script: Script) -> Line:
        killed: set[tuple[str, str]] = set()
        stages = tuple(Scripted(name, script, killed) for name in NAMES)
        return Line(stages, self.files.discard, Plan())

    def request(self, script: Script) -> ClipRequest:
        references = tuple(FileReference(path=str(self.mine)) for _ in script.references)
        return ClipRequest(prompt="a ball", seed=1, references=references)

    def by_memory(self, script: Script) -> tuple[str, str]:
        """As the command line asks; what it holds is finished by workers."""
        standing, record = make(self.line(script), self.log, self.files, self.request(script))
        if standing is not Standing.HELD:
            with self.store.read() as session:
                assert session.get(Job, record.work.id) is None
            return record.work.id, {"finished": "completed"}.get(standing, standing.value)
        return record.work.id, self.finished(record.work.id, self.line(script), script)

    def by_durable(self, script: Script) -> tuple[str, str]:
        """As the API asks."""
        line, request = self.line(script), self.request(script)
        id = f"video_{secrets.token_hex(16)}"
        work = Work(id, "video", request)
        stored = self.files.shelve_references(work)
        result = line.stage("prompt").run(work)
        job = new_job(
            id, "default", stored.model_dump(mode="json"),
            stage=line.plan.following(request, {"prompt"}),
        )  # fmt: skip
        self.log.write(lambda tx: self.jobs.book.admit(tx, job, stored, result))
        if script.prompt is Action.BLOCK:
            return id, "refused"
        return id, self.finished(id, line, script)

    def finished(self, id: str, line: Line, script: Script) -> str:
        """Workers come, die and come again, and people decide, until the job has ended."""
        book, claimed = self.jobs.book, script.claims is None
        runner = DyingRunner(book, line, Metrics(), "w", timeout_s=60, max_tries=99)
        for _ in range(40):
            job = book.get(None, id)
            if job.status == "completed":
                return "completed"
            if job.status == "failed":
                assert job.error["code"] == "moderation_blocked", job.error
                return "refused"
            if not claimed:  # once, as a row of another version might
                claimed = True
                with self.store.write() as session:
                    row = session.get(Job, id)
                    assert row is not None
                    row.stage = str(script.claims)
                    job = row
            if job.review == "pending":
                made = {d["stage"] for d in job.decisions if d["stage"] != "review"}
                asked = max(("prompt", "reference", "output").index(name) for name in made)
                approved = script.approvals[asked]
                event = Event(kind="test.person", body={"clip": id, "approved": approved})
                self.log.write(lambda tx, e=event, a=approved: book.decide(tx, id, a, tx.append(e)))
                continue
            queue: str = book.plan.queue_of(job.stage).value
            try:
                while queue:
                    queue = runner.run(id, job.round, Queue(queue))
            except PowerCut:
                continue
        raise AssertionError("the job never ended")

    def trace(self, id: str) -> list[str]:
        told = []
        for entry in self.log.entries(Query(since=0)):
            if entry.body.get("clip") != id:
                continue
            if entry.kind == "test.person":
                told.append(f"person {entry.body['approved']}")
            elif entry.decision:
                told.append(f"{entry.kind} {entry.decision['action']}")
            else:
                told.append(entry.kind)
        return told[::-1]

    def close(self) -> None:
        self.jobs.close()
        self.log.close()
        self.store.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("line") / "home")
    yield made
    made.close()


A, R, B = Action.ALLOW, Action.REVIEW, Action.BLOCK


@settings(max_examples=60, deadline=None)
@example(Script(R, (R,), A, (True, True, True), claims="generate"))
@example(Script(R, (A, B), A, (True, True, True), claims="publish"))
@example(Script(A, (R, R, R), R, (True, False, True)))
@example(Script(R, (R,), R, (True, True, True), frozenset({("reference", "after")})))
@example(Script(A, (R,), A, (True, True, True), frozenset({("generate", "between")})))
@example(Script(A, (A,), R, (True, True, True), frozenset({("publish", "after")})))
@given(script=scripts)
def test_both_books_end_in_the_trace_of_the_specification(house: House, script: Script) -> None:
    expected, end = script.expected()
    by: Callable[[Script], tuple[str, str]]
    for by in (house.by_memory, house.by_durable):
        id, ended = by(_after_the_hold(script) if by == house.by_memory else script)
        assert ended == end
        assert house.trace(id) == expected
        with house.store.read() as session:
            rows = [row.stage for row in session.query(JobStage).filter(JobStage.job == id)]
        assert len(rows) == len(set(rows))
        done = [name for name in NAMES if any(name in line for line in expected)]
        assert sorted(rows, key=NAMES.index) == (done if rows else [])


def _after_the_hold(script: Script) -> Script:
    """The same without kills before a hold: they end the command line's own process, which nobody
    resumes (see the next test)."""
    ran = [name for name in ("prompt", "reference", "output") if R in script.says(name)]
    names = NAMES[NAMES.index(ran[0]) + 1 :] if ran else []
    return replace(script, kills=frozenset(kill for kill in script.kills if kill[0] in names))


@settings(max_examples=15, deadline=None)
@given(script=scripts)
def test_a_killed_command_line_leaves_a_prefix_and_nothing_published(
    house: House, script: Script
) -> None:
    before = {entry.id for entry in house.log.entries(Query(limit=200))}
    try:
        make(house.line(script), house.log, house.files, house.request(script))
    except PowerCut:
        pass
    else:
        return
    fresh = [e for e in house.log.entries(Query(limit=200)) if e.id not in before][::-1]
    ids = {e.body["clip"] for e in fresh if "clip" in e.body}
    assert len(ids) == 1
    [id] = ids
    told = [line for line in house.trace(id) if line != "clip.failed"]
    assert told == script.expected()[0][: len(told)]
    assert "test.publish" not in told
    assert not (house.settings.work_folder / id).exists()
