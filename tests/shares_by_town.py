"""A structure of the tests' own whose shares have two axes: each town has shares of its own."""

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
class Towns:
    """Rows, and the (n,) town of each."""

    sample: Sample
    town: np.ndarray
    towns: int

    @property
    def sizes(self):
        return {"town": self.towns}

    @property
    def unit_rows(self):
        return self.sample.inverse

    @property
    def unit_counts(self):
        return np.ones(len(self.town))

    def _pick(self, rows):
        places = self.sample.inverse[rows]
        trials = None if self.sample.trials is None else self.sample.trials[places]
        return Towns(Sample(self.sample.x[places], trials), self.town[rows], self.towns)

    def spelt(self, rows):
        return f"Towns({rows})"

    extent = ""
    names = {}  # noqa: RUF012 (nothing here has names)

    def followers(self):
        return np.empty(0, np.intp)

    def stretches(self, n, rng):
        return None

    def spaced(self, most):
        n = len(self.town)
        return self._pick(np.linspace(0, n - 1, min(n, most)).astype(np.intp))

    def blocks(self, size):
        for begin in range(0, len(self.town), size):
            yield self._pick(np.arange(begin, min(begin + size, len(self.town))))

    def expand(self, values):
        return values

    def representative(self, most):
        few = self.spaced(most)
        return few, np.full(len(few.town), len(self.town) / len(few.town))

    def arrays(self):
        own = {"whose": (("given",), self.town), "towns": ((), np.asarray(self.towns))}
        return self.sample.arrays() | own

    @classmethod
    def from_arrays(cls, arrays):
        sample = {name: one for name, one in arrays.items() if name not in ("whose", "towns")}
        return cls(Sample.from_arrays(sample), np.asarray(arrays["whose"]), int(arrays["towns"]))


class ByTown(NamedTuple):
    """p(x_i) = sum_k weight_(town of i),k p(x_i | theta_k)."""

    weight: object
    theta: object

    @classmethod
    def axes(cls):
        return {"weight": ("town", "component")}

    @classmethod
    def exchangeable(cls):
        return True

    @classmethod
    def asked_by(cls, data):
        return cls

    @classmethod
    def given(cls, structure):
        return structure

    def overall(self, data):
        return np.moveaxis(self.weight[..., data.town, :], -2, 0).mean(axis=0)

    def labels(self, data, places, rng):
        edges = np.cumsum(self.weight[data.town[places]], axis=1)
        return (rng.random((len(places), 1)) > edges[:, :-1]).sum(axis=1)


class EmByTown(em.structure.Grouping):
    """The softmax over components of log share + log p, row by row."""

    def begin(self, counted):
        here = np.bincount(self.data.town, minlength=self.data.towns)
        return {"weight": here[:, None] * counted / counted.sum()}

    def _joint(self, shares, log_density):
        own = np.log(shares["weight"][self.data.town].T)
        return own + log_density[:, self.data.unit_rows]

    def expect(self, shares, log_density, *, hard):
        joint = self._joint(shares, log_density)
        logs = joint.max(axis=0) if hard else np.logaddexp.reduce(joint, axis=0)
        each = np.eye(self.k)[:, joint.argmax(axis=0)] if hard else softmax(joint, axis=0)
        occupancy, own = np.zeros_like(log_density), np.zeros_like(shares["weight"])
        for component in range(self.k):
            np.add.at(occupancy[component], self.data.unit_rows, each[component])
        np.add.at(own, self.data.town, each.T)
        return em.structure.Expected(float(logs.sum()), occupancy, {"weight": own})

    def members(self, shares, log_density):
        return softmax(self._joint(shares, log_density), axis=0)


class BayesByTown(bayes.structure.Grouping):
    """The same, by PyTensor and by NumPy."""

    def rows(self, question):
        data = question.data
        return {
            "place": data.unit_rows,
            "whose": data.town,
            "each_town": np.arange(data.towns, dtype=np.float64),
        }

    def sizes(self, data):
        return {"town": data["each_town"].shape[0]}

    def log_likelihood(self, shares, log_density, data):
        own = pt.log(shares["weight"][data["whose"].astype("int64")]).T
        return pt.logsumexp(own + log_density[:, data["place"].astype("int64")], axis=0).sum()

    def _joint(self, question, shares, log_density):
        own = np.log(shares["weight"][:, question.data.town].swapaxes(1, 2))
        return own + log_density[:, :, question.data.unit_rows]

    def pointwise(self, question, shares, log_density):
        return np.logaddexp.reduce(self._joint(question, shares, log_density), axis=1)

    def members(self, question, shares, log_density):
        return softmax(self._joint(question, shares, log_density), axis=1)


STRUCTURES[Towns] = ByTown
em.structure.GROUPINGS[ByTown] = EmByTown
bayes.structure.GROUPINGS[ByTown] = BayesByTown
