"""New rows with labels beside a fit: labels have the codes of the fit, whichever of them occur."""

from __future__ import annotations

import numpy as np
import pytest

from em import fit
from models import Categorical, Gaussian, Groups, Independent, Sample, Sequences
from models.refusal import Refusal

NAMES = np.array(["basic", "gold", "plus"])
GENERATOR = np.random.default_rng(21)
GROUP = GENERATOR.integers(0, 2, 200)
AGES = np.where(GROUP == 1, 63.0, 37.0) + GENERATOR.normal(0, 7, 200)
PLANS = NAMES[np.where(GROUP == 1, GENERATOR.integers(1, 3, 200), GENERATOR.integers(0, 2, 200))]
ROWS = [[float(age), str(plan)] for age, plan in zip(AGES, PLANS, strict=True)]
MIXED = Independent(Gaussian, Categorical)


@pytest.fixture(scope="module")
def mixed():
    """Return a fit of ages and plans."""
    return fit(MIXED, Sample(ROWS), 2, starts=3)


def test_a_row_alone_has_the_memberships_that_it_has_among_all(mixed):
    every = mixed.responsibilities(Sample(ROWS))
    for row in (0, 1, 2, 3):
        np.testing.assert_allclose(mixed.responsibilities(Sample([ROWS[row]])), every[[row]])
        assert mixed.density(Sample([ROWS[row]])) == pytest.approx(mixed.density([ROWS[row]]))
    few = [row for row in ROWS if row[1] != "basic"]
    kept = every[[row[1] != "basic" for row in ROWS]]
    np.testing.assert_allclose(mixed.responsibilities(Sample(few)), kept)
    # negative control: plans differ
    alone = [mixed.responsibilities(Sample([[50.0, plan]]))[0, 0] for plan in NAMES]
    assert len(set(np.round(alone, 3))) == 3
    # codes are the fit's
    np.testing.assert_allclose(mixed.responsibilities(Sample([[50.0, 2]]))[0, 0], alone[2])


def test_a_lone_blank_label_says_nothing(mixed):
    one = mixed.responsibilities(Sample([[50.0, None]]))
    np.testing.assert_allclose(one, mixed.responsibilities(Sample([[50, "gold"], [50, None]]))[[1]])
    theta, weight = mixed.estimate.theta, mixed.estimate.weight
    height = weight * np.exp(-0.5 * ((50 - theta.mean_1) / theta.sd_1) ** 2) / theta.sd_1
    np.testing.assert_allclose(one[0], height / height.sum())


def test_labels_that_the_fit_has_not_are_refused_by_name(mixed):
    with pytest.raises(Refusal, match=r"x\[:, 1\]: 'platin' is none of the categories of the fit"):
        mixed.assign(Sample([[40.0, "platin"]]))
    with pytest.raises(Refusal, match=r"x\[:, 1\] has code 3, but the fit has codes from 0 to 2"):
        mixed.assign(Sample([[40.0, 3]]))
    coded = fit(MIXED, Sample([[row[0], int(NAMES.tolist().index(row[1]))] for row in ROWS]), 2)
    with pytest.raises(Refusal, match="'gold' is text, but the fit has codes"):
        coded.assign(Sample([[40.0, "gold"]]))
    with pytest.raises(Refusal, match="levels, the names of the categories of each column"):
        Sample([[40.0, "gold"]], categories=["basic", "gold"])
    with pytest.raises(Refusal, match="levels of a table"):
        Sample([[40.0, "gold"]], categories=())


def test_labels_in_time_and_in_groups_have_the_codes_of_the_fit():
    words = PLANS.tolist()
    chain = fit(Categorical, Sequences(words), 2, starts=2)
    late = [word for word in words if word != "basic"][:6]
    every = Sequences(late, categories=NAMES)
    np.testing.assert_allclose(
        chain.responsibilities(Sequences(late)), chain.responsibilities(every)
    )
    table = Groups.from_table([[60, 30, 10], [50, 30, 20], [10, 30, 60]], categories=NAMES)
    found = fit(Categorical, table, 2, starts=3)
    named = found.fold_in(Sample(["plus"] * 9 + ["gold"], categories=NAMES))
    alone = found.fold_in(Sample(["plus"] * 9 + ["gold"]))
    np.testing.assert_allclose(alone.weight, named.weight)
    other = found.fold_in(Sample(["basic"] * 9 + ["gold"]))
    assert np.abs(other.weight - named.weight).max() > 0.3  # negative control
    with pytest.raises(Refusal, match="x: 'iron' is none of the categories of the fit"):
        found.fold_in(Groups(["iron", "gold"], ["a", "a"]))


def test_one_label_alone_is_a_row_of_a_fit():
    single = fit(Categorical, Sample(PLANS.tolist()), 1)
    share = np.mean(PLANS == "gold")
    assert single.density(Sample(["gold"])) == pytest.approx(share)
    assert single.density("gold") == pytest.approx(share)
