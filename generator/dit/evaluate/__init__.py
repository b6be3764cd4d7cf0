"""How good the embedded model is, in numbers that do not depend on the model itself."""

from generator.dit.evaluate.oracle import Oracle, OracleReport, OracleSeen

__all__ = ["Oracle", "OracleReport", "OracleSeen"]
