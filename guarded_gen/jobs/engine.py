"""Durable execution on DBOS. Nothing outside this module knows that it is DBOS.

Every round of a job is one workflow for each queue it passes (``<job>.<round>.<queue>``). DBOS
gives queues, claims, priorities and fairness (one partition a tenant); the truth about a job,
its finished stages too, stays in the book, so a lost queue database costs nothing but a new
round.

DBOS keeps one instance a process, hence one :class:`Engine` a process.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    run_dbos_database_migrations,
)

from guarded_gen.jobs.bell import Bell, hang, patient
from guarded_gen.production.line import Queue
from guarded_gen.settings import Settings
from guarded_gen.store.engine import private_file, silent_options
from guarded_gen.store.tables.jobs import Job
from guarded_gen.telemetry import json_only

_log = logging.getLogger(__name__)
APPLICATION = "guarded-gen"
VERSION = "2"
"""Of the workflow's steps. Workers of another version leave each other's jobs alone."""
WORKFLOW = "run_job"
_ALIVE = ("ENQUEUED", "PENDING", "DELAYED")
Run = Callable[[str, int, Queue], str]
"""Run the due stages of one queue; returns the queue that goes on, or ""."""


def queue_engine(settings: Settings) -> sa.Engine:
    """The database of the queue: beside the book on SQLite, in it (schema ``dbos``) elsewhere.

    It needs no fsync at every commit: after a power cut the book rebuilds it.
    """
    url = sa.make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite":
        path = settings.home / "queue.db"
        private_file(path)
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), pool_size=16)

        @sa.event.listens_for(engine, "connect")
        def tune(connection: sqlite3.Connection, record: Any) -> None:
            connection.isolation_level = "IMMEDIATE"
            for pragma in (
                "busy_timeout=30000",
                "journal_mode=WAL",
                "synchronous=NORMAL",
                "foreign_keys=ON",
            ):
                connection.execute(f"PRAGMA {pragma}")

        return engine
    from guarded_gen.store.bounded import bound

    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=16,
        max_overflow=8,
        pool_pre_ping=True,
        pool_use_lifo=True,
        connect_args={"options": f"-c synchronous_commit=off {silent_options()}"},
    )
    bound(engine, settings.database_timeout_s)
    return engine


_IN_ORDER = """
CREATE TRIGGER IF NOT EXISTS guarded_gen_in_order AFTER INSERT ON workflow_status
WHEN NEW.created_at % 1000 = 0
BEGIN
    UPDATE workflow_status
    SET created_at = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    WHERE workflow_uuid = NEW.workflow_uuid;
END
"""
"""On SQLite DBOS dates what is handed over to the second, and takes any of a second's first."""


def workflow_id(job: str, round: int, queue: Queue) -> str:
    return f"{job}.{round}.{queue.value}"


def migrate(settings: Settings, engine: sa.Engine) -> None:
    """Make or bring up to date the tables of the queue."""
    with engine.connect():
        pass  # sets the journal mode before anybody else opens the file
    run_dbos_database_migrations(engine.url.render_as_string(hide_password=False))
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.exec_driver_sql(_IN_ORDER)
    hang(engine)


def _options(job: str, round: int, queue: Queue, tenant: str, priority: int) -> EnqueueOptions:
    return {
        "workflow_name": WORKFLOW,
        "queue_name": queue.value,
        "workflow_id": workflow_id(job, round, queue),
        "app_version": VERSION,
        "priority": priority,
        "queue_partition_key": tenant,
    }


class QueueClient:
    """Hands jobs over and looks after those of dead workers; needs no running engine."""

    def __init__(self, settings: Settings) -> None:
        self._engine = queue_engine(settings)
        self._settings = settings
        self._client: DBOSClient | None = None

    @property
    def client(self) -> DBOSClient:
        if self._client is None:
            migrate(self._settings, self._engine)
            self._client = DBOSClient(
                system_database_engine=self._engine,
                serializer=DBOSPortableJSONSerializer(),
                application_name=APPLICATION,
                use_listen_notify=False,
            )
            jobs = self._settings.jobs
            for queue, most in (
                (Queue.GPU, jobs.gpu_concurrency),
                (Queue.CPU, jobs.cpu_concurrency),
            ):
                self._client.register_queue(
                    queue.value,
                    worker_concurrency=most,
                    partition_worker_concurrency=most,
                    polling_interval_sec=jobs.poll_s,
                )
        return self._client

    def hand_over(self, job: Job, queue: Queue) -> None:
        """Put a round of a job into its queue. Doing it twice is doing it once."""
        self.client.enqueue(
            _options(job.id, job.round, queue, job.tenant, job.priority),
            job.id,
            job.round,
            queue.value,
            job.tenant,
            job.priority,
        )

    def alive(self, jobs: Sequence[Job]) -> set[str]:
        """Ids of those jobs whose present round waits in a queue or is being executed."""
        ids = [workflow_id(job.id, job.round, queue) for job in jobs for queue in Queue]
        if not ids:
            return set()
        found = self.client.list_workflows(
            workflow_ids=ids, status=list(_ALIVE), load_input=False, load_output=False
        )
        return {status.workflow_id.split(".", 1)[0] for status in found}

    def release(self, living: Iterable[str]) -> int:
        """Put back what workers outside ``living`` were executing; returns how many."""
        living = set(living)
        count = 0
        for queue in Queue:
            running = self.client.list_workflows(
                status="PENDING", queue_name=queue.value, load_input=False, load_output=False
            )
            orphans = [w.workflow_id for w in running if w.executor_id not in living]
            if orphans:
                self.client.resume_workflows(orphans, queue_name=queue.value)
                count += len(orphans)
        return count

    def forget(self, before_ms: int, limit: int = 500) -> int:
        """Drop what the queue knows of work that ended before ``before_ms``; returns how much."""
        ended = self.client.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            end_time=datetime.fromtimestamp(before_ms / 1000, UTC).isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        if ended:
            self.client.delete_workflows([workflow.workflow_id for workflow in ended])
        return len(ended)

    def close(self) -> None:
        if self._client is not None:
            self._client.destroy()
        self._engine.dispose()


class Engine:
    """The executing side: one a process."""

    def __init__(self, settings: Settings, run: Run, queues: Sequence[Queue], id: str) -> None:
        self.id = id
        self._settings = settings
        self._run = run
        self._queues = queues
        self.bell = Bell(queue_engine(settings), settings.jobs.poll_s)

    def start(self) -> None:
        """Begin to execute jobs of this worker's queues in threads of this process."""
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_engine": queue_engine(self._settings),
            "system_database_url": self._settings.database_url
            if self._settings.database_url.startswith("postgresql")
            else "sqlite:///unused",
            "application_version": VERSION,
            "executor_id": self.id,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)
        run = self._run

        @DBOS.workflow(name=WORKFLOW)
        def run_job(job: str, round: int, queue: str, tenant: str, priority: int) -> str:
            try:
                following = run(job, round, Queue(queue))
            finally:
                self.bell.ring()  # there is room for the next
            if following:
                DBOS.enqueue_workflow_with_options(
                    _options(job, round, Queue(following), tenant, priority),
                    job,
                    round,
                    following,
                    tenant,
                    priority,
                )
            return following

        DBOS.listen_queues([queue.value for queue in self._queues])
        undo = patient(self.bell)
        try:
            DBOS.launch()
        finally:
            undo()
        self.bell.start()
        json_only()

    def stop(self, drain_s: float) -> None:
        """Take no more work and wait up to ``drain_s`` seconds for what is running."""
        self.bell.close()
        DBOS.destroy(workflow_completion_timeout_sec=int(drain_s), destroy_registry=True)


def worker_id() -> str:
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{secrets.token_hex(4)}"
