"""Elections, probabilities and sentences, from candidates whose numbers are given."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from comparisons.choice.candidates import Candidates
from comparisons.choice.elect import (
    elected,
    not_rejected,
    probabilities,
    probability_errors,
    recommended,
    undecided,
)
from comparisons.choice.pictures import criteria
from comparisons.choice.predicted import Predicted
from comparisons.choice.printed import HEADS, bands, cells, chosen, heads, lines
from comparisons.choice.reasons import advice, differences, elections
from comparisons.choice.rows import Row
from comparisons.finding import Finding
from models import Mixture, MultivariateGaussian, NegativeBinomial, Poisson, Sample, ZeroInflated

N = 100
TIED = MultivariateGaussian.with_covariance("tied")


def row(k, log_likelihood, *, overlap=0.0, p=None, evidence=None, each=None, findings=(), **more):
    """Return a candidate with 2 k - 1 parameters, as a fit to N rows would be."""
    rank = 2 * k - 1
    bic = -2 * log_likelihood + rank * np.log(N)
    fit = SimpleNamespace(
        charged=rank,
        log_likelihood=log_likelihood,
        aic=-2 * log_likelihood + 2 * rank,
        bic=bic,
        icl_hard=bic + overlap,
        optima=[SimpleNamespace(spike=more.get("spike", False))],
        observations=N,
        saturated=False,
        question=SimpleNamespace(
            sample=Sample([0]),
            structure=Mixture,
            data=Sample([0]),
            units=SimpleNamespace(followers=lambda: np.array([])),
        ),
    )
    verdict = "inconclusive" if findings else "agree"
    return Row(
        Poisson,
        k,
        fit,
        SimpleNamespace(findings=list(findings), verdict=verdict),
        None if each is None else Predicted(np.asarray(each, float), 0.0, "left out"),
        None if evidence is None else known(evidence),
        None if p is None else SimpleNamespace(p=p, statistic=12.0, exceeding=0, replicates=99),
    )


def known(log, half=None, twice=None):
    """Return an evidence, which another width of the prior does not change if not given."""
    wide = [SimpleNamespace(log=log if one is None else one, error=0.0) for one in (half, twice)]
    return SimpleNamespace(log=log, error=0.02, half=wide[0], twice=wide[1], reason=None)


def shown(choice, name):
    """Return the cells of a column."""
    at = list(heads(choice)).index(name)
    return [one[at] for one in cells(choice)]


def doubt(code, value=1.5):
    return Finding(code, "doubt", value, 0.0, "The chains have not mixed.", "")


def test_each_criterion_elects_by_its_own_formula():
    """2 log N = 9.2: a gain of 3 nats is worth AIC's charge of 2 x 2, not BIC's 2 x 4.6."""
    rows = [row(1, -120.0), row(2, -100.0), row(3, -97.0)]
    assert {name: one.row.k for name, one in elected(rows).items()} == {
        "AIC": 3,
        "BIC": 2,
        "ICL": 2,
    }
    assert rows[2].bic - rows[1].bic == pytest.approx(2 * np.log(N) - 6)


def test_overlap_moves_icl_alone():
    rows = [row(1, -120.0), row(2, -100.0, overlap=80.0)]
    found = elected(rows)
    assert found["BIC"].row.k == 2
    assert found["ICL"].row.k == 1
    assert any("ICL penalises overlap" in one and "80.0" in one for one in differences(rows))


def test_bootstrap_elects_the_first_number_that_is_not_rejected():
    rows = [row(1, -120.0, p=0.01), row(2, -100.0, p=0.3), row(3, -97.0, p=0.02), row(4, -96.0)]
    assert not_rejected(rows).k == 2
    assert not_rejected([rows[0], rows[2]]) is None  # all are rejected
    assert not_rejected([rows[0]._replace(fit=None), rows[1]]).k == 2  # tests of another form's fit
    assert not_rejected([rows[1]._replace(fit=None), rows[0]]) is None
    assert not_rejected([rows[0], rows[3]]) is None  # the second was not not_rejected


def test_loo_prefers_few_parameters_where_predictions_are_alike(rng):
    """The differences of 100 rows have a standard error; within two of it the smaller one wins."""
    noise = rng(1).normal(0, 1, N)
    noise -= noise.mean()
    base = np.full(N, -1.0)
    alike = [row(1, -120.0, each=base - 0.05 + 0.3 * noise), row(2, -100.0, each=base)]
    assert elected(alike)["LOO"].row.k == 1
    worse = [row(1, -120.0, each=base - 0.5 + 0.3 * noise), row(2, -100.0, each=base)]
    assert elected(worse)["LOO"].row.k == 2


def test_probabilities_are_those_of_the_evidence():
    rows = [row(1, -120.0, evidence=-110.0), row(2, -100.0, evidence=-108.0), row(3, -97.0)]
    found = probabilities(rows)
    assert found[1] / found[0] == pytest.approx(np.exp(2))
    assert found[0] + found[1] == pytest.approx(1)
    assert np.isnan(found[2])


@pytest.mark.parametrize("code", ["hopeless_chains", "unmixed_chains", "spike"])
def test_draws_that_are_not_sound_do_not_vote(code):
    sound = [
        row(1, -120.0, evidence=-110.0),
        row(2, -100.0, evidence=-90.0),
        row(3, -99.0, evidence=-120.0),
    ]
    assert elected(sound)["evidence"].row.k == 2
    unsound = [sound[0], row(2, -100.0, evidence=-90.0, findings=[doubt(code)]), sound[2]]
    assert elected(unsound)["evidence"].row.k == 1
    assert np.isnan(probabilities(unsound)[1])
    assert elected(unsound)["BIC"].row.k == 2  # EM is not concerned


def test_chains_that_have_nearly_mixed_vote():
    """The verdict asks for an R-hat of 1.01; sums over draws are good enough a little above."""
    nearly = row(2, -100.0, evidence=-90.0, findings=[doubt("unmixed_chains", 1.02)])
    assert nearly.sound
    assert elected([row(1, -120.0, evidence=-110.0), nearly])["evidence"].row.k == 2


def test_one_candidate_is_no_choice():
    """The only one with sound draws has the highest evidence, and probability 1, of nothing."""
    each = np.full(N, -1.0)
    alone = row(1, -120.0, evidence=-110.0, each=each)
    bad = [doubt("unmixed_chains")]
    rows = [alone, row(2, -100.0, evidence=-90.0, each=each, findings=bad)]
    assert elected(rows).keys() == {"AIC", "BIC", "ICL"}
    assert np.isnan(probabilities(rows)).all()
    assert advice([alone]) == (
        "There was only one candidate, 1 group, so nothing was chosen. Give a range, such as -k 1-4."
    )
    assert advice(rows).startswith("Take 2 groups.")


def test_pictures_and_differences_leave_out_what_does_not_count():
    """An unsound row may have the highest elpd; it is no best, and no election is drawn for it."""
    each = np.full(N, -1.0)
    bad = [doubt("unmixed_chains")]
    alone = Candidates((row(2, -100.0, each=each, evidence=-90.0, findings=bad),))
    assert len(criteria(alone).axes) == 3  # AIC, BIC and ICL
    sound = row(1, -120.0, each=each - 0.1, evidence=-110.0)
    both = Candidates((sound, alone.rows[0]))
    assert len(criteria(both).axes) == 3
    assert [one["elpd_difference"] for one in both.records()] == pytest.approx([0.0, 10.0])


def test_spikes_have_no_likelihood_to_compare():
    rows = [row(1, -120.0), row(2, 50.0, spike=True)]
    assert elected(rows)["BIC"].row.k == 1
    assert np.isnan(rows[1].bic)


def test_the_majority_is_recommended_and_ties_go_to_bic():
    three = [row(1, -120.0, evidence=-90.0), row(2, -100.0, evidence=-95.0)]
    assert recommended(three).k == 2  # BIC and ICL against the evidence
    tie = [row(1, -120.0, evidence=-90.0, p=0.4), row(2, -100.0, evidence=-95.0)]
    assert recommended(tie).k == 2  # two against two


def test_advice_says_how_sure_it_is():
    each = np.full(N, -1.0)
    sure = [
        row(1, -120.0, p=0.01, evidence=-125.0, each=each - 1),
        row(2, -100.0, p=0.6, evidence=-105.0, each=each),
        row(3, -99.0, evidence=-112.0, each=each - 0.01),
    ]
    assert advice(sure) == (
        "Take 2 groups. All criteria choose them (BIC, ICL, the bootstrap, LOO and the evidence). The "
        "posterior probability of 2 groups is above 0.999."
    )
    split = [sure[0], sure[1]._replace(evidence=known(-130.0)), sure[2]]
    assert advice(split).startswith("Take 2 groups, with reservations: ")
    assert "4 of 5 criteria choose them (BIC, ICL, the bootstrap and LOO)" in advice(split)
    assert "AIC" not in advice(split)  # it elects them too
    more = [sure[0], sure[1], row(3, -97.0, evidence=-112.0, each=each - 0.01)]
    assert advice(more).endswith("AIC does not count, as it tends to choose too many.")
    almost = [sure[0], sure[1], sure[2]._replace(evidence=known(-110.4))]
    assert "The posterior probability of 2 groups is 0.996." in advice(almost)
    assert "no posterior for 2 groups" in advice([sure[0], sure[1]._replace(comparison=None)])
    assert "no posterior" not in advice(sure)


def test_what_is_not_known_at_the_election_of_bic_is_no_number():
    each, bad = np.full(N, -1.0), [doubt("unmixed_chains")]
    rows = [
        row(1, -120.0, evidence=-110.0, each=each),
        row(2, -100.0, evidence=np.nan, each=each + 1, findings=bad),
        row(3, -99.5, evidence=-112.0, each=each - 1),
    ]
    said = " ".join(differences(rows))
    assert "LOO chooses 1 group; it does not count for 2 groups." in said
    assert "log evidence -110.0 with 1 group, not known with 2 groups." in said


def test_a_smaller_number_that_predicts_as_well_is_said_to(rng):
    """It predicts worse, which is no reason to elect it."""
    noise = rng(1).normal(0, 1, N)
    each = np.full(N, -1.0)
    rows = [
        row(1, -120.0, each=each - 0.02 + 0.3 * (noise - noise.mean())),
        row(2, -100.0, each=each),
    ]
    [said] = [one for one in differences(rows) if one.startswith("LOO")]
    assert "within 2 standard errors: 1 group predicts worse than 2 groups by 2.0" in said
    rows[1] = row(2, -100.0, each=each - 1)
    [said] = [one for one in differences(rows) if one.startswith("LOO")]
    assert "prediction alone: 1 group predicts better than 2 groups" in said


def test_a_misfit_is_said_beside_the_advice():
    misfit = Finding("misfit", "doubt", 0.2, 0.05, "The model does not fit: it is too round.", "")
    rows = [row(1, -120.0), row(2, -100.0, findings=[misfit])]
    assert "But even with 2 groups: the model does not fit" in advice(rows)
    assert "does not fit" not in advice([rows[0], row(2, -100.0)])


def test_what_the_width_of_the_prior_moves_is_said():
    steady = [row(1, -120.0, evidence=-90.0), row(2, -100.0, evidence=-95.0)]
    assert not any("prior" in one and "wide" in one for one in differences(steady))  # as before
    moved = [steady[0], steady[1]._replace(evidence=known(-95.0, half=-80.0, twice=-97.0))]
    said = [one for one in differences(moved) if "prior" in one and "wide" in one]
    gap = "the log evidence of 1 group less that of 2 groups is"
    assert said == [
        f"Under a prior half as wide {gap} -10.0 in place of +5.0, and it chooses 2 groups.",
        f"Under a prior twice as wide {gap} +7.0 in place of +5.0.",
    ]
    assert Candidates(tuple(moved)).records()[1]["log_evidence_half"] == -80.0


def test_p_is_a_bound_where_no_replicate_exceeds():
    rows = Candidates((row(1, -120.0, p=1 / 21), row(2, -100.0, p=0.01), row(3, -99.0)))
    rows.rows[1].step.exceeding = 3
    assert [one.strip() for one in shown(rows, "p")] == ["≤0.048", "0.010", "–"]


def test_a_table_without_tests_has_no_column_of_them():
    untested = Candidates((row(1, -120.0), row(2, -100.0)))
    tested = Candidates((row(1, -120.0, p=0.3), row(2, -100.0)))
    assert "p" not in heads(untested)
    assert "bootstrap" not in untested.legend
    assert heads(tested)["p"] == "p (K+1)"
    assert "p: bootstrap test of K against K + 1" in tested.legend
    assert all(len(one) == len(heads(tested)) for one in cells(tested))


def test_several_families_are_named_before_their_groups():
    alone = Row(Poisson, 3, reason="EM finds only spikes")
    named = alone._replace(named=True)
    assert (alone.heading, named.heading) == ("K = 3", "Poisson, 3 groups")
    assert Candidates((named,)).missing == ["Poisson, 3 groups: EM finds only spikes."]
    assert Candidates((alone,)).missing == ["K = 3: EM finds only spikes."]
    assert heads(Candidates((named,)))["K"] == "family, K"


def test_elections_are_one_sentence_for_all_criteria():
    rows = [row(1, -120.0), row(2, -100.0), row(3, -97.0)]
    assert elections(rows) == "AIC chooses 3 groups; BIC and ICL choose 2 groups."


def test_evidence_within_its_noise_does_not_decide():
    """Errors are 0.02 each, 0.028 of a difference: 0.05 is within two of them, 0.07 is not."""
    near = [row(1, -120.0, evidence=-90.0), row(2, -100.0, evidence=-90.05), row(3, -99.0)]
    clear = [near[0], row(2, -100.0, evidence=-90.07), near[2]]
    assert elected(near)["evidence"].row.k == 1
    higher = [
        near[0]._replace(evidence=near[1].evidence),
        near[1]._replace(evidence=near[0].evidence),
    ]
    assert elected(higher)["evidence"].row.k == 1  # the one with fewer parameters
    assert elected(clear)["evidence"].row.k == 1
    assert undecided(clear) is None
    said = elections(near)
    assert "The evidence does not decide between 1 group and 2 groups" in said
    assert "differ by 0.05, with a Monte Carlo error of 0.028" in said
    assert "does not decide" not in elections(clear)
    assert "(Monte Carlo error 0.0071)" in advice(near)
    assert "Monte Carlo error" not in advice(clear)
    stars = [cell[-1] == "*" for cell in shown(Candidates(tuple(near)), "log_evidence")]
    assert stars == [True, False, False]


def test_probabilities_have_the_noise_of_the_evidence(rng):
    """To first order it is the spread under noise of the log evidences."""
    rows = [row(1, -120.0, evidence=-90.0), row(2, -100.0, evidence=-90.4), row(3, -99.0)]
    rows.append(row(4, -99.0, evidence=-91.0))
    noise = rng(2).normal(0, 0.02, (4_000, 3))
    masses = np.exp(np.array([-90.0, -90.4, -91.0]) + 90 + noise)
    spread = (masses / masses.sum(axis=1, keepdims=True)).std(axis=0)
    errors = np.array(probability_errors(rows))
    assert errors[[0, 1, 3]] == pytest.approx(spread, rel=0.05)
    assert np.isnan(errors[2])
    assert shown(Candidates(tuple(rows)), "probability")[0] == "0.491"
    near = Candidates((rows[0], row(2, -100.0, evidence=-90.01)))
    assert shown(near, "probability")[0] == "0.502 (0.007)"
    assert "Monte Carlo error" in near.legend
    assert "Monte Carlo error" not in Candidates(tuple(rows)).legend


def test_loo_that_failed_is_shown_and_does_not_vote():
    """Pareto k above 0.7 at three rows; at two it still counts."""
    each = np.full(N, -1.0)
    rows = [
        row(1, -120.0, each=each - 0.5),
        row(2, -100.0, each=each),
        row(3, -99.0, each=each - 1),
    ]
    assert elected(rows)["LOO"].row.k == 2
    for failed, elects in ((2, 2), (3, 1)):
        bad = rows[1]._replace(predicted=rows[1].predicted._replace(unstable=failed / N))
        assert elected([rows[0], bad, rows[2]])["LOO"].row.k == elects
        assert shown(Candidates((rows[0], bad, rows[2])), "elpd")[1].startswith("-100.0")
        assert bad.sound  # the evidence is not concerned


def test_a_bootstrap_that_rejects_all_it_tested_says_so():
    """It elects none of them, as the largest number has no test of its own."""
    rows = [row(1, -120.0, p=0.01), row(2, -100.0, p=0.02), row(3, -90.0)]
    assert "bootstrap" not in elected(rows)
    said = elections(rows)
    assert said.endswith("The bootstrap rejects 1 and 2 groups, each against one more.")
    assert elections(rows[:1] + rows[2:]).endswith("rejects 1 group, against one more.")
    assert "rejects" not in elections([rows[0], row(2, -100.0, p=0.3), rows[2]])
    tied = [one._replace(family=TIED) for one in rows]
    forms = "In each form the bootstrap rejects every number of groups that it tested."
    assert elections(rows + tied).endswith(forms)


def test_panels_keep_their_height_above_long_names():
    long = ZeroInflated(NegativeBinomial)
    rows = [row(k, -120.0 + 9 * k, p=0.02, evidence=-130.0)._replace(family=long) for k in (1, 2)]
    named = criteria(Candidates(tuple(one._replace(named=True) for one in rows)))
    plain = criteria(Candidates(tuple(rows)))
    named.draw_without_rendering()
    assert min(axes.get_window_extent().height for axes in named.axes) > 1.0 * named.dpi
    # negative control: in the height that suffices for numbers alone they would not
    named.set_figheight(plain.get_figheight())
    named.draw_without_rendering()
    assert min(axes.get_window_extent().height for axes in named.axes) < 1.0 * named.dpi


@pytest.fixture
def wide(rng):
    """Return candidates with every number, whose table needs some 150 columns."""

    def made(*, named=False):
        rows = [
            row(k, fit, p=p, evidence=fit - 9, each=rng(k).normal(fit / N, 1, N))
            for k, fit, p in [(1, -1289.8, 0.012), (2, -1114.4, 0.3), (12, -1109.3, 0.31)]
        ]
        family = ZeroInflated(NegativeBinomial)
        return Candidates(tuple(one._replace(family=family, named=named) for one in rows))

    return made


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("columns", [50, 60, 80, 100, 200])
def test_the_table_fits_the_terminal_and_no_number_is_cut(
    columns, named, wide, monkeypatch, capsys
):
    choice = wide(named=named)
    monkeypatch.setenv("COLUMNS", str(columns))
    chosen(choice)
    out = capsys.readouterr().out.splitlines()
    assert max(map(len, out)) <= columns
    number = re.compile(r"≤?-?\d+\.\d+(?: \(\d+\.\d+\))?\*?")
    told, whole = (
        sorted(number.findall("\n".join(some).partition("A star marks")[0]))
        for some in (out, lines(choice))
    )
    assert told == whole
    assert len(told) == 3 * 9  # log-likelihood, five criteria, p, difference and P(K) of three


def test_a_narrow_table_has_a_line_for_each_candidate_in_each_part(wide, monkeypatch, capsys):
    choice = wide()
    monkeypatch.setenv("COLUMNS", "80")
    chosen(choice)
    parts = capsys.readouterr().out.partition("A star marks")[0].split("\n\n")
    assert len(parts) == 2
    for part in parts:
        head, *rest = part.strip().splitlines()
        assert head.startswith("K ")
        assert [line.split()[0] for line in rest] == ["1", "2", "12"]
    # a pipe has no edge: one line for each candidate
    monkeypatch.delenv("COLUMNS")
    chosen(choice)
    assert "\n\n" not in capsys.readouterr().out


def test_columns_that_are_read_together_stay_together(wide):
    for width in range(40, 160):
        parts = bands(wide(), width)
        assert sorted(at for one in parts for at in one[1:]) == list(range(1, len(HEADS)))
        for one in parts:
            names = [list(HEADS)[at] for at in one]
            assert ("elpd" in names) == ("elpd_difference" in names)
            assert ("log_evidence" in names) == ("probability" in names)
            assert ("verdict" in names) == ("fits" in names)
    assert len(bands(wide(), 160)) == 1
