"""Which of two processes runs a test: machine code is compiled in one of them, not in both.

What is compiled is kept on disk, so that it is enough to begin with two groups of tests that compile
different families. A group is run by one process, in order, fixtures of its modules once.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

SEVERAL_COLUMNS = "bayes, several columns"
FIRST = (  # they take longest
    SEVERAL_COLUMNS,
    "bayes, one column",
    "tests/test_faults.py",
    "tests/test_guide.py",  # begun last, it went on for minutes while the other process had nothing
)
STORIES = "stories"  # of studies, told once for all tests that look at them
TELLING = ("tests/comparisons/studies/", "tests/comparisons/kept/")


def group_of(nodeid: str) -> str:
    """Return the group of a test by its name."""
    path = nodeid.partition("::")[0]
    if path.startswith("tests/bayes/"):
        return FIRST[0 if re.search(r"multivariate|\[.*tied|several", nodeid) else 1]
    return STORIES if path.startswith(TELLING) else path


def place(nodeid: str) -> int:
    """Return which group begins sooner."""
    group = group_of(nodeid)
    return FIRST.index(group) if group in FIRST else len(FIRST)


class Sharing(LoadScopeScheduling):
    """xdist's scheduler, by our groups."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
