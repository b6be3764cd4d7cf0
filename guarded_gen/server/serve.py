"""``guarded-gen serve`` and ``guarded-gen worker``: the API, and more machines for its jobs."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

import typer

from guarded_gen.cli.common import Json, emit, errors_to_user, opened_services, progress_console

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services


def is_local(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Execute jobs in this process too.")
    ] = True,
    json: Json = False,
) -> None:
    """Serve the API. Without keys only this machine may come in, and only on its own address."""
    with errors_to_user(json), opened_services() as services:
        import uvicorn

        from guarded_gen.server.application import create_app
        from guarded_gen.server.heap import settle_heap
        from guarded_gen.telemetry import log_to_stderr, trace_to

        local = is_local(host)
        if not local:
            refuse_without_keys(services, host)
        log_to_stderr()
        if services.settings.api.trace_endpoint:
            trace_to(services.settings.api.trace_endpoint, "guarded-gen-api")
        app = create_app(services, worker=worker, open_access=local)
        if json:
            emit({"url": f"http://{host}:{port}", "worker": worker})
        else:
            progress_console().print(f"serving on http://{host}:{port}  (Ctrl-C ends)")
        settle_heap()
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_config=None,
            server_header=False,
            proxy_headers=True,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(services.settings.jobs.drain_s) + 5,
        )


def refuse_without_keys(services: Services, host: str) -> None:
    """Raise when strangers could reach a service that asks for no key."""
    from guarded_gen.access.keys import ApiKeys
    from guarded_gen.errors import ConfigInvalid

    if not ApiKeys(services.store).exist():
        raise ConfigInvalid(
            f"{host} can be reached by others, and no API key exists",
            "make a key first: guarded-gen keys create --scopes generate,moderate,verify",
        )


def worker(
    queues: Annotated[str, typer.Option(help="Queues to work on: gpu, cpu or both.")] = "gpu,cpu",
    metrics_port: Annotated[
        int, typer.Option(help="Serve Prometheus metrics on this local port; 0: none.")
    ] = 0,
    json: Json = False,
) -> None:
    """Execute jobs until told to end; then finish what runs and leave the rest to others."""
    with errors_to_user(json), opened_services() as services:
        import signal
        import threading

        from prometheus_client import start_http_server

        from guarded_gen.errors import InvalidInput
        from guarded_gen.jobs import Jobs, Queue
        from guarded_gen.server.application import worker_process
        from guarded_gen.telemetry import Metrics, log_to_stderr, trace_to

        try:
            wanted = tuple(Queue(name.strip()) for name in queues.split(","))
        except ValueError as error:
            raise InvalidInput(f"{error}", "queues are gpu and cpu", "queues") from error
        log_to_stderr()
        if services.settings.api.trace_endpoint:
            trace_to(services.settings.api.trace_endpoint, "guarded-gen-worker")
        measured = Metrics()
        jobs = Jobs(services.settings, services.store, services.log)
        process = worker_process(services, jobs, measured, wanted)
        if metrics_port:
            start_http_server(metrics_port, addr="127.0.0.1", registry=measured.registry)
        ended = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, frame: ended.set())
        process.start()
        if json:
            emit({"worker": process.id, "queues": [queue.value for queue in wanted]})
        else:
            progress_console().print(f"worker {process.id} on {queues}  (Ctrl-C ends)")
        try:
            ended.wait()
        finally:
            process.stop()
            jobs.close()
