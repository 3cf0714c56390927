"""What a study found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from comparisons.kept.facts import Facts
    from comparisons.pages.steps import Steps
    from comparisons.pictures.catalogue import Picture

__all__ = ["Story"]


class Story(NamedTuple):
    """What a study found.

    steps: tables, in the order of the story.
    learned: what it teaches, in a sentence or two.
    pictures: of its own, beside those of the comparison.
    comparison: of the two answers, where there is a posterior.

    >>> Story((), "Ten flips are few.", ()).comparison is None
    True
    """

    steps: tuple[Steps, ...]
    learned: str
    pictures: tuple[Picture, ...]
    comparison: Facts | None = None
