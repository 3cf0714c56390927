"""The posterior as a user gets it: its groups, its files, its draws and its errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from families import DRAWN, FAMILIES, Row
from pytensor.compile.mode import Mode

import bayes
from bayes.sample import AUTO, AUTO_ESS
from bayes.sampling import nuts
from bayes.sampling.compiled import engine_of, machine_code
from bayes.sampling.starts import start_of
from em import fit
from models import (
    Binomial,
    BinomialPrior,
    Gaussian,
    GaussianPrior,
    Mixture,
    MultivariateGaussian,
    MultivariateGaussianPrior,
    Poisson,
    Prior,
    Sample,
    simulate,
)
from models.family import axes, rebuilt
from models.question import asked

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # most runs are short
every_family = pytest.mark.parametrize("row", DRAWN)
GROUPS = {
    "posterior",
    "sample_stats",
    "log_likelihood",
    "log_prior",
    "prior",
    "posterior_predictive",
    "observed_data",
    "constant_data",
    "labels",
    "diagnostics",
}
SHORT = {"draws": 200, "tune": 300, "chains": 2, "progress": False}


def sampled(row: Row, seed: int, k: int = 2, **options) -> tuple[Sample, xr.DataTree]:
    generator = np.random.default_rng(seed)
    sample = row.sample(generator, k, 120)
    return sample, bayes.sample(row.family, sample, k, seed=seed, **(SHORT | options))


def test_chains_that_wait_while_they_are_judged_draw_the_same(monkeypatch):
    """They wait where the judge would have no processor of its own."""
    question = asked(Poisson, Sample([0, 1, 1, 2, 7, 9, 9, 8]), 2)
    waited: list[bool] = []
    usual = nuts._paused

    def paused(sampler, wanted):
        waited.append(wanted)
        return usual(sampler, wanted)

    def drawn(seed: int = 1) -> np.ndarray:
        return nuts.run(
            question,
            [50, 400],
            50,
            2,
            seed,
            enough=lambda *_: False,
            finish=lambda _, chains: chains.positions,
            progress=False,
        )

    monkeypatch.setattr(nuts, "_paused", paused)
    monkeypatch.setattr(nuts, "_processors", lambda: 64)
    free = drawn()
    assert not any(waited)
    monkeypatch.setattr(nuts, "_processors", lambda: 2)
    np.testing.assert_array_equal(drawn(), free)
    assert not np.array_equal(drawn(2), free)  # negative control: another seed


@every_family
def test_groups_names_and_attributes(row):
    sample, tree = sampled(row, 51)
    assert set(tree.children) == GROUPS
    posterior = tree["posterior"]
    fields = row.family._fields
    assert set(posterior.data_vars) == {"weight", *fields}
    assert posterior["weight"].dims == ("chain", "draw", "component")
    for name, own in axes(row.family).items():
        assert posterior[name].dims == ("chain", "draw", *own)
    assert set(tree["prior"].data_vars) == set(posterior.data_vars)
    assert tree["observed_data"].sizes["observation"] == sample.observations
    assert tree["posterior_predictive"].sizes["observation"] == sample.observations
    np.testing.assert_array_equal(tree["observed_data"]["x"], sample.x[sample.inverse])
    rows = tree["log_likelihood"]["unit"].to_numpy()
    np.testing.assert_array_equal(np.bincount(rows), sample.counts)
    attributes = tree.attrs
    assert attributes["family"] == row.family.__name__
    assert (attributes["components"], attributes["seed"]) == (2, 51)
    assert {"pymc", "nutpie", "arviz"} <= set(json.loads(attributes["versions"]))
    assert set(json.loads(attributes["prior"])["theta"]) == set(row.prior.theta._fields)


@every_family
def test_log_likelihood_of_every_draw_is_ems(row, rng):
    """Two codes, one likelihood, at each draw; and so the draws answer EM's question."""
    sample, tree = sampled(row, 52)
    total = tree["log_likelihood"]["x"].sum("observation")
    np.testing.assert_allclose(tree["sample_stats"]["total_log_likelihood"], total, rtol=1e-12)
    generator, drawn = rng(53), tree["posterior"].data_vars.values()
    for _ in range(5):
        chain, draw = generator.integers(2), generator.integers(200)
        one = {
            name: values.isel(chain=chain, draw=draw).to_numpy()
            for name, values in tree["posterior"].data_vars.items()
        }
        weight = one.pop("weight")
        mixture = Mixture(weight, rebuilt(row.family, one.values()))
        ours = fit(row.family, sample, 2, start=mixture, max_steps=0).log_likelihood
        theirs = float(total.isel(chain=chain, draw=draw))
        assert ours == pytest.approx(theirs, rel=1e-9)
        # negative control: the draw's before is another, if the chain did not stay where it was
        before = {"chain": chain, "draw": draw - 1}
        stayed = all((one.isel(before) == one.isel(chain=chain, draw=draw)).all() for one in drawn)
        assert stayed or ours != pytest.approx(float(total.isel(before)), rel=1e-9)
    assert float(total.max() - total.min()) > 1  # nor are they all the same


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
@pytest.mark.parametrize(
    "name",
    [
        "binomial",
        "multivariate-tied-spherical",
        pytest.param("multivariate-tied", marks=pytest.mark.slow),
    ],
)
def test_files_keep_everything(kind, name, tmp_path):
    row = next(row for row in FAMILIES if row.name == name)
    _, tree = sampled(row, 54)
    path = tmp_path / "posterior"
    if kind == "netcdf":
        tree.to_netcdf(path)
        back = az.from_netcdf(path)
    else:
        tree.to_zarr(path, consolidated=False)
        back = az.from_zarr(path, consolidated=False)
    back = back.load()
    assert set(back.children) == GROUPS
    for group in GROUPS:
        xr.testing.assert_identical(back[group].to_dataset(), tree[group].to_dataset())
    assert dict(back.attrs) == tree.attrs
    again = bayes.align(back, "assignment")  # the question is read back from the file
    np.testing.assert_allclose(
        again["posterior"]["weight"], bayes.align(tree, "assignment")["posterior"]["weight"]
    )
    back.close()


@pytest.fixture(scope="module")
def heights() -> tuple[Sample, xr.DataTree]:
    truth = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([160.0, 180.0]), np.array([4.0, 5.0])))
    found, _ = simulate(truth, 300, np.random.default_rng(55))
    sample = Sample(np.round(found.x[found.inverse]))
    return sample, bayes.sample(Gaussian, sample, 2, draws=500, tune=500, seed=4, progress=False)


def test_predictive_draws_look_like_the_sample(heights):
    sample, tree = heights
    replicates = tree["posterior_predictive"]["x"]
    means = replicates.mean("observation").to_numpy().ravel()
    own = float(np.average(sample.x, weights=sample.counts))
    assert abs(means.mean() - own) < 5 * means.std() / np.sqrt(len(means)) + 1e-2 * means.std()
    assert np.unique(replicates.to_numpy()).size > 1000  # continuous, and not one draw repeated
    # negative control: a height more
    assert abs(means.mean() - own - 1) > 5 * means.std() / np.sqrt(len(means))


def test_the_same_seed_gives_the_same_draws(heights):
    sample, tree = heights
    again = bayes.sample(Gaussian, sample, 2, draws=500, tune=500, seed=4, progress=False)
    for group in ("posterior", "prior", "posterior_predictive", "log_likelihood"):
        xr.testing.assert_equal(again[group].to_dataset(), tree[group].to_dataset())
    other = bayes.sample(Gaussian, sample, 2, draws=500, tune=500, seed=5, progress=False)
    assert not other["posterior"].equals(tree["posterior"])


def test_other_samples_dimensions_and_numbers_of_components_compile_nothing(rng):
    generator = rng(56)
    bayes.sample(Gaussian, Sample(generator.normal(size=50)), 2, **SHORT)
    compiled = machine_code.cache_info().misses
    for n, k in ((30, 3), (200, 2), (70, 5)):
        bayes.sample(Gaussian, Sample(generator.normal(size=n)), k, **SHORT)
    assert machine_code.cache_info().misses == compiled


def test_equal_weights_and_one_component(rng):
    sample = Sample(rng(57).poisson(4, 60))
    tree = bayes.sample(Poisson, sample, 2, equal_weights=True, **SHORT)
    assert (tree["posterior"]["weight"] == 0.5).all()
    single = bayes.sample(Poisson, sample, 1, draws=2000, tune=500, chains=4, progress=False)
    assert (single["posterior"]["weight"] == 1).all()
    rate = single["posterior"]["rate"]
    prior = json.loads(single.attrs["prior"])["theta"]
    exact = (sample.x @ sample.counts + prior["events"] + 1) / (60 + prior["exposure"])
    error = float(az.mcse(rate, method="mean").max())
    assert abs(float(rate.mean()) - exact) < 4 * error
    assert abs(float(rate.mean()) - sample.x @ sample.counts / 60 - 0.1) > 4 * error
    assert bayes.diagnose(single).passed  # constants (the weight) count for nothing


def test_auto_goes_on_until_the_gates_hold(heights):
    sample, _ = heights
    tree = bayes.sample(Gaussian, sample, 2, draws="auto", tune=500, seed=3, progress=False)
    assert tree.attrs["draws"] in AUTO
    assert tree.attrs["gates"] == "met"
    checks = {check.name: check.value for check in bayes.diagnose(tree).checks}
    assert checks["least bulk ESS"] >= AUTO_ESS
    assert checks["least tail ESS"] >= AUTO_ESS
    fixed = bayes.sample(
        Gaussian, sample, 2, draws=tree.attrs["draws"], tune=500, seed=3, progress=False
    )
    xr.testing.assert_equal(fixed["posterior"].to_dataset(), tree["posterior"].to_dataset())


def test_auto_stops_at_its_limit_and_says_so(monkeypatch):
    """One observation cannot tell two groups apart, whatever the number of draws here."""
    monkeypatch.setattr(sys.modules["bayes.sample"], "AUTO", [50, 100])
    tree = bayes.sample(
        Poisson, Sample([3, 4]), 2, draws="auto", tune=200, chains=2, progress=False
    )
    assert tree.attrs["draws"] == 100
    assert tree.attrs["gates"] == "not met"


def test_diagnose_finds_what_is_planted(heights):
    _, tree = heights
    found = bayes.diagnose(tree)
    assert [check.name for check in found.checks] == [
        "largest R-hat",
        "least bulk ESS",
        "least tail ESS",
        "share of divergences",
        "least E-BFMI",
        "share at the deepest tree",
    ]
    assert found.passed
    assert str(found).count("ok") == 6

    def failed(change) -> set[str]:
        faulty = tree.copy(deep=True)
        change(faulty)
        return {check.name for check in bayes.diagnose(faulty).checks if not check.passed}

    def stuck(tree: xr.DataTree) -> None:
        tree["posterior"]["mean"][0] += 1

    def broken(tree: xr.DataTree) -> None:
        tree["posterior"]["mean"][0, 0] = np.nan

    def diverging(tree: xr.DataTree) -> None:
        tree["sample_stats"]["diverging"][0, :10] = True

    def deep(tree: xr.DataTree) -> None:
        tree["sample_stats"]["reached_max_treedepth"][0, :100] = True

    def wandering(tree: xr.DataTree) -> None:
        steps = np.random.default_rng(1).normal(size=tree["sample_stats"]["energy"].shape)
        tree["sample_stats"]["energy"][:] = steps.cumsum(axis=1)

    assert "largest R-hat" in failed(stuck)
    assert {"largest R-hat", "least bulk ESS"} <= failed(broken)
    assert failed(diverging) == {"share of divergences"}
    assert failed(deep) == {"share at the deepest tree"}
    assert failed(wandering) == {"least E-BFMI"}


def test_chains_that_fail_are_not_returned_without_a_word(heights):
    with pytest.warns(bayes.ChainsWarning, match=r"least bulk ESS .*give draws=\"auto\""):
        bayes.sample(Gaussian, heights[0], 2, **(SHORT | {"draws": 50}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bayes.sample(Gaussian, heights[0], 2, draws=1500, progress=False)


def test_a_posterior_of_another_sampler_is_diagnosed(rng):
    tree = az.convert_to_datatree({"mu": rng(58).normal(size=(4, 1000))})
    assert [check.name for check in bayes.diagnose(tree).checks] == [
        "largest R-hat",
        "least bulk ESS",
        "least tail ESS",
    ]
    assert bayes.diagnose(tree).passed


@pytest.mark.filterwarnings("ignore:The effect of Potentials")  # PyMC's, of any Potential
@pytest.mark.filterwarnings("ignore:Numba will use object mode")  # PyTensor's, of a CustomDist
def test_the_model_is_one_that_a_pymc_user_can_extend_and_sample(rng):
    """PyMC's own tools take it: other samplers, the prior predictive, data swapped."""
    sample = Sample(np.concatenate([rng(59).normal(0, 1, 40), rng(60).normal(6, 1, 40)]))
    model = bayes.build(Gaussian, sample, 2)
    assert {variable.name for variable in model.free_RVs} == {"weight", "variance", "mean"}
    once = {
        "random_seed": 1,
        "compile_kwargs": {"mode": Mode(linker="py", optimizer="fast_compile")},
    }
    with model:
        pm.Deterministic("gap", model["mean"][1] - model["mean"][0])
        drawn = pm.sample_prior_predictive(50, var_names=["gap", "sd"], **once)
    assert drawn["prior"]["gap"].shape == (1, 50)
    table = Sample(rng(61).normal(size=(50, 2)))
    several = bayes.build(MultivariateGaussian, table, 2)
    with several:
        drawn = pm.sample_prior_predictive(50, var_names=["cov", "mean"], **once)
    assert drawn["prior"]["cov"].shape == (1, 50, 2, 2, 2)
    assert np.linalg.eigvalsh(drawn["prior"]["cov"].to_numpy()).min() > 0


def test_observations_are_those_that_were_counted():
    """Even where the counts happen to sum to the number of rows given."""
    sample = Sample([3, 1, 2, 9], counts=[0, 3, 1, 0])
    tree = bayes.sample(Poisson, sample, 1, **SHORT)
    assert sorted(tree["observed_data"]["x"].to_numpy()) == [1, 1, 1, 2]
    coins = Sample([1, 5], trials=[2, 50], counts=[2, 0])
    tree = bayes.sample(Binomial, coins, 1, **SHORT)
    assert tree["observed_data"]["trials"].to_numpy().tolist() == [2, 2]
    assert tree["posterior_predictive"]["x"].max() <= 2


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_units_change_nothing(unit, rng):
    x = np.round(np.concatenate([rng(62).normal(160, 5, 60), rng(63).normal(180, 5, 60)]))
    small = bayes.sample(Gaussian, Sample(x * unit), 2, draws=500, tune=500, progress=False)
    one = bayes.sample(Gaussian, Sample(x), 2, draws=500, tune=500, progress=False)
    for name in ("mean", "sd"):
        ours = small["posterior"][name].mean(("chain", "draw")) / unit
        theirs = one["posterior"][name].mean(("chain", "draw"))
        error = az.mcse(one["posterior"][name], method="mean")
        assert (abs(ours - theirs) < 6 * error).all()
    assert bayes.diagnose(small).checks[0].value < 1.02


def test_one_chain_is_judged_by_its_halves(heights):
    tree = bayes.sample(Gaussian, heights[0], 2, draws=1500, chains=1, seed=2, progress=False)
    assert bayes.diagnose(tree).checks[0].value < 1.01
    tree["posterior"]["mean"][0, 750:] += 1
    assert not bayes.diagnose(tree).checks[0].passed


def test_chains_start_farther_apart_than_weak_data_can_tell(rng):
    """The spread of starts is at least the posterior's, or R-hat could not see what is missed."""
    sample = Sample([0, 1, 1, 2, 4, 6, 7, 9])
    question = asked(Poisson, sample, 2)
    engine = engine_of(question)
    start = start_of(engine, question)
    rates = engine.structures(question, np.array([start(seed) for seed in range(300)])).theta.rate
    tree = bayes.sample(Poisson, sample, 2, draws=2000, progress=False)
    ours = np.sort(rates, axis=1).std(axis=0)
    posterior = tree["posterior"]["rate"].std(("chain", "draw")).to_numpy()
    assert (ours > posterior).all()


SAMPLE = Sample([150.0, 160.0, 171.0, 182.0])
TABLE = Sample([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]])
GAUSSIAN = GaussianPrior(170.0, 1.0, 50.0, 3.0)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((SAMPLE, Gaussian, 2), {}, "family is a Sample; the order is"),
        ((dict, SAMPLE, 2), {}, "family is <class 'dict'>; give one of Binomial"),
        ((Gaussian, {1.0, 2.0}, 2), {}, "sample is a set; give Sample"),
        ((Binomial, SAMPLE, 2), {}, "trials are missing"),
        ((Gaussian, TABLE, 2), {}, "x is a table"),
        ((Gaussian, SAMPLE, 0), {}, "k is 0; give a whole number from 1 up"),
        ((Gaussian, SAMPLE, 2.5), {}, "k is 2.5; give a whole number"),
        ((Gaussian, SAMPLE, 5), {}, "k is 5, but x has 4 distinct values"),
        ((Gaussian, SAMPLE, 2), {"draws": 0}, "draws is 0; give a whole number from 1 up"),
        ((Gaussian, SAMPLE, 2), {"draws": "many"}, "draws is 'many'; give a whole number"),
        ((Gaussian, SAMPLE, 2), {"tune": 0}, "tune is 0"),
        ((Gaussian, SAMPLE, 2), {"chains": 0}, "chains is 0; give a whole number from 1 up"),
        ((Gaussian, SAMPLE, 2), {"seed": -1}, "seed is -1"),
        ((Gaussian, SAMPLE, 2), {"seed": 2**64}, "seed is 18446744073709551616; .* below"),
        ((Gaussian, SAMPLE, 2), {"prior": GAUSSIAN}, r"prior is a GaussianPrior; give Prior\("),
        (
            (Gaussian, SAMPLE, 2),
            {"prior": Prior(0.0, BinomialPrior(1.0, 1.0))},
            "theta of the prior is a BinomialPrior",
        ),
        (
            (Gaussian, SAMPLE, 2),
            {"prior": Prior(0.0, GAUSSIAN._replace(n=0.0))},
            "prior: n is 0; give a number above 0",
        ),
        ((Gaussian, SAMPLE, 2), {"prior": Prior(-1.0, GAUSSIAN)}, "prior: weight is -1"),
        (
            (MultivariateGaussian, TABLE, 2),
            {"prior": Prior(0.0, MultivariateGaussianPrior(np.zeros(3), 1.0, np.eye(3), 5.0))},
            "x has 2 columns",
        ),
        ((Gaussian, Sample([1e200, 2e200, 5e200]), 2), {}, "the weak prior needs the spread"),
    ],
)
def test_bad_input_is_refused_before_any_work(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        bayes.sample(*arguments, **options)


def test_other_bad_input():
    with pytest.raises(ValueError, match="no group posterior"):
        bayes.diagnose(xr.DataTree())
    edge = Mixture([0.0, 1.0], Gaussian([150.0, 170.0], [5.0, 5.0]))
    with pytest.raises(ValueError, match="give shares above 0"):
        bayes.log_likelihood(Gaussian, SAMPLE, edge)


@pytest.mark.slow
def test_a_sampler_that_cannot_start_says_where_it_stood():
    prior = Prior(0.0, GaussianPrior(1e160, 1e12, 1e-30, 3.0))
    with pytest.raises(bayes.SamplerError, match=r"a start was weight .* mean .* sd") as caught:
        bayes.sample(Gaussian, SAMPLE, 2, prior=prior, **SHORT)
    assert "Stack backtrace" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ctrl_c_ends_at_once_and_leaves_no_file(tmp_path):
    """The interrupt comes as KeyboardInterrupt, not as a short posterior."""
    code = (
        "import bayes, numpy as np\n"
        "from models import Gaussian, Sample\n"
        "sample = Sample(np.random.default_rng(0).normal(size=20_000))\n"
        "bayes.sample(Gaussian, Sample([1., 2., 3.]), 3, draws=10, tune=10, progress=False)\n"
        "print('sampling', flush=True)\n"
        "bayes.sample(Gaussian, sample, 3, draws=100_000, progress=False)\n"
        "print('not reached', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "sampling\n"
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert "not reached" not in out
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert list(tmp_path.iterdir()) == []
