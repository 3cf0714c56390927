"""A dish split by eye: the loop that fits mixtures, and an analogy that keeps its rules."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.studies import dish
from em import DescentError

ROUNDING = 1e-9  # of grams below a thousand


@pytest.mark.parametrize("eye", dish.EYES)
def test_each_step_leaves_what_the_eye_does_not_see(eye):
    path, looks = dish.split(eye)
    surplus = path[:, 0] - path[:, 1]
    # by hand: 480 g times the share unseen, again and again
    np.testing.assert_allclose(surplus, 480 * (1 - eye) ** np.arange(len(path)), atol=ROUNDING)
    np.testing.assert_allclose(path.sum(axis=1), 900, atol=ROUNDING)
    assert looks == len(path)
    seen = 480 * eye ** np.arange(len(path))
    assert not np.allclose(surplus, seen, atol=ROUNDING)  # negative control


@pytest.mark.parametrize("eye", dish.EYES)
def test_the_loop_s_own_rule_ends_it(eye):
    """Where the estimated rest was below a gram twice running, and not before."""
    surplus = 480 * (1 - eye) ** np.arange(200)
    first = int(np.argmax(surplus <= dish.CLOSE))
    assert len(dish.split(eye)[0]) - 1 == max(
        first + 1, 3
    )  # two gains make an estimate of the rest


@pytest.mark.parametrize("eye", dish.EYES)
def test_acceleration_looks_no_more_often_and_ends_as_even(eye):
    (plain, looks), (path, fast) = dish.split(eye), dish.split(eye, accelerate=True)
    assert fast <= looks
    for found in (plain, path):
        assert abs(np.diff(found[-1])[0]) <= dish.CLOSE
    assert abs(np.diff(plain[0])[0]) > dish.CLOSE  # negative control


def test_a_cook_who_carries_the_wrong_way_is_stopped():
    with pytest.raises(DescentError, match="step 1: the objective fell from"):
        dish.split(dish.WRONG)
    dish.split(-dish.WRONG)  # negative control: the same eye, the right way


def test_the_tables_say_so(story):
    analogy, steps, eyes = story("dish").steps
    acts = [row[0].split(":")[0] for row in analogy.rows[:3]]
    assert acts == ["initialise", "observe", "re-estimate"]
    assert [row[2] for row in analogy.rows[:3]] == ["start", "expect", "maximize"]
    assert steps.rows[0][1:3] == (690, 210)
    for row in eyes.rows[:-1]:
        assert row[2] == pytest.approx(row[1], abs=1e-9)
    assert eyes.rows[-1][-1] == "stopped in step 1"
