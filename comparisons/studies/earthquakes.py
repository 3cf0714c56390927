"""Large earthquakes of each year, 1900 to 2006: does the earth have two moods or three?

The standard example of hidden Markov models (Zucchini, MacDonald & Langrock 2016): yearly numbers
of earthquakes of magnitude 7 and more. They spread more than a Poisson variable, and years alike
follow each other. A mixture explains the spread alone; a chain of states explains both.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.comparison import second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import earthquakes as drawn
from comparisons.thresholds import CLEARLY_BETTER
from em import Fit, fit
from models import HiddenMarkov, Poisson, Sample, Sequences

if TYPE_CHECKING:
    from comparisons.comparison import Comparison
    from comparisons.studies import Setting

__all__ = ["COUNTS", "FIRST", "QUAKES", "tell"]

FIRST = 1900
COUNTS = np.array(
    [
        *(13, 14, 8, 10, 16, 26, 32, 27, 18, 32, 36, 24, 22, 23, 22, 18, 25, 21, 21, 14, 8, 11),
        *(14, 23, 18, 17, 19, 20, 22, 19, 13, 26, 13, 14, 22, 24, 21, 22, 26, 21, 23, 24, 27, 41),
        *(31, 27, 35, 26, 28, 36, 39, 21, 17, 22, 17, 19, 15, 34, 10, 15, 22, 18, 15, 20, 15, 22),
        *(19, 16, 30, 27, 29, 23, 20, 16, 21, 21, 25, 16, 18, 15, 18, 14, 10, 15, 8, 15, 6, 11, 8),
        *(7, 18, 16, 13, 12, 13, 20, 15, 16, 12, 18, 15, 16, 13, 15, 16, 11, 11),
    ]
)
QUAKES = Sequences(COUNTS)
MOST = 4  # states to choose from
AHEAD = (1, 5, 10)  # years


def tell(setting: Setting) -> Story:
    """Fit one state to four, compare three, and forecast."""
    seed = setting.seed
    chains: list[Fit[Any]] = [fit(Poisson, QUAKES, k, seed=seed) for k in range(1, MOST + 1)]
    alone: list[Fit[Any]] = [fit(Poisson, Sample(COUNTS), k, seed=seed) for k in range(1, MOST + 1)]
    comparison = second_opinion(Poisson, QUAKES, 3, seed=seed, progress=setting.progress)
    comparison.name_columns(["earthquakes in a year"])
    three = chains[2]
    draw = partial(drawn.moods, three, FIRST)
    alt = "Yearly numbers of large earthquakes, 1900 to 2006, and the rate of each year's state."
    pictures = (Picture("moods", "The earth's moods", alt, draw),)
    steps = (criteria(alone, chains), stretches(three), forecast(three))
    return Story(steps, learned(chains, comparison), pictures, comparison)


def criteria(alone: list[Fit[Any]], chains: list[Fit[Any]]) -> Steps:
    """Return what each number of states reaches, in no order and in order."""
    rows = [
        (
            str(k),
            mixed.log_likelihood,
            chain.log_likelihood,
            len(chain.coordinates),
            chain.aic,
            chain.bic,
        )
        for k, (mixed, chain) in enumerate(zip(alone, chains, strict=True), 1)
    ]
    columns = {
        "states": "",
        "log-likelihood, no order": ".3f",
        "in order": ".3f",
        "parameters in order": "d",
        "AIC": ".1f",
        "BIC": ".1f",
    }
    return Steps("One to four states: the same years in no order, and in order", columns, rows)


def stretches(found: Fit[HiddenMarkov[Poisson]]) -> Steps:
    """Return the years in which the likeliest path changes its state."""
    path, rates = found.decode(), found.estimate.theta.rate
    begins = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(begins[1:], len(path)) - 1
    rows = [
        (f"{FIRST + a} to {FIRST + b}", str(path[a]), rates[path[a]], COUNTS[a : b + 1].mean())
        for a, b in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    columns = {"years": "", "state": "", "its rate": ".1f", "mean count": ".1f"}
    return Steps("The likeliest path of three states", columns, rows)


def forecast(found: Fit[HiddenMarkov[Poisson]]) -> Steps:
    """Return the distribution of states in years to come, and the number to expect.

    >>> from em import fit
    >>> forecast(fit(Poisson, QUAKES, 3)).words()[0]
    ['2007', '0.951', '0.028', '0.021', '13.7']
    """
    ahead = found.forecast(max(AHEAD)).states[0]
    rates, last = found.estimate.theta.rate, FIRST + len(COUNTS) - 1
    rows = [(str(last + n), *ahead[n - 1], float(ahead[n - 1] @ rates)) for n in AHEAD]
    columns = {"year": "", "state 0": ".3f", "state 1": ".3f", "state 2": ".3f", "expected": ".1f"}
    return Steps("Forecast with three states", columns, rows)


def learned(chains: list[Fit[Any]], comparison: Comparison) -> str:
    """Say what 107 years teach."""
    bic = [one.bic for one in chains]
    gain = bic[1] - bic[2]
    word = "decides" if abs(gain) > CLEARLY_BETTER else "hardly decides"
    text = (
        f"Order matters: two moods in order reach a log-likelihood of "
        f"{chains[1].log_likelihood:.0f} with four parameters. Between two moods and three BIC "
        f"{word}: three are {'better' if gain > 0 else 'worse'} by {abs(gain):.1f}."
    )
    verdicts = {
        "agree": "EM and the posterior agree on three.",
        "disagree": "EM and the posterior disagree on three.",
        "inconclusive": "The verdict on three is inconclusive.",
    }
    return f"{text} {verdicts[comparison.verdict]}"


if __name__ == "__main__":
    tell_file(__file__)
