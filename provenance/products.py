"""The C2PA Conforming Products List, as it is published in JSON.

A generator that conforms is named there by the subject of its certificates (C, O, OU, CN). The name
is shown for a signer whose certificate leads to a trust anchor and whose common name and
organisation are listed; the list proves nothing by itself. It does not ship: an operator downloads
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provenance.errors import TrustListInvalid
from provenance.verdicts import VerificationReport, clean

MOST_BYTES = 16 * 1024 * 1024
CONFORMANT = "conformant"


@dataclass(frozen=True, slots=True)
class Product:
    """One generator of the list."""

    name: str
    organisation: str
    since: str
    """The day on which it was found conformant, as listed."""


def load_products(path: Path) -> tuple[Product, ...]:
    """The generators that the list calls conformant; raises :class:`TrustListInvalid`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        records = json.loads(path.read_bytes())
        found = tuple(p for record in records if (p := _product(record)) is not None)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TrustListInvalid(f"{path} is no list of conforming products: {error}") from error
    if not found:
        raise TrustListInvalid(f"{path} names no conforming generator")
    return found


def _product(record: Mapping[str, Any]) -> Product | None:
    product = record.get("product", {})
    subject = product.get("DN", {})
    generates = product.get("productType") == "generatorProduct"
    if record.get("status") != CONFORMANT or not generates or not subject.get("CN"):
        return None
    since = str(record.get("dates", {}).get("conformance", ""))
    return Product(clean(subject["CN"], 200), clean(subject.get("O", ""), 200), clean(since, 40))


def named(report: VerificationReport, products: Sequence[Product]) -> VerificationReport:
    """The report with the signer's product, where a trusted signer's subject is listed."""
    signer = report.signer
    if signer is None or not signer.trusted:
        return report
    for product in products:
        if (product.name, product.organisation) == (signer.common_name, signer.organisation):
            since = f", conformant since {product.since}" if product.since else ""
            said = f"{product.name} by {product.organisation}{since}"
            return replace(report, signer=replace(signer, product=said))
    return report
