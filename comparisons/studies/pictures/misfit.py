"""Counts of heads under two models: what each predicts, and what a density can be made to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import binom

from comparisons.pictures.style import (
    BAND,
    DATA,
    EM,
    EM_LINE,
    POSTERIOR_LINE,
    QUIET,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    minus,
    note,
    patch,
    side_by_side,
    styled,
)
from comparisons.studies.calculations.boundary import both
from comparisons.studies.calculations.cells import bic_of_cells, cells
from models import Binomial, Mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    import em
    from comparisons.kept.facts import Facts
    from models import Gaussian, Sample
    from models.arrays import Array

__all__ = ["Predicted", "replicated", "replicates", "spikes"]

BEYOND = 4  # counts shown on either side of those that can be


class Predicted(NamedTuple):
    """What a model predicts of a set.

    counts: (m,) numbers of heads; em, mean: (m,) sets expected at each, by EM and by the posterior.
    low, high: (m,) between which 95% of replicates lie; lost: sets on impossible counts.

    >>> heads = np.arange(3)
    >>> Predicted("Two coins", heads, *np.ones((4, 3)), lost=0.0).counts.tolist()
    [0, 1, 2]
    """

    name: str
    counts: Array
    em: Array
    mean: Array
    low: Array
    high: Array
    lost: float


def replicated(right: Facts, wrong: Facts, flips: int, rng: np.random.Generator) -> list[Predicted]:
    """Return what a mixture of coins predicts, then one of Gaussians, rounded.

    right, wrong: of their comparisons.

    >>> from types import SimpleNamespace
    >>> half, middle = {"weight": np.full(2, 0.5)}, np.array([3.0, 8.0])
    >>> one, other = half | {"prob": middle / 10}, half | {"mean": middle, "sd": np.full(2, 1.4)}
    >>> answers = [(each, {name: np.tile(field, (9, 1)) for name, field in each.items()})
    ...     for each in (one, other)]
    >>> right, wrong = (SimpleNamespace(fields=a, draws=b, observations=200) for a, b in answers)
    >>> found = replicated(right, wrong, 10, np.random.default_rng(0))
    >>> [(model.name, round(model.lost, 1)) for model in found]
    [('Two coins', 0.0), ('Two Gaussians, rounded', ...)]
    """
    wide = np.arange(-BEYOND, flips + BEYOND + 1.0)
    coins = [Mixture(one["weight"], Binomial(one["prob"])) for one in (right.fields, right.draws)]
    answers = {
        "Two coins": [_coins(one, wide, flips) for one in coins],
        "Two Gaussians, rounded": [cells(one, wide) for one in both(wrong)],
    }
    found, sets = [], right.observations
    for name, (by_em, each) in answers.items():
        rest = np.maximum(0, 1 - each.sum(axis=1, keepdims=True))
        again = rng.multinomial(sets, np.hstack([each, rest]))[:, :-1]
        low, high = np.quantile(again, [0.025, 0.975], axis=0)
        possible = (wide >= 0) & (wide <= flips)
        lost = sets * float(1 - each[:, possible].sum(axis=1).mean())
        found.append(Predicted(name, wide, sets * by_em, sets * each.mean(axis=0), low, high, lost))
    return found


def _coins(mixture: Mixture[Binomial], heads: Array, flips: int) -> Array:
    """Return the probabilities of numbers of heads, (..., m), of fields (..., K)."""
    weight, prob = mixture.weight[..., None], mixture.theta.prob[..., None]
    return (weight * binom.pmf(heads, flips, prob)).sum(axis=-2)


@styled
def replicates(coins: Sample, models: Sequence[Predicted]) -> Figure:
    """Draw the counts with what each model predicts of as many sets again.

    >>> from models import Sample
    >>> model = Predicted("Two coins", np.arange(3), *np.ones((4, 3)), lost=0.0)
    >>> replicates(Sample([0, 1, 2], 2), [model, model]).axes[0].get_xlabel()
    'heads in 2 flips'
    """
    assert coins.trials is not None
    flips, sets = int(coins.trials.max()), coins.observations
    figure = blank(4.3)
    panels = side_by_side(figure, len(models), sharey=True, sharex=True)
    for model, axes in zip(models, panels, strict=True):
        axes.bar(coins.x, coins.counts, 0.86, color=DATA)
        axes.fill_between(model.counts, model.low, model.high, **BAND)
        axes.plot(model.counts, model.mean, **POSTERIOR_LINE, marker="o", markersize=4)
        axes.plot(model.counts, model.em, **EM_LINE)
        for edge, side in ((-0.5, -BEYOND - 0.5), (flips + 0.5, flips + BEYOND + 0.5)):
            axes.axvspan(
                edge, side, facecolor="none", edgecolor=QUIET, hatch="///", alpha=0.25, lw=0
            )
        axes.set_title(f"{model.name}: {model.lost:.1f} of {sets} sets impossible")
        axes.set_xlabel(f"heads in {flips} flips")
        axes.set(xlim=(-BEYOND - 0.5, flips + BEYOND + 0.5), ylim=(0, None))
        few_ticks(axes, 8)
        axes.set_xticks(range(-BEYOND, flips + BEYOND + 1, 2))
    panels[0].set_ylabel("sets")
    entries = [
        patch({"color": DATA}, f"{sets} sets as counted"),
        line(EM_LINE, "EM"),
        line(POSTERIOR_LINE, "posterior predictive mean", "o"),
        patch(BAND, f"95% of replicates of {sets} sets"),
        patch(
            {"facecolor": "none", "edgecolor": QUIET, "hatch": "///", "alpha": 0.4}, "impossible"
        ),
    ]
    caption = "The Gaussians' numbers are rounded here. Without rounding none of them is a count."
    return framed(figure, "New sets, as predicted by both models", entries, caption)


@styled
def spikes(plain: Sample, fits: Sequence[em.Fit[Mixture[Gaussian]]], coins: float) -> Figure:
    """Draw densities with an ever narrower component, and what they do to BIC.

    fits: the widest first; coins: BIC of the right model.

    >>> from comparisons.studies.calculations.cells import spiked
    >>> from models import Sample
    >>> heads = Sample([2, 3, 4, 7, 8, 9], counts=[5, 9, 5, 6, 10, 6])
    >>> figure = spikes(heads, [spiked(heads, sd) for sd in (0.1, 0.01)], coins=180.0)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['sd 0.1', 'sd 0.01']
    """
    figure = blank(4.3)
    left, right = side_by_side(figure, 2)
    left.bar(plain.x, plain.counts / plain.observations, 0.86, color=DATA)
    least = [float(fit.mixture.theta.sd.min()) for fit in fits]
    drawn = fits[:3]
    for place, fit in enumerate(drawn):
        mean, sd = fit.mixture.theta
        near = mean[sd.argmin()] + sd.min() * np.linspace(-5, 5, 81)
        x = np.union1d(np.linspace(-0.9, plain.x.max() + 0.9, 300), near)
        left.plot(x, fit.density(x), color=EM, alpha=0.35 + 0.3 * place, lw=1.2)
        top = fit.density(near).max()
        note(left, f"sd {least[place]:g}", (near[40], top), (5, 0), fontsize=9, va="top")
    left.set(yscale="log", ylim=(1e-3, None), xlabel="heads", ylabel="share, density per head")
    cell = [bic_of_cells(fit, plain) for fit in fits]
    right.plot(least, [fit.bic for fit in fits], **EM_LINE, marker="o")
    right.plot(least, cell, color=QUIET, marker="s", lw=1.4)
    right.axhline(coins, color=colour(2), lw=1.4)
    right.set(xscale="log", xlabel="sd of the narrowest group", ylabel="BIC (lower is better)")
    right.invert_xaxis()
    entries = [
        patch({"color": DATA}, "sets as counted"),
        line(EM_LINE, "three Gaussians, by density", "o"),
        line({"color": QUIET, "linewidth": 1.4}, "three Gaussians, by probability", "s"),
        line({"color": colour(2), "linewidth": 1.4}, f"two coins, {coins:.0f}"),
    ]
    caption = minus(
        "A group at a single count becomes as narrow as it is allowed to be. Its density, and "
        "with it BIC, has no bound. The probability of a count is at most 1."
    )
    return framed(figure, "A density can be arbitrarily high", entries, caption)
