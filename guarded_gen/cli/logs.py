"""What a person at a terminal sees of the logs."""

from __future__ import annotations

import logging
import sys


class PlainLines(logging.Formatter):
    """One line a record for a person; an error's name and words, its traceback only on debug."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname.lower()}: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return line
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            return f"{line}\n{self.formatException(record.exc_info)}"  # type: ignore[arg-type]
        return f"{line} ({type(error).__name__}: {error})"


def log_for_people(level: str) -> None:
    """Send all logs of a command to standard error, as plain lines; an unknown level is ERROR."""
    known = logging.getLevelNamesMapping()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines())
    logging.basicConfig(level=known.get(level, logging.ERROR), handlers=[handler])
