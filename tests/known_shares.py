"""A structure of the tests' own: the shares of every row are known, the components are not.

Such are rows of people of whom a test says with which probability each is a woman. Three small
classes and what was observed; no file of the house knows of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytensor.tensor as pt
from scipy.special import softmax

import bayes.structure
import em.structure
from models.sample import Sample
from models.structure import STRUCTURES


@dataclass(frozen=True, eq=False)
class Guessed:
    """Rows, and the (n, K) probabilities of each row's component."""

    sample: Sample
    shares: np.ndarray

    sizes = {}  # noqa: RUF012 (shares are no parameters, and have no axes)

    @property
    def unit_rows(self):
        return self.sample.inverse

    @property
    def unit_counts(self):
        return np.ones(len(self.shares))

    def _pick(self, rows):
        places = self.sample.inverse[rows]
        trials = None if self.sample.trials is None else self.sample.trials[places]
        return Guessed(Sample(self.sample.x[places], trials), self.shares[rows])

    def spelt(self, rows):
        return f"Guessed({rows})"

    extent = ""
    names = {}  # noqa: RUF012 (nothing here has names)

    def groups(self):
        return np.zeros(len(self.shares), np.intp)

    def followers(self):
        return np.empty(0, np.intp)

    def stretches(self, n, rng):
        return None

    def spaced(self, most):
        n = len(self.shares)
        return self._pick(np.linspace(0, n - 1, min(n, most)).astype(np.intp))

    def blocks(self, size):
        for begin in range(0, len(self.shares), size):
            yield self._pick(np.arange(begin, min(begin + size, len(self.shares))))

    def expand(self, values):
        return values

    def representative(self, most):
        few = self.spaced(most)
        return few, np.full(len(few.shares), len(self.shares) / len(few.shares))

    def arrays(self):
        return self.sample.arrays() | {"guess": (("given", "component"), self.shares)}

    @classmethod
    def from_arrays(cls, arrays):
        sample = {name: one for name, one in arrays.items() if name != "guess"}
        return cls(Sample.from_arrays(sample), np.asarray(arrays["guess"]))


class Known(NamedTuple):
    """p(x_i) = sum_k share_ik p(x_i | theta_k), the shares known."""

    theta: object

    @classmethod
    def axes(cls):
        return {}

    @classmethod
    def exchangeable(cls):
        return False

    @classmethod
    def asked_by(cls, data):
        return cls

    @classmethod
    def given(cls, structure):
        return structure

    def overall(self, data):
        return np.broadcast_to(data.shares.mean(axis=0), np.shape(self.theta.order()))

    def labels(self, data, places, rng):
        edges = np.cumsum(data.shares[places], axis=1)
        return (rng.random((len(places), 1)) > edges).sum(axis=1)


class EmKnown(em.structure.Grouping):
    """The softmax over components of log share + log p, row by row."""

    def begin(self, counted):
        return {}

    def expect(self, shares, log_density, *, hard):
        joint = np.log(self.data.shares.T) + log_density[:, self.data.unit_rows]
        highest = joint.max(axis=0)
        logs = highest if hard else np.logaddexp.reduce(joint, axis=0)
        each = np.eye(self.k)[:, joint.argmax(axis=0)] if hard else softmax(joint, axis=0)
        occupancy = np.zeros_like(log_density)
        for component in range(self.k):
            np.add.at(occupancy[component], self.data.unit_rows, each[component])
        return em.structure.Expected(float(logs.sum()), occupancy, {})

    def members(self, shares, log_density):
        return softmax(np.log(self.data.shares.T) + log_density[:, self.data.unit_rows], axis=0)


class BayesKnown(bayes.structure.Grouping):
    """The same, by PyTensor and by NumPy."""

    def rows(self, question):
        return {"guess": question.data.shares, "place": question.data.unit_rows}

    def log_likelihood(self, shares, log_density, data):
        joint = pt.log(data["guess"]).T + log_density[:, data["place"].astype("int64")]
        return pt.logsumexp(joint, axis=0).sum()

    def pointwise(self, question, shares, log_density):
        joint = np.log(question.data.shares.T) + log_density[:, :, question.data.unit_rows]
        return np.logaddexp.reduce(joint, axis=1)

    def members(self, question, shares, log_density):
        joint = np.log(question.data.shares.T) + log_density[:, :, question.data.unit_rows]
        return softmax(joint, axis=1)


STRUCTURES[Guessed] = Known
em.structure.GROUPINGS[Known] = EmKnown
bayes.structure.GROUPINGS[Known] = BayesKnown
