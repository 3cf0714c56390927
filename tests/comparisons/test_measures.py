"""Every code of a finding has a title of its own, and numbers stand in their sentences."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import bayes
import em
from comparisons import compare, finding, second_opinion
from comparisons.finding import allowed, beyond, number_said
from comparisons.measures import MEASURES
from comparisons.verdict import density_slips
from comparisons.verdict.headline import HOPELESS
from comparisons.verdict.judge_chains import CHAINS
from models import Poisson, Sample

VERDICT = Path(density_slips.__file__).parent
MAKERS = {"Finding", "Slip", "Hypothesis", "found"}
SAID_OTHERWISE = {"local_optimum"}  # by its sentence: no draw and no start


def codes() -> set[str]:
    """Return the codes that findings and slips are made with."""
    found = {HOPELESS, *density_slips.REMEDIES, *(code for code, *_ in CHAINS.values())}
    for path in VERDICT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in MAKERS and node.args:
                found |= strings(node.args[0])
    return found


def strings(node: ast.expr) -> set[str]:
    """Return the texts that an expression may be; what an if asks about is none of them."""
    if isinstance(node, ast.IfExp):
        return strings(node.body) | strings(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return set()


def test_every_code_has_a_title():
    made = codes()
    assert len(made) > 70
    assert made - {*MEASURES} == set()
    assert "counted_twice" in MEASURES  # made from a table in a loop, as is the next
    assert {*MEASURES} - made <= {"counted_twice", "tempered", "not_at_maximum"}


def test_titles_are_unique_and_no_codes():
    titles = Counter(one.title for one in MEASURES.values())
    assert titles.most_common(1)[0][1] == 1
    for code, one in MEASURES.items():
        assert one.title[0].isupper()
        assert "_" not in one.title
        assert len(one.title) <= 60, code
        assert not one.title.startswith(("Other n", "Other pl", "Not ")), code


def test_numbers_of_measures_stand_in_their_sentences():
    x = np.repeat([0, 1, 2, 3, 7, 8, 9, 10, 11], [9, 16, 9, 6, 4, 9, 12, 9, 6])
    opinion = second_opinion(
        Poisson, Sample(x), 2, draws=300, tune=300, starts=4, seed=3, progress=False
    )
    silent = {
        one.code
        for one in opinion.findings
        if np.isfinite([one.value, one.threshold]).all() and not number_said(one)
    }
    explained = {code for code, one in MEASURES.items() if one.what}
    assert silent <= SAID_OTHERWISE | explained
    assert {"other_place", "weak_separation"} <= silent & explained
    sides = {one.code: allowed(one) for one in opinion.findings}
    assert (sides["unmixed_chains"], sides["few_draws"]) == ("at most", "at least")
    for one in opinion.findings:  # a number that is no such one is noticed
        if one.value > 0.01 and one.code != "one_chain":
            assert not number_said(one._replace(value=17.3 * one.value + 0.07)), one.code


@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
def test_sides_are_those_of_the_judge(monkeypatch):
    """What is ok lies on the ok side of its threshold, and what is doubted beyond it."""
    x = np.repeat([0, 1, 2, 3, 7, 8, 9, 10, 11], [9, 16, 9, 6, 4, 9, 12, 9, 6])
    found = [
        one
        for draws, away in ((300, 0.0), (40, 0.0), (300, 1.0))  # right, too short, no maximum
        for one in opinion_with(x, draws, away).findings
        if np.isfinite([one.value, one.threshold]).all() and MEASURES[one.code].single
    ]
    standing = {one.code for one in found if one.severity in {"doubt", "fault"}}
    assert {"few_draws", "other_numbers", "other_place"} <= standing
    assert len(standing) >= 5

    def wrong():
        ok = {one.code for one in found if one.severity == "ok" and beyond(one)}
        return ok | {one.code for one in found if one.code in standing and not right(one)}

    def right(one):
        return one.severity not in {"doubt", "fault"} or beyond(one)

    assert wrong() <= {"misfit", "prior_pull", "prior_sensitivity"}  # which need a second condition
    # negative control: one side that is turned is seen
    turned = MEASURES["few_draws"]._replace(side="at most")
    monkeypatch.setattr(
        finding, "measure_of", lambda code: turned if code == "few_draws" else MEASURES[code]
    )
    assert "few_draws" in wrong()


def opinion_with(x, draws, away):
    """Return a comparison with a number of draws, of an estimate that is off by some rates."""
    sample = Sample(x)
    best = em.fit(Poisson, sample, 2, starts=4).estimate
    moved = best._replace(theta=Poisson(best.theta.rate + away))
    drawn = bayes.sample(Poisson, sample, 2, draws=draws, tune=300, seed=3, progress=False)
    return compare(moved, drawn)
