"""What nutpie calls is the posterior: machine code against scipy, Jacobian and all."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from families import FAMILIES, LONG_TO_COMPILE, Row
from scipy import stats
from scipy.special import logsumexp

from bayes.sampling.compiled import _derived, engine_of
from bayes.sampling.starts import start_of
from models import Mixture, Sample
from models.family import rebuilt
from models.question import asked

# with equal shares each family is compiled once more, and what is equal is no family's business
QUICK_WITH_EQUAL_SHARES = ("binomial", "gaussian", "poisson")
DOUBLES = ctypes.POINTER(ctypes.c_double)
STEP = 1e-5


def log_prior(row: Row, mixture: Mixture) -> float:
    """Return the components' log prior density, by scipy, on the scale where it is stated."""
    prior, theta = row.prior.theta, mixture.theta
    if row.name == "binomial":
        return stats.beta(prior.heads + 1, prior.tails + 1).logpdf(theta.prob).sum()
    if row.name == "poisson":
        return stats.gamma(prior.events + 1, scale=1 / prior.exposure).logpdf(theta.rate).sum()
    if row.name == "categorical":
        return stats.dirichlet(1 + prior.unseen).logpdf(theta.prob.T).sum()
    if row.name == "gaussian":
        spread = stats.invgamma(prior.degrees / 2, scale=prior.squares / 2).logpdf(theta.sd**2)
        place = stats.norm(prior.mean, theta.sd / np.sqrt(prior.n)).logpdf(theta.mean)
        return spread.sum() + place.sum()
    form, half = row.family.form(), prior.degrees / 2
    place = sum(
        stats.multivariate_normal(prior.mean, cov / prior.n).logpdf(mean)
        for mean, cov in zip(theta.mean, theta.cov, strict=True)
    )
    if form.linear:
        wishart = stats.invwishart(prior.degrees, prior.scatter)
        return place + sum(wishart.logpdf(cov) for cov in theta.cov[: 1 if form.tied else None])
    squares = np.diagonal(form.project(prior.scatter))
    free = 1 if form.isotropic else None
    variance = np.diagonal(theta.cov, axis1=1, axis2=2)[: 1 if form.tied else None, :free]
    return place + stats.invgamma(half, scale=squares[:free] / 2).logpdf(variance).sum()


def free_entries(row: Row, mixture: Mixture, *, equal: bool) -> np.ndarray:
    """Return the numbers over which the prior is a density."""
    fields = list(mixture.theta) if row.stated is None else row.stated(mixture.theta)
    if row.name == "gaussian":
        fields = [mixture.theta.mean, mixture.theta.sd**2]
    if row.name == "categorical":
        fields = [mixture.theta.prob[:, :-1]]
    if len(fields[-1].shape) == 3:
        form = row.family.form()
        cov = mixture.theta.cov[: 1 if form.tied else None]
        places = tuple(np.transpose(form.places(cov.shape[-1])))
        fields[-1] = np.array([one[places] for one in cov])
    share = [] if equal else [mixture.weight[:-1]]
    return np.concatenate([np.ravel(field) for field in [*share, *fields]])


def quick(row: Row, *, equal: bool) -> bool:
    """Return whether the machine code is looked at in the suite that people wait for."""
    return row.name in QUICK_WITH_EQUAL_SHARES if equal else row.name not in LONG_TO_COMPILE


@pytest.mark.parametrize(
    ("row", "k", "equal"),
    [
        pytest.param(
            *(row, k, equal),
            id=f"{k}-{equal}-{row.name}",
            marks=[] if quick(row, equal=equal) else [pytest.mark.slow],
        )
        for row in FAMILIES
        for k, equal in [(1, True), (2, False), (3, False), (3, True)]
    ],
)
def test_machine_code_is_the_log_posterior_and_its_gradient(row, k, equal, rng):
    generator = rng(71)
    drawn = row.sample(generator, 3, 40)
    sample = Sample(drawn.x, drawn.trials, generator.integers(0, 4, drawn.distinct))
    question = asked(row.family, sample, k, prior=row.prior, equal_weights=equal)
    engine = engine_of(question)
    model = engine.nutpie_model(question, start_of(engine, question))
    code = model.compiled_logp_func.ctypes

    def height(position: np.ndarray) -> tuple[float, np.ndarray]:
        slope, value = np.empty_like(position), np.empty(1)
        arrays = [array.ctypes.data_as(DOUBLES) for array in (position, slope, value)]
        assert code(len(position), *arrays, model.user_data.ctypes.data) == 0
        return float(value[0]), slope

    def mixture(position: np.ndarray) -> Mixture:
        many = engine.structures(question, position[None])
        return Mixture(many.weight[0], rebuilt(row.family, [field[0] for field in many.theta]))

    def apart(function, position: np.ndarray) -> np.ndarray:
        moves = STEP * np.eye(len(position))
        return np.array([function(position + m) - function(position - m) for m in moves]) / (
            2 * STEP
        )

    bare, constants, stretches = [], [], []
    for seed in range(3):
        position = start_of(engine, question)(seed)
        position = position + 0.2 * generator.normal(size=len(position))
        value, slope = height(position)
        numerical = apart(lambda at: height(at)[0], position)
        np.testing.assert_allclose(slope, numerical, atol=1e-6 * np.abs(slope).max())
        found = mixture(position)
        joint = row.log_density(found.theta, sample) + np.log(found.weight)
        exact = sample.counts @ logsumexp(joint, axis=1)
        own = row.log_prior
        exact += own(found.theta, row.prior.theta) if own is not None else log_prior(row, found)
        if not equal:
            exact += stats.dirichlet(np.full(k, 1 + row.prior.weight)).logpdf(found.weight)
        jacobian = apart(lambda at: free_entries(row, mixture(at), equal=equal), position)
        bare.append(value - exact)
        stretches.append(np.linalg.slogdet(jacobian)[1])
        constants.append(bare[-1] - stretches[-1])
    # equal up to the constant that the Gaussian's coordinates leave out
    np.testing.assert_allclose(constants, -engine.component.left_out(k), atol=1e-6)
    assert (engine.component.left_out(k) != 0) == (
        row.name in ("gaussian", "independent", "lognormal")
    )
    # negative control: without the Jacobian, where there is one, what is left is no constant
    assert np.ptp(bare) > 1e-3 or (equal and np.ptp(stretches) < 1e-6)


@pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)
def test_the_functions_of_large_arrays_wait_for_no_c_compiler(row, rng, monkeypatch):
    """Inner functions would each start one: five seconds of a Gaussian's first run."""

    def refused(*_, **__):
        raise AssertionError("a C compiler was asked")

    monkeypatch.setattr("pytensor.link.c.basic.CLinker.make_thunk", refused)
    question = asked(row.family, row.sample(rng(1), 2, 30), 2)
    _derived(question)
