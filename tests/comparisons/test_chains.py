"""Rows in order, from data to verdict, report and command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from scipy.special import gammaln, logsumexp

import bayes
import comparisons
import em
from bayes.sampling.compiled import engine_of
from comparisons.command import main as cli
from comparisons.json_values import json_text
from comparisons.pages.json import of_comparison, of_fit
from comparisons.pictures.catalogue import pictures_of
from comparisons.studies.earthquakes import COUNTS
from comparisons.verdict.estimates import estimate_of
from models import HiddenMarkov, Poisson, Sequences, simulate
from models.hidden_markov import UniformHiddenMarkov, stationary
from models.question import asked

QUAKES = Sequences(COUNTS)


def codes(found):
    return {one.code: one.severity for one in found.findings}


@pytest.fixture(scope="module")
def opinion():
    return comparisons.second_opinion(Poisson, QUAKES, 2, seed=1, progress=False)


def test_earthquakes_agree_and_come_out_as_published(opinion):
    assert opinion.verdict == "agree"
    table = opinion.to_frame()
    # Zucchini, MacDonald & Langrock (2016); standard errors recomputed
    published = {
        "transition[0,1]": (0.065959, 0.03542),
        "transition[1,0]": (0.128509, 0.06377),
        "rate[0]": (15.472277, 0.70256),
        "rate[1]": (26.125438, 1.36012),
    }
    for label, (value, error) in published.items():
        assert table.loc[label, "mle"] == pytest.approx(value, rel=1e-4)
        assert table.loc[label, "se"] == pytest.approx(error, rel=2e-3)
    assert {"order_adds_nothing", "short_stay", "absorbing"} <= set(codes(opinion))
    assert codes(opinion)["order_adds_nothing"] == "ok"
    assert opinion.estimate.log_likelihood == pytest.approx(-342.318267, abs=1e-5)


def test_json_says_structure_states_and_where_a_transition_leads(opinion):
    found = json.loads(json_text(of_comparison(opinion)))
    assert found["structure"] == "HiddenMarkov"
    assert found["deviance"]["df"] == 4
    moves = [one for one in found["parameters"] if one["name"] == "transition"]
    assert [(one["component"], one["next"]) for one in moves] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all(one["dimension"] is None for one in moves)
    shares = [one["share"] for one in found["states"]]
    assert shares[0] == pytest.approx(0.660822, abs=1e-4)
    assert found["states"][0]["lasts"] == pytest.approx(1 / 0.065959, rel=1e-3)
    alone = json.loads(json_text(of_fit(em.fit(Poisson, QUAKES, 2))))
    for one, other in zip(alone["states"], found["states"], strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_the_report_shows_the_series_and_reads_of_states(opinion, tmp_path):
    names = [one.name for one in pictures_of(opinion)]
    assert {"series", "dwell", "residuals"} <= set(names)
    assert "memberships" not in names
    opinion.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "two hidden states" in page
    assert "Sequences(x)" in page
    assert "Hidden Markov model, state, transition" in page
    assert "lasts" in page
    assert page.count('role="img"') >= len(names)


def test_a_saved_comparison_is_the_same(opinion, tmp_path):
    opinion.save(tmp_path / "chain.nc")
    again = comparisons.load(tmp_path / "chain.nc")
    assert again.question.structure is opinion.question.structure
    np.testing.assert_array_equal(again.question.data.places, QUAKES.places)
    np.testing.assert_array_equal(again.states.path, opinion.states.path)
    assert str(again) == str(opinion)


def test_the_path_and_the_residuals_are_ems(opinion):
    fit = em.fit(Poisson, QUAKES, 2)
    np.testing.assert_array_equal(opinion.states.path, fit.decode())
    np.testing.assert_allclose(opinion.states.residual[0], fit.residuals().middle, atol=1e-4)
    assert sum(length for _, length in opinion.states.stays) == 107


def test_rows_in_random_order_are_told_that_order_adds_nothing(rng):
    shuffled = Sequences(rng(1).permutation(COUNTS))
    found = comparisons.second_opinion(Poisson, shuffled, 2, seed=1, progress=False)
    assert codes(found)["order_adds_nothing"] == "note"


def test_an_estimate_of_somebodys_own_is_judged(opinion):
    fit = em.fit(Poisson, QUAKES, 2)
    moves, theta = fit.estimate.transition, fit.estimate.theta
    whole = HiddenMarkov(stationary(moves), moves, theta)
    assert comparisons.compare(whole, opinion.tree).verdict == "agree"
    wrong = HiddenMarkov(stationary(moves.T / moves.T.sum(axis=1, keepdims=True)), *whole[1:])
    with pytest.raises(ValueError, match="not the stationary distribution of transition"):
        comparisons.compare(wrong, opinion.tree)
    slow = np.array([[0.99, 0.01], [0.01, 0.99]])
    away = HiddenMarkov(stationary(slow), slow, theta)
    assert comparisons.compare(away, opinion.tree).verdict == "disagree"


def test_a_chain_that_alternates_agrees_though_it_has_a_transition_on_an_edge(rng):
    """Old Faithful's long and short eruptions alternate: no short one follows a short one."""
    x = rng(5).poisson(np.tile([3, 15], 60))
    found = comparisons.second_opinion(Poisson, Sequences(x), 2, seed=1, progress=False)
    assert found.verdict == "agree"
    assert codes(found)["short_stay"] == "note"


def test_a_single_change_point_is_named_by_the_state_that_is_never_left(rng):
    x = np.concatenate([rng(6).poisson(3, 60), rng(7).poisson(12, 60)])
    fit = em.fit(Poisson, Sequences(x), 2)
    moved = fit.moves()
    np.testing.assert_allclose([moved[0, 1], moved[1, 0]], [1, 0], atol=0.1)
    found = comparisons.second_opinion(Poisson, Sequences(x), 2, seed=1, progress=False)
    said = {one.code: one for one in found.findings}["absorbing"]
    assert said.severity == "note"
    assert "State 2 is never left" in said.message


def test_one_state_in_order_is_a_plain_fit(rng):
    found = comparisons.second_opinion(
        Poisson, Sequences(rng(8).poisson(5, 80)), 1, seed=1, progress=False
    )
    assert found.verdict == "agree"
    assert "order_adds_nothing" not in codes(found)


def test_json_with_and_without_the_initial_distribution_is_an_estimate(opinion, tmp_path):
    fit = em.fit(Poisson, QUAKES, 2)
    fields = {
        "transition": fit.estimate.transition.tolist(),
        "rate": fit.estimate.theta.rate.tolist(),
    }
    for name, one in (("a", fields), ("b", fields | {"initial": fit.estimate.initial.tolist()})):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(one))
        found, source = estimate_of(path, opinion.question)
        assert source == str(path)
        assert isinstance(found, type(fit.estimate))
        np.testing.assert_allclose(found.transition, fit.estimate.transition, rtol=1e-12)
        np.testing.assert_allclose(found.initial, fit.estimate.initial, rtol=1e-9)
    path.write_text(json.dumps(fields | {"initial": [0.5, 0.5]}))
    with pytest.raises(ValueError, match="not the stationary distribution"):
        estimate_of(path, opinion.question)


def test_hmmlearns_fit_is_an_estimate(opinion):
    hmm = pytest.importorskip("hmmlearn.hmm")
    fit = em.fit(Poisson, QUAKES, 2)
    model = hmm.PoissonHMM(2)
    model.startprob_, model.transmat_ = fit.estimate.initial, fit.estimate.transition
    model.lambdas_ = fit.estimate.theta.rate[:, None]
    found, source = estimate_of(model, opinion.question)
    assert source.startswith("hmmlearn's PoissonHMM")
    np.testing.assert_allclose(found.transition, fit.estimate.transition, rtol=1e-12)
    np.testing.assert_allclose(found.theta.rate, fit.estimate.theta.rate, rtol=1e-12)
    model.startprob_ = np.array([0.0, 1.0])
    with pytest.raises(ValueError, match="initial='free'"):
        estimate_of(model, opinion.question)


def test_another_samplers_draws_are_adopted(opinion):
    tree = opinion.tree["posterior"].to_dataset()
    theirs = xr.DataTree.from_dict({"posterior": tree.rename(rate="lam", transition="moves")})
    names = {"rate": "lam", "transition": "moves"}
    adopted = bayes.adopt(Poisson, QUAKES, theirs, names)
    found = comparisons.compare(em.fit(Poisson, QUAKES, 2), adopted)
    assert found.verdict == "agree"


@pytest.mark.slow  # 3,000 rows, of which 400 are sampled
def test_an_opinion_on_a_stretch_is_held_against_em_of_all(rng):
    truth = HiddenMarkov([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Poisson(np.array([4.0, 15.0])))
    data, _ = simulate(truth, 3_000, rng(2))
    found = comparisons.second_opinion(Poisson, data, 2, some=400, seed=1, progress=False)
    assert found.observations == 400
    assert found.whole == 3_000
    assert codes(found)["other_rows"] == "ok"
    assert found.verdict == "agree"


@pytest.mark.slow  # machine code of a free start
def test_several_sequences_with_rows_not_seen_recover_the_truth(rng):
    moves = np.array([[0.95, 0.05], [0.1, 0.9]])
    truth = HiddenMarkov(np.array([0.8, 0.2]), moves, Poisson(np.array([4.0, 12.0])))
    rows, lengths = [], np.full(20, 60)
    generator = rng(3)
    for length in lengths:
        data, _ = simulate(truth, int(length), generator)
        x = data.sample.x[data.unit_rows].copy()
        x[generator.random(length) < 0.1] = np.nan
        rows.append(x)
    data = Sequences(np.concatenate(rows), sequence=lengths)
    found = comparisons.second_opinion(Poisson, data, 2, seed=1, truth=truth, progress=False)
    assert found.verdict == "agree"
    table = found.to_frame()
    assert (np.abs(table["mle"] - table["truth"]) < 4 * table["se"]).all()
    other = found.to_frame().loc[["rate[0]", "rate[1]"]]  # negative control: rates exchanged
    assert (np.abs(other["mle"] - other["truth"][::-1].to_numpy()) > 4 * other["se"]).all()
    scores = bayes.loo(found.tree)  # over sequences
    assert scores.n_data_points == 20


def test_one_sequence_has_no_leave_one_out(opinion):
    with pytest.raises(ValueError, match="depend on each other"):
        bayes.loo(opinion.tree)


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("n\n3\n4\n", "-c n -k 2 --initial free", "--initial says how a sequence begins; it needs"),
        ("n\n3\n4\n", "-c n -k 2 --in-order --drop-missing", "--drop-missing is not needed"),
        ("n,t\n3,1\n4,2\n", "-c n -k 2 --in-order --counts t", "--counts says how often a row"),
        ("n\n3\n4\n", "-c n -k 2 --in-order --initial fixed", "--initial is 'fixed'"),
        ("n\n3\n4\n", "-c n -k 2 --in-order --workers 2", "--workers and --cluster are for rows"),
        ("n\n3\n4\n5\n", "-c n -k 2 --in-order --equal-weights", "--equal-weights) fixes all"),
        (
            "n\n3\n4\n3\n",
            "-c n -k 3 --in-order",
            "-k asks for 3 groups, but n has 2 distinct values",
        ),
        ("n,i\n3,a\n4,b\n5,a\n", "-c n -k 2 --sequence i", "'a' begins in line 2 and again"),
        ("n,i\n3,a\n4,b\n", "-c n -k 2 --sequence i", "of all rows (--in-order alone)"),
        ("n,i\n3,a\n4,a\n,b\n,b\n", "-c n -k 2 --sequence i", "none of its rows was seen"),
        ("n,i\n3,a\n4,a\n", "-c n -k 2 --sequence i --sequence n", "--sequence is given twice"),
    ],
)
def test_bad_input_is_one_line_and_status_2(text, words, message, tmp_path, monkeypatch, capsys):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    command = ["second-opinion", "fit", str(path), "--family", "poisson", *words.split()]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_two_columns_that_name_the_sequence_are_refused():
    with pytest.raises(ValueError, match="one column names the sequence of each row"):
        Sequences([1, 2, 3], sequence=[["a", "b"]] * 3)


def test_em_alone_tells_of_a_chain(tmp_path, monkeypatch, capsys):
    path = tmp_path / "quakes.csv"
    path.write_text("n\n" + "\n".join(map(str, COUNTS)))
    command = ["second-opinion", "fit", str(path), "--family", "poisson", "-c", "n", "-k", "2"]
    monkeypatch.setattr("sys.argv", [*command, "--in-order", "--only", "em"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert "from 1" in capsys.readouterr().out


@pytest.mark.slow  # ten posteriors
def test_ten_simulated_truths_are_recovered_by_both_and_a_wrong_truth_is_not(rng):
    moves = np.array([[0.92, 0.08], [0.15, 0.85]])
    truth = HiddenMarkov(stationary(moves), moves, Poisson(np.array([4.0, 11.0])))
    wrong = np.concatenate([np.full(4, 0.5), truth.theta.rate])  # states without a memory
    for seed in range(101, 111):
        data, _ = simulate(truth, 400, rng(seed))
        found = comparisons.second_opinion(Poisson, data, 2, seed=1, truth=truth, progress=False)
        assert found.verdict == "agree"
        table = found.to_frame()
        assert (np.abs(table["mle"] - table["truth"]) < 4 * table["se"]).all()
        assert (np.abs(table["mean"] - table["truth"]) < 4 * table["sd"]).all()
        assert not (np.abs(table["mean"] - wrong) < 4 * table["sd"]).all()
        assert not (np.abs(table["mle"] - wrong) < 4 * table["se"]).all()


def test_exact_evidence_is_the_mean_of_both_likelihoods_over_the_prior(rng):
    """All 2^7 paths, each with its conjugate evidence, against 5,000 draws of the prior."""
    x, k, n = np.array([1, 0, 7, 6, 9, 2, 1]), 2, 5_000
    data = Sequences(x, initial="uniform")
    events, exposure = 1.0, 0.3  # Gamma(2, rate 0.3), rows Dirichlet(1)
    each = []
    for path in np.ndindex(*[k] * len(x)):
        moved, states = np.zeros((k, k)), np.array(path)
        np.add.at(moved, (states[:-1], states[1:]), 1)
        rows = gammaln(k) - gammaln(k + moved.sum(axis=1)) + gammaln(1 + moved).sum(axis=1)
        own = [x[states == state] for state in range(k)]
        seen = [
            gammaln(events + 1 + one.sum())
            - gammaln(events + 1)
            + (events + 1) * np.log(exposure)
            - (events + 1 + one.sum()) * np.log(exposure + len(one))
            for one in own
        ]
        each.append(-np.log(k) + rows.sum() + sum(seen) - gammaln(x + 1).sum())
    exact = logsumexp(each)
    generator = rng(4)
    moves = generator.dirichlet(np.ones(k), (n, k))
    rate = generator.gamma(events + 1, 1 / exposure, (n, k))
    chains = UniformHiddenMarkov(moves, Poisson(rate))
    question = asked(Poisson, data, k)
    engine = engine_of(question)
    for heights in (
        em.log_likelihood(Poisson, data, chains),
        engine.log_likelihoods(question, engine.pack(question, chains)),
    ):
        weight = np.exp(heights)
        error = weight.std() / np.sqrt(n) / weight.mean()
        assert abs(np.log(weight.mean()) - exact) < 4.5 * error
        assert error < 0.1
        alike = UniformHiddenMarkov(moves, Poisson(np.repeat(rate[:, :1], k, axis=1)))
        other = np.log(np.exp(em.log_likelihood(Poisson, data, alike)).mean())
        assert abs(other - exact) > 4.5 * error  # negative control: states of one rate
