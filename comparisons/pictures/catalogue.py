"""The pictures of a comparison: which there are, in reading order, and what they show in words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.pictures.data import (
    data,
    memberships,
    moved,
    no_data,
    no_memberships,
    no_plane,
    plane,
)
from comparisons.pictures.likelihood import (
    ascent,
    beating,
    deviance,
    no_ascent,
    no_deviance,
    reached,
)
from comparisons.pictures.parameters import no_pairs, paired, pairs, posterior
from comparisons.pictures.style import as_given, em_name, number, several, svg

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr
    from matplotlib.figure import Figure

__all__ = [
    "Picture",
    "ascent",
    "data",
    "deviance",
    "memberships",
    "pairs",
    "pictures_of",
    "plane",
    "posterior",
    "svg",
]


class Picture(NamedTuple):
    """A picture that can be drawn.

    name: of its file.
    title: a short heading.
    alt: what it shows, in words and numbers.
    """

    name: str
    title: str
    alt: str
    figure: Callable[[], Figure]


class Kind(NamedTuple):
    """A kind of picture: why it cannot be drawn (nothing if it can), and its words."""

    title: str
    draw: Callable[[xr.DataTree], Figure]
    refusal: Callable[[xr.DataTree], str]
    alt: Callable[[xr.DataTree], str]


def pictures_of(tree: xr.DataTree) -> list[Picture]:
    """Return the pictures that apply to a comparison, in reading order."""
    return [
        Picture(name, kind.title, kind.alt(tree), partial(kind.draw, tree))
        for name, kind in KINDS.items()
        if not kind.refusal(tree)
    ]


def _always(tree: xr.DataTree) -> str:
    return ""


def _data(tree: xr.DataTree) -> str:
    x = tree["constant_data"]["x"].to_numpy()
    return (
        f"Histogram of {int(tree.attrs['observations']):,} observations from {as_given(x.min())} "
        f"to {as_given(x.max())}, the density of {em_name(tree)} and the posterior predictive one, "
        f"a Hellinger distance of {float(tree.attrs['hellinger']):.2g} apart."
    )


def _plane(tree: xr.DataTree) -> str:
    shares = ", ".join(f"{share:.2g}" for share in tree["em"]["weight"].to_numpy())
    return (
        f"{int(tree.attrs['observations']):,} observations in the plane of two columns, with the "
        f"ellipses of {em_name(tree)} over those of posterior draws; shares {shares}."
    )


def _posterior(tree: xr.DataTree) -> str:
    table = tree["comparison"].to_dataset()
    gap = np.nan_to_num(np.abs(table["gap_in_sd"].to_numpy()), posinf=0)
    worst = int(np.argmax(gap))
    what = several(len(gap), "parameter", "parameters")
    return (
        f"Posterior densities of {what} with {em_name(tree)}. The posterior mean is farthest from "
        f"it at {table['parameter'].to_numpy()[worst]}, {number(gap[worst])} sd."
    )


def _memberships(tree: xr.DataTree) -> str:
    rows = tree["memberships"].sizes["row"]
    return (
        f"Memberships of {rows:,} distinct rows by {em_name(tree)} and by the posterior; on "
        f"average they differ by {moved(tree)} of a hundred."
    )


def _deviance(tree: xr.DataTree) -> str:
    better, n = beating(tree)
    mean = number(float(tree.attrs["deviance_mean"]))
    return (
        f"Deviance of {n:,} draws from {em_name(tree)}: {mean} on average, where "
        f"{int(tree.attrs['deviance_df'])} is expected; {better:,} draws are likelier than the "
        "estimate."
    )


def _ascent(tree: xr.DataTree) -> str:
    steps = np.isfinite(tree["ascent"]["height"].to_numpy()).sum(axis=1)
    best = int((reached(tree) == 0).sum())
    optima = several(tree["optima"].sizes["optimum"], "optimum", "optima")
    return (
        f"Log-likelihood of {several(len(steps), 'climb', 'climbs')} of EM over {steps.min()} to "
        f"{steps.max()} steps; "
        f"{best} reached the best of {optima}."
    )


def _pairs(tree: xr.DataTree) -> str:
    rows = paired(tree)
    between = np.corrcoef([row.draws for row in rows])
    np.fill_diagonal(between, 0)
    one, other = np.unravel_index(np.argmax(np.abs(between)), between.shape)
    return (
        f"Posterior draws of the parameters two at a time, with standard-error ellipses. The "
        f"strongest correlation is {between[one, other]:.2f}, between {rows[one].label} and "
        f"{rows[other].label}."
    )


KINDS = {
    "data": Kind("The data and both densities", data, no_data, _data),
    "plane": Kind("The data and both fits", plane, no_plane, _plane),
    "posterior": Kind("The parameters", posterior, _always, _posterior),
    "memberships": Kind("Who belongs where", memberships, no_memberships, _memberships),
    "deviance": Kind("Estimate against draws", deviance, no_deviance, _deviance),
    "ascent": Kind("EM's climbs", ascent, no_ascent, _ascent),
    "pairs": Kind("Parameters in pairs", pairs, no_pairs, _pairs),
}
