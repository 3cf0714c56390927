"""Each study is told once, with the numbers its command prints by default."""

from __future__ import annotations

from functools import cache

import pytest

from comparisons.studies import Setting, study_named


@cache
def told(name):
    return study_named(name).tell(Setting(progress=False))


@pytest.fixture(scope="session")
def story():
    """Return what tells a study by its name."""
    return told
