"""Data frames are predicted by the names of their columns, that of the flips among them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from comparisons import Comparison
from comparisons.kept.reading import Reading
from comparisons.pages.opening import opening
from comparisons.pages.terminal import told
from models import Sample
from models.refusal import Refusal

FRAME = pd.DataFrame({"tossed": [10, 20, 10], "other": [0, 0, 0], "heads": [8, 9, 3]})


@pytest.fixture
def read(story):
    """Return the comparison of the study coins as if it was read from a file's columns."""

    def made(trials, title="heads"):
        found = Comparison(story("coins").comparison.tree.copy())
        found.name_columns([title])
        found.keep_reading(Reading(("heads",), trials))
        return found

    return made


def test_flips_are_found_by_the_name_of_their_column(read):
    wanted = read("tossed").predict_proba(Sample([8, 9, 3], [10, 20, 10]))
    found = read("tossed", "heads in one set").predict_proba(FRAME)
    np.testing.assert_array_equal(found, wanted)
    fixed = read(10).predict_proba(FRAME)
    np.testing.assert_array_equal(fixed, read(10).predict_proba(Sample([8, 9, 3], 10)))
    assert abs(fixed - found).max() > 0.1  # negative control: 9 of 20 is not 9 of 10


def test_pages_name_the_column_of_flips(read, capsys):
    told(read("tossed"))
    assert "observations of heads out of tossed, " in capsys.readouterr().out
    assert " (heads out of 10) be described" in opening(read(10))
    assert " (heads) be described" in opening(read(None))


def test_without_their_column_flips_are_refused(read):
    with pytest.raises(Refusal, match=r"data have no column 'flips'.* they have tossed, other, he"):
        read("flips").predict(FRAME)
    with pytest.raises(Refusal, match="is of flips; give a Sample of heads and trials"):
        read("tossed").predict([8, 9, 3])
    with pytest.raises(Refusal, match="is of flips; give a Sample of heads and trials"):
        read(None).predict(FRAME)
