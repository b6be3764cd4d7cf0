"""Laws as dated documents: what holds when and where, and what a format can carry."""

from __future__ import annotations

from datetime import date

import pytest

from guarded_gen.production.formats import CARRIES
from provenance.compliance import CHECKS
from provenance.errors import ComplianceUnmet
from provenance.law import Stand, known, laws, of_place, require, standing, table

DAY = date(2026, 12, 2)


def test_every_demand_names_a_check_and_ids_are_unique() -> None:
    demands = [demand for law in laws().values() for demand in law.demands]
    assert len({demand.id for demand in demands}) == len(demands)
    assert {demand.check for demand in demands} <= set(CHECKS)
    places = {law.jurisdiction for law in laws().values()}
    assert places == {"EU", "US-CA", "US-NY", "CN", "IN", "KR", "VN"}


def test_the_paragraphs_of_california_are_not_swapped() -> None:
    sources = {d.id: (d.source, d.demand) for d in known("us-ca-sb942").demands}
    assert sources["ca-6"] == ("§ 22757.3(b)(3)", "consistent with industry standards")
    assert sources["ca-5"][0] == "§ 22757.3(b)(4)"
    assert "remove" in sources["ca-5"][1]
    assert sources["ca-8"][0] == "§ 22757.3(b)(2)"
    assert sources["ca-9"][0] == "§ 22757.3(a)"


@pytest.mark.parametrize(
    ("law", "before", "since"),
    [
        ("eu-ai-act", "2026-08-01", "2026-08-02"),
        ("us-ca-sb942", "2026-08-01", "2026-08-02"),
        ("cn-gb45438", "2025-08-31", "2025-09-01"),
        ("in-it-rules", "2026-02-19", "2026-02-20"),
        ("kr-ai-basic-act", "2026-01-21", "2026-01-22"),
        ("vn-ai-law", "2026-02-28", "2026-03-01"),
        ("us-ny-396b", "2026-06-08", "2026-06-09"),
    ],
)
def test_a_law_holds_from_its_day(law: str, before: str, since: str) -> None:
    assert not known(law).holds(date.fromisoformat(before))
    assert known(law).holds(date.fromisoformat(since))
    assert standing(known(law), CARRIES["mp4"], date.fromisoformat(before)) == ()


def test_a_demand_can_hold_later_than_its_law() -> None:
    law = known("us-ca-sb942")
    platforms = next(d for d in law.demands if d.id == "ca-12")
    assert not law.holds(date(2026, 12, 31), platforms)
    assert law.holds(date(2027, 1, 1), platforms)


def test_the_narrowest_law_comes_first_and_members_are_under_the_union() -> None:
    assert [law.law for law in of_place("US-CA", DAY)] == ["us-ca-sb942"]
    assert [law.law for law in of_place("DE", DAY)] == ["eu-ai-act"]
    assert of_place("DE", date(2026, 8, 1)) == ()
    assert of_place("", DAY) == of_place("ZZ", DAY) == ()


def test_a_format_that_cannot_carry_a_demand_is_refused_with_its_name() -> None:
    require(["eu-ai-act", "cn-gb45438"], "mp4", DAY, CARRIES)
    require(["eu-ai-act"], "png", DAY, CARRIES)
    with pytest.raises(ComplianceUnmet, match=r"cn-1 of cn-gb45438.*AIGC") as caught:
        require(["eu-ai-act", "cn-gb45438"], "png", DAY, CARRIES)
    assert "mp4" in str(caught.value.remedy)
    require(["cn-gb45438"], "png", date(2025, 8, 31), CARRIES)
    with pytest.raises(ComplianceUnmet, match=r"webp.*cn-1"):
        require(["cn-gb45438"], "webp", DAY, CARRIES)
    with pytest.raises(ComplianceUnmet, match="gif"):
        require(["eu-ai-act"], "gif", DAY, {**CARRIES, "gif": frozenset()})


def test_the_table_has_a_row_for_each_demand() -> None:
    text = table(DAY, CARRIES)
    for law in laws().values():
        for demand in law.demands:
            assert f"| {law.law} | {demand.id} " in text
    stands = {
        cell.stand
        for law in laws().values()
        for carried in CARRIES.values()
        for cell in standing(law, carried, DAY)
    }
    assert stands == set(Stand)
