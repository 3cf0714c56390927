"""What EM finds by itself is said of the columns by their names, in every structure."""

from __future__ import annotations

import numpy as np

import em
from comparisons.pages.terminal import told_alone
from models import Gaussian, MultivariateGaussian, Poisson, Sample, Sequences

COUNTS = [0, 1, 1, 0, 2, 1, 0, 7, 9, 8, 6, 7, 10, 8]


def first_line(fit, columns, capsys):
    told_alone(fit, columns)
    return capsys.readouterr().out.splitlines()[0]


def test_the_columns_stand_behind_the_observations(capsys):
    groups = em.fit(Poisson, Sample(COUNTS), 2, starts=2)
    said = first_line(groups, ["calls in a day"], capsys)
    assert said == "Poisson, 2 groups, 14 observations of calls in a day"
    states = em.fit(Poisson, Sequences(COUNTS), 2, starts=2)
    said = first_line(states, ["calls"], capsys)
    assert said == "Poisson, 2 states, 14 observations of calls in 1 sequence"
    one = em.fit(Gaussian, Sample([1.0, 2.0, 4.0]), 1)
    assert first_line(one, [], capsys) == "Gaussian, 1 group, 3 observations"


def test_names_with_backslashes_and_blanks_in_rows_change_nothing_else(capsys, rng):
    rows = rng(5).normal(size=(30, 2))
    rows[3, 1] = np.nan
    blank = em.fit(MultivariateGaussian, Sample(rows), 1)
    said = first_line(blank, [r"a\1", "b"], capsys)
    assert r"30 observations of a\1, b with blanks in 1 of 30 rows" in said
