"""The pictures of a comparison: which there are, in reading order, and what they show in words."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.kept.largest import groups_shown
from comparisons.pictures.columns import columns, farthest, no_columns
from comparisons.pictures.data import (
    data,
    memberships,
    moved,
    no_data,
    no_memberships,
    no_plane,
    plane,
)
from comparisons.pictures.groups import (
    GROUPS,
    categories,
    cells,
    in_groups,
    mixed,
    no_categories,
    no_cells,
    no_shares,
    open_ends,
    shares,
)
from comparisons.pictures.likelihood import (
    ascent,
    beating,
    deviance,
    no_ascent,
    no_deviance,
    reached,
)
from comparisons.pictures.misfit import misfit, no_misfit
from comparisons.pictures.parameters import no_pairs, paired, pairs, posterior
from comparisons.pictures.series import dwell, no_residuals, no_series, residuals, series
from comparisons.pictures.style import as_given, em_name, number, room, several, svg

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts

__all__ = [
    "Picture",
    "ascent",
    "categories",
    "cells",
    "columns",
    "data",
    "deviance",
    "dwell",
    "memberships",
    "pairs",
    "pictures_of",
    "plane",
    "posterior",
    "residuals",
    "series",
    "shares",
    "svg",
]

SAID = 4  # components in the words of a picture


class Picture(NamedTuple):
    """A picture that can be drawn.

    name: of its file.
    title: a short heading.
    alt: what it shows, in words and numbers.

    >>> from comparisons.pictures.style import blank
    >>> Picture("empty", "Nothing", "An empty picture.", lambda: blank(3.0)).figure().axes
    []
    """

    name: str
    title: str
    alt: str
    figure: Callable[[], Figure]

    def drawn_once(self) -> Picture:
        """Return the picture so that it keeps its figure, one for each width.

        >>> from comparisons.pictures.style import blank
        >>> picture = Picture("empty", "Nothing", "Empty.", lambda: blank(3.0)).drawn_once()
        >>> picture.figure() is picture.figure()
        True
        """
        kept = cache(lambda _: self.figure())
        return self._replace(figure=lambda: kept(room()))


class Kind(NamedTuple):
    """A kind of picture: why it cannot be drawn (nothing if it can), and its words."""

    title: str
    draw: Callable[[Facts], Figure]
    refusal: Callable[[Facts], str]
    alt: Callable[[Facts], str]


def pictures_of(facts: Facts) -> list[Picture]:
    """Return the pictures that apply to a comparison, in reading order.

    >>> [picture.name for picture in pictures_of(comparison)]
    ['data', 'misfit', 'posterior', 'memberships', 'deviance', 'ascent', 'pairs']
    """
    return [
        Picture(name, kind.title, kind.alt(facts), partial(kind.draw, facts))
        for name, kind in KINDS.items()
        if not kind.refusal(facts)
    ]


def _data(facts: Facts) -> str:
    x, named = facts.rows.x, facts.categories
    kinds = f"from {as_given(x.min())} to {as_given(x.max())}"
    kinds = f"in {len(named):,} categories" if named else kinds
    return (
        f"Histogram of {facts.observations:,} observations {kinds}, with the density of "
        f"{em_name(facts)} and the posterior predictive density. Their Hellinger distance is "
        f"{facts.hellinger:.2g}."
    )


def _categories(facts: Facts) -> str:
    name = next(iter(facts.family.layout()))
    prob, found = facts.fields[name], []
    for component, own in enumerate(prob[:SAID]):
        at = int(own.argmax())
        found.append(f"{facts.called(component)}: {facts.categories[at]} {own[at]:.2g}")
    solutions = ""
    if (ends := open_ends(facts)) is not None:
        apart = float((ends.high[name] - ends.low[name]).max())
        solutions = f" Solutions that fit equally well differ by up to {apart:.2g}."
    return (
        f"The largest probabilities of each {facts.noun} by {em_name(facts)} and the posterior. "
        f"The largest by the estimate: {'; '.join(found)}{_and_more(facts)}.{solutions}"
    )


def _and_more(facts: Facts) -> str:
    k = facts.k
    return f" (the first {SAID} of {k} {facts.noun}s)" if k > SAID else ""


def _shares(facts: Facts) -> str:
    name, n = in_groups(facts), facts.question.data.sizes["group"]
    apart = np.abs(facts.fields[name] - facts.draws[name].mean(axis=0)).max(axis=1)
    worst = int(apart.argmax())
    shown = len(groups_shown(facts, GROUPS))
    some = f", {shown} of them shown" if shown < n else ""
    return (
        f"The components' shares of {n:,} groups{some}, by {em_name(facts)} and the posterior. "
        f"The largest difference is {apart[worst]:.2g}, in group {facts.named['group'][worst]}."
    )


def _cells(facts: Facts) -> str:
    found = mixed(facts)
    apart = np.abs(found.observed - found.em)
    return (
        f"Observed shares of {len(found.em):,} cells of the table against fitted ones; they differ "
        f"by {100 * apart.mean():.2g} percentage points on average, by {100 * apart.max():.2g} at "
        "most."
    )


def _plane(facts: Facts) -> str:
    shares = ", ".join(f"{one:.2g}" for one in facts.overall)
    return (
        f"{facts.observations:,} observations in the plane of two columns, with the "
        f"ellipses of {em_name(facts)} over those of posterior draws; shares {shares}."
    )


def _columns(facts: Facts) -> str:
    every, shown, most = facts.dimension, len(facts.marginals), farthest(facts)
    some = f"{shown} of {every}" if shown < every else str(every)
    apart = (
        ""
        if most is None
        else (
            f" The two differ most on {most.column}, by {100 * most.share:.2g}% of the probability."
        )
    )
    return (
        f"{some} columns one by one, of {facts.observations:,} observations: the data, the "
        f"distribution by {em_name(facts)}, and the posterior predictive distribution.{apart}"
    )


def _misfit(facts: Facts) -> str:
    found = facts.fitted
    assert found is not None
    return (
        f"Observed minus fitted distribution; the largest difference is {100 * found.size:.2g} "
        "percentage points."
    )


def _posterior(facts: Facts) -> str:
    rows = facts.parameters
    gap = np.nan_to_num([abs(row.numbers["gap_in_sd"]) for row in rows], posinf=0)
    worst = int(np.argmax(gap))
    what = several(len(rows), "parameter", "parameters")
    return (
        f"Posterior densities of {what} with {em_name(facts)}. The largest gap between posterior "
        f"mean and estimate is {number(gap[worst])} sd, for {rows[worst].title}."
    )


def _memberships(facts: Facts) -> str:
    both, sizes = facts.memberships, facts.question.data.sizes
    rows = "distinct rows of groups" if sizes else "distinct rows"
    return (
        f"Memberships of {len(both.x):,} {rows} by {em_name(facts)} and by the posterior; "
        f"on average they differ by {moved(both)}."
    )


def _deviance(facts: Facts) -> str:
    better, n = beating(facts)
    mean = number(facts.deviance_mean)
    return (
        f"Deviance of {n:,} draws from {em_name(facts)}: mean {mean}, expected "
        f"{facts.deviance_expected:.4g}. "
        f"{several(better, 'draw has', 'draws have') if better else 'No draw has'} a higher "
        "likelihood than the estimate."
    )


def _ascent(facts: Facts) -> str:
    steps = np.isfinite(facts.ascent.heights).sum(axis=1)
    best = int((reached(facts) == 0).sum())
    optima = several(len(facts.optima.starts), "optimum", "optima")
    return (
        f"Log-likelihood of {several(len(steps), 'climb', 'climbs')} of EM over {steps.min()} to "
        f"{steps.max()} steps; "
        f"{best} reached the best optimum of these starts, of {optima}."
    )


def _pairs(facts: Facts) -> str:
    rows = paired(facts)
    between = np.corrcoef([row.draws for row in rows])
    np.fill_diagonal(between, 0)
    one, other = np.unravel_index(np.argmax(np.abs(between)), between.shape)
    return (
        f"Posterior draws of the parameters two at a time, with standard-error ellipses. The "
        f"strongest correlation is {between[one, other]:.2f}, between {rows[one].title} and "
        f"{rows[other].title}."
    )


def _series(facts: Facts) -> str:
    states = facts.states
    assert states is not None
    shares = np.bincount(states.path, minlength=facts.k) / len(states.path)
    listed = ", ".join(
        f"{share:.0%} in {facts.called(state)}" for state, share in enumerate(shares)
    )
    return f"The series over time and its likeliest states: of {len(states.path):,} rows {listed}."


def _dwell(facts: Facts) -> str:
    states = facts.states
    assert states is not None
    found = []
    for state in range(facts.k):
        own = [length for one, length in states.stays if one == state]
        mean = f", {np.mean(own):.3g} rows on average" if own else ""
        found.append(f"{facts.called(state)}: {several(len(own), 'stretch', 'stretches')}{mean}")
    return f"How long the likeliest path stays in a state. {'; '.join(found)}."


def _residuals(facts: Facts) -> str:
    states = facts.states
    assert states is not None
    z = states.residual[0]
    return (
        f"One-step-ahead residuals against normal quantiles, and their autocorrelation; mean "
        f"{np.nanmean(z):.2g}, standard deviation {np.nanstd(z):.2g}."
    )


KINDS = {
    "series": Kind("The series and its states", series, no_series, _series),
    "data": Kind("The data and both densities", data, no_data, _data),
    "plane": Kind("The data and both fits", plane, no_plane, _plane),
    "columns": Kind("Each column and both fits", columns, no_columns, _columns),
    "categories": Kind("What each group consists of", categories, no_categories, _categories),
    "shares": Kind("The shares of groups", shares, no_shares, _shares),
    "cells": Kind("The table and the fit", cells, no_cells, _cells),
    "misfit": Kind("Does the model fit?", misfit, no_misfit, _misfit),
    "posterior": Kind("The parameters", posterior, lambda _: "", _posterior),
    "dwell": Kind("How long states last", dwell, no_series, _dwell),
    "residuals": Kind("One step ahead", residuals, no_residuals, _residuals),
    "memberships": Kind("Who belongs where", memberships, no_memberships, _memberships),
    "deviance": Kind("Estimate against draws", deviance, no_deviance, _deviance),
    "ascent": Kind("EM's climbs", ascent, no_ascent, _ascent),
    "pairs": Kind("Parameters in pairs", pairs, no_pairs, _pairs),
}
