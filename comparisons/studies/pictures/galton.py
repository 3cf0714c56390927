"""People of two sexes: their heights, both groups as fitted, and who is put into the wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.pictures.style import (
    BAND,
    EM_LINE,
    POSTERIOR_LINE,
    QUIET,
    TRUTH_LINE,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    note,
    patch,
    styled,
)
from comparisons.studies.calculations.boundary import both, joint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from comparisons.kept.facts import Facts
    from models import Gaussian, Mixture
    from models.arrays import Array

type Bools = NDArray[np.bool_]

__all__ = ["Rule", "sexes"]

BINS = np.arange(55.5, 81, 1.0)  # inches; whole ones are the middles
SEXES = ("women", "men")


class Rule(NamedTuple):
    """A way to separate men from women by height.

    man: (n,) whom it calls men; height: from where on.
    unsure: the share of people that it expects to get wrong, if it has an opinion.
    within: the 95% interval of the height, if it has one.

    >>> Rule("taller than 66.5 inches", np.array([False, True]), 66.5).within
    (None, None)
    """

    name: str
    man: Bools
    height: float
    unsure: float | None = None
    within: tuple[float | None, float | None] = (None, None)


@styled
def sexes(
    height: Array, man: Bools, truth: Mixture[Gaussian], facts: Facts, rules: list[Rule]
) -> Figure:
    """Draw each sex with its group as it is and as it was found, and who is misplaced.

    height, man: (n,); rules: the best threshold first, then the true Gaussians, EM, the posterior.

    >>> from types import SimpleNamespace
    >>> from comparisons.studies.galton import rules, truth_of
    >>> from models.structure import fields_of
    >>> height, man = np.array([60.0, 62, 70, 72]), np.array([False, False, True, True])
    >>> truth = truth_of(height, man)
    >>> draws = {name: np.tile(field, (9, 1)) for name, field in fields_of(truth).items()}
    >>> facts = SimpleNamespace(fields=fields_of(truth), draws=draws)
    >>> figure = sexes(height, man, truth, facts, rules(height, man, facts))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['women per inch', 'men per inch']
    """
    best, _, em, posterior = rules
    figure = blank(6.0)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    x = np.linspace(BINS[0], BINS[-1], 300)
    curves = [len(height) * np.diff(BINS)[0] * joint(one, x) for one in (*both(facts), truth)]
    for sex, axes in enumerate(panels):
        of_sex = man == bool(sex)
        right, wrong = height[of_sex & (em.man == man)], height[of_sex & (em.man != man)]
        shades = [f"{colour(sex)}66", colour(sex)]
        axes.hist([right, wrong], BINS, stacked=True, color=shades, edgecolor="white", lw=0.4)
        found, band, true = (one[sex] for one in curves)
        axes.fill_between(x, *np.quantile(band, [0.025, 0.975], axis=0), **BAND, zorder=0)
        axes.plot(x, true, **TRUTH_LINE)
        axes.plot(x, found, **EM_LINE)
        axes.axvline(em.height, **EM_LINE)
        axes.axvline(best.height, **TRUTH_LINE)
        told = f"{of_sex.sum()} {SEXES[sex]},\n{len(wrong)} of them called {SEXES[1 - sex]}"
        place = {"xycoords": "axes fraction", "va": "top", "ha": "left" if sex else "right"}
        axes.annotate(
            told, (0.01 if sex else 0.99, 0.95), **place, color=colour(sex), weight="bold"
        )
        axes.set_ylabel(f"{SEXES[sex]} per inch")
        few_ticks(axes, 10)
    _threshold(panels[0], em, posterior)
    panels[1].set(xlabel="height in inches", xlim=(BINS[0], BINS[-1]))
    entries = [
        patch({"color": QUIET, "alpha": 0.4, "linewidth": 0}, "in the right group"),
        patch({"color": QUIET}, "in the wrong group, by EM"),
        line(TRUTH_LINE, "truth, and best threshold"),
        line(EM_LINE, "EM, sex hidden"),
        patch(BAND, "posterior, 95%"),
    ]
    missed = [int((rule.man != man).sum()) for rule in rules]
    caption = (
        "The groups were found in the heights alone; sex was looked up afterwards. "
        f"EM misassigns {missed[2]} of {len(man)}, the best threshold {missed[0]}."
    )
    return framed(figure, "Two groups found in heights alone", entries, caption)


def _threshold(axes: Axes, em: Rule, posterior: Rule) -> None:
    """Mark above the bars from where on people are called men, and within what interval."""
    top = axes.get_ylim()[1]
    axes.set_ylim(0, 1.22 * top)
    low, high = posterior.within
    assert low is not None
    assert high is not None
    axes.plot([low, high], [1.08 * top] * 2, **POSTERIOR_LINE | {"linewidth": 5, "alpha": 0.5})
    told = f"called men from {em.height:.1f} on\n(95%: {low:.1f} to {high:.1f})"
    note(axes, told, (low, 1.08 * top), (-8, 0), ha="right", va="center", fontsize=9)
