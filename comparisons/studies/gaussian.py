"""Mean and variance of one Gaussian by maximum likelihood; why is the variance too small?

The likelihood is highest at the sample's mean and the mean squared deviation S from it. That mean
is the point to which the sample is nearest: from the true mean the mean square is S plus (own mean
less true mean)^2, on average variance / n. So S averages (n - 1) / n of the variance.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import invgamma

from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import gaussian as drawn
from models import Gaussian, Mixture, simulate

if TYPE_CHECKING:
    from scipy.stats._distn_infrastructure import rv_frozen

    from comparisons.studies import Setting
    from models.arrays import Array

__all__ = ["PEOPLE", "SIZES", "TRUTH", "covers", "posterior", "tell", "trial"]

PEOPLE, TRIALS = 10, 20_000
SIZES = (2, 5, PEOPLE, 50, 200)
TRUTH = Mixture(np.array([1.0]), Gaussian(mean=np.array([170.0]), sd=np.array([7.0])))
MEAN, VARIANCE = TRUTH.theta.mean[0], TRUTH.theta.sd[0] ** 2


def trial(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Measure n people TRIALS times; return mean squares from the true mean and from their own.

    >>> _, own = trial(2, np.random.default_rng(0))
    >>> round(float(own.mean() / VARIANCE), 1)
    0.5
    """
    x = rng.normal(MEAN, VARIANCE**0.5, (TRIALS, n))
    return ((x - MEAN) ** 2).mean(axis=1), x.var(axis=1)


def posterior(n: int, own: Array | np.float64) -> rv_frozen:
    """Return the exact posterior of the variance under the default prior, inverse gamma.

    The prior is worth 3 degrees of freedom with squares `own`, so that the mean is own again.

    >>> from comparisons.studies.gaussian import posterior as exact
    >>> round(float(exact(10, np.float64(49.0)).mean()), 3)
    49.0
    """
    return invgamma((3 + n) / 2, scale=(n + 1) * own / 2)


def covers(n: int, own: Array) -> tuple[Array, Array]:
    """Return whether 1.96 standard errors, and the posterior's 95%, contain the true variance.

    >>> [each.tolist() for each in covers(10, np.array([20.0, 49.0]))]
    [[False, True], [False, True]]
    """
    low, high = posterior(n, own).interval(0.95)
    return abs(own - VARIANCE) < 1.96 * own * (2 / n) ** 0.5, (low < VARIANCE) & (high > VARIANCE)


def tell(setting: Setting) -> Story:
    """Measure ten people, then very many tens, and ask both codes."""
    rng, seed, progress = np.random.default_rng(setting.seed), setting.seed, setting.progress
    people, _ = simulate(TRUTH, PEOPLE, rng)
    trials = {n: trial(n, rng) for n in SIZES}
    comparison = second_opinion(Gaussian, people, 1, truth=TRUTH, seed=seed, progress=progress)
    comparison.name_columns(["height in cm"])
    own, estimates = people.x.var(), {n: found for n, (_, found) in trials.items() if n <= 50}
    low, high = (exact := posterior(PEOPLE, own)).interval(0.95)
    nearest = (
        f"The heights' mean squared distance from a point is lowest, {own:.1f}, at their own mean "
        f"{people.x.mean():.1f}; from {MEAN:.0f} it is {((people.x - MEAN) ** 2).mean():.1f}."
    )
    bias = f"Average from {PEOPLE} people: {estimates[PEOPLE].mean():.1f}, not {VARIANCE:.0f}."
    tail = f"The posterior of the variance is skewed; 95% lie from {low:.0f} to {high:.0f}."
    show = partial(drawn.variance, comparison, exact, VARIANCE)
    drawing = partial(drawn.nearest, people.x, MEAN, VARIANCE)
    pictures = (
        Picture("nearest", "Nearest to their own mean", nearest, drawing),
        Picture("bias", "Many estimates", bias, partial(drawn.bias, estimates, VARIANCE)),
        Picture("variance", "The variance", tail, show),
    )
    steps = (shares(trials), answers(people.x, comparison))
    return Story(steps, learned(people.x.mean(), estimates[PEOPLE]), pictures, comparison)


def shares(trials: dict[int, tuple[Array, Array]]) -> Steps:
    """Return how far the estimate is short, and how often each interval contains the truth."""
    rows = []
    for n, (about_true, own) in trials.items():
        parts = (about_true.mean(), own.mean(), own.std() / TRIALS**0.5)
        held = (hold.mean() for hold in covers(n, own))
        rows.append((n, *(part / VARIANCE for part in parts), (n - 1) / n, *held))
    heads = ("n", "from 170", "from own mean", "MC error", "(n-1)/n", "ML ± 1.96 se", "posterior")
    return Steps(
        f"Mean squares, divided by the true {VARIANCE:.0f}; coverage of 95% intervals",
        dict(zip(heads, ("d", ".4f", ".4f", ".4f", ".4f", ".1%", ".1%"), strict=True)),
        rows,
    )


def answers(x: Array, comparison: Comparison) -> Steps:
    """Return the variance of the ten heights by all who estimate it."""
    own, exact = x.var(), posterior(len(x), x.var())
    se, draws = own * (2 / len(x)) ** 0.5, comparison.draws["sd"] ** 2
    rows = [
        ("squares from their mean, / n: EM", own, se, own - 1.96 * se, own + 1.96 * se),
        ("squares from their mean, / (n - 1)", x.var(ddof=1), None, None, None),
        ("posterior, exactly", exact.mean(), exact.std(), *exact.interval(0.95)),
        ("posterior by PyMC", draws.mean(), draws.std(), *np.quantile(draws, [0.025, 0.975])),
    ]
    heads = {"by": "", "variance": ".2f", "error or sd": ".2f", "from": ".1f", "to (95%)": ".1f"}
    return Steps(f"{len(x)} heights with mean {x.mean():.2f} cm", heads, rows)


def learned(mean: float, found: Array) -> str:
    """Say what ten heights teach."""
    em, bayes = (f"{hold.mean():.0%}" for hold in covers(PEOPLE, found))
    return (
        f"Heights lie nearest to their own mean ({mean:.1f} here, not {MEAN:.0f}). So the variance "
        f"from {PEOPLE} people is {found.mean() / VARIANCE:.1%} of the truth on average (theory: "
        f"{1 - 1 / PEOPLE:.0%}). Its 95% intervals cover the truth in {em} of samples, those of "
        f"the posterior, which allows for larger variances, in {bayes}. These are not 95%, as the "
        "default prior takes its scale from the sample."
    )


if __name__ == "__main__":
    tell_file(__file__)
