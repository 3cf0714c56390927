"""What `fit` returns: the estimate and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.emission import emission_of
from em.mixture import logits, responsibilities
from em.rows import rows_of
from models import Mixture, Sample
from models.family import Array, Labels, Theta, entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

__all__ = ["Fit", "Optimum", "Step"]


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

    log_likelihood: the objective there; with a prior its log density, less a constant, is added.
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
    trace: (steps + 1,) the objective from the start to there, never falling. With a prior, the
        log prior density (without its constant) is part of it.
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
        """BIC + 2 entropy of the memberships: lower is better (Biernacki et al. 2000)."""
        return self.bic + 2 * self.entropy

    def responsibilities(self, sample: Sample) -> Array:
        """Return (n, K) probabilities of the components for each row as it was given."""
        parts = []
        for _, shares in self._blocks(sample):
            responsibilities(shares, None, hard=False)
            parts.append(shares.T)
        return sample.expand(np.concatenate(parts))

    def assign(self, sample: Sample) -> Labels:
        """Return (n,) the likeliest component of each row as it was given."""
        parts = [heights.argmax(axis=0) for _, heights in self._blocks(sample)]
        return sample.expand(np.concatenate(parts))

    def density(self, x: ArrayLike, trials: ArrayLike | None = None) -> Array:
        """Return (n,) density (probability, for counts) of the mixture at each x."""
        sample = Sample(np.atleast_1d(np.asarray(x)), trials)
        if np.isposinf(self.log_likelihood):
            raise ValueError("the estimate is degenerate: it has no density")
        parts = []
        for base, heights in self._blocks(sample):
            parts.append(np.exp(np.logaddexp.reduce(heights, axis=0) + base))
        return sample.expand(np.concatenate(parts))

    def _blocks(self, sample: Sample) -> Iterator[tuple[Array, Array]]:
        """Yield log h (B,) and log weight + log p less log h, (K, B), of the distinct rows."""
        self.family.observe(sample)
        emission = emission_of(self.family)
        rows = rows_of(sample, emission, len(self.mixture.weight))
        inside = Mixture(
            self.mixture.weight, self.mixture.theta.affine(1 / rows.scale, -rows.shift / rows.scale)
        )
        units = float(np.log(rows.scale).sum())
        for index in range(rows.blocks):
            block = rows.block(index)
            yield emission.base(block.x, block.trials) - units, logits(emission, block, inside)

    def __str__(self) -> str:
        """Return the estimates with their standard errors, and the notes, as a table."""
        k = len(self.mixture.weight)
        values = {"weight": self.mixture.weight, **entries(self.mixture.theta)}
        errors = {"weight": self.standard_errors.weight, **entries(self.standard_errors.theta)}
        free = emission_of(self.family).coordinates(self.mixture.theta)
        title = f"{self.family.__name__}, {k} component{'s' * (k > 1)}"
        lines = [f"{title}, {self.observations:,} observation{'s' * (self.observations > 1)}"]
        every = (slice(None),)
        for name, place, _ in [("weight", (), False), *free]:
            label = name + (f"[{','.join(map(str, place))}]" if place else "")
            pairs = zip(values[name][every + place], errors[name][every + place], strict=True)
            cells = [f"{value:.6g} ({error:.2g})" for value, error in pairs]
            lines.append(f"  {label:<9}" + "".join(f"  {cell:>20}" for cell in cells))
        lines.append(
            f"log-likelihood {self.log_likelihood:.6f}, BIC {self.bic:.2f}, "
            f"{'converged' if self.converged else 'NOT CONVERGED'} in {self.steps} steps; "
            f"{self.starts} start{'s' * (self.starts > 1)}, "
            f"{len(self.optima)} distinct optim{'a' if len(self.optima) > 1 else 'um'}"
        )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__
