"""A worker process for fault tests: ``python worker_main.py HOME URL KILL SECONDS``."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from stages import EmptyStages, TracedStages, line_of

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog
from guarded_gen.jobs import Jobs, WorkerProcess
from guarded_gen.store import open_store
from guarded_gen.telemetry import Metrics


def main() -> None:
    home, url, kill, seconds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
    concurrency = int(sys.argv[5]) if len(sys.argv) > 5 else 2
    logging.basicConfig(level="WARNING", filename=home / "worker.log")
    settings = config.load(
        home=home, database_url="" if url == "sqlite" else url,
        jobs={"gpu_concurrency": concurrency, "cpu_concurrency": concurrency, "poll_s": 0.05,
              "drain_s": 5},
    )  # fmt: skip
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    jobs = Jobs(settings, store, log)
    stages = EmptyStages() if kill == "empty" else TracedStages(home, kill, seconds)
    worker = WorkerProcess(jobs, line_of(stages), Metrics(), lambda url, body, headers: 200)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    worker.start()
    print(worker.id, flush=True)
    ended.wait()
    worker.stop()
    log.close()


if __name__ == "__main__":
    main()
