"""The simulation behind the default prior of several columns: does it pull, does it empty groups?

`python -m comparisons.trust.priors` draws groups that lie apart, with covariances within them that
are down to a hundredth of the whole in some direction, and fits them by EM with and without the
default prior. No chain is run. Fifty observations a parameter are drawn.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

import em
from comparisons.verdict.emptied import emptied
from models import Mixture, MultivariateGaussian, MultivariateGaussianPrior, Prior, Sample
from models.bar import bar
from models.checks import moments
from models.multivariate import FORMS
from models.question import asked
from models.structure import drawn_at, fields_of, permuted

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.arrays import Array
    from models.question import Question

    type Rule = Callable[[Sample, int, type[MultivariateGaussian]], MultivariateGaussianPrior]

__all__ = ["Design", "Outcome", "drawn", "fraley_raftery", "outcome", "shown", "usual"]

APART = 3.0  # least distance of two groups, in their sds
UNEVEN = 0.35  # logarithm by which variances of the groups differ from the common one, at most
NARROW = 0.1  # least variance in the worst direction within the groups, where columns correlate
EACH = 50  # observations for each parameter
GROUPS = (1, 2, 3, 5)
PULL = 0.3  # standard errors that a weak prior may move the maximum


class Design(NamedTuple):
    """What is drawn.

    form: of the covariances; d: columns; k: groups.
    part: variance within groups over the whole variance, in the directions in which groups differ.
    line: whether the centres lie on a line; otherwise all are equally far from each other.

    >>> round(Design("full", d=4, k=3, part=0.1, line=True).distance, 2)
    3.67
    """

    form: str
    d: int
    k: int
    part: float
    line: bool

    @property
    def distance(self) -> float:
        """How many sds neighbours are apart: APART, or more if `part` asks for it.

        On a line the centres' variance is s^2 (k^2 - 1) / 12, on a simplex s^2 / (2 k).
        """
        if self.k == 1:
            return 0.0
        spread = (self.k**2 - 1) / 12 if self.line else 1 / (2 * self.k)
        return max(APART, float(np.sqrt((1 / self.part - 1) / spread)))

    @property
    def family(self) -> type[MultivariateGaussian]:
        """The family of the form."""
        return MultivariateGaussian.with_covariance(self.form)

    @property
    def observations(self) -> int:
        """EACH for each parameter of a group, groups of full covariances."""
        free = self.d + len(self.family.form().places(self.d))
        return EACH * self.k * (free + 1)


class Outcome(NamedTuple):
    """What EM under a prior made of a data set.

    pull: standard errors that the prior moved the parameter that it moved most.
    lead: nats by which the mode with all groups lies above the best one with an empty group; inf
        if there is none.

    >>> Outcome(pull=0.1, lead=-30.0).lead < 0  # an empty group is preferred
    True
    """

    pull: float
    lead: float


def usual(sample: Sample, k: int, family: type[MultivariateGaussian]) -> MultivariateGaussianPrior:
    """Return the default prior.

    >>> usual(Sample([[1, 2], [3, 3], [5, 7]]), 1, MultivariateGaussian).degrees
    4.0
    """
    return family.weak_prior(sample, k)


def fraley_raftery(
    sample: Sample, k: int, family: type[MultivariateGaussian]
) -> MultivariateGaussianPrior:
    """Return the prior of Fraley & Raftery (2007, section 3.2): the whole covariance / k^(2 / d).

    >>> fraley_raftery(Sample([[1, 2], [3, 3], [5, 7]]), 1, MultivariateGaussian).degrees
    4.0
    """
    mean, cov = moments(sample)
    d = sample.dimension
    scatter = family.form().project(cov) / k ** (2 / d)
    return MultivariateGaussianPrior(mean, 0.01, scatter, d + 2.0)


RULES: dict[str, Rule] = {"default": usual, "Fraley & Raftery": fraley_raftery}


def drawn(design: Design, rng: np.random.Generator) -> tuple[Mixture[Any], Sample]:
    """Draw groups of equal size, and observations of them.

    >>> truth, sample = drawn(Design("full", 2, 3, 0.1, True), np.random.default_rng(1))
    >>> sample, truth.theta.cov.shape
    (Sample(900 observations of 2 columns, 900 distinct), (3, 2, 2))
    """
    d, k, form = design.d, design.k, design.family.form()
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    spread = np.exp(0.5 * np.log(NARROW) * rng.uniform(size=d))
    root = np.eye(d) if form.isotropic else np.diag(spread)
    root = turn @ root if form.linear else root
    centres = _centres(design, rng)
    shapes = np.array([_shape(design, rng) for _ in range(1 if form.tied else k)])
    cov = np.broadcast_to(root @ shapes @ root.T, (k, d, d))
    truth = Mixture(np.full(k, 1 / k), design.family(centres @ root.T, cov.copy()))
    labels = rng.integers(k, size=design.observations)
    return truth, Sample(truth.theta.draw(labels, rng, None))


def _centres(design: Design, rng: np.random.Generator) -> Array:
    """Return (k, d) centres, neighbours `distance` apart, turned at random."""
    d, k = design.d, design.k
    if design.line:
        way = rng.normal(size=d)
        return design.distance * np.arange(k)[:, None] * way / np.linalg.norm(way)
    corners = np.eye(k) - 1 / k
    inside = np.linalg.svd(corners)[2][: k - 1]  # (k - 1, k): the plane of the corners
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0][: k - 1]
    centres: Array = design.distance / np.sqrt(2) * corners @ inside.T @ turn
    return centres


def _shape(design: Design, rng: np.random.Generator) -> Array:
    """Return a covariance (d, d) about the unit matrix, of the form."""
    d, form = design.d, design.family.form()
    log = rng.uniform(-UNEVEN, UNEVEN, size=1 if form.isotropic else d)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0] if form.linear else np.eye(d)
    shape: Array = (turn * np.exp(log)) @ turn.T
    return shape


def outcome(truth: Mixture[Any], sample: Sample, record: MultivariateGaussianPrior) -> Outcome:
    """Fit a data set by EM from its truth, with and without a prior, and from empty groups.

    >>> truth, sample = drawn(Design("full", 2, 2, 0.1, True), np.random.default_rng(1))
    >>> found = outcome(truth, sample, usual(sample, 2, MultivariateGaussian))
    >>> found.pull < PULL, found.lead > 0
    (True, True)
    """
    k, prior = len(truth.weight), Prior(0.0, record)
    question = asked(type(truth.theta), sample, k)
    plain = em.fitted(question, start=truth)
    top = em.fitted(question, start=plain.estimate, prior=prior)
    return Outcome(_pull(plain, top), _lead(question, prior, top))


def _pull(plain: em.Fit[Any], top: em.Fit[Any]) -> float:
    """Return the largest distance of two fits, in standard errors of the first."""
    means = plain.estimate.theta.mean
    apart = ((means[:, None] - top.estimate.theta.mean) ** 2).sum(axis=-1)
    moved = fields_of(permuted(top.estimate, linear_sum_assignment(apart)[1]))
    own, errors = fields_of(plain.estimate), fields_of(plain.standard_errors)
    return max(
        float((np.abs(moved[name] - own[name]) / np.where(se > 0, se, np.inf)).max())
        for name, se in errors.items()
    )


def _lead(question: Question[Any, Any], prior: Prior, top: em.Fit[Any]) -> float:
    """Return the lead of a mode over the best mode with an empty group, in nats of the density."""
    starts, n = emptied(top.estimate, question.sample.observations), question.sample.observations
    if starts is None:
        return np.inf
    heights = [-np.inf]
    for at in range(question.k):
        end = em.fitted(question, start=drawn_at(starts, at), prior=prior)
        if (n * end.estimate.weight < 0.5).any():
            heights.append(float(end.trace[-1]))
    return float(top.trace[-1]) - max(heights)


def designs(dimensions: list[int], most: int) -> list[Design]:
    """Return full covariances of every size, and each other form in four columns.

    >>> len(designs([1, 2], most=2))
    20
    """
    full = [
        Design("full", d, k, part, line)
        for d in dimensions
        for k in GROUPS
        if k <= most
        for part in (1.0, 0.1, 0.01)
        for line in (True, False)
    ]
    others = [
        Design(form, 4, k, part, True)
        for form in FORMS
        if form != "full"
        for k in GROUPS[1:]
        for part in (1.0, 0.1, 0.01)
        if k <= most
    ]
    return [one for one in full + others if _sensible(one)]


def _sensible(design: Design) -> bool:
    """Whether there is such a design: one group has no distance, a simplex needs k - 1 columns."""
    if design.k == 1:
        return design.part == 1.0 and design.line
    return design.line or 2 < design.k <= design.d + 1


def shown(found: dict[Design, dict[str, list[Outcome]]]) -> Table:
    """Return the table: median and largest pull, and how many data sets preferred an empty group.

    >>> one = {"default": [Outcome(0.1, 40.0), Outcome(0.2, np.inf)]}
    >>> shown({Design("full", 2, 2, 0.1, True): one}).row_count
    1
    """
    rules = next(iter(found.values())).keys()
    table = Table("form", "columns", "groups", "centres", "sds apart", "n")
    for rule in rules:
        for what in ("pull: median", "largest", "empty preferred", "least lead, nats"):
            table.add_column(f"{rule}: {what}", justify="right")
    for design, outcomes in found.items():
        centres = "one" if design.k == 1 else "line" if design.line else "simplex"
        cells = [design.form, str(design.d), str(design.k), centres]
        cells += [f"{design.distance:.1f}", f"{design.observations:,}"]
        for each in outcomes.values():
            pull, lead = np.array(each).T
            cells += [f"{np.median(pull):.2f}", f"{pull.max():.2f}"]
            cells += [f"{(lead < 0).sum()} of {len(lead)}", f"{lead.min():.0f}"]
        table.add_row(*cells)
    return table


def main() -> None:
    """Run all designs and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=5)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[1, 2, 4, 7, 10])
    parser.add_argument("--groups", type=int, default=5, help="as many as this")
    options = parser.parse_args()
    every = designs(options.dimensions, options.groups)
    found: dict[Design, dict[str, list[Outcome]]] = {}
    with bar("{task.completed} of {task.total}", left=True) as bars:
        task = bars.add_task("data sets", total=len(every) * options.replicates)
        for number, design in enumerate(every):
            found[design] = {rule: [] for rule in RULES}
            for replicate in range(options.replicates):
                truth, sample = drawn(design, np.random.default_rng([replicate, number]))
                for rule, record in RULES.items():
                    prior = record(sample, design.k, design.family)
                    found[design][rule].append(outcome(truth, sample, prior))
                bars.advance(task)
    Console(width=200).print(shown(found))


if __name__ == "__main__":
    main()
