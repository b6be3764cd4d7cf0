"""Alert rules and dashboard: expressions parse and ask for metrics and labels that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import Gauge

from guarded_gen.telemetry import Metrics

_SUFFIXES = ("_total", "_bucket", "_count", "_sum")
DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana" / "guarded-gen.json").read_text("utf-8"))


def known() -> dict[str, set[str]]:
    """The labels of every series that the product's page can have, by name."""
    series: dict[str, set[str]] = {"up": {"job", "instance"}}
    for collector, names in Metrics().registry._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        for name in names:
            if isinstance(collector, Gauge) or name.endswith(
                ("_total", "_bucket", "_count", "_sum")
            ):
                more = {"le"} if name.endswith("_bucket") else set()
                series[name] = labels | more | {"job", "instance"}
    return series


def expressions() -> Iterator[tuple[str, str]]:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def complaints(expression: str) -> list[str]:
    """What an expression asks for that no page has; raises ``ValueError`` for bad syntax."""
    series, wrong = known(), []

    def look(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            labels = series.get(str(node.name))
            if labels is None:
                wrong.append(f"no metric {node.name}")
            else:
                asked = {matcher.name for matcher in node.matchers.matchers}
                wrong.extend(f"{node.name} has no label {name}" for name in asked - labels)
        return True

    promql_parser.walk(promql_parser.parse(expression), look)
    return wrong


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_exists(where: str, expression: str) -> None:
    assert complaints(expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "rate(guarded_gen_no_such_total[5m])",
        'guarded_gen_jobs_open{state="queued"}',
        "guarded_gen_http_request_seconds > 1",
    ],
)
def test_a_wrong_name_is_found(expression: str) -> None:
    assert complaints(expression)


def test_a_wrong_expression_is_found() -> None:
    with pytest.raises(ValueError):
        complaints("sum(rate(guarded_gen_jobs_total[5m]) by")


def test_every_rule_says_what_to_do() -> None:
    names = []
    for group in RULES["groups"]:
        for rule in group["rules"]:
            names.append(rule["alert"])
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert set(rule["annotations"]) == {"summary", "remedy"}
    assert len(set(names)) == len(names) == 9


def test_the_dashboard_can_be_imported() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"
    for panel in DASHBOARD["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
