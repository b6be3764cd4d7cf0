"""``guarded-gen capacity``: how many machines a load needs, from measured costs of the stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services
from guarded_gen.cli.options import expanded
from guarded_gen.errors import InvalidInput

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.upkeep.capacity import StageRun


@dataclass(frozen=True)
class Planned:
    """What is asked of a plan."""

    clips_per_day: Annotated[float, typer.Option(help="Clips in a day.", min=1)]
    seconds: Annotated[float, typer.Option(help="Length of a clip.", min=0.1)] = 4.0
    size: Annotated[str, typer.Option(help="Width and height of a clip.")] = "512x512"
    peak: Annotated[float, typer.Option(help="Peak hour over average hour.", min=1)] = 3.0
    quantile: Annotated[
        float, typer.Option(help="Share of clips that take no longer than planned.", min=0.5, max=1)
    ] = 0.9


@expanded
def capacity(
    asked: Planned,
    generate_seconds: Annotated[
        float | None, typer.Option(help="Seconds that your GPU needs for a second of clip.")
    ] = None,
    keep_days: Annotated[float | None, typer.Option(help="Days that clips are kept.")] = None,
    json: Json = False,
) -> None:
    """Workers, GPU hours, storage and growth of the log for a load.

    What a stage takes comes from the jobs that this installation has run, by size and length;
    where they are fewer than 20, from the reference machine.
    """
    with errors_to_user(json):
        from guarded_gen.upkeep import capacity as plan

        width, _, height = asked.size.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise InvalidInput(f"{asked.size[:40]!r} is no size", "give it as 1280x720", "size")
        load = plan.ClipLoad(
            asked.clips_per_day, asked.seconds, int(width), int(height), asked.peak
        )
        with opened_services() as services:
            runs, jobs, bytes_each = _measured(services, plan.MOST)
            settings = services.settings.jobs
        costs = plan.costs_of(runs, asked.quantile)
        each = {name: cost.seconds(load.work) for name, cost in costs.items()}
        if generate_seconds is not None:
            each["generate"] = generate_seconds * asked.seconds
        gpu = sum(each[name] for name in plan.ON_GPU)
        cpu = sum(cost for name, cost in each.items() if name not in plan.ON_GPU)
        days = settings.clip_days if keep_days is None else keep_days
        bytes_per_clip = (bytes_each or plan.BYTES_PER_WORK) * load.work
        known = jobs >= plan.FEWEST
        report: dict[str, Any] = {
            "clips_per_day": asked.clips_per_day,
            "size": f"{load.width}x{load.height}",
            "quantile": asked.quantile,
            "stage_seconds_per_clip": {k: round(v, 4) for k, v in each.items()},
            "costs_from": "jobs of this installation" if known else "the reference machine",
            "jobs": jobs,
            "peak_clips_per_second": round(asked.clips_per_day * asked.peak / 86_400, 4),
            "gpu_workers": plan.workers(load, gpu, settings.gpu_concurrency),
            "cpu_workers": plan.workers(load, cpu, settings.cpu_concurrency),
            "gpu_hours_per_day": round(asked.clips_per_day * gpu / 3_600, 2),
            "storage_gib": round(asked.clips_per_day * days * bytes_per_clip / 2**30, 2),
            "log_gib_per_year": round(
                asked.clips_per_day * 365 * plan.LOG_BYTES_PER_CLIP / 2**30, 2
            ),
        }
        if json:
            emit(report)
            return
        out = console()
        what = f"{asked.clips_per_day:g} clips of {asked.seconds:g} s, {report['size']}"
        out.print(f"[bold]{what}, a day[/]")
        if not known:
            out.print(f"  {jobs} jobs were run here, too few: costs of the reference machine")
        for name, value in report.items():
            out.print(f"  {name.replace('_', ' '):<26} {value}")


def _measured(services: Services, most: int) -> tuple[list[StageRun], int, float | None]:
    """The stages of the latest completed clips, how many clips, and bytes a megapixel-second."""
    from sqlalchemy import select

    from guarded_gen.store.tables.jobs import Job, JobStage
    from guarded_gen.upkeep.capacity import StageRun

    chosen = (
        select(Job.id, Job.request, Job.seconds, Job.bytes)
        .where(Job.status == "completed", Job.kind == "video", Job.seconds > 0)
        .order_by(Job.completed_at.desc())
        .limit(most)
    )
    with services.store.read() as session:
        works: dict[str, float] = {}
        size = 0.0
        for id, request, seconds, count in session.execute(chosen):
            pixels = int(request.get("width") or 0) * int(request.get("height") or 0)
            if pixels:  # the words of an erased request are gone, its size is not
                works[id] = pixels / 1e6 * float(seconds)
                size += count
        ids = chosen.with_only_columns(Job.id).subquery()
        stages = select(JobStage.job, JobStage.stage, JobStage.seconds).join(
            ids, ids.c.id == JobStage.job
        )
        runs = [
            StageRun(stage, works[job], float(took))
            for job, stage, took in session.execute(stages)
            if job in works
        ]
    total = sum(works.values())
    return runs, len(works), size / total if size and total else None
