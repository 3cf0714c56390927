"""What each measure is called where people read, and which side of its threshold is ok."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, NamedTuple

__all__ = ["EITHER", "LEAST", "MEASURES", "MOST", "Measure", "measure_of"]

type Side = Literal["at most", "at least", "within ±", ""]

MOST: Side = "at most"
LEAST: Side = "at least"
EITHER: Side = "within ±"


class Measure(NamedTuple):
    """How a measure is shown to people.

    title: what is measured, or the slip that was found.
    side: on which side of the threshold a number is ok; empty where it depends on the cause.
    percent: whether number and threshold are shares that are shown in percent.
    single: whether it is one number, not the worst of several in units of their thresholds.
    what: what the number is, behind it, where the sentence of a finding does not say it.

    >>> MEASURES["unmixed_chains"]
    Measure(title='R-hat', side='at most', percent=False, single=True, what='')
    """

    title: str
    side: Side = MOST
    percent: bool = False
    single: bool = True
    what: str = ""


MEASURES = MappingProxyType(
    {
        "different_question": Measure("Log-likelihood of each draw by EM and by PyMC"),
        "different_posterior": Measure("Log density that the sampler explored"),
        "binned": Measure("Effect of binning"),
        "other_rows": Measure("Estimate from all rows on the rows drawn", LEAST),
        "different_data": Measure("Log-likelihood that the estimate states"),
        "not_identified": Measure("Identifiability of the parameters", ""),
        "stopped_early": Measure("Distance of EM from its maximum"),
        "not_at_maximum": Measure("Distance of the estimate from a maximum"),
        "not_a_maximum": Measure("Information matrix at the estimate", LEAST, percent=True),
        "wrong_errors": Measure("Standard errors against the curvature"),
        "empty_component": Measure("Size of the smallest group", LEAST),
        "boundary": Measure("Distance to the edge of possible values", LEAST),
        "local_optimum": Measure("Height of the optimum"),
        "spike": Measure("Climbs that ended on a spike"),
        "unmixed_chains": Measure("R-hat"),
        "few_draws": Measure("Bulk ESS", LEAST),
        "few_tail_draws": Measure("Tail ESS", LEAST),
        "divergences": Measure("Divergences", percent=True),
        "low_energy": Measure("E-BFMI", LEAST),
        "deep_trees": Measure("Trajectories that were cut off", percent=True),
        "one_chain": Measure("Number of chains", LEAST),
        "copied_chains": Measure("Draws that two chains share", percent=True),
        "wrong_target": Measure("Identities of the gradient"),
        "lost_correlations": Measure("Correlations of the draws"),
        "hopeless_chains": Measure("Prospects of more draws", ""),
        "abandoned_chains": Measure("Chains that were started again"),
        "drawn_again": Measure("Divergences at first", percent=True),
        "label_switching": Measure("R-hat before labels were aligned"),
        "other_place": Measure("Deviance of the draws", EITHER, what="sd from the expected mean"),
        "other_numbers": Measure("Posterior mean against estimate"),
        "other_spread": Measure("Posterior sd against standard error"),
        "other_predictions": Measure("Predicted distributions of both"),
        "different_memberships": Measure("Memberships by EM and by PyMC"),
        "other_memberships": Measure("Memberships by both", percent=True),
        "prior_pull": Measure("Pull of the prior"),
        "prior_sensitivity": Measure("Sensitivity to the prior"),
        "prior_hold": Measure("Posterior sd under the given prior", LEAST),
        "skewness": Measure("Posterior mean against posterior mode"),
        "not_quadratic": Measure("Deviance of the draws against a parabola"),
        "monte_carlo_noise": Measure("Monte Carlo error", percent=True),
        "several_modes": Measure("Modes of the posterior", percent=True),
        "weak_separation": Measure(
            "Separation of the groups", single=False, what="times its limit"
        ),
        "flat_directions": Measure("Flat directions of the likelihood"),
        "rank_deficient": Measure("Parameters that are identified", LEAST),
        "few_observations": Measure("Observations per parameter", LEAST),
        "order_adds_nothing": Measure("Order of the rows"),
        "short_stay": Measure("Length of stays", LEAST),
        "absorbing": Measure("Departures from each state", LEAST),
        "misfit": Measure(
            "Fit of the model",
            percent=True,
            what="between observed and fitted distribution",
        ),
        # slips: each stands in place of the measure that detected it
        "rounded": Measure("Estimate with fewer digits"),
        "swapped_shares": Measure("Shares in another order"),
        "swapped_fields": Measure("Parameters in different orders"),
        "squared": Measure("Squares in place of the values"),
        "root": Measure("Square roots in place of the values"),
        "reciprocal": Measure("Reciprocals in place of the values"),
        "logarithm": Measure("Logarithms of parameters in place of the values"),
        "complement": Measure("Probabilities of the other outcome"),
        "wrong_units": Measure("Units of the estimate"),
        "standardised": Measure("Estimate of standardised data"),
        "logarithms": Measure("Estimate of logarithms of the data"),
        "n_minus_one": Measure("Divisor n - 1 in place of n"),
        "transposed_factor": Measure("Transposed factor of the covariance"),
        "single_precision": Measure("Single precision"),
        "tied": Measure("One width for all groups"),
        "diagonal": Measure("Diagonal covariances"),
        "spherical": Measure("Spherical covariances"),
        "equal_shares": Measure("Equal shares"),
        "map_estimate": Measure("Maximum of the posterior, not of the likelihood"),
        "wrong_prior": Measure("Another prior"),
        "floor_added": Measure("Constant added to each variance"),
        "floor_reached": Measure("Least width that was reached"),
        "hard_assignment": Measure("Hard assignment to groups"),
        "memberships_dropped": Measure("Memberships left out"),
        "weightless": Measure("Shares left out of the E-step"),
        "divided_equally": Measure("Sums divided by equal group sizes"),
        "underflow": Measure("Densities that underflow"),
        "counts_ignored": Measure("Counts ignored"),
        "constant_trials": Measure("One number of trials for all rows"),
        "truncated_trials": Measure("Trials cut off"),
        "wrong_observations": Measure("Other observations"),
        "foreign_draws": Measure("Draws from other data"),
        "mean_log_likelihood": Measure("Mean log-likelihood in place of the sum"),
        "previous_step": Measure("Log-likelihood of the step before"),
        "constant_missing": Measure("Constant left out of the log-likelihood"),
        "no_warm_up": Measure("Tuning too short"),
        "unaligned_labels": Measure("Labels that are not aligned"),
        "stuck_chain": Measure("Chain that stays apart"),
        "no_jacobian": Measure("Jacobian left out"),
        "counted_twice": Measure("Likelihood counted twice"),
        "tempered": Measure("Square root of the likelihood"),
        "wide_draws": Measure("Draws too wide"),
        "narrow_draws": Measure("Draws too narrow"),
        "shifted_draws": Measure("Draws shifted"),
        "likeliest_draws": Measure("Likeliest draws only"),
        "cut_draws": Measure("Draws cut off"),
    }
)
"""The measure of each code, and the slip; every code that a finding can have is here."""


def measure_of(code: str) -> Measure:
    """Return how a code is shown; one that is not known here is its own title.

    >>> measure_of("few_draws").title, measure_of("from_the_future").title
    ('Bulk ESS', 'From the future')
    """
    return MEASURES.get(code) or Measure(code.replace("_", " ").capitalize(), "")
