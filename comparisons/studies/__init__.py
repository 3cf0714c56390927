"""One runnable story a file; `second-opinion study NAME` tells it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from comparisons.comparison import Comparison

__all__ = ["PEOPLED", "STUDIES", "Story", "Study", "study_named"]


class Story(NamedTuple):
    """What a study found.

    comparison: of the two answers.
    learned: what it teaches, in a sentence or two.
    """

    comparison: Comparison
    learned: str


class Study(Protocol):
    """What a study's file offers."""

    def tell(self, people: int | None, seed: int, *, progress: bool = True) -> Story:
        """Run the study."""
        ...


STUDIES = {
    "heights": "10,000 heights (--people 200 for few), sex hidden: both means, spreads and shares",
    "coins": "five sets of ten flips of two coins, labels hidden: how biased is each?",
}

PEOPLED = ("heights",)  # studies that people take part in, as many as one says


def study_named(name: str) -> Study:
    """Return a study; they import PyMC, which takes seconds."""
    return cast("Study", import_module(f"comparisons.studies.{name}"))
