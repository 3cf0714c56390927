"""Whether rows that follow each other depend on each other as the model says."""

from __future__ import annotations

import numpy as np

from comparisons.verdict.judge_order import Order, ordered_well
from comparisons.verdict.transforms import chance_of, serial_chance_of, serial_table
from models import Poisson, Sequences
from models.question import asked

PATH, LEFT = np.array([0, 1]), np.array([4.0, 4.0])
QUESTION = asked(Poisson, Sequences([1, 5, 2]), 2)


def codes(order: Order) -> dict[str, str]:
    return {one.code: one.severity for one in ordered_well(order, QUESTION)}


def test_the_serial_test_keeps_its_level_where_pearsons_does_not(rng):
    """Pairs overlap; 2,000 series of 107 independent transforms, 5% of them by chance."""
    generator, at = rng(1), np.arange(1, 107)
    ours, plain = [], []
    for _ in range(2_000):
        u = generator.random(107)
        table = serial_table(u, u, at, generator)
        ours.append(serial_chance_of(table) < 0.05)
        plain.append(chance_of(table) < 0.05)
    error = np.sqrt(0.05 * 0.95 / 2_000)
    assert abs(np.mean(ours) - 0.05) < 4 * error
    assert np.mean(plain) - 0.05 > 4 * error  # negative control


def test_the_serial_test_finds_rows_that_follow_each_other_too_closely(rng):
    z = rng(2).normal(size=1_001)
    smooth = (z[1:] + z[:-1]) / np.sqrt(2)  # neighbours have a correlation of a half
    u, at = smooth.argsort().argsort() / 1_000, np.arange(1, 1_000)
    assert serial_chance_of(serial_table(u, u, at, rng(3))) < 1e-6
    shuffled = rng(4).permutation(u)  # negative control
    assert serial_chance_of(serial_table(shuffled, shuffled, at, rng(5))) > 0.01


def test_states_that_do_not_last_or_are_never_left_are_notes():
    rows = np.array([40.0, 60.0])
    lasting = Order(30.0, 1, np.array([[0.9, 0.1], [0.1, 0.9]]), rows, LEFT, PATH)
    assert set(codes(lasting).values()) == {"ok"}
    short = lasting._replace(moves=np.array([[0.2, 0.8], [0.1, 0.9]]))
    assert codes(short)["short_stay"] == "note"
    kept = lasting._replace(left=np.array([1.0, 0.01]))
    assert codes(kept)["absorbing"] == "note"
    empty = lasting._replace(rows=np.array([100.0, 0.1]))
    found = {one.code: one.message for one in ordered_well(empty, QUESTION)}
    assert "State 2 is not visited" in found["short_stay"]
    named = QUESTION.with_titles(["quiet", "busy"])
    found = {one.code: one.message for one in ordered_well(empty, named)}
    assert "busy is not visited" in found["short_stay"]


def test_order_that_adds_no_more_than_chance_is_a_note():
    moves, rows = np.array([[0.6, 0.4], [0.4, 0.6]]), np.array([50.0, 50.0])
    assert codes(Order(0.7, 1, moves, rows, LEFT, PATH))["order_adds_nothing"] == "note"
    assert codes(Order(7.0, 1, moves, rows, LEFT, PATH))["order_adds_nothing"] == "ok"
    assert ordered_well(None, QUESTION) == []
