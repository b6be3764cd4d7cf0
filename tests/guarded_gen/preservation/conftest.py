from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guarded_gen.audit import AuditLog
from tests.guarded_gen.preservation.again import open_log


@pytest.fixture
def home_of_log(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def log(home_of_log: Path) -> Iterator[AuditLog]:
    log = open_log(home_of_log)
    yield log
    log.close()
    log.store.close()
