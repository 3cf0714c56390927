"""The benchmark's two runners do the same work, and the command line answers."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from comparisons.cli import app
from comparisons.speed import clouds, diagonal, heights, line, ours, peers


@pytest.mark.parametrize("steps", [1, 5])
def test_scikit_learn_takes_the_same_steps(steps, rng):
    for sample, start in (
        (heights(2_000, rng(81)), line(3)),
        (clouds(2_000, 3, 4, rng(82)), diagonal(4, 3)),
    ):
        mine, theirs = ours(sample, start, steps), peers(sample, start, steps)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
        # negative control: one step more is somewhere else
        assert not np.allclose(ours(sample, start, steps + 1), theirs, rtol=1e-9)


def test_command_line_answers():
    run = CliRunner().invoke
    assert "speed" in run(app, ["--help"]).output
    assert run(app, ["-h"]).exit_code == 0
    assert run(app, ["--version"]).output.startswith("second-opinion ")
    assert run(app, ["sped"]).exit_code == 2
