"""Five sets of ten flips; each set one of two coins, which one nobody wrote down.

Do & Batzoglou (2008, doi:10.1038/nbt1406): heads 5, 9, 8, 4, 7. EM gives one pair of biases; the
posterior says how little five sets fix them.
"""

from __future__ import annotations

from comparisons.comparison import Comparison, second_opinion
from comparisons.inputs import name_columns
from comparisons.studies import Story
from models import Binomial, Sample

__all__ = ["FLIPS", "tell"]

FLIPS = Sample([5, 9, 8, 4, 7], trials=10)


def tell(people: int | None, seed: int, *, progress: bool = True) -> Story:
    """Ask both codes for the coins' biases; each coin is as likely to be drawn."""
    comparison = second_opinion(
        Binomial, FLIPS, 2, equal_weights=True, seed=seed, progress=progress
    )
    name_columns(comparison.tree, ["heads"])
    return Story(comparison, learned(comparison))


def learned(comparison: Comparison) -> str:
    """Say what five sets teach."""
    frame = comparison.to_frame()
    each = [
        f"{frame.loc[label, 'mle']:.2f} by EM, {frame.loc[label, 'low']:.2f} to "
        f"{frame.loc[label, 'high']:.2f} by the posterior"
        for label in ("prob[1]", "prob[0]")
    ]
    return (
        f"One coin shows heads with probability {each[0]}; the other {each[1]}. Five sets are few: "
        "the intervals say how much EM's single numbers leave out."
    )
