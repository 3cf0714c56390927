"""PyMC's model is EM's: its derivatives, found by PyTensor, vanish and bend where EM says."""

from __future__ import annotations

from functools import cache

import numpy as np
import plainly
import pymc as pm
import pytensor.tensor as pt
import pytest
from families import FAMILIES, Row
from pytensor.graph.replace import clone_replace, vectorize_graph

import bayes
from bayes.component import component_of
from bayes.model import data_of
from bayes.sampling.compiled import engine_of
from em import fit
from models import Mixture, Prior, Sample, simulate
from models.family import entries, rebuilt
from models.prior import draw_prior
from models.question import asked

every_family = pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
weighed = pytest.mark.parametrize("prior", [False, True], ids=["likelihood", "posterior"])


OWN_VALUES = {
    "gamma": lambda theta: {"log_mean": pt.log(theta.mean), "shape": theta.shape},
    "gaussian": lambda theta: {"mean": theta.mean, "variance": theta.sd**2},
    "independent": lambda theta: {
        "mean_1": theta.mean_1,
        "variance_1": theta.sd_1**2,
        "rate_2": theta.rate_2,
        "prob_3": theta.prob_3,
    },
    "lognormal": lambda theta: {"mean": pt.log(theta.median), "variance": theta.spread**2},
    "negative-binomial": lambda theta: {
        "log_mean": pt.log(theta.mean),
        "log_size": pt.log(theta.size),
    },
    "student-t-4": lambda theta: {"mean": theta.mean, "variance": theta.sd**2},
    "student-t": lambda theta: {
        "mean": theta.mean,
        "variance": theta.sd**2,
        "log_df": pt.log(theta.df),
    },
    "zero-inflated-gamma": lambda theta: {
        "log_mean": pt.log(theta.mean),
        "shape": theta.shape,
        "excess": theta.zero[:1],
    },
    "zero-inflated-poisson": lambda theta: {"rate": theta.rate, "excess": theta.zero[:1]},
}


def own_values(row: Row, theta):
    """Return the random variables' values at symbolic parameters."""
    if row.name in OWN_VALUES:
        return OWN_VALUES[row.name](theta)
    fields = theta._asdict()
    if "cov" not in fields:
        return fields
    form = row.family.form()
    if form.linear:
        cov = fields["cov"][0] if form.tied else fields["cov"]
        return {"mean": fields["mean"], "root": pt.linalg.inv(pt.linalg.cholesky(cov))}
    variance = pt.diagonal(fields["cov"], axis1=-2, axis2=-1)[: 1 if form.tied else None]
    return {"mean": fields["mean"], "variance": variance[:, 0] if form.isotropic else variance}


class Surface:
    """PyMC's log density (no Jacobian) over EM's coordinates, with its derivatives.

    It is derived once for a family: `ask` swaps the data and the prior.
    """

    def __init__(self, row: Row, sample: Sample, k: int, names: tuple[str, ...]) -> None:
        self.row = row
        self.model = model = bayes.build(row.family, sample, k, prior=row.prior)
        point = pt.vector("point", shape=(len(names),))
        shapes = (
            {"cov": (k, sample.dimension, sample.dimension)} if "cov" in row.family._fields else {}
        )
        fields = {
            name: pt.zeros(shapes.get(name, field.shape))
            for name, field in entries(row.random(np.random.default_rng(29), k).theta).items()
        }
        share = pt.zeros(k - 1)
        for place, name in enumerate(names):
            field, index = name[:-1].split("[")
            if field == "weight":
                share = share[int(index)].set(point[place])
                continue
            component, *inner = index.split(",")
            at = (slice(None) if component == "*" else int(component), *map(int, inner))
            fields[field] = fields[field][at].set(point[place])
            if len(inner) == 2 and inner[0] != inner[1]:
                fields[field] = fields[field][at[0], at[2], at[1]].set(point[place])
        if hasattr(row.family, "form") and row.family.form().isotropic:
            fields["cov"] = fields["cov"][:, 0, 0, None, None] * pt.eye(sample.dimension)
        for name, field in row.family.layout().items():
            if field.simplex:
                free = fields[name][:, :-1]
                fields[name] = pt.concatenate([free, 1 - free.sum(-1, keepdims=True)], axis=1)
        weight = pt.concatenate([share, [1 - share.sum()]])
        values = {"weight": weight, **own_values(row, rebuilt(row.family, fields.values()))}
        swap = {}
        for variable in model.free_RVs:
            transform, value = model.rvs_to_transforms[variable], values[variable.name]
            if transform is not None:
                value = transform.forward(value, *variable.owner.inputs)
            swap[model.rvs_to_values[variable]] = value.astype("float64")
        weighed = pt.scalar("weighed")  # 1 with the prior, 0 without
        likelihood = model.logp(vars=model.potentials, jacobian=False)
        prior = model.logp(vars=model.free_RVs, jacobian=False)
        (height,) = clone_replace([likelihood + weighed * prior], swap)
        slope = pt.grad(height, point)
        way = pt.vector("way", shape=(len(names),))
        bend = pt.grad(slope @ way, point)  # the Hessian times a direction: a small graph
        self.run = plainly.function([point, way, weighed], [slope, bend])

    def ask(self, sample: Sample, prior: Prior | None) -> None:
        """Swap the data and the prior; without one, only the likelihood is looked at."""
        k = len(self.model["shares"].get_value())
        question = asked(self.row.family, sample, k, prior=prior or self.row.prior)
        rows = sample.distinct
        pm.set_data(data_of(question), self.model, coords={"row": np.arange(rows)})
        self.weighed = float(prior is not None)

    def slope(self, point: np.ndarray) -> np.ndarray:
        """Return the gradient (p,)."""
        return self.run(point, np.zeros_like(point), self.weighed)[0]

    def bend(self, point: np.ndarray) -> np.ndarray:
        """Return the Hessian (p, p)."""
        return np.array([self.run(point, way, self.weighed)[1] for way in np.eye(len(point))])


@cache
def derived(name: str, names: tuple[str, ...]) -> Surface:
    """Return the surface of a family over two components."""
    row = next(row for row in FAMILIES if row.name == name)
    return Surface(row, row.sample(np.random.default_rng(30), 2, 20), 2, names)


def surface_of(row: Row, sample: Sample, fitted, prior: Prior | None) -> Surface:
    """Return the surface on which a fit stands."""
    found = derived(row.name, tuple(fitted.coordinates))
    found.ask(sample, prior)
    return found


def decrement(slope: np.ndarray, bend: np.ndarray) -> float:
    """Return the distance to the maximum in standard errors."""
    return float(np.sqrt(slope @ np.linalg.solve(-bend, slope)))


def coordinates(fitted) -> np.ndarray:
    """Return the fit as EM's coordinates name it."""
    fields = {"weight": fitted.mixture.weight, **entries(fitted.mixture.theta)}
    found = []
    for name in fitted.coordinates:
        field, index = name[:-1].split("[")
        found.append(fields[field][tuple(0 if i == "*" else int(i) for i in index.split(","))])
    return np.array(found)


@every_family
@weighed
def test_gradient_vanishes_and_hessian_is_the_information_at_ems_fit(row, prior, rng):
    if not (row.identified or prior):
        pytest.skip("rows in no order have no single maximum")
    generator = rng(31)
    truth = row.random(generator, 2)
    sample, _ = simulate(truth, 300, generator, row.trials(generator, 300))
    given = row.prior if prior else None
    fitted = fit(row.family, sample, 2, start=truth, prior=given, tolerance=1e-9)
    surface = surface_of(row, sample, fitted, given)
    point = coordinates(fitted)
    bend = surface.bend(point)
    scale = np.sqrt(np.diag(fitted.information))
    np.testing.assert_allclose(
        -bend / np.outer(scale, scale), fitted.information / np.outer(scale, scale), atol=1e-6
    )
    assert decrement(surface.slope(point), bend) < 1e-6
    # negative control: a thousandth of a standard error away, the gradient does not vanish
    assert decrement(surface.slope(point + 1e-3 / scale), bend) > 1e-4


@every_family
def test_the_other_question_has_another_answer(row, rng):
    """With the prior's terms left out the gradient at the MAP does not vanish."""
    generator = rng(32)
    truth = row.random(generator, 2)
    sample, _ = simulate(truth, 300, generator, row.trials(generator, 300))
    fitted = fit(row.family, sample, 2, start=truth, prior=row.prior, tolerance=1e-9)
    slope = surface_of(row, sample, fitted, None).slope(coordinates(fitted))
    scale = np.sqrt(np.diag(fitted.information))
    assert np.abs(slope / scale).max() > 0.01


@every_family
def test_draws_of_the_prior_are_draws_of_the_models_prior(row, rng):
    """The slope of a log density averages zero over its own draws, on any unbounded scale.

    That holds of `models.draw_prior` and of PyMC's prior with PyMC's or our Jacobians together
    only if they are one distribution.
    """
    generator = rng(33)
    sample, _ = simulate(row.random(generator, 1), 40, generator, row.trials(generator, 40))
    question = asked(row.family, sample, 2, prior=row.prior)
    engine = engine_of(question)
    model = engine.model
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    data = {model[name]: value for name, value in data_of(question).items()}
    height = model.logp(vars=model.free_RVs)
    many = {value: pt.tensor(shape=(None, *value.type.shape)) for value in values}
    each = vectorize_graph(pt.grad(height, values), many)  # over the draws
    run = plainly.function(list(many.values()), each, givens=data, on_unused_input="ignore")

    def slopes(prior: Prior) -> tuple[np.ndarray, np.ndarray]:
        mixture = draw_prior(Mixture, row.family, prior, 2, 3000, generator, sizes={})
        own = {"weight": mixture.weight, **component_of(row.family).values(mixture.theta)}
        given = [own[variable.name] for variable in engine.variables]
        draws = engine.forward(*given, *data_of(question).values())
        found = np.concatenate([slope.reshape(len(slope), -1) for slope in run(*draws)], axis=1)
        return np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found))

    mean, error = slopes(row.prior)
    assert (np.abs(mean) < 4.5 * error).all()
    # negative control: a fifth more of what the prior counts last
    mean, error = slopes(more(row.prior))
    assert (np.abs(mean) > 4.5 * error).any()


def more(prior: Prior) -> Prior:
    """Return the prior with a fifth more of what it counts last, of categories the last one.

    A width has slopes that average zero whatever it is, so that it is left as it is.
    """
    fields = prior.theta._asdict()
    name, value = [one for one in fields.items() if not one[0].endswith("factor")][-1]
    by = np.where(np.arange(np.size(value)) == np.size(value) - 1, 1.2, 1.0)
    return prior._replace(
        theta=prior.theta._replace(**{name: value * (by if np.ndim(value) else 1.2)})
    )
