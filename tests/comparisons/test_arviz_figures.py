"""ArviZ's figures take a comparison: its posterior as it is, and its estimate in one call."""

import arviz as az
import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

import comparisons
from models import Gaussian, Groups, MultivariateGaussian, Poisson, Sample, Sequences

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # runs are short
OPTIONS = {"draws": 300, "tune": 300, "seed": 1, "progress": False}
PLOTS = [
    az.plot_dist,
    az.plot_trace,
    az.plot_trace_dist,
    az.plot_forest,
    az.plot_rank,
    az.plot_ess,
    az.plot_energy,
    az.plot_prior_posterior,
    az.plot_ppc_dist,
    az.plot_ppc_pit,
    az.plot_loo_pit,
    lambda tree: az.plot_khat(az.loo(tree, pointwise=True)),
    lambda tree: az.plot_pair(tree, var_names=["mean", "sd"]),
    az.summary,
    az.rhat,
    az.ess,
    az.mcse,
    az.bfmi,
    az.hdi,
    az.eti,
    az.extract,
    az.plot_autocorr,
    az.psense,
]


def data_of(kind: str):
    rng = np.random.default_rng(3)
    high = np.round(rng.normal(np.repeat([160, 180], 40), 4))
    counts = rng.poisson(np.repeat([2.0, 12.0], 40))
    return {
        "mixture": (Gaussian, Sample(high)),
        "columns": (MultivariateGaussian, Sample(np.column_stack([high, rng.normal(size=80)]))),
        "sequence": (Poisson, Sequences(counts)),
        "sequences": (Poisson, Sequences(counts, None, np.repeat(np.arange(10), 8), "free")),
        "groups": (Poisson, Groups(counts, np.arange(80) % 4)),
    }[kind]


@pytest.fixture(scope="module")
def opinion():
    return comparisons.second_opinion(*data_of("mixture"), 2, **OPTIONS)


@pytest.fixture(autouse=True)
def agg():
    mpl.use("Agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.mark.parametrize("kind", ["mixture", "columns", "sequence", "sequences", "groups"])
def test_the_estimate_has_the_variables_and_places_of_the_posterior(kind):
    found = comparisons.second_opinion(*data_of(kind), 2, **OPTIONS)
    estimate, posterior = found.to_dataset(), found.tree["posterior"].to_dataset()
    assert list(estimate.data_vars) == list(posterior.data_vars)
    assert {"weight": 1, "initial": 1, "transition": 1}.keys() & set(estimate.data_vars)
    means = posterior.mean(("chain", "draw"))
    for name, one in estimate.data_vars.items():
        assert one.dims == posterior[name].dims[2:]
        xr.testing.assert_equal(one.coords.to_dataset(), means[name].coords.to_dataset())
    # every entry is a parameter of the table, in the order of the posterior's
    by_label = dict(
        zip(found.table["parameter"].to_numpy(), found.table["mle"].values, strict=True)
    )
    for row in found.parameters:
        at = dict(zip(row.parameter.axes, row.parameter.at, strict=True))
        assert float(estimate[row.parameter.name].sel(at)) == by_label[row.label]


def test_add_lines_draws_the_estimate(opinion, tmp_path):
    figure = az.plot_dist(opinion.tree, kind="hist", var_names=["mean"])
    figure = az.add_lines(figure, values=opinion.to_dataset()[["mean"]])
    figure.savefig(tmp_path / "mean.png")
    assert (tmp_path / "mean.png").stat().st_size > 5_000
    drawn = [
        float(np.unique(figure.viz["ref_line"]["mean"].sel(component=at).item().get_xdata()).item())
        for at in (0, 1)
    ]
    assert drawn == opinion.to_dataset()["mean"].to_numpy().tolist()
    assert drawn[0] == pytest.approx(160, abs=2)
    assert drawn[1] == pytest.approx(180, abs=2)
    whole = az.add_lines(az.plot_dist(opinion.tree), values=opinion.to_dataset())
    assert set(whole.viz["ref_line"].data_vars) == {"weight", "mean", "sd"}


@pytest.mark.parametrize("call", PLOTS)
def test_functions_take_the_tree_without_a_warning(call, opinion):
    assert call(opinion.tree) is not None
