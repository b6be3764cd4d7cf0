"""Charts as SVG, drawn on the server; the table beside them carries the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from guarded_gen.console.language import PageLanguage

ROW = 24
LABEL = 190
MOST_LABEL = 26
"""Characters of a label that fit into its width."""
WIDTH = 520


def bars(language: PageLanguage, rows: Sequence[tuple[str, float]], title: str) -> Markup:
    """Horizontal bars, the longest value across the full width."""
    if not rows:
        return Markup('<p class="quiet">{}</p>').format(language.gettext("Nothing yet."))
    most = max(value for _, value in rows) or 1
    height = ROW * len(rows) + 4
    parts = [
        Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">').format(
            WIDTH, height, title
        )
    ]
    for n, (label, value) in enumerate(rows):
        y = n * ROW + 4
        length = round((WIDTH - LABEL - 60) * min(1.0, value / most), 1)
        shown = language.number(round(value, 2))
        parts.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text>'
                '<rect x="{}" y="{}" width="{}" height="{}" rx="3"/><text x="{}" y="{}">{}</text>'
            ).format(
                LABEL - 8,
                y + 14,
                label if len(label) <= MOST_LABEL else label[: MOST_LABEL - 1] + "…",
                LABEL,
                y,
                max(length, 1),
                ROW - 6,
                LABEL + length + 6,
                y + 14,
                shown,
            )
        )
    parts.append(Markup("</svg>"))
    return Markup().join(parts)


def curve(
    language: PageLanguage, points: Sequence[tuple[float, int]], here: float, title: str
) -> Markup:
    """A line over [0, 1] with a mark at ``here``; the largest value is written at the top."""
    width, height, left, bottom = 520, 150, 44, 22
    most = max((value for _, value in points), default=0) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round(left + x * (width - left - 8), 1),
            round(height - bottom - y / most * (height - bottom - 14), 1),
        )

    path = " ".join(f"{x},{y}" for x, y in (place(*point) for point in points))
    mark, floor = place(here, 0)
    parts = [
        Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">').format(
            width, height, title
        ),
        Markup('<polyline points="{}"/><line x1="{}" x2="{}" y1="10" y2="{}"/>').format(
            path, mark, mark, floor
        ),
        Markup('<text x="{}" y="16" text-anchor="end">{}</text>').format(
            left - 6, language.number(most)
        ),
        Markup('<text x="{}" y="{}" text-anchor="end">0</text>').format(left - 6, floor),
    ]
    parts += [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            place(x, 0)[0], height - 4, language.number(x)
        )
        for x in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return Markup().join([*parts, Markup("</svg>")])


LEVELS = ("allow", "review", "block")
"""The parts of a column from below that have a colour of their own."""


def columns(
    points: Sequence[tuple[str, Mapping[str, float]]], title: str, say: Mapping[str, str]
) -> Markup:
    """Stacked columns in the order of ``points``, the highest over the full height. Parts that
    are no action of a policy stand on top; ``say`` has the words for each part."""
    width, height, left, bottom = 720, 170, 48, 22
    most = max((sum(parts.values()) for _, parts in points), default=0) or 1
    step = (width - left - 8) / max(len(points), 1)
    drawn = [
        Markup('<svg class="chart wide" role="img" viewBox="0 0 {} {}" aria-label="{}">').format(
            width, height, title
        ),
        Markup('<text x="{}" y="16" text-anchor="end">{}</text>').format(left - 6, f"{most:g}"),
        Markup('<text x="{}" y="{}" text-anchor="end">0</text>').format(left - 6, height - bottom),
    ]
    every = max(1, -(-len(points) // 6))
    for n, (label, parts) in enumerate(points):
        x, y = left + n * step, float(height - bottom)
        for name in (*LEVELS, *sorted(parts.keys() - {*LEVELS})):
            tall = parts.get(name, 0) / most * (height - bottom - 14)
            y -= tall
            if tall:
                drawn.append(
                    Markup(
                        '<rect class="{}" x="{}" y="{}" width="{}" height="{}">'
                        "<title>{}: {} {}</title></rect>"
                    ).format(
                        name if name in LEVELS else "other",
                        round(x + step * 0.08, 1),
                        round(y, 1),
                        round(max(step * 0.84, 0.5), 1),
                        round(tall, 1),
                        label,
                        f"{parts[name]:g}",
                        say.get(name, name),
                    )
                )
        if n % every == 0:
            anchor = "end" if x > width - 90 else "start"
            at = min(x + step, width) if anchor == "end" else x
            drawn.append(
                Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
                    round(at, 1), height - 4, anchor, label
                )
            )
    return Markup().join([*drawn, Markup("</svg>")])
