"""What `fit` returns: the estimate and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.data.blocks import rows_of
from em.emission import emission_of
from em.mixture import logits, responsibilities
from models import Mixture, Sample
from models.family import Theta, entries, first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

    from em.data.standardise import Units
    from models.arrays import Array, Labels

__all__ = ["Fit", "Optimum", "Step"]


ACROSS = 5  # components side by side in print


def _cell(value: float, error: float) -> str:
    """Return the value, as many digits as its error of two digits makes sense of, and the error."""
    if not 0 < error < np.inf or value == 0:
        return f"{value:.6g} ({error:.2g})"
    digits = int(np.floor(np.log10(abs(value))) - np.floor(np.log10(error))) + 2
    return f"{value:.{max(digits, 2)}g} ({error:.2g})"


class Step[T: Theta](NamedTuple):
    """What an observer sees after each step.

    start: which of the starts, from 0.
    step: how many steps it has taken.
    mixture: where it is, in the data's units, labels in the order of the start.
    objective: the height there.
    """

    start: int
    step: int
    mixture: Mixture[T]
    objective: float


class Optimum[T: Theta](NamedTuple):
    """A distinct place where climbs ended.

    log_likelihood: there; of hard EM, the classification log-likelihood.
    starts: how many starts reached it.
    spike: whether a component is narrow by accident, so that it is no estimate.
    empty: whether a component holds less than half an observation.
    converged: whether the climb was over.
    """

    mixture: Mixture[T]
    log_likelihood: float
    starts: int
    spike: bool
    empty: bool
    converged: bool


@dataclass(frozen=True, eq=False, repr=False)
class Fit[T: Theta]:
    """A mixture fitted by EM, and what is known about it.

    mixture: the best optimum that is not a spike, labels in order.
    log_likelihood: there; of hard EM, the classification log-likelihood.
    trace: (steps + 1,) the objective from the start to there, falling by rounding at most. With a
        prior, the log prior density (without its constant) is part of it.
    steps, evaluations: of the climb that ended there: steps taken, E-steps computed.
    converged: whether the tolerance was met.
    standard_errors: a Mixture of errors; NaN where a note says why.
    information: (p, p) observed information in `coordinates`, or None where a note says why.
    coordinates: (p,) names of the free parameters, such as mean[0] or cov[1,0,2].
    decrement: Newton decrement, the distance to the maximum in standard errors.
    missing: largest fraction of information missing, the rate at which plain EM converges.
    optima: every distinct optimum found, best first, spikes last.
    starts: how many starts there were.
    floor: least width that a component may take, (d,) in the data's units.
    notes: what a reader of the estimate has to know, in sentences.
    family, observations: what was fitted, to how many observations.
    units, inside: those in which EM worked, and the mixture in them, without their rounding.
    entropy: sum over observations of -sum_k r_k log r_k, none under hard EM.
    """

    family: type[T]
    mixture: Mixture[T]
    log_likelihood: float
    trace: Array
    steps: int
    evaluations: int
    converged: bool
    standard_errors: Mixture[T]
    information: Array | None
    coordinates: tuple[str, ...]
    decrement: float
    missing: float
    optima: tuple[Optimum[T], ...]
    starts: int
    floor: Array
    notes: tuple[str, ...]
    observations: int
    units: Units
    inside: Mixture[T]
    entropy: float

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 p: lower is better (Akaike 1974)."""
        return -2 * self.log_likelihood + 2 * len(self.coordinates)

    @property
    def bic(self) -> float:
        """-2 log-likelihood + p log n: lower is better (Schwarz 1978)."""
        return -2 * self.log_likelihood + len(self.coordinates) * float(np.log(self.observations))

    @property
    def icl(self) -> float:
        """BIC + 2 entropy of the memberships: lower is better (Biernacki et al. 2000).

        Under hard EM memberships have no entropy, and BIC, of the classification likelihood, is it.
        """
        return self.bic + 2 * self.entropy

    def responsibilities(self, sample: Sample) -> Array:
        """Return (n, K) probabilities of the components for each row as it was given.

        With counts, a row that was given once has one line, however often it occurred.
        """
        if len(self.mixture.weight) == 1:
            return np.ones((len(sample.inverse), 1))
        parts = []
        for _, shares in self._blocks(sample):
            responsibilities(shares, None, hard=False)
            parts.append(shares.T)
        return sample.expand(np.concatenate(parts))

    def assign(self, sample: Sample) -> Labels:
        """Return (n,) the likeliest component of each row as it was given, once a row."""
        if len(self.mixture.weight) == 1:
            return np.zeros(len(sample.inverse), np.intp)
        parts = [heights.argmax(axis=0) for _, heights in self._blocks(sample)]
        return sample.expand(np.concatenate(parts))

    def density(self, x: ArrayLike | Sample, trials: ArrayLike | None = None) -> Array:
        """Return (n,) density (probability, for counts) of the mixture at each x.

        x: a Sample, or what makes one; a single number is a column of one.
        """
        return np.exp(self.log_density(x, trials))

    def log_density(self, x: ArrayLike | Sample, trials: ArrayLike | None = None) -> Array:
        """Return (n,) log density (log probability, for counts) of the mixture at each x."""
        sample = x if isinstance(x, Sample) else Sample(np.atleast_1d(np.asarray(x)), trials)
        if np.isposinf(self.log_likelihood):
            raise ValueError("the estimate is degenerate: it has no density")
        parts = []
        for base, heights in self._blocks(sample):
            parts.append(np.logaddexp.reduce(heights, axis=0) + base)
        return sample.expand(np.concatenate(parts))

    def _blocks(self, sample: Sample) -> Iterator[tuple[Array, Array]]:
        """Yield log h (B,) and log weight + log p less log h, (K, B), of the distinct rows."""
        if not isinstance(sample, Sample):
            raise ValueError(f"sample is a {type(sample).__name__}; give Sample(x)")
        self.family.observe(sample)
        d = np.shape(first(self.mixture.theta))[-1] if sample.table else 1
        if sample.dimension != d:
            raise ValueError(f"x has {sample.dimension} columns, the fit {d}; give the same ones")
        emission = emission_of(self.family)
        # the fit's units: those of a few new rows may be out of all proportion
        rows = rows_of(sample, emission, len(self.mixture.weight), self.units)
        log_volume = self.units.log_volume
        for index in range(rows.blocks):
            block = rows.block(index)
            yield (
                emission.base(block.x, block.trials) - log_volume,
                logits(emission, block, self.inside),
            )

    def __str__(self) -> str:
        """Return the estimates with their standard errors, and the notes, as a table."""
        k = len(self.mixture.weight)
        values = {"weight": self.mixture.weight, **entries(self.mixture.theta)}
        errors = {"weight": self.standard_errors.weight, **entries(self.standard_errors.theta)}
        free = emission_of(self.family).coordinates(self.mixture.theta)
        title = f"{self.family.__name__}, {k} component{'s' * (k > 1)}"
        lines = [f"{title}, {self.observations:,} observation{'s' * (self.observations > 1)}"]
        every = (slice(None),)
        for begin in range(0, k, ACROSS):
            block = range(begin, min(begin + ACROSS, k))
            if k > ACROSS:
                lines.append(f"  {'component':<9}" + "".join(f"  {one:>20}" for one in block))
            for name, place, _ in [("weight", (), False), *free]:
                label = name + (f"[{','.join(map(str, place))}]" if place else "")
                value, error = values[name][every + place], errors[name][every + place]
                cells = [_cell(value[one], error[one]) for one in block]
                lines.append(f"  {label:<9}" + "".join(f"  {cell:>20}" for cell in cells))
        lines.append(
            f"log-likelihood {self.log_likelihood:.6f}, BIC {self.bic:.2f}, "
            f"{'converged' if self.converged else 'NOT CONVERGED'} in {self.steps} steps; "
            f"{self.starts} start{'s' * (self.starts > 1)}, "
            f"{len(self.optima)} distinct optim{'a' if len(self.optima) > 1 else 'um'}"
        )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__
