"""All tables, one module for each room. Import a table from its module."""

from guarded_gen.store.tables import (
    audit,
    banks,
    jobs,
    policies,
    preservation,
    provenance,
    review,
)
from guarded_gen.store.tables.base import Base

__all__ = ["Base", "audit", "banks", "jobs", "policies", "preservation", "provenance", "review"]
