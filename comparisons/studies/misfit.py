"""A Gaussian mixture on coin data: what goes wrong?

Two hundred sets of ten flips, each of one of two coins. Gaussians can be fitted to the counts of
heads, and EM and the posterior may even agree about them; yet it is the wrong family, and a density
is no probability.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import arviz as az
import numpy as np

import bayes
import em
from comparisons.comparison import Comparison, second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.calculations.boundary import both
from comparisons.studies.calculations.cells import beyond, bic_of_cells, loo_of_cells, spiked
from comparisons.studies.pictures import misfit as drawn
from models import Binomial, Gaussian, Mixture, Sample, simulate

if TYPE_CHECKING:
    from comparisons.pages.steps import Cells
    from comparisons.studies import Setting

__all__ = ["NARROW", "TRUTH", "ends", "tell"]

SETS, FLIPS = 200, 10
TRUTH = Mixture(np.array([0.5, 0.5]), Binomial(np.array([0.3, 0.8])))
NARROW = (0.1, 1e-2, 1e-3, 1e-4, 1e-6)  # sds that no count can show


def tell(setting: Setting) -> Story:
    """Fit both families to the same counts, and check them against possible counts."""
    rng = np.random.default_rng(setting.seed)
    coins, _ = simulate(TRUTH, SETS, rng, FLIPS)
    plain = Sample(coins.x, counts=coins.counts)
    seed, progress = setting.seed, setting.progress
    right = second_opinion(Binomial, coins, 2, truth=TRUTH, seed=seed, progress=progress)
    wrong = second_opinion(Gaussian, plain, 2, seed=seed, progress=progress)
    right.name_columns(["heads"])
    fits = [em.fit(Gaussian, plain, 2), *(spiked(plain, sd) for sd in NARROW)]
    models = drawn.replicated(right, wrong, FLIPS, rng)
    draw = partial(drawn.replicates, coins, models)
    alt = f"{SETS} sets. Gaussians expect {models[1].lost:.1f} of them at impossible counts."
    replicates = Picture("replicates", "New sets, drawn from both models", alt, draw)
    draw = partial(drawn.spikes, plain, fits[1:], right.estimate.bic)
    alt = f"BIC by densities falls to {fits[-1].bic:.0f} as a group narrows."
    spikes = Picture("spikes", "A density can be arbitrarily high", alt, draw)
    steps = (ends(plain, setting.seed), criteria(right, plain, fits), impossible(wrong))
    fair = compared(right, wrong)
    said = learned(right, wrong, fits, models[1].lost, fair)
    return Story((*steps, fair), said, (replicates, spikes), right)


def ends(plain: Sample, seed: int) -> Steps:
    """Return where EM's starts end, with two components and with three.

    >>> {row[0] for row in ends(Sample([2, 3, 4, 7, 8, 9]), 0).rows}
    {2, 3}
    """
    rows = []
    for k in (2, 3):
        fit: em.Fit[Mixture[Gaussian]] = em.fit(Gaussian, plain, k, seed=seed)
        for one in fit.optima[:5]:
            mean, sd = one.mixture.theta
            narrow = (sd.min(), mean[sd.argmin()], "spike: set aside" if one.spike else None)
            rows.append((k, one.log_likelihood, one.starts, *narrow))
    columns = {"components": "d", "log-likelihood": ".2f", "starts": "d", "narrowest sd": ".2g"}
    return Steps(
        "Where most starts with Gaussians end",
        columns | {"at heads": ".2f", "note": ""},
        rows,
    )


def criteria(right: Comparison, plain: Sample, fits: list[em.Fit[Mixture[Gaussian]]]) -> Steps:
    """Return BIC as densities make it, and as probabilities do."""
    best = right.estimate
    rows: list[Cells] = [("2 coins", None, best.log_likelihood, None, best.bic)]
    for fit in fits:
        name, sd = f"{len(fit.mixture.weight)} Gaussians", fit.mixture.theta.sd.min()
        rows.append((name, sd, fit.log_likelihood, fit.bic, bic_of_cells(fit, plain)))
    columns = {"model": "", "narrowest sd": ".1g", "log-likelihood": ".1f"}
    columns |= {"BIC by density": ".1f", "BIC by probability": ".1f"}
    return Steps("A density can be arbitrarily high; lower BIC is better", columns, rows)


def impossible(wrong: Comparison) -> Steps:
    """Return how often the Gaussians say what no ten flips can."""
    by_em, draws = (beyond(one, FLIPS) for one in both(wrong))
    rows: list[Cells] = [("not a whole number", 1.0, 1.0, None, None)]
    for name, each in draws.items():
        rows.append((name, float(by_em[name]), each.mean(), *np.quantile(each, [0.025, 0.975])))
    columns = dict.fromkeys(["heads of a set", "EM", "posterior", "from", "to (95%)"], ".2%")
    return Steps("Impossible counts that Gaussians predict", columns, rows)


def compared(right: Comparison, wrong: Comparison) -> Steps:
    """Return PSIS-LOO of both, by probabilities, and of densities as it is naively computed."""
    coins = bayes.loo(right.tree)
    rows = []
    for name, other in (("probability", loo_of_cells(wrong)), ("density", bayes.loo(wrong.tree))):
        frame = az.compare({"coins": coins, "Gaussians": other}, round_to="none")
        for model, row in frame.iterrows():
            behind = (abs(row["elpd_diff"]), row["dse"], row["weight"])
            rows.append((name, model, row["elpd"], row["se"], *behind))
    columns = {"by": "", "model": "", "LOO": ".2f", "error": ".2f", "difference": ".2f"}
    return Steps("Leave one set out", columns | {"its error": ".2f", "weight": ".2f"}, rows)


def learned(
    right: Comparison,
    wrong: Comparison,
    fits: list[em.Fit[Mixture[Gaussian]]],
    lost: float,
    fair: Steps,
) -> str:
    """Say what the wrong family teaches."""
    (_, better, *_), (*_, behind, error, _) = fair.rows[:2]
    assert isinstance(behind, float)
    assert isinstance(error, float)
    sure = "more than two errors" if behind > 2 * error else "less than two errors"
    return (
        f"The verdict on the wrong family is {wrong.verdict}: it judges the fit, not the "
        f"family. Gaussians expect {lost:.1f} of {SETS} new sets at impossible counts. A spike "
        f"lowers BIC by densities to {fits[-1].bic:.1f}; the coins have "
        f"{right.estimate.bic:.1f}. Only probabilities can be compared: by these the {better} "
        f"predict better by {behind:.1f} (error {error:.1f}, so by {sure})."
    )


if __name__ == "__main__":
    tell_file(__file__)
