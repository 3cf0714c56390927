"""Coins: heads among a known number of flips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import betainc, betaln, xlog1py, xlogy

from models.checks import fields, no_text, positive
from models.family import Field
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["Binomial", "BinomialPrior", "unidentified"]


class Binomial(NamedTuple):
    """p(x | prob) = C(trials, x) prob^x (1 - prob)^(trials - x).

    prob: (K,) probability of heads.

    >>> Binomial([0.3, 1.2]).checked(2, 1)
    Traceback (most recent call last):
    models.refusal.Refusal: prob is [0.3, 1.2]; give probabilities from 0 to 1
    """

    prob: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A probability.

        >>> list(Binomial.layout())
        ['prob']
        """
        return {"prob": Field(low=0, high=1)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Successes out of trials.

        >>> Binomial.plain()
        ('a success rate', 'rows of successes out of trials')
        """
        return "a success rate", "rows of successes out of trials"

    @classmethod
    def takes(cls) -> Literal["heads"]:
        """Heads and trials.

        >>> Binomial.takes()
        'heads'
        """
        return "heads"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Every number of heads needs its number of flips.

        >>> from models import Sample
        >>> Binomial.observe(Sample([2, 7, 8], 10))
        """
        no_text(sample)
        if sample.trials is None:
            raise Refusal("trials are missing; give Sample(heads, trials)")

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> BinomialPrior:
        """Return the uniform prior, Beta(1, 1).

        >>> from models import Sample
        >>> sample = Sample([2, 7, 8], 10)
        >>> Binomial.weak_prior(sample, 2)
        BinomialPrior(heads=0.0, tails=0.0)
        """
        return BinomialPrior(heads=0.0, tails=0.0)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, BinomialPrior]]:
        """Return Laplace's prior as the posterior mean has it: one head and one tail more.

        >>> from models import Sample
        >>> sample = Sample([2, 7, 8], 10)
        >>> len(Binomial.common_priors(sample, 2))
        1
        """
        return {"one head and one tail more (add-one smoothing)": (0.0, BinomialPrior(1.0, 1.0))}

    @classmethod
    def draw_prior(
        cls, prior: BinomialPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw coins from Beta(heads + 1, tails + 1).

        >>> from models import Sample
        >>> sample = Sample([2, 7, 8], 10)
        >>> prior = Binomial.weak_prior(sample, 2)
        >>> Binomial.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        return cls(rng.beta(prior.heads + 1, prior.tails + 1, size))

    def checked(self, k: int, d: int) -> Self:
        """Probabilities lie from 0 to 1.

        >>> two = Binomial(np.array([0.2, 0.7]))
        >>> two.checked(2, 1)._fields
        ('prob',)
        """
        (prob,) = fields(self, {"prob": (k,)})
        if (prob < 0).any() or (prob > 1).any():
            raise Refusal(f"prob is {prob.tolist()}; give probabilities from 0 to 1")
        return type(self)(prob)

    def order(self) -> Labels:
        """By probability of heads.

        >>> two = Binomial(np.array([0.2, 0.7]))
        >>> two.order()
        array([0, 1])
        """
        return np.argsort(self.prob, kind="stable")

    def affine(self, scale: Array, shift: Array) -> Self:
        """Counts have no unit to change.

        >>> two = Binomial(np.array([0.2, 0.7]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([0.2, 0.7])
        """
        return self

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a number of heads from the component that each label names.

        >>> two = Binomial(np.array([0.2, 0.7]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), np.full(3, 10.0)).round(2)
        array([2., 5., 9.])
        """
        if trials is None:
            raise Refusal("trials are missing; simulate(mixture, n, rng, trials=10)")
        return rng.binomial(trials.astype(np.int64), self.prob[labels]).astype(np.float64)

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """log C(trials, x) + x log prob + (trials - x) log (1 - prob).

        >>> two = Binomial(np.array([0.2, 0.7]))
        >>> two.log_mass(np.array([3.0]), np.array([10.0])).round(2).tolist()
        [[-1.6], [-4.71]]
        """
        assert trials is not None
        prob, ways = self.prob[:, None], -betaln(x + 1, trials - x + 1) - np.log1p(trials)
        found: Array = ways + xlogy(x, prob) + xlog1py(trials - x, -prob)
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """P(X <= c) is the incomplete beta function at (trials - c, c + 1, 1 - prob).

        >>> two = Binomial(np.array([0.2, 0.7]))
        >>> flips = np.array([10.0])
        >>> two.cumulative(np.array([3.0]), np.array([[3.0]]), flips)[0].round(2).tolist()
        [[[[0.88]], [[0.01]]]]
        """
        if trials is None:
            raise Refusal("trials are missing; give Sample(heads, trials)")
        highest, prob = np.clip(np.floor(ends), -1, trials), self.prob[:, None, None]
        inside = np.clip(highest, 0, trials - 1)
        below = betainc(trials - inside, inside + 1, 1 - prob)
        below = np.where(highest < 0, 0.0, np.where(highest >= trials, 1.0, below))
        return below[None], np.zeros((1, len(self.prob), len(x)))


class BinomialPrior(NamedTuple):
    """Beta(heads + 1, tails + 1): a prior written as flips not seen.

    heads, tails: the number of each, from 0 up.

    >>> prior, rng = BinomialPrior(heads=7, tails=1), np.random.default_rng(1)
    >>> Binomial.draw_prior(prior, (10_000, 1), rng).prob.mean().round(2)
    np.float64(0.8)
    """

    heads: float
    tails: float

    def checked(self, sample: Observations) -> Self:
        """Neither number of flips is negative.

        >>> from models import Sample
        >>> sample = Sample([2, 7, 8], 10)
        >>> prior = Binomial.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        return type(self)(*positive(self, "heads", "tails", zero=True))

    def affine(self, scale: Array, shift: Array) -> Self:
        """Counts have no unit to change.

        >>> from models import Sample
        >>> sample = Sample([2, 7, 8], 10)
        >>> prior = Binomial.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0]), np.array([1.0]))
        BinomialPrior(heads=0.0, tails=0.0)
        """
        return self

    def widened(self, factor: float) -> Self:
        """Beta((heads + 1) / factor, (tails + 1) / factor).

        >>> from models import Sample
        >>> sample = Sample([2, 7, 8], 10)
        >>> prior = Binomial.weak_prior(sample, 2)
        >>> prior.widened(2.0)
        BinomialPrior(heads=-0.5, tails=-0.5)
        """
        return type(self)((self.heads + 1) / factor - 1, (self.tails + 1) / factor - 1)


def unidentified(
    family: object, sample: Observations, k: int, *, equal: bool, names: Sequence[str] = ()
) -> str:
    """Return why rows in no order do not identify k coins; empty if they do.

    Heads among n trials determine n moments of the coins' distribution, and no more. K coins and
    their shares follow from 2 K - 1 moments (Teicher 1961; Blischke 1964); with equal shares K
    power sums determine the K coins. If numbers of trials differ, the largest decides: it
    determines every moment that the others do. That is what many sets identify. A few sets of many
    trials identify it with little precision, which standard errors then show.

    equal: whether all shares are held at 1 / K.

    >>> from models import Sample
    >>> unidentified(Binomial, Sample([0, 2], trials=2), 2, equal=False)[:40]
    'sets of 2 trials do not identify 2 coins'
    >>> unidentified(Binomial, Sample([0, 2], trials=[2, 3]), 2, equal=False)
    ''
    """
    assert sample.trials is not None
    most, least = int(sample.trials.max()), k if equal else 2 * k - 1
    if most >= least:
        return ""
    held, rule = (" of equal shares", "K") if equal else ("", "2 K - 1")
    fewer = most if equal else (most + 1) // 2
    return (
        f"sets of {most} trial{'s' * (most > 1)} do not identify {k} coins{held}: at least {least} "
        f"trials are needed ({rule}, Blischke 1964); give sets of more trials, or at most {fewer} "
        f"component{'s' * (fewer > 1)}"
    )
