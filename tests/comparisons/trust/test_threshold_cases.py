"""The simulation behind the thresholds runs, and shows what it found."""

from __future__ import annotations

from io import StringIO

import numpy as np
from rich.console import Console

from comparisons.trust.cases import CASES, MEASURES, measured, shown


def test_a_case_is_drawn_judged_and_shown():
    case = next(one for one in CASES if one.trials is not None)
    found = [measured(case, replicate) for replicate in (0, 1)]
    assert found[0].tree.attrs["observations"] == case.n
    codes = {finding.code for finding in found[0].findings}
    assert set(MEASURES) <= codes
    console = Console(width=240, record=True, file=StringIO())
    console.print(shown({case.name: found}))
    agree = sum(one.verdict == "agree" for one in found)
    line = next(one for one in console.export_text().splitlines() if case.name in one)
    assert f"{agree} of 2" in line
    place = [abs(one.value) for each in found for one in each.findings if one.code == MEASURES[0]]
    assert f"{np.max(place):.2g}" in line
    # other replicates are other data
    assert found[0].table["mle"].to_numpy()[0] != found[1].table["mle"].to_numpy()[0]
