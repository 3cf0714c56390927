"""Slips planted one at a time on either side are caught, their cause named.

`python tests/test_faults.py --datasets 50` prints the table of comparisons/trust/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from faults import in_groups
from faults.admixture_bayes import ADMIXTURE_BAYES_FAULTS
from faults.admixture_em import ADMIXTURE_EM_FAULTS
from faults.bayes_faults import BAYES_FAULTS
from faults.chain_bayes import CHAIN_BAYES_FAULTS
from faults.chain_em import CHAIN_EM_FAULTS
from faults.em_faults import EM_FAULTS
from faults.fault import CHANGED, DESIGNS, Answers, Fault, Outcome, one, outcome, right
from faults.in_groups import IN_GROUPS
from faults.in_order import IN_ORDER, resting
from scipy import stats

from comparisons.replicates import run
from em.data.threads import available
from models.structure import fields_of

EVERY_DESIGN = (*DESIGNS, *IN_ORDER, *IN_GROUPS)
MIXTURES = (*EM_FAULTS, *BAYES_FAULTS)
CHAINS = (*CHAIN_EM_FAULTS, *CHAIN_BAYES_FAULTS)
ADMIXTURES = (*ADMIXTURE_EM_FAULTS, *ADMIXTURE_BAYES_FAULTS)
EVERY = (*MIXTURES, *CHAINS, *ADMIXTURES)
FAULTS = sorted(EVERY, key=lambda fault: EVERY_DESIGN.index(fault.design))
MISSED = 0.01  # share of data sets in which a fault may go unseen
DISAGREED = 0.05  # and in which right answers may not agree
SURPRISE = 1e-6  # chance at which a promise counts as broken
TRIES = 8  # data sets among which a fault has to change an answer
CATCH_ALL = {  # codes that say that something is wrong, but not what
    "different_data",
    "different_posterior",
    "different_question",
    "not_at_maximum",
    "wrong_target",
}
CONTROLS = [1, pytest.param(2, marks=pytest.mark.slow)]  # without a fault, of each design


def without(design):
    return Fault(
        "none", "none", design, lambda case: Answers(case.fit, case.posterior), frozenset()
    )


def misses(fault):
    """Count data sets in which a fault goes unseen, until it is seen or the promise is broken."""
    most = int(np.ceil(np.log(SURPRISE) / np.log(MISSED)))
    found = []
    for seed in range(TRIES):
        one = outcome(fault, seed)
        if one.counts(fault):
            if one.caught(fault):
                return found, most
            found.append(one)
        if len(found) == most:
            return found, most
    raise AssertionError(f"{fault.name} changes no answer by {CHANGED} posterior sd")


def each_once():
    """Return faults: of mixtures those in our code, and one of each other kind, are the quick ones.

    A user's code has the slips of ours again, which the slow tests plant as well. Faults of the
    other structures say where they are planted.
    """
    quick = [fault for fault in MIXTURES if fault.name.endswith(", in ours")]
    seen = {(fault.side, fault.kind) for fault in quick}
    for fault in MIXTURES:
        if (fault.side, fault.kind) not in seen:
            seen.add((fault.side, fault.kind))
            quick.append(fault)
    quick += [fault for fault in (*CHAINS, *ADMIXTURES) if fault.where == "quick"]
    return [
        pytest.param(fault, id=fault.name, marks=[] if fault in quick else [pytest.mark.slow])
        for fault in FAULTS
        if fault.where != "table"
    ]


@pytest.mark.parametrize("fault", each_once())
def test_a_fault_is_caught(fault):
    missed, most = misses(fault)
    assert len(missed) < most, [(one.shift, one.verdict, sorted(one.standing)) for one in missed]


@pytest.mark.parametrize("datasets", CONTROLS)
def test_right_answers_agree(datasets):
    found = [outcome(without(design), seed) for design in EVERY_DESIGN for seed in range(datasets)]
    apart = [one for one in found if one.verdict != "agree"]
    most = int(stats.binom.isf(SURPRISE, len(found), DISAGREED))
    assert most < len(found)  # or nothing could fail here
    assert len(apart) <= most, apart
    assert not [one for one in apart if one.verdict == "disagree"]  # which would be a proof


@pytest.mark.parametrize("design", IN_ORDER, ids=lambda design: design.name)
def test_the_textbook_program_without_a_slip_rests_at_the_maximum(design):
    """So that what a slip changes is the slip's."""
    case = right(design, 0)
    rests, maximum, errors = resting(case), case.fit.estimate, case.fit.standard_errors
    for name, field in fields_of(maximum).items():
        away = (fields_of(rests)[name] - field) / fields_of(errors)[name]
        assert np.abs(away).max() < CHANGED / 10


@pytest.mark.parametrize("design", IN_GROUPS, ids=lambda design: design.name)
def test_the_textbook_program_for_groups_rests_at_the_maximum(design):
    case = right(design, 0)
    (here,), (there,) = (
        design.judged(one(each)) for each in (in_groups.resting(case), case.fit.estimate)
    )
    assert np.abs((here - there) / design.judged(case.draws).std(axis=0)).max() < CHANGED / 10


def test_the_list_is_long_and_its_names_differ():
    names = {(fault.side, fault.name) for fault in FAULTS}
    assert len(names) == len(FAULTS)
    assert all(fault.codes for fault in FAULTS)
    assert (len(MIXTURES), len(CHAINS), len(ADMIXTURES)) == (94, 67, 43)
    kinds = [{(fault.side, fault.kind) for fault in each} for each in (CHAINS, ADMIXTURES)]
    assert [len(each) for each in kinds] == [53, 36]  # kinds


def test_most_faults_have_a_code_that_no_other_kind_shares():
    """That each is caught under it is tested above: its codes are the only ones that count.

    Of mixtures, for whose slips there are most names.
    """
    kinds = {}
    for fault in MIXTURES:
        for code in fault.codes:
            kinds.setdefault(code, set()).add(fault.kind)
    own = [
        fault
        for fault in MIXTURES
        if all(len(kinds[code]) == 1 and code not in CATCH_ALL for code in fault.codes)
    ]
    assert len(own) >= 70, sorted(fault.name for fault in MIXTURES if fault not in own)
    # a catch-all would be found out
    assert "wrong_target" in CATCH_ALL
    assert len(kinds["wrong_target"]) > 1


def line(fault: Fault, found: list[Outcome]) -> str:
    """Return a fault's line of the table."""
    changed = [one for one in found if one.counts(fault)]
    caught = sum(one.caught(fault) for one in changed)
    seen = Counter(code for one in changed for code in one.standing & fault.codes)
    codes = ", ".join(f"`{code}`" for code, _ in seen.most_common(3))
    also = f" ({fault.beside})" if fault.beside else ""
    cells = [fault.name, fault.side, len(found), f"{len(changed)}{also}", caught, codes]
    return "| " + " | ".join(map(str, cells)) + " |"


def planted(seed: int, only: str = "") -> dict[str, object]:
    """Return what became of every fault, or of those with a text in their name, on one data set."""
    asked = [fault for fault in FAULTS if only in fault.name]
    found = {f"{fault.side}, {fault.name}": outcome(fault, seed) for fault in asked}
    return {
        name: [one.shift if np.isfinite(one.shift) else None, one.verdict, sorted(one.standing)]
        for name, one in found.items()
    }


def main() -> None:
    """Plant every fault in many data sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=available())
    parser.add_argument("--only", default="", help="a text in the names, such as chain:")
    parser.add_argument("--out", type=Path, help="folder from which an interrupted run goes on")
    asked = parser.parse_args()
    work = partial(planted, only=asked.only)
    records = run(work, asked.datasets, jobs=asked.jobs, folder=asked.out, name="data sets")
    found = {
        fault: [
            Outcome(np.inf if shift is None else shift, verdict, frozenset(standing))
            for shift, verdict, standing in (one[f"{fault.side}, {fault.name}"] for one in records)
        ]
        for fault in EVERY
        if asked.only in fault.name
    }
    head = ("fault", "side", "data sets", f"changed by over {CHANGED} sd", "caught", "usual codes")
    table = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    table += [line(*pair) for pair in found.items()]
    sys.stdout.write("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
