"""Which pixels of a photograph are foreground, by their intensities and by their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import em
from comparisons.studies.calculations.boundary import both, chance, each_chance, interval
from comparisons.studies.calculations.photograph import cell_of
from models import Mixture, MultivariateGaussian, Sample

if TYPE_CHECKING:
    from comparisons.comparison import Comparison
    from comparisons.studies.calculations.photograph import Photograph
    from models.arrays import Array

__all__ = ["LEVELS", "Mask", "by_colour", "by_intensity", "foreground"]

LEVELS = np.arange(256.0)


class Mask(NamedTuple):
    """What belongs to the foreground.

    by: what separated it, intensity or colour.
    chance: (h, w) of foreground, of every pixel that is shown.
    area: share of all pixels that are likelier foreground.
    group: the component that is the foreground.
    held: its shares of the middle and of the edge.
    share: its weight in the mixture, and the standard error.
    within: the area's 95% interval, if it has one.

    >>> Mask("colour", np.ones((2, 2)), 0.3, 1, (0.8, 0.1), (0.3, 0.01)).within
    (None, None)
    """

    by: str
    chance: Array
    area: float
    group: int
    held: tuple[float, float]
    share: tuple[float, float]
    within: tuple[float | None, float | None] = (None, None)


def foreground(likely: Array) -> tuple[int, float, float]:
    """Return which component is the foreground, and its shares of middle and edge.

    It has a larger share of the middle (half as wide, half as high) than of the edge (a
    tenth along every side). likely: (h, w) chances of the second component.

    >>> foreground(np.ones((4, 4)))
    (1, 1.0, 1.0)
    """
    rows, columns = (np.abs((np.arange(n) + 0.5) / n - 0.5) for n in likely.shape)
    far = np.maximum(rows[:, None], columns)
    middle = float(likely[far <= max(0.25, far.min())].mean())
    edge = float(likely[far >= min(0.4, far.max())].mean())
    return (1, middle, edge) if middle >= edge else (0, 1 - middle, 1 - edge)


def by_intensity(photo: Photograph, comparison: Comparison) -> Mask:
    """Return the mask of two Gaussians by the posterior, its area with an interval.

    The posterior's rather than EM's: where one intensity fills much of a picture, that group is a
    spike, which EM has to set aside.

    >>> from types import SimpleNamespace
    >>> import pandas as pd
    >>> from matplotlib.cbook import get_sample_data
    >>> from comparisons.studies.calculations.photograph import read_photograph
    >>> photo = read_photograph(get_sample_data("grace_hopper.jpg", asfileobj=False))
    >>> mean = np.array([50.0, 150.0])
    >>> fields = {"weight": np.full(2, 0.5), "mean": mean, "sd": np.full(2, 30.0)}
    >>> draws = {name: np.tile(field, (9, 1)) for name, field in fields.items()}
    >>> frame = pd.DataFrame({"mle": 0.5, "se": 0.01}, index=["weight[0]", "weight[1]"])
    >>> known = SimpleNamespace(fields=fields, draws=draws, to_frame=lambda: frame)
    >>> mask = by_intensity(photo, known)
    >>> mask.chance.shape == photo.grey.shape, mask.share
    (True, (0.5, 0.01))
    """
    draws, share = both(comparison)[1], photo.counts / photo.pixels
    likely = chance(draws, LEVELS)
    which, middle, edge = foreground(likely[photo.grey])
    within: tuple[float | None, float | None] = interval(
        ((each_chance(draws, LEVELS) > 0.5) == which) @ share
    )
    area = float(share @ ((likely > 0.5) == which))
    if within[0] == within[1]:  # no draw moves the threshold past an intensity
        within = (None, None)
    row = comparison.to_frame().loc[f"weight[{which}]"]
    seen = likely[photo.grey] if which else 1 - likely[photo.grey]
    told = (float(row["mle"]), float(row["se"]))
    return Mask("intensity", seen, area, which, (middle, edge), told, within)


def by_colour(photo: Photograph, seed: int) -> Mask:
    """Return the mask of two Gaussians in red, green and blue, fitted by EM alone.

    >>> from PIL import Image
    >>> from comparisons.studies.calculations.photograph import read_photograph
    >>> pixels = np.random.default_rng(0).normal(60, 9, (24, 24, 3))
    >>> pixels[6:18, 6:18] += 120
    >>> Image.fromarray(pixels.astype(np.uint8)).save("square.png")

    >>> round(by_colour(read_photograph("square.png"), seed=0).area, 2)  # of the picture
    0.25
    """
    colours = Sample(photo.colours, counts=photo.colour_counts)
    fit: em.Fit[Mixture[MultivariateGaussian]]
    fit = em.fit(MultivariateGaussian, colours, 2, seed=seed)
    likely = fit.responsibilities(colours)[:, 1]
    cells = cell_of(photo.colours.astype(np.uint8))
    shown = likely[np.searchsorted(cells, cell_of(photo.shown))]
    which, middle, edge = foreground(shown)
    area = float(photo.colour_counts @ ((likely > 0.5) == which)) / photo.pixels
    told = (float(fit.mixture.weight[which]), float(fit.standard_errors.weight[which]))
    return Mask("colour", shown if which else 1 - shown, area, which, (middle, edge), told)
