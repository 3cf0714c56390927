"""One coin: likelihood, logarithm and posterior over the probability of heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.pictures.style import (
    DATA,
    EM_LINE,
    POSTERIOR_LINE,
    QUIET,
    Look,
    blank,
    few_ticks,
    framed,
    line,
    patch,
    side_by_side,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from scipy.stats._distn_infrastructure import rv_frozen

    from comparisons.kept.facts import Facts
    from models.arrays import Array

__all__ = ["likelihood"]


@styled
def likelihood(height: Callable[[Array], Array], exact: rv_frozen, facts: Facts) -> Figure:
    """Draw the likelihood, its logarithm, and the posterior with its draws.

    height: of p to the likelihood; exact: the posterior; facts: of the comparison.

    >>> from types import SimpleNamespace
    >>> from comparisons.studies.coin import POSTERIOR, likelihood as height
    >>> fields, draws = {"prob": np.array([0.7])}, {"prob": POSTERIOR.rvs(100, random_state=0)}
    >>> figure = likelihood(height, POSTERIOR, SimpleNamespace(fields=fields, draws=draws))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['likelihood, in thousandths', 'log-likelihood', 'posterior density']
    """
    p = np.linspace(0.001, 0.999, 999)
    best = float(facts.fields["prob"][0])
    figure = blank(3.9)
    left, middle, right = side_by_side(figure, 3, sharex=True)
    curve: Look = {"color": QUIET, "linewidth": 1.6}
    left.plot(p, 1e3 * height(p), **curve)
    left.set(ylabel="likelihood, in thousandths", ylim=(0, None))
    middle.plot(p, np.log(height(p)), **curve)
    middle.set(ylabel="log-likelihood", ylim=(-25, -4))
    draws = facts.draws["prob"].ravel()
    right.hist(draws, 40, range=(0, 1), density=True, color=DATA)
    right.plot(p, exact.pdf(p), **POSTERIOR_LINE)
    right.set(ylabel="posterior density", ylim=(0, None))
    for axes in (left, middle, right):
        axes.axvline(best, **EM_LINE)
        axes.set(xlim=(0, 1), xlabel="probability of heads")
        few_ticks(axes, 5)
    entries = [
        line(curve, "likelihood of the flips"),
        line(EM_LINE, f"its maximum, {best:.1f}"),
        line(POSTERIOR_LINE, "exact posterior"),
        patch({"color": DATA}, f"{len(draws):,} draws by PyMC"),
    ]
    caption = "The logarithm does not move the peak. The posterior shows what else is plausible."
    return framed(figure, "Seven heads in ten flips: how likely is heads?", entries, caption)
