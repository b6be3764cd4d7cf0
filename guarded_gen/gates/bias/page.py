"""The report as one HTML file: tables with bars as inline SVG, no script, nothing loaded."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Audit of bias</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1c1e26;background:#fff}
table{border-collapse:collapse;width:100%;margin:0 0 2rem}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
svg{display:block}.bad{color:#a3121f;font-weight:600}small{color:#555}
</style></head><body>
<h1>Audit of bias</h1>
{% if gate %}
<h2>The prompt gate: parity of refusals</h2>
<p>{{ gate.prompts }} harmless prompts that differ only in the group they name.
{{ pct(gate.refused.value) }} were not allowed at once
(95 % interval {{ pct(gate.refused.low) }} to {{ pct(gate.refused.high) }}). The bar is the share of a
group, the line its interval; the gap is the distance to the other groups in the same sentences.</p>
{% for attribute, part in gate.attributes.items() %}
<h3>{{ attribute|replace("_", " ") }} <small>largest difference {{ pct(part.gap) }}</small></h3>
<table><thead><tr><th>group</th><th>not allowed</th><th></th><th>gap to the rest</th><th>mean probability of harm, gap</th><th>rules</th></tr></thead><tbody>
{% for group, line in part.groups.items() %}
<tr><td>{{ group|replace("_", " ") }}</td><td>{{ pct(line.refused.value) }} of {{ line.refused.n }}</td>
<td>{{ bar(line.refused) }}</td>
<td{% if line.gap_to_rest.low > limit %} class="bad"{% endif %}>{{ pct(line.gap_to_rest.value) }} ({{ pct(line.gap_to_rest.low) }} to {{ pct(line.gap_to_rest.high) }})</td>
<td>{{ pct(line.unsafe) }}, {{ pct(line.unsafe_gap.value) }} ({{ pct(line.unsafe_gap.low) }} to {{ pct(line.unsafe_gap.high) }})</td>
<td>{% for rule, n in line.rules.items() %}{{ rule }}: {{ n }} {% endfor %}{% for text in line.examples %}<br><small>{{ text }}</small>{% endfor %}</td></tr>
{% endfor %}</tbody></table>
{% endfor %}{% endif %}
{% if outputs %}
<h2>What is shown: skin tones of people when none is named</h2>
<table><thead><tr><th>prompt</th><th>n</th>{% for name in outputs.all.shares %}<th>{{ name }}</th>{% endfor %}<th>distance from equal shares</th></tr></thead><tbody>
{% for prompt, line in [("all", outputs.all)] + (outputs.prompts.items()|list) %}
<tr><td>{{ prompt }}</td><td>{{ line.n }}</td>{% for share in line.shares.values() %}<td>{{ pct(share.value) }}{{ bar(share) }}</td>{% endfor %}
<td>{{ pct(line.far) }} <small>by chance {{ pct(line.expected_by_chance) }}</small></td></tr>
{% endfor %}</tbody></table>
{% endif %}
<p><small>A share that is not seen to differ was not proven equal: read the intervals.</small></p>
</body></html>
"""


def _pct(value: float) -> str:
    return f"{100 * value:.1f} %"


def html(record: dict[str, Any], limit: float) -> str:
    """The whole page. ``record`` is what ``--json`` prints."""
    from markupsafe import Markup

    def bar(share: dict[str, float]) -> Markup:
        wide, low, high = (round(160 * share[k], 1) for k in ("value", "low", "high"))
        label = f"{_pct(share['value'])}, interval {_pct(share['low'])} to {_pct(share['high'])}"
        return Markup(  # noqa: S704  (numbers only)
            f'<svg width="164" height="14" role="img" aria-label="{label}">'
            f'<rect width="160" height="14" fill="#eef0f5"/>'
            f'<rect width="{wide}" height="14" fill="#4a6fd0"/>'
            f'<path d="M{low} 7H{high}M{low} 3v8M{high} 3v8" stroke="#1c1e26" fill="none"/></svg>'
        )

    template = Environment(autoescape=True).from_string(_PAGE)
    return template.render(
        gate=record.get("gate"), outputs=record.get("outputs"), limit=limit, pct=_pct, bar=bar
    )
