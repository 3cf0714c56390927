"""Choosing on small data, from the call to the page; published tables are in test_chosen.py."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from matplotlib.text import Text
from scipy.special import gammaln
from scipy.stats import nbinom

import comparisons.choice.choose as choosing
import em
from bayes.posterior import evidence as inner
from comparisons.choice.bootstrap import Bootstrap, bootstrap
from comparisons.choice.choose import Choice, choose
from comparisons.choice.comparable import refuse_incomparable
from comparisons.choice.folder import save_choice
from comparisons.choice.json import of_choice
from comparisons.choice.page import page
from comparisons.choice.pictures import flows, pictures_of_choice
from comparisons.choice.predicted import Predicted, ahead, difference, left_out
from comparisons.choice.printed import cells
from comparisons.json_values import json_text
from models import (
    Gamma,
    Gaussian,
    GaussianPrior,
    Independent,
    LogNormal,
    MultivariateGaussian,
    NegativeBinomial,
    Poisson,
    Prior,
    Sample,
    Sequences,
    ZeroInflated,
)
from models.names import family_named
from models.question import asked
from models.refusal import Refusal, Stopped

SHORT = {"draws": 300, "tune": 300, "progress": False, "replicates": 0}


@cache
def counts():
    """Return two groups of counts with rates far apart."""
    rng = np.random.default_rng(3)
    return Sample(np.concatenate([rng.poisson(2, 60), rng.poisson(12, 40)]))


@cache
def chosen():
    return choose(Poisson, counts(), [1, 2], **SHORT)


@pytest.mark.filterwarnings("error")
def test_every_number_has_a_row_with_every_criterion():
    choice = chosen()
    assert [row.k for row in choice.rows] == [1, 2]
    for row in choice.rows:
        numbers = [row.aic, row.bic, row.icl, row.elpd, row.log_evidence, row.log_likelihood]
        assert np.isfinite(numbers).all()
        assert row.comparison.k == row.k
        assert row.comparison.estimate.log_likelihood == pytest.approx(row.log_likelihood)
    assert choice.recommended.k == 2
    assert set(choice.elected.values()) == {2}


def test_the_differences_to_the_best_are_paired():
    """Errors of paired differences are smaller than those of the sums they are made of."""
    one, two = (row.predicted for row in chosen().rows)
    gap, error = difference(one, two)
    assert gap == pytest.approx(one.elpd - two.elpd)
    assert error < np.hypot(one.error, two.error)


def test_leaving_one_out_is_that_of_the_posterior():
    row = chosen().rows[0]
    again = left_out(row.comparison.tree)
    assert again.elpd == row.elpd
    assert len(again.each) == counts().observations


def test_the_table_prints_what_the_frame_holds():
    choice = chosen()
    frame, words = choice.to_frame(), cells(choice)
    assert words[1][0] == "2"
    assert float(words[1][4].rstrip("*")) == pytest.approx(frame.loc["2", "bic"], abs=0.05)
    assert words[1][4].endswith("*")
    assert not words[0][4].endswith("*")
    assert "All criteria" in str(choice)


def test_json_is_what_the_frame_holds():
    found = json.loads(json_text(of_choice(chosen())))
    assert found["recommended"] == "2"
    assert [one["K"] for one in found["rows"]] == ["1", "2"]
    assert found["rows"][1]["log_evidence"] == chosen().rows[1].log_evidence
    assert found["rows"][1]["p"] is None  # no test was run


def test_the_folder_holds_report_table_pictures_and_comparisons(tmp_path):
    from comparisons import load

    save_choice(chosen(), tmp_path / "out", "second-opinion choose counts.csv")
    there = {str(one.relative_to(tmp_path / "out")) for one in (tmp_path / "out").rglob("*.*")}
    assert {"report.html", "choice.csv", "comparisons/2.nc", "figures/criteria.png"} <= there
    assert {"figures/densities.png", "figures/splits.svg"} <= there
    assert load(tmp_path / "out" / "comparisons" / "2.nc").k == 2
    text = (tmp_path / "out" / "report.html").read_text()
    assert "second-opinion choose counts.csv" in text
    assert text.count("<svg") >= 5
    assert "<script" not in text


def test_the_page_names_the_recommended_number():
    text = page(chosen(), pictures=[])
    assert "how many groups? EM and MCMC compared (n = " in text
    assert "Recommended: 2 groups." in text
    assert "Tried: one and two. " in text
    assert "K = 2, recommended" in text
    assert "K = 1, recommended" not in text


def test_flows_are_shares_that_sum_to_one():
    one, two = (row.fit for row in chosen().rows)
    shared = flows(one, two)
    assert shared.shape == (1, 2)
    assert shared.sum() == pytest.approx(1)
    assert shared[0] == pytest.approx(two.estimate.weight, abs=1e-6)


def test_pictures_say_in_words_which_group_divides():
    told = {one.name: one.alt for one in pictures_of_choice(chosen())}
    assert "group 1 of 1 divides at K = 2" in told["splits"]


def test_ctrl_c_keeps_what_is_finished(monkeypatch):
    real, done = choosing._judged, []

    def interrupted(found, *rest):
        if done:
            raise KeyboardInterrupt
        done.append(found.row.k)
        return real(found, *rest)

    monkeypatch.setattr(choosing, "_judged", interrupted)
    found = choose(Poisson, counts(), [1, 2], **SHORT)
    assert found.interrupted
    assert [row.k for row in found.rows] == [1]
    assert "Interrupted" in str(found)
    done.clear()
    monkeypatch.setattr(choosing, "_judged", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):  # nothing to show
        choose(Poisson, counts(), [1, 2], **SHORT)


def test_a_number_that_cannot_be_estimated_is_a_row_with_the_reason():
    """With two flips a row no more than one group is identified (2 K - 1 <= 2)."""
    binomial = family_named("binomial")
    data = Sample([0, 1, 2, 2, 1, 0, 2, 1], 2)
    found = choose(binomial, data, [1, 2], **SHORT)
    assert found.rows[0].fit is not None
    assert found.rows[1].fit is None
    assert "do not identify 2 coins" in found.rows[1].reason
    assert any("K = 2" in one for one in found.missing)


def test_only_spikes_leave_a_row_and_the_table_goes_on(monkeypatch):
    """Where every start ends on a spike the likelihood has no maximum to compare."""
    monkeypatch.setattr(choosing, "opinion_of", lambda *_, **__: (_ for _ in ()).throw(Stopped("")))
    tied = Sample([1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 7.0])
    found = choose(Gaussian, tied, [1, 3], **SHORT | {"starts": 5, "replicates": 20})
    assert [row.spiked for row in found.rows] == [False, True]
    assert np.isnan([found.rows[1].bic, found.rows[1].icl, found.rows[1].log_likelihood]).all()
    assert any(one.startswith("K = 3: EM finds only spikes") for one in found.missing)
    assert found.recommended.k == 1


def test_each_form_is_tested_from_one_group_on(rng, monkeypatch):
    """One group has the same covariance in both forms: a row without numbers, but with a test."""
    monkeypatch.setattr(choosing, "_judged", lambda found, *_: found.row)
    x = rng(7).normal(size=(60, 2)) + 6 * (np.arange(60) % 2)[:, None]
    forms = [family_named("multivariate", name) for name in ("full", "tied")]
    found = choose(forms, Sample(x), [1, 2], **SHORT | {"replicates": 20})
    assert found.rows[2].fit is None
    assert [one.step is not None for one in found.rows] == [True, False, True, False]
    assert found.rows[2].step.p == 1 / 21


@pytest.mark.parametrize("step", ["search", "opinion_of", "predicted_of"])
def test_one_number_that_breaks_off_leaves_the_others(step, monkeypatch):
    """A climb or a chain that cannot go on is of one number: its row says why."""
    real, told = getattr(choosing, step), Stopped("the climb cannot go on.")

    def stopped(about, *given, **options):
        question = getattr(about, "question", about)
        if step == "predicted_of" or question.k == 2:
            raise told
        return real(about, *given, **options)

    monkeypatch.setattr(choosing, step, stopped)
    found = choose(Poisson, counts(), [1, 2], **SHORT)
    assert found.rows[0].fit is not None
    assert any("the climb cannot go on." in one for one in found.missing)
    if step == "predicted_of":
        assert np.isnan(found.rows[0].elpd)
    else:
        assert found.rows[1].comparison is None


def test_importance_sampling_that_failed_is_told(monkeypatch):
    """Pareto k above 0.7 at a tenth of the observations."""
    for unstable in (0.1, 0.0):
        found = Predicted(np.full(100, -1.0), unstable, "each observation left out in turn")
        monkeypatch.setattr(choosing, "predicted_of", lambda *_, found=found, **__: found)
        said = [one for one in choose(Poisson, counts(), [1], **SHORT).missing if "Pareto" in one]
        assert len(said) == (unstable > 0)
        assert all("LOO does not count: Pareto k is above 0.7 at 10 of 100" in one for one in said)


def test_what_a_test_found_is_said_of_the_fit_that_it_is_about():
    assert choosing._of_test(Bootstrap(12.0, 0.04, 3, 99, 12.0, missed=(0.0, 0.01)), 2) == []
    [said] = choosing._of_test(Bootstrap(12.0, 0.04, 3, 99, 8.0), 2)
    assert "tests a statistic of 8.0" in said
    assert "the full search finds 12.0" in said
    spiked = Bootstrap(12.0, 0.04, 3, 99, 12.0, missed=(0.0, np.inf))
    assert choosing._of_test(spiked, 2) == []


@pytest.mark.parametrize("ks", [3, [], [0, 1], [1.5], ["2"]])
def test_numbers_that_are_none_are_refused(ks):
    with pytest.raises(Refusal, match=r"k is|ks is"):
        choose(Poisson, counts(), ks, **SHORT)


def test_no_family_is_refused():
    with pytest.raises(Refusal, match="family is empty"):
        choose([], counts(), [1], **SHORT)


def test_more_groups_than_values_are_refused_before_any_work():
    with pytest.raises(Refusal, match="distinct values"):
        choose(Poisson, Sample([1, 2, 3]), range(1, 9), **SHORT)


def test_one_step_ahead_is_the_exact_sequential_density_of_one_state(rng):
    """With K = 1 the rate is Gamma, and the next count negative binomial, in closed form."""
    x = rng(5).poisson(6, 40)
    question = asked(Poisson, Sequences(x), 1)
    prior = question.prior.theta
    exact = 0.0
    for at in range(20, 40):
        shape, rate = 1 + prior.events + x[:at].sum(), prior.exposure + at
        exact += nbinom.logpmf(x[at], shape, rate / (rate + 1))
    found = ahead(question)
    assert len(found.each) == 20
    assert found.elpd == pytest.approx(exact, abs=0.15)
    plugged = (x[20:] * np.log(x.mean()) - x.mean() - gammaln(x[20:] + 1)).sum()
    assert abs(plugged - exact) > 0.15  # the fit to all rows would not pass
    assert isinstance(chosen(), Choice)


def test_a_gap_in_the_numbers_leaves_a_test_out_and_says_so():
    """With -k 1,3 there is no fit of 2 to test 1 against; the last number has none in any range."""
    found = choose(Poisson, counts(), [1, 3], **SHORT | {"replicates": 19})
    assert [row.step for row in found.rows] == [None, None]
    assert any(one == "K = 1: no bootstrap: 2 was not tried." for one in found.missing)
    assert not any("was not tried" in one for one in chosen().missing)


def test_ctrl_c_before_anything_is_fitted_is_no_refusal(monkeypatch):
    """One row with a reason and no fit is nothing to show."""
    binomial = family_named("binomial")
    data = Sample([0, 1, 2, 2, 1, 0, 2, 1], 2)
    real = choosing._fitted

    def stopped(question, *rest, **more):
        if question.k == 3:
            raise KeyboardInterrupt
        return real(question, *rest, **more)

    monkeypatch.setattr(choosing, "_fitted", stopped)
    with pytest.raises(KeyboardInterrupt):
        choose(binomial, data, [2, 3], **SHORT)


def test_a_higher_optimum_of_the_bootstrap_is_the_rows_own(monkeypatch):
    """Its AIC, BIC and verdict are of the best optimum; the test before it is done again."""
    real, told = choosing.search, []

    def low(question, **options):
        """Miss the optimum of two groups by stopping on the way."""
        found = real(question, **options)
        if question.k != 2:
            return found
        return found._replace(fit=em.fitted(question, starts=1, seed=1, max_steps=1))

    def tested(fewer, more, **options):
        told.append((fewer.question.k, fewer.log_likelihood))
        return bootstrap(fewer, more, **options)

    monkeypatch.setattr(choosing, "search", low)
    monkeypatch.setattr(choosing, "from_divided", lambda _, more: more)
    monkeypatch.setattr(choosing, "bootstrap", tested)
    found = choose(Poisson, counts(), [1, 2], **SHORT | {"replicates": 19})
    best = em.fit(Poisson, counts(), 2)
    row = found.rows[1]
    assert row.bic == pytest.approx(best.bic, abs=1e-6)
    assert row.comparison.estimate.log_likelihood == pytest.approx(best.log_likelihood, abs=1e-6)
    assert any("found by the bootstrap" in note for note in row.notes)
    assert not any("found by the bootstrap" in note for note in found.rows[0].notes)
    told.clear()
    again = choose(Poisson, counts(), [1, 2, 3], **SHORT | {"replicates": 19})
    assert again.rows[1].bic == pytest.approx(best.bic, abs=1e-6)
    assert [k for k, _ in told] == [1, 2]  # the first test raised it already


def test_a_test_is_done_again_if_the_next_one_raises_its_fit(monkeypatch):
    """The statistic of 1 against 2 depends on the fit of 2."""
    monkeypatch.setattr(choosing, "_judged", lambda found, *_: found.row)
    done = []

    def raised(fewer, more, **_):
        k = fewer.question.k
        done.append(k)
        first = k == 2 and done.count(2) == 1
        higher = replace(fewer, log_likelihood=fewer.log_likelihood + 1) if first else None
        return Bootstrap(1.0, 0.5, 9, 19, 1.0, missed=(1.0 * first, 0.0), higher=(higher, None))

    monkeypatch.setattr(choosing, "bootstrap", raised)
    found = choose(Poisson, counts(), [1, 2, 3], **SHORT | {"replicates": 19})
    assert done == [1, 2, 1]
    usual = choose(Poisson, counts(), [2], **SHORT)
    assert found.rows[1].log_likelihood == pytest.approx(usual.rows[0].log_likelihood + 1)


def test_evidence_that_breaks_off_is_of_one_row(monkeypatch):
    """A singular covariance of the draws is a reason, and the table goes on."""

    def singular(*_):
        raise np.linalg.LinAlgError("Matrix is not positive definite")

    monkeypatch.setattr(inner, "bridged", singular)
    found = choose(Poisson, counts(), [1, 2], **SHORT)
    assert np.isnan([row.log_evidence for row in found.rows]).all()
    [said] = [one for one in found.missing if "no evidence" in one]
    assert said.startswith("K = 1, 2: no evidence: bridge sampling: the draws have no regular")
    assert np.isfinite([row.elpd for row in found.rows]).all()


def test_fixed_shares_are_said_to_be_no_special_case():
    fixed = Bootstrap(0.0, 1.0, 10, 10, 0.0, nested=False)
    [said] = choosing._of_test(fixed, 2)
    assert "K = 2 is no special case of K = 3" in said
    assert choosing._of_test(fixed._replace(nested=True), 2) == []


def test_states_are_called_states_everywhere(rng):
    """The picture of splits and its words, the page and the heading."""
    x = rng(8).poisson(np.where(np.arange(60) // 10 % 2, 2, 12))
    found = choose(Poisson, Sequences(x), [1, 2], **SHORT)
    told = {one.name: one for one in pictures_of_choice(found)}
    assert told["splits"].title == "How states split"
    assert "state 1 of 1 divides at K = 2" in told["splits"].alt
    assert "group" not in told["splits"].alt
    figure = told["splits"].figure()
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "How states split" in words
    assert "group" not in words


def test_reasons_have_a_heading_that_is_true():
    """Sentences about the prior stand there too, where all criteria agree."""
    choice = chosen()
    assert choice.agree
    assert "What else to know" in page(choice, pictures=[])
    assert "Why they differ" not in page(choice, pictures=[])
    few, many = choice.rows
    other = Choice((few._replace(fit=replace(few.fit, log_likelihood=0.0)), many))
    assert not other.agree
    assert "Why they differ" in page(other, pictures=[])


@pytest.mark.parametrize("truth", [Gamma, Gaussian])
def test_families_are_crossed_with_k_and_the_true_one_is_elected(truth, rng, monkeypatch):
    """Each is the other's negative control; chains are not needed for BIC."""
    generator = rng(21)
    if truth is Gamma:
        x = np.concatenate([generator.gamma(2, 1.5, 300), generator.gamma(30, 1, 200)])
    else:
        x = np.concatenate([generator.normal(12, 3, 300), generator.normal(40, 5, 200)])
    tested = []

    def within(fewer, more, **_):
        tested.append((fewer.family, more.family, fewer.question.k))
        return Bootstrap(1.0, 0.5, 9, 19, 1.0)

    monkeypatch.setattr(choosing, "bootstrap", within)
    monkeypatch.setattr(choosing, "_judged", lambda found, *_: found.row)
    families = [Gamma, LogNormal, Gaussian]
    found = choose(families, Sample(x), range(1, 4), starts=5, **SHORT | {"replicates": 19})
    titles = [f"{one.__name__} {k}" for one in families for k in (1, 2, 3)]
    assert [row.title for row in found.rows] == titles
    assert tested == [(one, one, k) for one in families for k in (1, 2)]
    best = min(found.rows, key=lambda row: row.bic)
    assert (best.family, best.k) == (truth, 2)
    bic = {row.title: row.bic for row in found.rows}
    assert all(bic[f"{one.__name__} 2"] > best.bic + 6 for one in families if one is not truth)
    assert f"BIC chooses 2 groups ({truth.__name__})" in " ".join(found.sentences) or found.agree
    assert found.family == "Gamma, LogNormal, Gaussian"
    assert of_choice(found).elected["BIC"] == best.title


def test_families_that_cannot_be_compared_are_refused_before_any_work(monkeypatch):
    def work(*_, **__):
        raise AssertionError("worked")

    monkeypatch.setattr(choosing, "search", work)
    counted = Sample([1.0, 2.0, 5.0, 9.0])
    with pytest.raises(Refusal, match="Gaussian is a density of measurements, Poisson is a prob"):
        choose([Gaussian, Poisson], counted, [1])
    with pytest.raises(Refusal, match=r"a prior .* is of one family"):
        choose([Gaussian, Gamma], counted, [1], prior=Prior(0.0, GaussianPrior(0.0, 1, 1, 3)))
    with pytest.raises(Refusal, match="is 0, which is not above 0"):
        choose([Gaussian, Gamma], Sample([0.0, 2.0, 5.0]), [1])
    with pytest.raises(AssertionError, match="worked"):  # negative control: these can be
        choose([Gaussian, Gamma], counted, [1])


def test_a_density_is_not_compared_with_a_probability_in_any_column_or_at_zero():
    pair = Sample([[0.0, 1.0], [2.0, 3.0], [1.5, 7.0]])
    both, counts = Independent(Gaussian, Gaussian), Independent(Gaussian, Poisson)
    refuse_incomparable([both, MultivariateGaussian], pair)
    refuse_incomparable([counts, Independent(Gaussian, NegativeBinomial)], pair)
    with pytest.raises(Refusal, match=r"^in column 2 .* is a probability, Multi.* a density: "):
        refuse_incomparable([counts, MultivariateGaussian], pair)
    zeros = Sample([0.0, 0.0, 2.5, 3.0])
    refuse_incomparable([ZeroInflated(Gamma), ZeroInflated(LogNormal)], zeros)
    refuse_incomparable([ZeroInflated(Poisson), NegativeBinomial], zeros)
    with pytest.raises(Refusal, match=r"^at 0 Gaussian is a density, Zero.* a probability: "):
        refuse_incomparable([Gaussian, ZeroInflated(Gamma)], zeros)
    # negative control: where no value is 0 they can be compared
    refuse_incomparable([Gaussian, ZeroInflated(Gamma)], Sample([2.5, 3.0]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "shown"), [(Independent(Gaussian, Poisson), False), (MultivariateGaussian, True)]
)
def test_rows_of_two_columns_of_which_some_are_blank_are_reported(family, shown, rng, tmp_path):
    """Ellipses are drawn where columns belong together, and blanks nowhere."""
    generator = rng(71)
    rows = np.concatenate([generator.poisson(mean, (150, 2)) for mean in (30, 90)]).astype(float)
    rows[::9, 1] = np.nan
    found = choose(family, Sample(rows), [1, 2], draws=100, tune=200, replicates=0, progress=False)
    names = [one.name for one in pictures_of_choice(found)]
    assert ("densities" in names) == shown
    assert "splits" in names
    found.report(tmp_path / "report.html")
    assert "<svg" in (tmp_path / "report.html").read_text()
