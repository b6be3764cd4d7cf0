"""How good the embedded model is, in numbers that do not depend on the model itself."""

from generator.dit.evaluate.oracle import Oracle, Report, Seen

__all__ = ["Oracle", "Report", "Seen"]
