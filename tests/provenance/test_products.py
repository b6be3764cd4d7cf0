"""Names of conforming products: only for known signers, only as the list has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import TrustListInvalid
from provenance.products import load_products, named
from provenance.verdicts import SignerReport, Verdict, VerificationReport


def record(**changes: Any) -> dict[str, Any]:
    product = {
        "productType": "generatorProduct",
        "DN": {"CN": "Example Camera", "O": "Example Ltd", "OU": "", "C": "XX"},
    }
    return {
        "status": "conformant",
        "product": {**product, **changes.pop("product", {})},
        "dates": {"conformance": "2026-01-31"},
        **changes,
    }


def listed(tmp_path: Path, *records: dict[str, Any]) -> Path:
    path = tmp_path / "products.json"
    path.write_text(json.dumps(records))
    return path


def report(**changes: Any) -> VerificationReport:
    signer = SignerReport("Example Camera", "Example Ltd", "CA", "es256", "1", "", "", "00", True)
    return VerificationReport(Verdict.TRUSTED, "", signer=replace(signer, **changes))


def test_a_known_signer_is_shown_with_its_product(tmp_path: Path) -> None:
    products = load_products(listed(tmp_path, record()))
    found = named(report(), products).signer
    assert found is not None
    assert found.product == "Example Camera by Example Ltd, conformant since 2026-01-31"


@pytest.mark.parametrize(
    "change",
    [{"trusted": False}, {"organisation": "Somebody"}, {"common_name": "Another"}],
    ids=str,
)
def test_nobody_else_is(tmp_path: Path, change: dict[str, Any]) -> None:
    products = load_products(listed(tmp_path, record()))
    found = named(report(**change), products).signer
    assert found is not None and found.product == ""


@pytest.mark.parametrize(
    "changes",
    [{"status": "revoked"}, {"product": {"productType": "validatorProduct"}}],
    ids=str,
)
def test_what_does_not_conform_or_generate_is_no_name(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(TrustListInvalid, match="no conforming generator"):
        load_products(listed(tmp_path, record(**changes)))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '"x"', "[{}]", "nonsense"])
def test_what_is_no_list_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "products.json"
    path.write_text(text)
    with pytest.raises(TrustListInvalid):
        load_products(path)
