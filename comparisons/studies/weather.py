"""A barometer in two kinds of weather: what does the order of the days add?

The same simulated days are fitted twice: as a mixture, which does not know that they follow each
other, and as a hidden Markov model. The truth is known, so that their errors can be counted.
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
from comparisons.studies.pictures import weather as drawn
from em import Fit, fit
from models import Gaussian, HiddenMarkov, Sample, Sequences, simulate
from models.hidden_markov import stationary

if TYPE_CHECKING:
    from comparisons.comparison import Comparison
    from comparisons.studies import Setting
    from models.arrays import Labels
    from models.structure import Units

__all__ = ["DAYS", "simulated", "tell"]

DAYS = 600
STAY = np.array([[0.94, 0.06], [0.03, 0.97]])  # low pressure lasts 17 days, high pressure 33
LOW, SD = 1004.0, 6.0  # hectopascals
APART = (1.5, 2.0, 2.5, 3.0)  # sds between the two means, in the table
SHOWN = 2.0  # in the comparison


def tell(setting: Setting) -> Story:
    """Count the days that each model puts into the wrong weather."""
    data, truth, path = simulated(SHOWN, setting.seed)
    comparison = second_opinion(
        Gaussian, data, 2, seed=setting.seed, truth=truth, progress=setting.progress
    )
    comparison.name_columns(["pressure (hPa)"])
    chain: Fit[Any] = fit(Gaussian, data, 2, seed=setting.seed)
    alone: Fit[Any] = fit(Gaussian, unordered(data), 2, seed=setting.seed)
    draw = partial(drawn.days, data, path, chain, alone)
    alt = "Probability of high pressure on each day by a mixture and by a hidden Markov model."
    pictures = (Picture("days", "The same days in no order, and in order", alt, draw),)
    steps = (errors(setting.seed), estimates(truth, alone, chain))
    return Story(steps, learned(alone, chain, path, comparison), pictures, comparison)


def simulated(apart: float, seed: int) -> tuple[Sequences, HiddenMarkov[Gaussian], Labels]:
    """Return days of weather, the truth behind them, and the state of each.

    apart: how many sds the two means lie apart.

    >>> simulated(2.0, seed=1)[0].sample.observations
    600
    """
    theta = Gaussian(np.array([LOW, LOW + apart * SD]), np.full(2, SD))
    truth = HiddenMarkov(stationary(STAY), STAY, theta)
    data, path = simulate(truth, DAYS, np.random.default_rng(seed))
    x = np.round(data.sample.x[data.unit_rows], 1)  # a barometer shows tenths
    return Sequences(x), truth, path


def unordered(data: Sequences) -> Sample:
    """Return the same days in no order.

    >>> unordered(Sequences([2.0, 1.0, 2.0])).counts
    array([1, 2])
    """
    return Sample(data.sample.x[data.unit_rows])


def wrong(found: Fit[Any], data: Units, path: Labels) -> float:
    """Return the share of days that a fit puts into the wrong weather."""
    return float((found.assign(data) != path).mean())


def errors(seed: int) -> Steps:
    """Return the share of wrong days by both models, for means some sds apart."""
    rows = []
    for apart in APART:
        data, truth, path = simulated(apart, seed)
        days = unordered(data)
        alone: Fit[Any] = fit(Gaussian, days, 2, seed=seed)
        chain: Fit[Any] = fit(Gaussian, data, 2, seed=seed)
        x = data.sample.x[data.unit_rows]
        middle = truth.theta.mean.mean()  # nobody who sees one day alone can do much better
        rows.append(
            (
                f"{apart:.1f}",
                100 * float(((x > middle) != path).mean()),
                100 * wrong(alone, days, path),
                100 * wrong(chain, data, path),
            )
        )
    columns = {"distance in sds": "", "cut halfway": ".1f", "mixture": ".1f", "in order": ".1f"}
    return Steps("Days assigned to the wrong weather, in percent", columns, rows)


def estimates(truth: HiddenMarkov[Gaussian], alone: Fit[Any], chain: Fit[Any]) -> Steps:
    """Return both means by both models, with their standard errors."""
    rows = []
    for state, name in enumerate(("low pressure", "high pressure")):
        cells = [
            number
            for one in (alone, chain)
            for number in (one.estimate.theta.mean[state], one.standard_errors.theta.mean[state])
        ]
        rows.append((name, truth.theta.mean[state], *cells))
    columns = {"mean": "", "truth": ".1f", "mixture": ".2f", "se": ".2f"}
    columns |= {"in order": ".2f", "se ": ".2f"}
    return Steps(f"Estimated means, {SHOWN:g} sds apart (hPa)", columns, rows)


def learned(alone: Fit[Any], chain: Fit[Any], path: Labels, comparison: Comparison) -> str:
    """Say what order adds."""
    data = chain.question.units
    days = alone.question.units
    without, within = (100 * wrong(*one, path) for one in ((alone, days), (chain, data)))
    gain = chain.log_likelihood - alone.log_likelihood
    verb = "agree" if comparison.verdict == "agree" else "do not agree"
    return (
        f"The model in order assigns {within:.1f}% of the days to the wrong weather, the one in no "
        f"order {without:.1f}%. Order raises the log-likelihood by {gain:.0f} for one "
        f"parameter. EM and the posterior {verb} on the chain."
    )


if __name__ == "__main__":
    tell_file(__file__)
