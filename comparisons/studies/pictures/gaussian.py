"""One Gaussian: why its estimated variance is too small, by how much, and what is plausible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from comparisons.pictures.style import (
    DATA,
    EM,
    EM_LINE,
    POSTERIOR_LINE,
    QUIET,
    TRUTH,
    TRUTH_LINE,
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
    from matplotlib.figure import Figure
    from scipy.stats._distn_infrastructure import rv_frozen

    from comparisons.kept.facts import Facts
    from models.arrays import Array

__all__ = ["bias", "nearest", "variance"]


@styled
def nearest(x: Array, mean: float, variance: float) -> Figure:
    """Draw the mean squared distance of heights x (n,) from every point.

    >>> nearest(np.array([165.0, 171.0, 180.0]), 170.0, 49.0).axes[0].get_ylabel()
    'mean squared distance'
    """
    own, reach = x.mean(), max(1.5 * abs(x.mean() - mean), 4.0)
    at = np.linspace(min(own, mean) - reach, max(own, mean) + reach, 401)
    curve: Look = {"color": QUIET, "linewidth": 1.6}
    figure = blank(4.4)
    axes = figure.add_subplot()
    axes.plot(at, x.var() + (at - own) ** 2, **curve)
    floor = x.var() - 0.4 * reach**2
    ceiling = max(x.var() + (np.ptp(at) / 2) ** 2, variance + 0.1 * reach**2)
    near = x[(x >= at[0]) & (x <= at[-1])]
    marks: Look = {"color": QUIET, "linestyle": "none", "markersize": 11}
    axes.plot(near, np.full(len(near), floor + 0.06 * (ceiling - floor)), "|", **marks)
    axes.plot([own, own], [floor, x.var()], **EM_LINE)
    away = x.var() + (mean - own) ** 2
    axes.plot([mean, mean], [floor, away], **TRUTH_LINE)
    axes.plot(own, x.var(), "o", color=EM, markersize=7)
    axes.plot(mean, away, "o", color=TRUTH, markersize=7)
    axes.plot([own, mean], [x.var()] * 2, color=QUIET, linewidth=0.8)
    outward = 1 if mean > own else -1
    beside = "left" if mean > own else "right"
    side: Look = {"textcoords": "offset points", "va": "center", "ha": beside}
    axes.annotate(f"{x.var():.1f}", (own, x.var()), (0, 12), **(side | {"ha": "center"}))
    gap = f"{away:.1f}, more by ({own:.2f} \N{MINUS SIGN} {mean:.0f})² = {away - x.var():.1f}"
    axes.annotate(gap, (mean, away), (12 * outward, -6), **side)
    axes.set(xlim=(at[0], at[-1]), ylim=(floor, ceiling))
    axes.set(xlabel="point from which distances are taken, in cm", ylabel="mean squared distance")
    few_ticks(axes, 8)
    entries = [
        line(curve, "of the heights from any point"),
        line(marks, "heights", "|"),
        line(EM_LINE, f"from their own mean, {own:.1f}: EM's variance", "o"),
        line(TRUTH_LINE, f"from the true mean, {mean:.0f}", "o"),
    ]
    caption = (
        f"{len(x) - len(near)} of the {len(x)} heights lie outside the frame. Their own mean is "
        f"the point nearest to them, whatever the true mean is (here {mean:.0f}; variance "
        f"{variance:.0f})."
    )
    return framed(figure, "Why too small? Heights lie nearest to their own mean", entries, caption)


@styled
def bias(samples: dict[int, Array], truth: float) -> Figure:
    """Draw the estimates of the variance from many samples of n people, by n.

    >>> [axes.get_xlabel() for axes in bias({2: np.array([20.0, 30.0]), 5: np.ones(2)}, 49.0).axes]
    ['2 people', '5 people']
    """
    figure = blank(3.9)
    panels = side_by_side(figure, len(samples), sharex=True)
    edges = np.linspace(0, 3 * truth, 46).tolist()
    for axes, (n, found) in zip(panels, samples.items(), strict=True):
        axes.hist(found, edges, weights=np.full(len(found), 1 / len(found)), color=DATA)
        axes.axvline(truth, **TRUTH_LINE)
        axes.axvline(found.mean(), **EM_LINE)
        axes.set(xlim=(0, 3 * truth), yticks=[], xlabel=f"{n} people")
        axes.spines["left"].set_visible(False)
        axes.text(
            0.98,
            0.9,
            f"average {found.mean():.1f}\n= {found.mean() / truth:.3f} of {truth:.0f}",
            ha="right",
            va="top",
            transform=axes.transAxes,
        )
    for axes in panels:
        axes.tick_params(labelsize=9, color=QUIET)
    entries = [
        patch({"color": DATA}, f"estimates from {len(next(iter(samples.values()))):,} samples"),
        line(EM_LINE, "their average"),
        line(TRUTH_LINE, f"true variance, {truth:.0f}"),
    ]
    parts = ", ".join(f"{n - 1}/{n}" for n in samples)
    caption = f"On average the estimate is (n - 1)/n of the truth: {parts}."
    return framed(
        figure, "The smaller the sample, the smaller its variance on average", entries, caption
    )


@styled
def variance(facts: Facts, exact: rv_frozen, truth: float) -> Figure:
    """Draw the posterior of the variance beside EM's estimate and its standard-error curve.

    >>> from types import SimpleNamespace
    >>> from comparisons.studies.gaussian import posterior as exact
    >>> fields, draws = {"sd": np.array([7.0])}, {"sd": np.linspace(4.0, 12.0, 100)}
    >>> facts = SimpleNamespace(fields=fields, draws=draws, observations=10)
    >>> variance(facts, exact(10, np.float64(49.0)), 49.0).axes[0].get_xlabel()
    'variance, in cm²'
    """
    own = float(facts.fields["sd"][0]) ** 2
    draws = facts.draws["sd"].ravel() ** 2
    n = facts.observations
    top = max(float(exact.ppf(0.985)), 1.1 * truth)
    x = np.linspace(0, top, 600)
    curve = norm(own, own * np.sqrt(2 / n))
    figure = blank(4.4)
    axes = figure.add_subplot()
    inside = draws[draws < top]
    heights, edges = np.histogram(inside, 50, (0, top))
    axes.stairs(heights / (len(draws) * np.diff(edges)), edges, fill=True, color=DATA)
    axes.plot(x[1:], exact.pdf(x[1:]), **POSTERIOR_LINE)
    axes.plot(x, curve.pdf(x), **EM_LINE)
    axes.axvline(own, **(EM_LINE | {"linewidth": 1.2}))
    axes.axvline(truth, **TRUTH_LINE)
    axes.set(xlim=(0, top), ylim=(0, None), xlabel="variance, in cm²", ylabel="density")
    few_ticks(axes, 8)
    entries = [
        line(POSTERIOR_LINE, "exact posterior"),
        patch({"color": DATA}, f"{len(draws):,} draws by PyMC"),
        line(EM_LINE, f"EM's estimate {own:.1f}, and its standard-error curve"),
        line(TRUTH_LINE, f"true variance, {truth:.0f}"),
    ]
    beyond = 1 - float(exact.cdf(top))
    caption = (
        "EM's curve is symmetric. The posterior is skewed, as a small sample excludes small "
        "variances more firmly than large ones. "
        f"{beyond:.1%} of it lies outside the frame."
    )
    return framed(figure, f"What {n} heights say of the variance", entries, caption)
