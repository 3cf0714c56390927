"""How well a model predicts what it has not seen: densities of what was left out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import logsumexp

import bayes
from bayes.posterior.loo import loo
from bayes.posterior.pointwise import of_units
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import engine_of
from models.refusal import Refusal
from models.sequences import Sequences

if TYPE_CHECKING:
    import xarray as xr

    from models.arrays import Array
    from models.question import Question

__all__ = ["UNSTABLE", "Predicted", "ahead", "difference", "left_out", "predicted_of"]

UNSTABLE = 0.7  # Pareto k above which importance sampling has failed (Vehtari et al. 2024)
LEAST = 10  # rows that have to be known before the next one is predicted
REFITS = 12  # posteriors of ever more rows, at most
DRAWS, TUNE = 500, 500  # of each chain of such a posterior


class Predicted(NamedTuple):
    """The expected log density of new observations.

    each: (n,) of each observation, or whole sequence, that was left out.
    unstable: share of them whose Pareto k is above 0.7, so that the estimate is not reliable.
    how: what was left out, in words.

    >>> found = Predicted(np.array([-1.0, -2.0, -1.5]), 0.0, "each observation left out in turn")
    >>> found.elpd, round(found.error, 2)
    (-4.5, 0.87)
    """

    each: Array
    unstable: float
    how: str

    @property
    def elpd(self) -> float:
        """The sum over all observations."""
        return float(self.each.sum())

    @property
    def failed(self) -> int:
        """How many of them have such a k."""
        return round(self.unstable * len(self.each))

    @property
    def error(self) -> float:
        """The standard error of the sum, sqrt(n var): that of drawing other observations."""
        return _error(self.each)


def difference(one: Predicted, best: Predicted) -> tuple[float, float]:
    """Return how much lower one predicts than the best, as a negative number, and its error.

    >>> flat = Predicted(np.array([-1.0, -2.0]), 0.0, "")
    >>> difference(flat, flat)
    (0.0, 0.0)
    """
    gap = one.each - best.each
    return float(gap.sum()), _error(gap)


def predicted_of(tree: xr.DataTree, *, chains: int = 4, seed: int = 0) -> Predicted:
    """Return how well a posterior's model predicts; Refusal where that cannot be computed.

    Rows of a single sequence depend on each other, so that each is predicted from those before it.

    >>> predicted_of(posterior).how
    'each observation left out in turn'
    """
    if of_units(tree).dims[-1] == "time":
        return ahead(posterior_of(tree).question, chains=chains, seed=seed)
    return left_out(tree)


def left_out(tree: xr.DataTree) -> Predicted:
    """Return PSIS-LOO of a posterior; Refusal where nothing can be left out.

    >>> left_out(posterior).how
    'each observation left out in turn'
    """
    found = loo(tree)
    assert found.elpd_i is not None
    assert found.pareto_k is not None
    unstable = float((found.pareto_k.to_numpy() > UNSTABLE).mean())
    return Predicted(
        found.elpd_i.to_numpy(), unstable, f"each {found.elpd_i.dims[0]} left out in turn"
    )


def ahead(question: Question[Any, Any], *, chains: int = 4, seed: int = 0) -> Predicted:
    """Return the log densities of the second half of a sequence, each row given those before it.

    log p(x_t | x_1..t-1) = log E[p(x_t | x_1..t-1, theta)] over the posterior of theta given
    x_1..t-1 (Buerkner, Gabry & Vehtari 2020). Draws given the first rows are reweighted by the
    densities of the rows since then, Pareto-smoothed; where k exceeds 0.7 the posterior is drawn
    anew, of all rows up to there.

    >>> from models import Poisson, Sequences
    >>> from models.question import asked
    >>> ahead(asked(Poisson, Sequences([1, 2, 3]), 1))
    Traceback (most recent call last):
    models.refusal.Refusal: 3 rows in time are too few to predict half of them from the others
    """
    units = question.units
    assert isinstance(units, Sequences)
    n = len(units.unit_rows)
    if n < 2 * LEAST:
        raise Refusal(f"{n} rows in time are too few to predict half of them from the others")
    seen = np.flatnonzero(units.unit_counts)
    begin, refits, unstable = n // 2, 0, 0
    each: list[float] = []
    engine = engine_of(question)
    while begin < n:
        part = question.of(units.beginning(begin))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bayes.ChainsWarning)  # noise of Monte Carlo size
            tree = bayes.sampled(
                part, draws=DRAWS, tune=TUNE, chains=chains, seed=seed, progress=False
            )
        refits += 1
        positions = engine.pack(question, posterior_of(tree).draws)
        rows = engine.pointwise(question, positions)[:, begin:]  # (draws, rows)
        weights = np.full(len(rows), -np.log(len(rows)))
        gained, last = np.zeros(len(rows)), begin
        for at in range(begin, n):
            last = at
            if at > begin:
                weights, k = _smoothed(gained)
                if k > UNSTABLE:
                    if refits < REFITS:
                        break
                    unstable += 1
            each.append(float(logsumexp(weights + rows[:, at - begin])))
            gained = gained + rows[:, at - begin]
        else:
            last = n
        begin = last
    known = np.isin(np.arange(n // 2, n), seen)
    how = f"rows {n // 2 + 1} to {n}, each predicted from those before it"
    return Predicted(np.array(each)[known], unstable / max(int(known.sum()), 1), how)


def _smoothed(log_ratios: Array) -> tuple[Array, float]:
    """Return normalised log weights of draws after Pareto smoothing, and k."""
    weights, k = array_stats.psislw(log_ratios)
    found: Array = weights - logsumexp(weights)
    return found, float(k)


def _error(each: Array) -> float:
    """Return sqrt(n var), 0 of a single term."""
    return float(np.sqrt(len(each) * np.var(each, ddof=1))) if len(each) > 1 else 0.0
