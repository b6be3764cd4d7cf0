"""How well the reviewers decide, and what it costs them."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.charts import bars
from guarded_gen.console.context import console_of
from guarded_gen.console.language import language_of
from guarded_gen.console.render import page
from guarded_gen.review.cases import now_ms
from guarded_gen.review.quality import quality
from guarded_gen.review.roles import Permission

router = APIRouter(prefix="/console")
DAY_MS = 86_400_000


@router.get("/quality")
def show(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    who.require(Permission.SEE_QUALITY)
    days = {"1": 1, "7": 7, "30": 30}.get(request.query_params.get("days", "7"), 7)
    until = now_ms() + 1
    with console.store.read() as session:
        figures = quality(session, until - days * DAY_MS, until)
    names = console.names()
    people = figures.people
    language = language_of(request)
    said = language.gettext

    def chart(title: str, values: Sequence[float]) -> object:
        labelled = [
            (names.get(p.person, "?"), value) for p, value in zip(people, values, strict=True)
        ]
        return bars(language, labelled, title)

    return page(
        request,
        "quality.html",
        {
            "figures": figures,
            "names": names,
            "days": days,
            "golden": console.golden.figures(who),
            "limits": console.limits,
            "charts": {
                title: chart(title, values)
                for title, values in (
                    (said("Decisions"), [p.decisions for p in people]),
                    (
                        said("Median seconds per decision"),
                        [p.median_seconds or 0 for p in people],
                    ),
                    (said("Seconds of media seen"), [p.exposure_seconds for p in people]),
                )
            },
        },
    )


@router.post("/quality/golden/{id}")
async def retire(request: Request, id: str) -> Response:
    """Mix a golden case in no more."""
    console = console_of(request)
    found, _ = await console.form(request)
    await to_thread.run_sync(console.golden.retire, found.who, id)
    return RedirectResponse("/console/quality?said=retired#golden", 303)
