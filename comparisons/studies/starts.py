"""Does an extreme start still find the answer? A map of starts to where they lead.

The lecture starts with 0.01% men, men of 1 cm and women of 10 m, and asks whether EM still finds
both groups. What it leaves open is the width: groups too narrow to reach the data lose everybody
in one step. On few heights the start decides between ends, and the posterior weighs all of them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from comparisons.comparison import second_opinion
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.studies import tell_file
from comparisons.studies.calculations import ends
from comparisons.studies.heights import TRUTH, volunteers
from comparisons.studies.pictures import starts as drawn
from em import Fit, fit
from em.climb.search import SAME_HEIGHT
from models import Gaussian, Mixture, weak_prior

if TYPE_CHECKING:
    from comparisons.studies import Setting

__all__ = ["FEW", "GRID", "MANY", "NARROW", "START", "WIDTHS", "extreme", "tell"]

START = (0.0001, 1.0, 1000.0)  # the men's share, their mean and the women's, in centimetres
WIDTHS = (1.0, 10.0, 100.0, 1000.0)  # the lecture names none
MANY, FEW = 10_000, 200
GRID, NARROW = np.arange(120.0, 222.0, 3.0), 1.0  # both first means, and their sd, on the map
SHOWN, ROUNDING = 8, 1e-9  # ends in a table; of sums of shares


def tell(setting: Setting) -> Story:
    """Follow the extreme start, map all others, and ask the posterior."""
    many, few = (volunteers(n, np.random.default_rng(setting.seed)) for n in (MANY, FEW))
    usual: Fit[Mixture[Gaussian]] = fit(Gaussian, many, 2, seed=setting.seed)
    climb = partial(ends.followed, many, usual.log_likelihood)
    paths = [climb(extreme(sd), accelerate=fast) for sd in WIDTHS for fast in (False, True)]
    ask = partial(second_opinion, Gaussian, few, 2, truth=TRUTH)
    comparison = ask(seed=setting.seed, progress=setting.progress)
    comparison.name_columns(["height in cm"])
    priors = (None, weak_prior(Gaussian, few, 2))
    plain, weighed = (ends.atlas(partial(ends.em_end, few, p, NARROW), GRID) for p in priors)
    centres = ends.atlas(partial(ends.kmeans_end, few), GRID)
    height, share = comparison.modes
    away = np.abs(np.array([end.height for end in weighed.ends])[:, None] - height)
    near = away.min(axis=0) <= SAME_HEIGHT
    draws = np.bincount(away.argmin(axis=0)[near], share[near], len(away))
    steps = (
        journeys(paths, usual),
        led(f"EM on {FEW} heights, from {GRID.size**2:,} pairs of means", plain),
        led("EM with the posterior's prior, and the draws around each end", weighed, draws),
        partitions(centres),
    )
    pictures = drawn.pictures(paths, GRID, (plain, weighed, centres), comparison)
    return Story(steps, learned(paths, plain, share), pictures, comparison)


def extreme(sd: float) -> Mixture[Gaussian]:
    """Return 0.01% men of 1 cm, the others women of 10 m, both with this sd.

    >>> extreme(10.0).theta.mean.tolist()
    [1.0, 1000.0]
    """
    share, *means = START
    return Mixture(np.array([share, 1 - share]), Gaussian(np.array(means), np.array([sd, sd])))


def journeys(paths: list[ends.Path], usual: Fit[Mixture[Gaussian]]) -> Steps:
    """Return where the lecture's start leads, for each first width, and where usual ones do."""
    rows = []
    for slow, fast in zip(paths[::2], paths[1::2], strict=True):
        means = (None, None) if slow.name == ends.EMPTY else slow.means[-1]
        women = slow.weights[1, 1] * MANY
        rows.append((f"{slow.sd:,g} cm", women, slow.name, slow.steps, *means, fast.name))
    best = usual.optima[0]
    reached = f"{ends.BEST} ({best.starts} of {usual.starts})"
    rows.append(("usual starts", None, None, None, *best.mixture.theta.mean, reached))
    heads = (
        "first sd",
        "women then",
        "EM ends on",
        "steps",
        '"men"',
        '"women"',
        "accelerated",
    )
    columns = dict(zip(heads, ("", ".4g", "", ",d", ".1f", ".1f", ""), strict=True))
    title = f"{MANY:,} heights from {START[0]:.2%} men, men {START[1]:g} cm, women {START[2]:,g} cm"
    return Steps(title, columns, rows)


def led(title: str, found: ends.Atlas, draws: np.ndarray | None = None) -> Steps:
    """Return the ends to which most starts lead, by kind, with the posterior's draws about them."""
    rows, most = [], sorted(range(len(found.ends)), key=found.share, reverse=True)[:SHOWN]
    for place in sorted(most):
        end, own = found.ends[place], [] if draws is None else [draws[place]]
        rows.append([end.name, end.height, *end.groups(FEW), found.share(place), *own])
    left = 1 - np.sum([row[4:] for row in rows], axis=0)
    if (left > ROUNDING).any():
        rows.append(["others", None, None, None, *left])
    height = "log-likelihood" if draws is None else "log posterior"
    heads = ("end", height, "shorter: mean ± sd", "taller: mean ± sd", "of starts", "of draws")
    forms = ("", ".3f", "", "", ".1%", ".0%")
    return Steps(title, dict(zip(heads[: len(rows[0])], forms, strict=False)), rows)


def partitions(found: ends.Atlas) -> Steps:
    """Return where K-means ends; what follows on an empty cluster is for a program to choose."""
    rows = []
    for place, end in enumerate(found.ends):
        known = (None,) * 3 if end.name == ends.EMPTY else (-end.height, *end.mean)
        rows.append((end.name, *known, found.share(place)))
    forms = {"end": "", "squares": ".2f", "centre": ".2f", "other": ".2f", "of starts": ".1%"}
    return Steps("K-means from the same means: sum of squares within groups", forms, rows)


def learned(paths: list[ends.Path], plain: ends.Atlas, modes: np.ndarray) -> str:
    """Say what starts decide."""
    slow, fast = paths[::2], paths[1::2]
    found = ", ".join(f"{path.sd:,g} cm" for path in slow if path.name == ends.BEST) or "none"
    lost = ", ".join(f"{path.sd:,g} cm" for path in slow if path.name != ends.BEST) or "none"
    other = [b for a, b in zip(slow, fast, strict=True) if a.name != b.name]
    but = ", ".join(f"from {path.sd:,g} cm on a {path.name}" for path in other)
    return (
        f"From the lecture's start plain EM finds both groups with these first sds: {found}. It "
        f"fails with these: {lost}. {f'Accelerated, it ends {but}. ' * bool(but)}On {FEW} heights "
        f"there are {len(plain.ends)} ends, and {(plain.kinds() == 0).mean():.0%} of the starts "
        f"reach the best; the posterior has {len(modes)} modes; the largest has {modes.max():.0%} "
        "of the draws."
    )


if __name__ == "__main__":
    tell_file(__file__)
