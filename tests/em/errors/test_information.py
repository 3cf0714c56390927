"""Standard errors equal those of a numerical Hessian, for every family and form."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from families import IDENTIFIED
from scipy.special import logsumexp

from em import fit
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import emission_of
from em.model import model_of
from models import (
    Admixture,
    Binomial,
    Categorical,
    Gaussian,
    Groups,
    Mixture,
    MultivariateGaussian,
    Prior,
    Sample,
    simulate,
)
from models.family import rebuilt


def unpack(row, fitted, free: np.ndarray):
    """Return the structure at free coordinates, read from their names alone."""
    found = fitted.estimate
    fields = {"weight": found.weight.copy()}
    fields |= {name: field.copy() for name, field in found.theta._asdict().items()}
    for name, value in zip(fitted.coordinates, free, strict=True):
        field, inside = name.rstrip("]").split("[")
        place = tuple(slice(None) if part == "*" else int(part) for part in inside.split(","))
        fields[field][place] = value
        if field == "cov":
            fields[field][place[0], place[2], place[1]] = value
            if row.name.endswith("spherical"):
                d = fields[field].shape[-1]
                fields[field][place[0]] = value * np.eye(d)
    fields["weight"][..., -1] = 1 - fields["weight"][..., :-1].sum(axis=-1)
    for name, field in row.family.layout().items():
        if field.simplex:
            fields[name][:, -1] = 1 - fields[name][:, :-1].sum(axis=1)
    return type(found)(fields.pop("weight"), rebuilt(row.family, fields.values()))


def read(fitted) -> np.ndarray:
    values = {"weight": fitted.estimate.weight, **fitted.estimate.theta._asdict()}
    found = []
    for name in fitted.coordinates:
        field, inside = name.rstrip("]").split("[")
        place = tuple(0 if part == "*" else int(part) for part in inside.split(","))
        found.append(values[field][place])
    return np.array(found)


def hessian(function, at: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return second differences of fourth order, off a stencil that a slip in EM cannot share.

    Off the diagonal by 2 u'Hv = (u + v)'H(u + v) - u'Hu - v'Hv, four values an entry.
    """
    weights = {-2: -1 / 12, -1: 4 / 3, 1: 4 / 3, 2: -1 / 12}
    middle = -5 / 2 * function(at)

    def along(way: np.ndarray) -> float:
        return middle + sum(w * function(at + a * way) for a, w in weights.items())

    ways = np.diag(step)
    alone = np.array([along(way) for way in ways])
    both = np.zeros((len(at), len(at)))
    for i, j in combinations(range(len(at)), 2):
        both[i, j] = both[j, i] = (along(ways[i] + ways[j]) - alone[i] - alone[j]) / 2
    return (both + np.diag(alone)) / np.outer(step, step)


def separated(row, generator) -> Mixture:
    """Return a mixture whose two components the data can tell apart."""
    mixture = row.random(generator, 2)
    order = mixture.theta.order()
    theta = rebuilt(row.family, [field[order] for field in mixture.theta])
    first = {"binomial": [0.25, 0.7], "gaussian": [160.0, 176.0], "poisson": [3.0, 11.0]}
    if row.apart is not None:
        first[row.name] = list(row.apart)
    if row.name in first:
        theta = theta._replace(**{theta._fields[0]: np.array(first[row.name])})
    else:
        theta = theta._replace(mean=np.array([[0.0, 0.0, 0.0], [5.0, -4.0, 6.0]]))
    return Mixture(np.array([0.4, 0.6]), theta)


def density_of(fitted, prior):
    """Return the model of the posterior density, which is EM's objective under a prior."""
    with executor_for(fitted.question.sample, emission_of(fitted.family), 2) as workers:
        inside = Prior(prior.weight, workers.rows.units.move_in(prior.theta))
        floor = default_floor(workers.rows, emission_of(fitted.family))
        return model_of(fitted.question, workers, floor=floor, prior=inside)


@pytest.mark.parametrize("prior", [False, True], ids=["likelihood", "posterior"])
@pytest.mark.parametrize("row", IDENTIFIED, ids=[row.name for row in IDENTIFIED])
def test_information_is_the_hessian(row, rng, prior):
    generator = rng(31)
    start = separated(row, generator)
    sample, _ = simulate(start, 300, generator, row.trials(generator, 300))
    prior_record = row.prior if prior else None
    fitted = fit(row.family, sample, 2, start=start, prior=prior_record, tolerance=1e-7)
    assert fitted.converged
    model = density_of(fitted, prior_record) if prior else None

    def height(free: np.ndarray) -> float:
        mixture = unpack(row, fitted, free)
        if model is not None:
            return float(model.expect(model.inside(mixture))[0])
        joint = row.log_density(mixture.theta, sample) + np.log(mixture.weight)
        return float(sample.counts @ logsumexp(joint, axis=1))

    at = read(fitted)
    error = np.diag(np.linalg.inv(fitted.information)) ** 0.5
    numerical = -hessian(height, at, 0.02 * error)
    scaled = fitted.information * np.outer(error, error)
    np.testing.assert_allclose(
        numerical * np.outer(error, error), scaled, atol=1e-5 * np.abs(scaled).max()
    )
    # the same for the errors themselves, to 1e-5 relative, weights included
    theirs = np.diag(np.linalg.inv(numerical)) ** 0.5
    np.testing.assert_allclose(error, theirs, rtol=1e-5)
    assert fitted.standard_errors.weight[0] == pytest.approx(theirs[0], rel=1e-5)
    # negative control: complete information alone (no part missing) is far from the Hessian
    assert fitted.missing > 1e-3
    assert not np.allclose(error * np.sqrt(1 - fitted.missing), theirs, rtol=1e-5)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row.name,
            marks=[pytest.mark.slow] if row.name == "multivariate-blanks" else [],
        )
        for row in IDENTIFIED
    ],
)
def test_rows_in_groups_leave_nothing_open_where_a_mixture_is_identified(row, rng):
    generator = rng(34)
    start, shares = separated(row, generator), np.array([[0.2, 0.8], [0.7, 0.3], [0.5, 0.5]])
    group = np.repeat(np.arange(3), 100)
    labels = (generator.random(300) < shares[group, 1]).astype(int)
    trials = row.trials(generator, 300)
    x = start.theta.draw(labels, generator, trials)
    begin = Admixture(shares, start.theta)
    fitted = fit(row.family, Groups(x, group, trials=trials), 2, start=begin, tolerance=1e-7)
    assert fitted.open == 0
    sample = Sample(x, trials)

    def height(free: np.ndarray) -> float:
        found = unpack(row, fitted, free)
        joint = row.log_density(found.theta, sample)[sample.inverse] + np.log(found.weight)[group]
        return float(logsumexp(joint, axis=1).sum())

    error = np.diag(np.linalg.inv(fitted.information)) ** 0.5
    numerical = -hessian(height, read(fitted), 0.02 * error)
    theirs = np.diag(np.linalg.inv(numerical)) ** 0.5
    np.testing.assert_allclose(error, theirs, rtol=1e-4)
    given = fitted.standard_errors.weight[:, 0]
    np.testing.assert_allclose(given, theirs[:3], rtol=1e-4)
    # negative control: labels that are known would leave less uncertain
    known = np.sqrt(np.prod(fitted.estimate.weight, axis=1) / 100)
    assert fitted.missing < 1e-2 or (given > 1.001 * known).any()


def test_labels_in_groups_are_still_found_open(rng):
    # the negative control of the test above: two shares and two rows of categories turn together
    generator = rng(35)
    group, prob = np.repeat(np.arange(4), 100), generator.dirichlet(np.ones(5), 4)
    x = [int(generator.choice(5, p=prob[one])) for one in group]
    fitted = fit(Categorical, Groups(x, group), 2, starts=3)
    assert fitted.open == 2
    assert np.isnan(fitted.standard_errors.theta.prob).any()


def test_errors_of_covariances_follow_their_form(rng):
    generator = rng(32)
    rows = generator.normal(size=(400, 2)) * [1.0, 3.0] + 8 * generator.integers(0, 2, (400, 1))
    errors = {
        name: fit(MultivariateGaussian.with_covariance(name), Sample(rows), 2).standard_errors
        for name in ("full", "tied", "diagonal", "spherical", "tied-spherical")
    }
    full, tied, diagonal, round_, same = (one.theta.cov for one in errors.values())
    assert (full > 0).all()
    np.testing.assert_array_equal(tied[0], tied[1])
    assert diagonal[0, 0, 1] == 0
    assert round_[0, 0, 0] == round_[0, 1, 1] > 0
    assert round_[0, 0, 0] != round_[1, 0, 0]
    assert same[0, 0, 0] == same[0, 1, 1] == same[1, 0, 0] > 0
    np.testing.assert_array_equal(full, full.transpose(0, 2, 1))


def test_equal_weights_are_known_without_error():
    found = fit(Binomial, Sample([5, 9, 8, 4, 7], 10), 2, equal_weights=True)
    assert found.standard_errors.weight.tolist() == [0.0, 0.0]
    assert found.coordinates == ("prob[0]", "prob[1]")


@pytest.mark.parametrize("n", [400, pytest.param(1_000, marks=pytest.mark.slow)])
def test_errors_cover_what_they_promise(n, rng):
    """Simulated samples: the true mean lies within 1.96 errors 95% of the time."""
    generator = rng(33)
    truth = Mixture(np.array([0.4, 0.6]), Gaussian(np.array([0.0, 5.0]), np.array([1.0, 1.5])))
    scores = []
    for _ in range(n):
        sample, _ = simulate(truth, 250, generator)
        found = fit(Gaussian, sample, 2, start=truth)
        scores.append((found.mixture.theta.mean[0]) / found.standard_errors.theta.mean[0])
    inside = np.mean(np.abs(scores) < 1.96)
    spread = np.sqrt(0.95 * 0.05 / n)
    assert abs(inside - 0.95) < 3.5 * spread
    # negative control: errors that forget the hidden labels are too small
    assert abs(np.mean(np.abs(scores) < 1.96 * 0.8) - 0.95) > 3.5 * spread


NO_ERRORS = {
    "hard": (Gaussian, Sample([1.0, 2.0, 3.0, 8.0, 9.0]), 2, {"hard": True}, "hard EM"),
    "spike": (Gaussian, Sample([57.0, *list(range(160, 180))]), 2, {}, "spike"),
    "open direction": (Binomial, Sample([0, 1, 1, 0, 1], 1), 2, {}, "flat in 2 directions"),
}


@pytest.mark.parametrize(
    ("family", "sample", "k", "options", "why"), NO_ERRORS.values(), ids=NO_ERRORS
)
def test_no_made_up_errors(family, sample, k, options, why):
    found = fit(family, sample, k, **options)
    assert np.isnan(found.standard_errors.weight).all()
    assert np.isnan(found.standard_errors.theta[0]).all()
    assert any("no standard errors" in note and why in note for note in found.notes), found.notes
    assert "(–)" in str(found)
