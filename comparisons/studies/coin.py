"""Ten flips of one coin; how likely is heads?

The lecture's first example: seven heads and three tails have the likelihood
l(p) = p^7 (1 - p)^3, whose logarithm is highest at p = 7/10. Maximum likelihood stops there. With
every p as plausible as any other beforehand the posterior is Beta(8, 4): it has its peak at the
same place, and says how much else is plausible.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import coin as drawn
from models import Binomial, Sample

if TYPE_CHECKING:
    from comparisons.studies import Setting
    from models.arrays import Array

__all__ = ["FLIPS", "POSTERIOR", "likelihood", "tell"]

FLIPS = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1, 1])  # one is heads
HEADS, TAILS = int(FLIPS.sum()), int((1 - FLIPS).sum())
POSTERIOR = beta(HEADS + 1, TAILS + 1)
"""Under a uniform prior, exactly."""

GUESSES = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)


def likelihood(p: Array) -> Array:
    """Return p^7 (1 - p)^3, the probability of these flips in this order.

    >>> float(likelihood(np.array(0.7)).round(6))
    0.002224
    """
    return p**HEADS * (1 - p) ** TAILS


def tell(setting: Setting) -> Story:
    """Weigh some guesses, then ask both codes.

    >>> from comparisons.studies import Setting
    >>> story = tell(Setting(progress=False))
    >>> story.comparison.observations, [picture.name for picture in story.pictures]
    (10, ['likelihood'])
    """
    sample = Sample(FLIPS, trials=1)
    comparison = second_opinion(Binomial, sample, 1, seed=setting.seed, progress=setting.progress)
    comparison.name_columns(["heads"])
    picture = Picture(
        "likelihood",
        "Likelihood and posterior of one coin",
        f"The likelihood of {HEADS} heads and {TAILS} tails, its logarithm, and the posterior, "
        f"exact and drawn; all three have their peak at {HEADS / len(FLIPS):.1f}.",
        partial(drawn.likelihood, likelihood, POSTERIOR, comparison),
    )
    steps = (guesses(), answers(comparison))
    return Story(steps, learned(), (picture,), comparison)


def guesses() -> Steps:
    """Return how well each guess explains the flips."""
    p = np.array(GUESSES)
    best = likelihood(np.array(HEADS / len(FLIPS)))
    return Steps(
        f"{HEADS} heads and {TAILS} tails: l(p) = p^{HEADS} (1 - p)^{TAILS}",
        {"p": ".1f", "l(p)": ".7f", "log l(p)": ".4f", "of the maximum": ".1%"},
        list(zip(p, likelihood(p), np.log(likelihood(p)), likelihood(p) / best, strict=True)),
    )


def answers(comparison: Comparison) -> Steps:
    """Return the exact posterior beside what both codes say."""
    row = comparison.to_frame().loc["prob[0]"]
    low, high = POSTERIOR.interval(0.95)
    exact = (POSTERIOR.mean(), POSTERIOR.std(), low, high)
    sampled = tuple(row[["mean", "sd", "low", "high"]])
    return Steps(
        "Estimate and posterior",
        {"by": "", "p": ".4f", "error or sd": ".4f", "from": ".3f", "to (95%)": ".3f"},
        [
            ("maximum likelihood", row["mle"], row["se"], None, None),
            (f"posterior from a flat prior, Beta({HEADS + 1}, {TAILS + 1})", *exact),
            ("the same by PyMC", *sampled),
        ],
    )


def learned() -> str:
    """Say what ten flips teach."""
    low, high = POSTERIOR.interval(0.95)
    return (
        f"The likelihood is highest at a probability of heads of {HEADS / len(FLIPS)}. "
        f"After ten flips anything from {low:.2f} to {high:.2f} is plausible, even a fair coin, "
        f"with {likelihood(np.array(0.5)) / likelihood(np.array(0.7)):.0%} of the highest."
    )


if __name__ == "__main__":
    tell_file(__file__)
