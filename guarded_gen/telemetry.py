"""Metrics, traces and logs. No prompt text, no file name and no key ever enters any of them."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

request_id_var: ContextVar[str] = ContextVar("request_id", default="-")
job_id_var: ContextVar[str] = ContextVar("job_id", default="-")

_LATENCY = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STAGE = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_RECORD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class Metrics:
    """The Prometheus metrics of one process; labels are bounded sets, never ids."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter(
            "guarded_gen_http_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            **of,
        )
        self._latency = Histogram(
            "guarded_gen_http_request_seconds", "Time to answer.", ["route"], buckets=_LATENCY, **of
        )
        self.decisions = Counter(
            "guarded_gen_decisions_total", "Decisions of gates.", ["stage", "action"], **of
        )
        self.jobs = Counter("guarded_gen_jobs_total", "Jobs that ended.", ["kind", "outcome"], **of)
        self.stage_seconds = Histogram(
            "guarded_gen_stage_seconds", "Time of one stage.", ["stage"], buckets=_STAGE, **of
        )
        self.stage_failures = Counter(
            "guarded_gen_stage_failures_total", "Stages that failed.", ["stage", "code"], **of
        )
        self.takeovers = Counter(
            "guarded_gen_takeovers_total", "Jobs taken over from dead workers.", **of
        )
        self.fenced = Counter(
            "guarded_gen_fenced_total", "Writes refused because the job had a newer owner.", **of
        )
        self.queue_depth = Gauge(
            "guarded_gen_jobs_open", "Jobs that have not ended.", ["status"], **of
        )
        self.workers = Gauge("guarded_gen_workers_live", "Workers with a fresh heartbeat.", **of)
        self.signing_alerts = Gauge(
            "guarded_gen_signing_alerts",
            "Certificates that cannot sign or soon cannot, and trust lists past their time.",
            **of,
        )
        self.webhooks = Counter(
            "guarded_gen_webhook_deliveries_total", "Webhook attempts.", ["outcome"], **of
        )
        self.rate_limited = Counter(
            "guarded_gen_rate_limited_total",
            "Requests refused by a rate limit or quota.",
            ["reason"],
            **of,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def page(self) -> bytes:
        return generate_latest(self.registry)

    @contextmanager
    def stage(self, name: str) -> Iterator[Span]:
        """Time a stage and trace it; the span carries the stage and the job id, no content."""
        started = time.perf_counter()
        with trace.get_tracer("guarded_gen").start_as_current_span(
            f"stage.{name}", record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("guarded_gen.job_id", job_id_var.get())
            try:
                yield span
            except BaseException as error:
                code = getattr(error, "code", type(error).__name__)
                self.stage_failures.labels(name, str(code)).inc()
                span.set_status(Status(StatusCode.ERROR, str(code)))
                raise
            finally:
                self.stage_seconds.labels(name).observe(time.perf_counter() - started)


class JsonLines(logging.Formatter):
    """One JSON object a line. ``json.dumps`` escapes line breaks, so no value forges a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id_var.get(),
            "job_id": job_id_var.get(),
        }
        for name, value in record.__dict__.items():
            if name not in _RECORD_FIELDS and value is not None:
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=True)


def log_to_stderr(level: str = "INFO") -> None:
    """Send all logs as JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    threading.excepthook = lambda gone: logging.getLogger("guarded_gen").error(
        "a thread ended with an error",
        exc_info=(gone.exc_type, gone.exc_value or gone.exc_type(), gone.exc_traceback),
        extra={"event": "thread_failed"},
    )
    json_only()
    logging.getLogger("uvicorn.access").disabled = True


def json_only() -> None:
    """Take the handlers away that libraries gave their loggers, so that every line is JSON.

    Call it again after a library was started that configures its own logging. Without
    :func:`log_to_stderr` before, it does nothing.
    """
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        return
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        if logger.handlers:
            logger.handlers.clear()
            logger.propagate = True


def trace_to(endpoint: str, service: str) -> None:
    """Export spans to an OTLP/HTTP collector; needs the exporter package to be installed."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from guarded_gen.errors import ConfigInvalid

    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigInvalid(
            "traces need opentelemetry-exporter-otlp-proto-http",
            "pip install opentelemetry-exporter-otlp-proto-http",
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
