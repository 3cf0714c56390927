"""A model that does not fit is named with its cause; one that fits is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from xarray import Dataset, DataTree

import bayes
import comparisons
from bayes.posterior.tree import posterior_of
from comparisons.binned.posterior import histogram_of
from comparisons.finding import DOUBT, NOTE, OK
from comparisons.thresholds import MISFIT_CHANCE, MISFIT_SIZE
from comparisons.verdict.judge_fit import fits
from comparisons.verdict.misfit import Cause, _in_units, _unmeasured, misfit_of
from comparisons.verdict.neighbours import Neighbours
from comparisons.verdict.point import point_of
from comparisons.verdict.transforms import (
    FINE,
    Intervals,
    Observed,
    chance_of,
    counted,
    observed_of,
    smooth_chance_of,
    tables,
    transformed,
)
from models import (
    Binomial,
    Gamma,
    Gaussian,
    LogNormal,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Sample,
    ZeroInflated,
    simulate,
)
from models.question import asked

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")

SURPRISE = 1e-6  # chance at which a promise counts as broken
HALVES = np.array([0.4, 0.6])
TRUTHS = {
    "binomial": (Mixture(HALVES, Binomial(np.array([0.2, 0.7]))), 6),
    "gaussian": (Mixture(HALVES, Gaussian(np.array([0.0, 4.0]), np.array([1.0, 1.5]))), None),
    "gamma": (Mixture(HALVES, Gamma(np.array([2.0, 9.0]), np.array([1.5, 8.0]))), None),
    "lognormal": (Mixture(HALVES, LogNormal(np.array([1.0, 9.0]), np.array([0.4, 0.7]))), None),
    "poisson": (Mixture(HALVES, Poisson(np.array([1.0, 8.0]))), None),
    "multivariate": (
        Mixture(
            HALVES,
            MultivariateGaussian(
                np.array([[0.0, 0.0], [3.0, 3.0]]), np.array([np.eye(2) + 0.5] * 2)
            ),
        ),
        None,
    ),
}


def judged(family, sample, k, accepted=False):
    """Return the misfit and its finding, of a short posterior."""
    kept = posterior_of(bayes.sample(family, sample, k, draws=250, tune=400, progress=False))
    point = point_of(None, kept, None, kept.heights, None)
    found = misfit_of(kept, point)
    return found, fits(found, Neighbours(kept.question, point.at.bic), accepted=accepted)


@pytest.mark.parametrize("name", TRUTHS)
def test_transforms_are_uniform_under_the_truth_and_not_beside_it(name, rng):
    truth, trials = TRUTHS[name]
    generator, n, level = rng(41), 60, 0.05
    low, wrong = [], []
    other = truth._replace(weight=truth.weight[::-1])
    for _ in range(n):
        sample, _ = simulate(truth, 400, generator, trials)
        observed = observed_of(asked(type(truth.theta), sample, 2))
        for one, each in ((truth, low), (other, wrong)):
            found = transformed(observed, one.theta, one.weight[:, None])
            each.append([chance_of(table) for table in tables(found, observed.counts, generator)])
            fine = counted(found.low[0], found.high[0], observed.counts, FINE, generator)
            each[-1].append(smooth_chance_of(fine))
    seen = (np.array(low) < level).sum(axis=0)
    assert (seen <= stats.binom.isf(SURPRISE, n, level)).all()
    assert ((np.array(wrong) < level).sum(axis=0) > stats.binom.isf(SURPRISE, n, level)).any()


def exponential(rng):
    return rng.exponential(1, 300)


def heavy(rng):
    return rng.standard_t(3, 1_000)


def three(rng):
    return np.concatenate([rng.normal(mean, 1, 100) for mean in (0, 4, 8)])


def banana(rng):
    x = rng.normal(size=(500, 2))
    x[:, 1] += 0.7 * x[:, 0] ** 2
    return x


def heaped(rng):
    x = rng.normal(40, 12, 3_000).round()
    return np.where(rng.random(3_000) < 0.5, 5 * np.round(x / 5), x)


def outlying(rng):
    """Return values of which 1 in 40 lies far below all others."""
    return np.append(rng.normal(0, 1, 390), rng.normal(-12, 3, 10))


WRONG = {
    "exponential as Gaussian": (Gaussian, 1, exponential, "skewness", "skewed to the right"),
    "t as Gaussian": (Gaussian, 1, heavy, "tails", "tails are heavier"),
    "outliers on one side": (Gaussian, 1, outlying, "tails", "tails are heavier"),
    "negative binomial as Poisson": (
        *(Poisson, 1, lambda rng: rng.negative_binomial(5, 0.5, 500), "spread"),
        "times the model's",
    ),
    "extra zeros as Poisson": (
        *(Poisson, 1, lambda rng: np.where(rng.random(600) < 0.2, 0, rng.poisson(5, 600)), "zeros"),
        "are 0; the model expects",
    ),
    "three groups called two": (Gaussian, 2, three, "other", "BIC prefers 3 groups, by"),
    "a banana called an ellipse": (MultivariateGaussian, 1, banana, None, ""),
    "heaped values": (Gaussian, 1, heaped, "heaping", "of them are multiples of 5"),
}
RIGHT = {
    "one Gaussian": (Gaussian, 1, lambda rng: rng.normal(3, 2, 300)),
    "rounded values": (Gaussian, 1, lambda rng: rng.normal(40, 12, 3_000).round()),
    "coarsely rounded values": (
        Gaussian,
        1,
        lambda rng: 5 * (rng.normal(40, 12, 3_000) / 5).round(),
    ),
    "counts": (Poisson, 1, lambda rng: rng.poisson(5, 500)),
    "two rates": (Poisson, 2, lambda rng: rng.poisson(rng.choice([1.0, 9.0], 500))),
    "three groups called three": (Gaussian, 3, three),
    "an ellipse": (
        MultivariateGaussian,
        1,
        lambda rng: rng.normal(size=(500, 2)) @ [[1, 1], [0, 1]],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_model_that_does_not_fit_is_named_with_its_cause(name, rng):
    family, k, draw, kind, words = WRONG[name]
    found, finding = judged(family, Sample(draw(rng(42))), k)
    assert found.chance < MISFIT_CHANCE
    assert min(found.size, found.plugged) > MISFIT_SIZE
    assert finding.severity == DOUBT
    assert kind in (None, found.cause.kind)
    assert words in finding.message


@pytest.mark.parametrize("name", RIGHT)
def test_a_model_that_fits_is_left_alone(name, rng):
    family, k, draw = RIGHT[name]
    found, finding = judged(family, Sample(draw(rng(43))), k)
    assert finding.severity == OK, finding
    assert found.cause is None


UNIFORM = np.linspace(0.2, 0.7, 51)  # of a model that expects all values from 0 to 1
FEW, MANY = (0.0, 1.0), (1.0, 0.0)  # seen and due of a stretch, in this order


@pytest.mark.parametrize(
    ("x", "stretch", "share", "words", "due"),
    [
        (UNIFORM, (0.0, 0.245), FEW, "10% of the observations lie below 0.25", 0.25),
        (UNIFORM, (0.0, 0.15), FEW, "0% of the observations lie below 0.2", 0.2),
        (UNIFORM, (0.655, 1.0), FEW, "10% of the observations lie above 0.65", 0.35),
        (UNIFORM[::10], (0.45, 0.55), FEW, "17% of the observations lie between 0.4 and 0.6", 0.2),
        (UNIFORM, (0.195, 0.705), MANY, "100% of the observations lie from 0.2 to 0.7", 0.5),
        (UNIFORM, (0.0, 0.505), MANY, "61% of the observations lie up to 0.5", 0.5),
        (UNIFORM, (0.395, 1.0), MANY, "61% of the observations lie from 0.4 up", 0.6),
    ],
)
def test_the_sentence_states_the_shares_of_the_values_that_it_names(x, stretch, share, words, due):
    """Under a uniform model what is due between two values is their distance."""
    n = len(x)
    observed = Observed(x, None, np.stack([x, x]), np.arange(n), np.ones(n, np.int64))
    found = _unmeasured(1)._replace(stretch=stretch, seen=share[0], due=share[1])
    found = _in_units(found, observed, Intervals(x[None], x[None]))
    low, high = max(found.low, 0), min(found.high, 1)
    assert found.due == pytest.approx(due)
    assert found.due == pytest.approx(high - low)
    ends = (low < x) & (x < high) if found.between else (low <= x) & (x <= high)
    assert found.seen == pytest.approx(ends.mean())
    near = Neighbours(asked(Gaussian, Sample(x), 1), 0.0)
    cause = Cause("tails", 1.0, 0.0)
    told = fits(found._replace(chance=0.0, size=0.2, cause=cause), near).message
    assert f"{words}, where the model expects {due:.0%}" in told


def test_whole_numbers_that_follow_each_other_leave_no_gap():
    x = np.arange(4.0)
    ends = np.array([[[0.0, 0.1, 0.4, 0.9]], [[0.1, 0.4, 0.9, 1.0]]])
    observed = Observed(x, None, np.stack([x, x]), np.arange(4), np.array([9, 1, 2, 9]))
    found = _unmeasured(1)._replace(stretch=(0.1, 0.9), seen=0.1, due=0.8)
    found = _in_units(found, observed, Intervals(*ends))
    assert (found.low, found.high, found.between) == (1, 2, False)
    assert (found.seen, found.due) == (pytest.approx(3 / 21), pytest.approx(0.8))


@pytest.mark.slow
def test_a_small_misfit_of_many_observations_is_a_note(rng):
    x = rng(44).standard_t(20, 60_000)
    found, finding = judged(Gaussian, Sample(x), 1)
    assert found.chance < MISFIT_CHANCE
    assert found.size < MISFIT_SIZE
    assert finding.severity == NOTE


def test_columns_that_depend_otherwise_are_named(rng):
    """Each column alone is normal, and no two are correlated: a sign depends on a size."""
    x = rng(46).normal(size=(2_000, 3))
    x[:, 2] = np.abs(rng(47).normal(size=2_000)) * np.sign(np.abs(x[:, 0]) - 0.6745)
    found, finding = judged(MultivariateGaussian, Sample(x), 1)
    assert finding.severity == DOUBT
    assert found.cause.columns == (0, 2)
    assert "the dependence between columns 1 and 3 differs" in finding.message
    cause = found._replace(cause=Cause("other", np.nan, np.nan), column=2, stretch=(0.0, 0.5))
    frame = pd.DataFrame(x, columns=["age", "income", "debt"])
    named = Neighbours(asked(MultivariateGaussian, Sample(frame), 1), 0.0)
    assert "the dependence between columns 'age' and 'debt' differs" in fits(found, named).message
    assert "of column 'debt'" in fits(cause, named).message
    # negative control: the same columns, one of them in another order
    x[:, 2] = x[::-1, 2]
    found, finding = judged(MultivariateGaussian, Sample(x), 1)
    assert finding.severity == OK, finding


def test_rows_that_stand_for_others_are_not_tested(rng):
    x = rng(48).exponential(1, 60)
    found, finding = judged(Gaussian, Sample.weighed(x, np.full(60, 5.5)), 1)
    assert np.isnan(found.size)
    assert finding.severity == NOTE
    assert finding.message == "Whether the model fits could not be measured."


def test_bins_without_ends_can_still_be_read():
    """As in files that were written before the ends were kept."""
    kept = Dataset({"x": ("row", [1.0, 2.5]), "counts": ("row", [3.0, 4.0])})
    found = histogram_of(DataTree.from_dict({"histogram": kept}))
    np.testing.assert_array_equal(found.low, found.x)
    np.testing.assert_array_equal(found.high, found.x)


def test_the_verdict_says_that_the_model_does_not_fit_unless_that_is_accepted(rng):
    sample = Sample(exponential(rng(45)))
    options = {"draws": 400, "progress": False}
    found = comparisons.second_opinion(Gaussian, sample, 1, **options)
    assert found.verdict == "inconclusive"
    assert [one.code for one in found.findings if one.stands] == ["misfit"]
    accepted = comparisons.second_opinion(Gaussian, sample, 1, accept_misfit=True, **options)
    assert accepted.verdict == "agree"
    (finding,) = [one for one in accepted.findings if one.code == "misfit"]
    assert finding.severity == NOTE


def test_the_advice_names_families_that_take_the_data(rng):
    """Skewed to the right above 0; the same below 0, where logarithms are no help."""
    x = rng(42).exponential(1, 300)
    _, finding = judged(Gaussian, Sample(x), 1)
    named = "Use a family that allows for it: "
    both = f"{named}LogNormal (--family lognormal) or Gamma (--family gamma)."
    assert finding.remedy == both
    for family in (Gamma, LogNormal):
        assert judged(family, Sample(rng(42).weibull(1.0, 300)), 1)[1].severity == (
            OK if family is Gamma else DOUBT
        )
    _, finding = judged(Gaussian, Sample(x - 0.5), 1)
    assert named not in finding.remedy
    _, finding = judged(Gaussian, Sample(10 - x), 1)  # to the left
    assert named not in finding.remedy
    _, finding = judged(Gamma, Sample(np.exp(rng(43).normal(0, 1.2, 500))), 1)
    assert finding.remedy == f"{named}LogNormal (--family lognormal)."


def test_zeros_in_excess_are_advised_by_their_option(rng):
    *_, draw, kind, _ = WRONG["extra zeros as Poisson"]
    found, finding = judged(Poisson, Sample(draw(rng(42))), 1)
    assert found.cause.kind == kind
    said = "Use a family that allows for it: ZeroInflated(Poisson) (--family poisson --zeros)."
    assert finding.remedy == said


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_both_sides_find_the_zeros_in_excess_and_the_model_fits(seed, rng):
    truth = Mixture([0.4, 0.6], ZeroInflated(Poisson)(np.array([2.0, 9.0]), np.array([0.3, 0.3])))
    sample, _ = simulate(truth, 1_500, rng(seed))
    found = comparisons.second_opinion(type(truth.theta), sample, 2, seed=seed)
    assert found.verdict == "agree"
    zero = found.to_frame().loc["zero[*]"]
    assert abs(zero["mle"] - 0.3) < 3 * zero["se"]
    assert abs(zero["mean"] - 0.3) < 3 * zero["sd"]
    # negative control: without zeros in excess the model does not fit
    assert comparisons.second_opinion(Poisson, sample, 2, seed=seed).verdict != "agree"


def test_the_sentence_states_the_unit_of_the_values_that_it_names():
    x = UNIFORM
    observed = Observed(x, None, np.stack([x, x]), np.arange(len(x)), np.ones(len(x), np.int64))
    found = _unmeasured(1)._replace(stretch=(0.195, 0.705), seen=1.0, due=0.5)
    found = _in_units(found, observed, Intervals(x[None], x[None]))
    question = asked(Gaussian, Sample(x), 1)
    told = {
        unit: fits(
            found._replace(chance=0.0, size=0.2, cause=Cause("heaping", 0.5, 0.9)),
            Neighbours(replace(question, measured_in=unit), 0.0),
        ).message
        for unit in ((), ("",), ("km",))
    }
    assert "lie from 0.2 to 0.7 km, where" in told["km",]
    assert told["km",].endswith("multiples of 0.5 km.")
    assert "km" not in told[()]
    assert told[()] == told["",]
