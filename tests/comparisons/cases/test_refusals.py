"""What is known before any work, and verdicts on legitimate edges; each case beside a sibling."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes
import comparisons
import em
from bayes.posterior.tree import posterior_of
from bayes.standardise import standard_of
from comparisons import thresholds
from comparisons.command import main as cli
from models import (
    Binomial,
    BinomialPrior,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Prior,
    Sample,
    simulate,
    weak_prior,
)
from models.dependence import dependence
from models.estimable import refuse_inestimable
from models.question import asked
from models.refusal import Refusal

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
COINS = Mixture([0.4, 0.6], Binomial([0.3, 0.6]))


def finding(comparison, code):
    (found,) = [one for one in comparison.findings if one.code == code]
    return found


def standing(comparison):
    return {one.code for one in comparison.findings if one.stands}


@cache
def flips():
    return simulate(COINS, 300, np.random.default_rng(5), trials=20)[0]


@cache
def drawn(prior=None):
    return bayes.sample(Binomial, flips(), 2, prior=prior, draws=1_500, seed=1, progress=False)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return what runs the command in an empty folder: (status, standard output, error)."""
    monkeypatch.chdir(tmp_path)

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return called


def two_clouds(seed=3, n=400):
    generator = np.random.default_rng(seed)
    return generator.normal(0, 1, (n, 2)) + 6.0 * (np.arange(n) % 2)[:, None] * [1, 0]


# columns that depend on each other


def columns(**named):
    return pd.DataFrame(named)


A, B = two_clouds().T
NOISE = np.random.default_rng(4).normal(0, 1, len(A))
DEPENDENT = {
    "sum": (columns(a=A, b=B, total=A + B), "column 'total' is the sum of 'a' and 'b' (rank 2 of 3)"),
    "difference": (columns(a=A, b=B, d=A - B), "column 'd' is the difference of 'a' and 'b' (rank 2 of 3)"),
    "same": (columns(a=A, b=B, again=A), "columns 'a' and 'again' are the same (rank 2 of 3)"),
    "multiple": (columns(inch=A, cm=2.54 * A), "column 'cm' is 2.54 times 'inch' (rank 1 of 2)"),
    "other unit": (columns(c=A, f=1.8 * A + 32), "column 'f' is 1.8 times 'c' plus 32 (rank 1 of 2)"),
    "shares": (columns(a=A, b=B, rest=100 - A - B), "columns 'a', 'b' and 'rest' sum to 100 (rank 2 of 3)"),
    "far": (columns(a=A + 1e6, b=B + 1e5, s=A + 1e6 + (B + 1e5)), "column 's' is the sum of 'a' and 'b' (rank 2 of 3)"),
    "formula": (columns(a=A, b=B, c=2 * A - 0.5 * B + 3), "column 'c' is 2 'a' - 0.5 'b' + 3 (rank 2 of 3)"),
    "constant": (columns(a=A, b=B, c=np.full(len(A), 7.0)), "column 'c' is constant (rank 2 of 3)"),
    "many": (
        columns(a=A, b=B, c=NOISE, d=A**2, e=A - 2 * B + 3 * NOISE + 0.5 * A**2),
        "column 'e' is a linear combination of other columns (rank 4 of 5)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "said"), DEPENDENT.values(), ids=DEPENDENT)
def test_an_exact_dependence_is_one_line(frame, said):
    for family in (MultivariateGaussian, MultivariateGaussian.with_covariance("tied")):
        with pytest.raises(Refusal) as refused:
            comparisons.second_opinion(family, Sample(frame), 2)
        assert str(refused.value).startswith(f"{said}; leave ")
    with pytest.raises(Refusal, match="rank"):
        bayes.sample(MultivariateGaussian, Sample(frame), 2)


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_small_noise_is_no_dependence(size):
    noisy = columns(a=A, b=B, total=A + B + size * NOISE)
    assert not dependence(Sample(noisy))
    refuse_inestimable(asked(MultivariateGaussian, Sample(noisy), 2))
    # and the line between the two is the rounding of the terms
    assert dependence(Sample(noisy.assign(total=A + B + 1e-17 * NOISE)))


@pytest.mark.parametrize("form", ["diagonal", "spherical", "tied-spherical"])
def test_forms_without_correlations_take_such_columns(form):
    family = MultivariateGaussian.with_covariance(form)
    sample = Sample(columns(a=A, b=B, total=A + B))
    refuse_inestimable(asked(family, sample, 2))
    fit = em.fit(family, sample, 2)
    assert fit.has_errors
    assert np.isfinite(fit.log_likelihood)
    weak_prior(family, sample, 2)


def test_without_names_columns_are_called_by_place():
    with pytest.raises(Refusal, match=r"columns x\[:, 0\] and x\[:, 1\] are the same"):
        comparisons.second_opinion(MultivariateGaussian, Sample(np.stack([A, A, B], axis=1)), 2)


def test_the_command_names_columns_and_leaves_with_status_two(run, tmp_path):
    frame = columns(a=A.round(2), b=B.round(2))
    frame = frame.assign(total=(frame.a + frame.b).round(2), again=frame.a)
    frame.to_csv(tmp_path / "three.csv", index=False)
    words = ("fit", "three.csv", "-f", "multivariate", "-k", 2, "-c", "a", "-c", "b")
    for more, said in {
        "total": "column 'total' is the sum of 'a' and 'b' (rank 2 of 3); leave one out",
        "again": "columns 'a' and 'again' are the same (rank 2 of 3); leave one out",
    }.items():
        for only in ((), ("--only", "em")):
            status, out, err = run(*words, "-c", more, *only)
            assert (status, out) == (2, "")
            assert err.splitlines()[-1] == f"second-opinion: {said}"
    status, out, _ = run(*words, "--only", "em")
    assert status == 0
    assert "MultivariateGaussian" in out


# coins that too few trials do not identify


@pytest.mark.parametrize(
    ("trials", "k", "equal", "enough"),
    [
        (1, 2, False, False),
        (2, 2, False, False),
        (3, 2, False, True),
        (4, 3, False, False),
        (5, 3, False, True),
        (1, 2, True, False),
        (2, 2, True, True),
        (1, 1, False, True),
    ],
)
def test_trials_decide_how_many_coins_are_identified(trials, k, equal, enough):
    heads = [*range(trials + 1)] * 20
    question = asked(Binomial, Sample(heads, trials=trials), k, equal_weights=equal)
    assert bool(question.unidentified) != enough
    if not enough:
        due = k if equal else 2 * k - 1
        assert f"at least {due} trials are needed" in question.unidentified


def moments_rank(trials, k, equal, rng):
    """The rank of the probabilities' derivatives by the parameters, at a random mixture."""
    prob, weight = np.sort(rng.uniform(0.1, 0.9, k)), rng.dirichlet(np.ones(k))
    powers = np.arange(1, trials + 1)[:, None]
    by_prob = (1 / k if equal else weight) * powers * prob ** (powers - 1.0)
    by_weight = (prob**powers)[:, :-1] - (prob**powers)[:, -1:]
    both = by_prob if equal else np.hstack([by_prob, by_weight])
    return np.linalg.matrix_rank(both), both.shape[1]


@pytest.mark.parametrize("equal", [False, True])
def test_the_bound_is_that_of_the_moments(equal, rng):
    for k in (2, 3):
        for trials in range(1, 7):
            rank, free = moments_rank(trials, k, equal, rng(trials))
            sample = Sample([*range(trials + 1)] * 5, trials=trials)
            if k <= trials + 1:
                question = asked(Binomial, sample, k, equal_weights=equal)
                assert (rank == free) == (not question.unidentified), (k, trials)


def test_the_largest_number_of_trials_counts():
    mixed = Sample([0, 1, 2, 1, 3], trials=[2, 2, 2, 2, 3])
    assert not asked(Binomial, mixed, 2).unidentified
    assert asked(Binomial, Sample([0, 1, 2, 1, 2], trials=[2, 2, 2, 2, 2]), 2).unidentified


@cache
def pairs(trials=2):
    generator = np.random.default_rng(11)
    prob = np.where(generator.random(400) < 0.4, 0.2, 0.7)
    return Sample(generator.binomial(trials, prob), trials=trials)


def test_unidentified_coins_are_refused_and_forced_ones_are_inconclusive():
    with pytest.raises(Refusal, match=r"2 trials do not identify 2 coins.*force=True"):
        comparisons.second_opinion(Binomial, pairs(), 2)
    assert em.fit(Binomial, pairs(), 2).log_likelihood < 0  # one side alone goes on
    forced = comparisons.second_opinion(Binomial, pairs(), 2, force=True, draws=500, progress=False)
    assert forced.verdict == "inconclusive"
    first = next(one for one in forced.findings if one.stands)
    assert first.code == "not_identified"
    assert "The parameters are not identified" in first.message
    # siblings: one coin, which two trials identify, and two coins of twenty flips
    one = comparisons.second_opinion(Binomial, pairs(), 1, draws=500, progress=False)
    assert [each.code for each in one.findings if each.stands] == ["misfit"]  # there are two coins
    assert finding(one, "not_identified").severity == "ok"
    assert finding(comparisons.compare(None, drawn()), "not_identified").severity == "ok"


def test_the_command_says_so_and_takes_force(run, tmp_path):
    lines = "\n".join(str(int(one)) for one in pairs().x.repeat(pairs().counts))
    (tmp_path / "pairs.csv").write_text(f"heads\n{lines}\n")
    words = ("fit", "pairs.csv", "-f", "binomial", "--heads", "heads", "--trials", 2, "-k", 2)
    for only in ((), ("--only", "em")):
        status, out, err = run(*words, *only)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert "sets of 2 trials do not identify 2 coins" in err
        assert "--force" in err
    assert run(*words, "--only", "em", "--force")[0] == 0


# offsets that doubles cannot carry


def test_an_offset_that_doubles_cannot_carry_is_refused(rng):
    x = np.concatenate([rng(6).normal(0, 1, 250), rng(7).normal(9, 1, 250)])
    for offset, plain in ((1.7e17, r"1\.7e\+17"), (1.7e15, r"1\.7e\+15")):
        with pytest.raises(Refusal, match=rf"doubles near .* apart; subtract {plain} before"):
            comparisons.second_opinion(Gaussian, Sample(x + offset), 2)
    for offset in (0.0, 1e9, 1.7e12):
        refuse_inestimable(asked(Gaussian, Sample(x + offset), 2))


def test_the_command_says_which_column_and_offset(run, tmp_path, rng):
    x = 1.7e15 + rng(8).normal(0, 1, 300)
    (tmp_path / "far.csv").write_text("time\n" + "\n".join(f"{one:.4f}" for one in x))
    status, _, err = run("fit", "far.csv", "-f", "gaussian", "-c", "time", "-k", 2)
    assert status == 2
    assert err.count("\n") == 1
    assert "'time' has a spread of" in err
    assert "subtract 1.7e+15" in err


def two_groups(offset=0.0):
    generator = np.random.default_rng(3)
    x = np.concatenate([generator.normal(0, 1, 250), generator.normal(6, 1, 250)])
    return Sample(x + offset)


@cache
def far_posterior():
    return bayes.sample(Gaussian, two_groups(1.7e12), 2, draws=1_500, seed=1, progress=False)


def far_fit():
    return em.fit(Gaussian, two_groups(1.7e12), 2)


def test_a_mean_of_a_million_millions_agrees():
    comparison = comparisons.compare(far_fit(), far_posterior())
    assert comparison.verdict == "agree", comparison
    for code, usual in {
        "different_question": thresholds.QUESTION,
        "different_data": thresholds.QUESTION,
        "different_posterior": thresholds.DENSITY,
    }.items():
        one = finding(comparison, code)
        assert one.severity == "ok"
        assert one.threshold > usual  # it has grown by the bound of rounding
    near = em.fit(Gaussian, two_groups(), 2)
    grain = 500 * np.spacing(1.7e12)  # the rows were rounded too
    assert far_fit().log_likelihood == pytest.approx(near.log_likelihood, abs=grain)
    np.testing.assert_allclose(
        far_fit().standard_errors.theta.mean, near.standard_errors.theta.mean, rtol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "code"), [("total_log_likelihood", "foreign_draws"), ("lp", "different_posterior")]
)
def test_far_from_zero_another_question_is_still_seen(name, code):
    """A nat, a thousandth of the log-likelihood, is far above the bound of rounding."""
    tree = far_posterior().copy(deep=True)
    noise = np.random.default_rng(1).normal(0, 1, tree["sample_stats"][name].shape)
    tree["sample_stats"][name] = tree["sample_stats"][name] + noise
    assert finding(comparisons.compare(far_fit(), tree), code).severity == "fault"


def test_far_from_zero_another_sample_is_still_seen():
    x = two_groups(1.7e12).x.copy()
    x[0] -= 3
    other = em.fit(Gaussian, Sample(x), 2)
    found = finding(comparisons.compare(other, far_posterior()), "wrong_observations")
    assert found.severity == "fault"


def test_near_zero_the_thresholds_are_as_they_were():
    comparison = comparisons.compare(em.fit(Binomial, flips(), 2), drawn())
    assert finding(comparison, "different_question").threshold == thresholds.QUESTION
    assert finding(comparison, "different_data").threshold == thresholds.QUESTION
    assert finding(comparison, "different_posterior").threshold == thresholds.DENSITY
    question = asked(Gaussian, two_groups(), 2)
    assert standard_of(question).plain
    assert not standard_of(asked(Gaussian, two_groups(1.7e12), 2)).plain


def nearly_dependent():
    noise = 1e-6 * np.random.default_rng(4).normal(size=len(A))
    return Sample(columns(a=A, b=B, total=A + B + noise))


def test_a_sum_with_noise_of_a_millionth_agrees():
    comparison = comparisons.second_opinion(
        MultivariateGaussian, nearly_dependent(), 2, draws=1_000, progress=False
    )
    assert comparison.verdict == "agree", comparison
    one = finding(comparison, "different_question")
    assert one.severity == "ok"
    assert one.threshold > thresholds.QUESTION
    # the third column's noise is what it was made of: its variance given the others
    cov = comparison.tree["em"]["cov"].to_numpy()
    for each in cov:
        left = 1 / np.linalg.inv(each)[2, 2]
        assert 1e-13 < left < 1e-11


def test_the_samplers_coordinates_leave_the_log_likelihood_in_the_users_units():
    """The density of one row, by hand in long arithmetic."""
    x = (two_groups(1.7e12).x - 1.7e12).astype(np.longdouble)
    mean, sd = np.array([0.25, 6.0]), np.array([1.0, 1.25])
    structure = Mixture(np.array([0.4, 0.6]), Gaussian(mean + 1.7e12, sd))
    rounded = (mean + 1.7e12 - 1.7e12).astype(np.longdouble)
    z = (x[:, None] - rounded) / sd
    each = np.array([0.4, 0.6]) * np.exp(-(z**2) / 2) / (sd * np.sqrt(2 * np.pi))
    due = float(np.log(each.sum(axis=1)) @ two_groups(1.7e12).counts)
    found = bayes.log_likelihood(Gaussian, two_groups(1.7e12), structure)
    assert found == pytest.approx(due, rel=1e-12)
    family, sample = MultivariateGaussian, nearly_dependent()
    fit = em.fit(family, sample, 2)
    theirs = bayes.log_likelihood(family, sample, fit.mixture)
    assert theirs == pytest.approx(fit.log_likelihood, rel=1e-6)  # eps times the condition, 1e12
    # negative control: without the volume of the coordinates it would be another number
    volume = sample.observations * standard_of(asked(family, sample, 2)).log_volume
    assert abs(volume) > 1e-3 * abs(theirs)


def test_the_prior_keeps_the_density_of_the_users_units():
    """The sampler's log prior, against the normal-inverse-gamma density by hand."""
    posterior = posterior_of(far_posterior())
    prior, draws = posterior.question.prior.theta, posterior.draws.theta
    variance, sd = draws.sd**2, draws.sd / np.sqrt(prior.n)
    by_hand = stats.invgamma.logpdf(variance, prior.degrees / 2, scale=prior.squares / 2)
    by_hand = by_hand + stats.norm.logpdf(draws.mean, prior.mean, sd)
    found = far_posterior()["log_prior"]["prior"].to_numpy().ravel()
    # uniform shares of two components have a density of 1
    np.testing.assert_allclose(found, by_hand.sum(axis=1), atol=1e-4)


# maxima on an edge


def zero_inflated(seed):
    generator = np.random.default_rng(seed)
    return Sample(np.where(generator.random(600) < 0.45, 0, generator.poisson(2.5, 600)))


@pytest.mark.parametrize("seed", [5, 7])  # slopes of 30 and of 5 nats per unit
def test_zero_inflated_counts_agree_with_a_rate_of_zero(seed):
    comparison = comparisons.second_opinion(
        Poisson, zero_inflated(seed), 2, draws=1_000, progress=False
    )
    assert comparison.verdict == "agree", comparison
    edge = finding(comparison, "boundary")
    assert edge.severity == "note"
    assert "rate[1] is 0" in edge.message
    assert finding(comparison, "not_a_maximum").severity == "ok"
    assert finding(comparison, "wrong_errors").value == pytest.approx(1, abs=1e-4)
    table = comparison.table
    assert np.isfinite(table["se"].to_numpy()).tolist() == [True, True, False, True]
    # the deviance's mean is counted right: neither 3, one each, nor a half for the edge
    expected, mean = comparison.deviance_expected, comparison.deviance_mean
    noise = 3 * comparison.deviance.std() / np.sqrt(1_000)
    assert abs(mean - expected) < noise
    assert 3 < expected < 4
    assert abs(mean - 2.5) > noise
    assert finding(comparison, "not_quadratic").value < 0.1


def test_an_edge_that_is_no_maximum_is_a_doubt():
    edge = comparisons.compare(Mixture([0.5, 0.5], Binomial([0.0, 0.6])), drawn())
    assert finding(edge, "boundary").severity == "doubt"
    assert finding(edge, "not_a_maximum").severity != "ok"
    assert edge.verdict != "agree"


def test_a_saddle_is_still_no_maximum():
    share = float((flips().x * flips().counts).sum() / (flips().trials * flips().counts).sum())
    saddle = comparisons.compare(Mixture([0.5, 0.5], Binomial([share, share])), drawn())
    assert finding(saddle, "not_a_maximum").severity in ("note", "doubt")
    assert "does not show a maximum" in finding(saddle, "not_a_maximum").message
    assert "maximum" not in finding(saddle, "stopped_early").message  # EM only does not move
    assert saddle.verdict != "agree"


def test_a_coin_that_never_falls_on_heads_agrees(rng):
    heads = np.where(rng(12).random(400) < 0.3, 0, rng(13).binomial(20, 0.4, 400))
    sample = Sample(heads, trials=20)
    comparison = comparisons.second_opinion(Binomial, sample, 2, draws=1_000, progress=False)
    assert comparison.verdict == "agree", comparison
    edge = finding(comparison, "boundary")
    assert edge.severity == "note"
    assert "prob[1] is 0" in edge.message


# chains and priors


def test_one_chain_is_a_note():
    fit = em.fit(Binomial, flips(), 2)
    alone = comparisons.compare(fit, drawn().isel(chain=slice(1)))
    note = finding(alone, "one_chain")
    assert note.severity == "note"
    assert "A single chain cannot show whether chains agree" in note.message
    assert "draw several" in note.remedy.lower()
    # the sibling, with four, is as it was
    four = comparisons.compare(fit, drawn())
    assert finding(four, "one_chain").severity == "ok"
    assert four.verdict == "agree"


def test_a_given_prior_that_pulls_is_a_doubt_with_its_size():
    fit = em.fit(Binomial, flips(), 2)
    strong = Prior(0.0, BinomialPrior(heads=2_700.0, tails=3_300.0))
    comparison = comparisons.compare(fit, drawn(strong))
    pull = finding(comparison, "prior_pull")
    assert comparison.verdict == "inconclusive"
    assert pull.severity == "doubt"
    assert f"by up to {pull.value:.3g} posterior sd" in pull.message
    # a given prior that does not pull leaves the verdict alone
    mild = comparisons.compare(fit, drawn(Prior(0.0, BinomialPrior(heads=0.5, tails=0.5))))
    assert mild.verdict == "agree"
    assert finding(mild, "prior_pull").severity == "ok"
