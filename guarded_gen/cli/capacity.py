"""``guarded-gen capacity``: how many machines a load needs, from measured costs of the stages."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services

# Measured on 2 cores with the `world` backend, per second of a 512x512 clip at 24 fps
# (`make bench`); used where this installation has run no job yet.
_REFERENCE = {"generate": 0.45, "output": 0.002, "encode": 0.6, "sign": 0.12, "publish": 0.01}
_GPU = ("generate",)
_LOG_BYTES_PER_CLIP = 9_000
"""Five entries with their signals, and the sealed prompt."""
_TARGET_LOAD = 0.7
"""Above it, waiting times grow faster than the load."""


def capacity(
    clips_per_day: Annotated[float, typer.Option(help="Clips in a day.", min=1)],
    seconds: Annotated[float, typer.Option(help="Length of a clip.", min=0.1)] = 4.0,
    peak: Annotated[float, typer.Option(help="Peak hour over average hour.", min=1)] = 3.0,
    generate_seconds: Annotated[
        float | None, typer.Option(help="Seconds that your GPU needs for a second of clip.")
    ] = None,
    keep_days: Annotated[float | None, typer.Option(help="Days that clips are kept.")] = None,
    json: Json = False,
) -> None:
    """Workers, GPU hours, storage and growth of the log for a load.

    Stage costs come from the jobs that this installation has run; without any, from the
    reference machine.
    """
    with errors_to_user(json), opened_services() as services:
        measured, clips, size = _measured(services)
        costs = {name: measured.get(name, cost) for name, cost in _REFERENCE.items()}
        if generate_seconds is not None:
            costs["generate"] = generate_seconds
        jobs = services.settings.jobs
        per_clip = {name: cost * seconds for name, cost in costs.items()}
        gpu = sum(per_clip[name] for name in _GPU)
        cpu = sum(cost for name, cost in per_clip.items() if name not in _GPU)
        peak_rate = clips_per_day * peak / 86_400
        days = services.settings.jobs.clip_days if keep_days is None else keep_days
        bytes_per_clip = (size or 260_000) * seconds
        report: dict[str, Any] = {
            "clips_per_day": clips_per_day,
            "stage_seconds_per_clip": {k: round(v, 4) for k, v in per_clip.items()},
            "measured_from_jobs": clips,
            "peak_clips_per_second": round(peak_rate, 4),
            "gpu_workers": math.ceil(peak_rate * gpu / jobs.gpu_concurrency / _TARGET_LOAD),
            "cpu_workers": math.ceil(peak_rate * cpu / jobs.cpu_concurrency / _TARGET_LOAD),
            "gpu_hours_per_day": round(clips_per_day * gpu / 3_600, 2),
            "storage_gib": round(clips_per_day * days * bytes_per_clip / 2**30, 2),
            "log_gib_per_year": round(clips_per_day * 365 * _LOG_BYTES_PER_CLIP / 2**30, 2),
        }
        if json:
            emit(report)
            return
        out = console()
        source = f"{clips} jobs of this installation" if clips else "the reference machine"
        out.print(f"[bold]{clips_per_day:g} clips of {seconds:g} s a day[/], costs from {source}")
        for name, value in report.items():
            out.print(f"  {name.replace('_', ' '):<26} {value}")


def _measured(services: Any) -> tuple[dict[str, float], int, float | None]:
    """Seconds of each stage and bytes, both per second of clip, over completed jobs."""
    from sqlalchemy import func, select

    from guarded_gen.store.tables.jobs import Job, JobStage

    done = (Job.status == "completed", Job.kind == "video", Job.seconds > 0)
    with services.store.read() as session:
        count = session.scalar(select(func.count()).select_from(Job).where(*done)) or 0
        rows = session.execute(
            select(JobStage.stage, func.sum(JobStage.seconds) / func.sum(Job.seconds))
            .join(Job, Job.id == JobStage.job)
            .where(*done, JobStage.stage != "prompt")
            .group_by(JobStage.stage)
        ).all()
        size = session.scalar(
            select(func.sum(Job.bytes) / func.sum(Job.seconds)).where(*done, Job.bytes > 0)
        )
    return {stage: float(cost) for stage, cost in rows}, int(count), float(size) if size else None
