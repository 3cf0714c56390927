"""All measurements of two answers, for the judge, the table and the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from threadpoolctl import threadpool_limits

import em
from comparisons.binned.posterior import binning_of
from comparisons.verdict.cross_checks import cross_checks_of
from comparisons.verdict.fitted import fitted_of
from comparisons.verdict.judge_em import best_of
from comparisons.verdict.judge_order import order_of
from comparisons.verdict.misfit import misfit_of
from comparisons.verdict.neighbours import Neighbours
from comparisons.verdict.point import point_of
from comparisons.verdict.predictions import few_of, predictions_of
from comparisons.verdict.sampled import refuse_few, sampled_of

if TYPE_CHECKING:
    from bayes.posterior.tree import Posterior
    from comparisons.verdict.cross_checks import CrossChecks
    from comparisons.verdict.fitted import Fitted
    from comparisons.verdict.judge_order import Order
    from comparisons.verdict.misfit import Misfit
    from comparisons.verdict.point import Point
    from comparisons.verdict.predictions import Predictions
    from comparisons.verdict.sampled import Sampled
    from comparisons.verdict.search import Search

__all__ = ["Measured", "measured_of"]


class Measured(NamedTuple):
    """An estimate, a posterior, their cross-checks, the predictions of both, and the model's fit.

    near: the numbers of groups next to the question's.
    order: what the order of the rows adds; None if they have none.
    fitted: densities of units by both, None where the data tell every parameter.

    >>> Measured._fields
    ('point', 'sampled', 'checks', 'predictions', 'misfit', 'near', 'order', 'fitted')
    """

    point: Point
    sampled: Sampled
    checks: CrossChecks
    predictions: Predictions
    misfit: Misfit
    near: Neighbours
    order: Order | None
    fitted: Fitted | None = None


def measured_of(given: object, posterior: Posterior, found: Search | None = None) -> Measured:
    """Measure an estimate and a posterior side by side.

    given: an em.Fit, a structure such as a Mixture, a scikit-learn GaussianMixture, or the path of
        a JSON file; None for EM's own: the best optimum of its search, or one that it reaches from
        a draw if that is higher.
    found: EM's search, if there is one.

    >>> from bayes.posterior.tree import posterior_of
    >>> measured_of(None, posterior_of(posterior)).point.source
    'EM'
    """
    with threadpool_limits(1, user_api="blas"):  # matrices are small, threads would only wait
        return _measured(given, posterior, found)


def _measured(given: object, posterior: Posterior, found: Search | None) -> Measured:
    """Measure both, as `measured_of` does."""
    refuse_few(posterior)
    question, draws = posterior.question, posterior.draws
    heights = em.log_likelihood(question.family, question.data, draws)
    binning, few = binning_of(posterior.tree), few_of(draws)
    point = point_of(given, posterior, found, heights, binning)
    fitted = fitted_of(posterior, point)
    return Measured(
        point,
        sampled_of(posterior, point, binning, few, fitted),
        cross_checks_of(posterior, point, heights),
        predictions_of(question, point, few),
        misfit_of(posterior, point),
        Neighbours(question, best_of(point).bic),
        order_of(question, point),
        fitted,
    )
