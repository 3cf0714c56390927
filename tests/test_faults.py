"""Slips planted one at a time on either side are caught, their cause named.

`python tests/test_faults.py --datasets 50` prints the table of comparisons/trust/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from faults.bayes_faults import BAYES_FAULTS
from faults.em_faults import EM_FAULTS
from faults.fault import CHANGED, DESIGNS, Answers, Fault, Outcome, outcome
from scipy import stats

from comparisons.replicates import run
from em.data.threads import available

FAULTS = sorted((*EM_FAULTS, *BAYES_FAULTS), key=lambda fault: DESIGNS.index(fault.design))
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
    """Return all faults: those in our code, and one of each other kind, are the quick ones.

    A user's code has the slips of ours again, which the slow tests plant as well.
    """
    quick = [fault for fault in FAULTS if fault.name.endswith(", in ours")]
    seen = {(fault.side, fault.kind) for fault in quick}
    for fault in FAULTS:
        if (fault.side, fault.kind) not in seen:
            seen.add((fault.side, fault.kind))
            quick.append(fault)
    return [
        pytest.param(fault, id=fault.name, marks=[] if fault in quick else [pytest.mark.slow])
        for fault in FAULTS
    ]


@pytest.mark.parametrize("fault", each_once())
def test_a_fault_is_caught(fault):
    missed, most = misses(fault)
    assert len(missed) < most, [(one.shift, one.verdict, sorted(one.standing)) for one in missed]


@pytest.mark.parametrize("datasets", CONTROLS)
def test_right_answers_agree(datasets):
    found = [outcome(without(design), seed) for design in DESIGNS for seed in range(datasets)]
    apart = [one for one in found if one.verdict != "agree"]
    most = int(stats.binom.isf(SURPRISE, len(found), DISAGREED))
    assert most < len(found)  # or nothing could fail here
    assert len(apart) <= most, apart
    assert not [one for one in apart if one.verdict == "disagree"]  # which would be a proof


def test_the_list_is_long_and_its_names_differ():
    names = {(fault.side, fault.name) for fault in FAULTS}
    assert len(names) == len(FAULTS) >= 34
    assert all(fault.codes for fault in FAULTS)


def test_most_faults_have_a_code_that_no_other_kind_shares():
    """That each is caught under it is tested above: its codes are the only ones that count."""
    kinds = {}
    for fault in FAULTS:
        for code in fault.codes:
            kinds.setdefault(code, set()).add(fault.kind)
    own = [
        fault
        for fault in FAULTS
        if all(len(kinds[code]) == 1 and code not in CATCH_ALL for code in fault.codes)
    ]
    assert len(FAULTS) == 94
    assert len(own) >= 70, sorted(fault.name for fault in FAULTS if fault not in own)
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


def planted(seed: int) -> dict[str, object]:
    """Return what became of every fault on one data set."""
    found = {f"{fault.side}, {fault.name}": outcome(fault, seed) for fault in FAULTS}
    return {
        name: [one.shift if np.isfinite(one.shift) else None, one.verdict, sorted(one.standing)]
        for name, one in found.items()
    }


def main() -> None:
    """Plant every fault in many data sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=available())
    parser.add_argument("--out", type=Path, help="folder from which an interrupted run goes on")
    asked = parser.parse_args()
    records = run(planted, asked.datasets, jobs=asked.jobs, folder=asked.out, name="data sets")
    found = {
        fault: [
            Outcome(np.inf if shift is None else shift, verdict, frozenset(standing))
            for shift, verdict, standing in (one[f"{fault.side}, {fault.name}"] for one in records)
        ]
        for fault in (*EM_FAULTS, *BAYES_FAULTS)
    }
    head = ("fault", "side", "data sets", f"changed by over {CHANGED} sd", "caught", "usual codes")
    table = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    table += [line(*pair) for pair in found.items()]
    sys.stdout.write("\n".join(table) + "\n")


if __name__ == "__main__":
    main()
