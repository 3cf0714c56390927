"""Label switching, planted and undone."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest
from families import FAMILIES
from threadpoolctl import threadpool_info, threadpool_limits

import bayes
from bayes.posterior import labels
from bayes.posterior.diagnose import measured, worst_of
from bayes.posterior.labels import CLEAR, align_by_assignment, align_by_order
from bayes.posterior.tree import drawn
from models import Gaussian, Mixture, Sample
from models.family import entries, rebuilt
from models.structure import permuted

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # most runs are short
CHAINS, DRAWS = 4, 400


def planted(rng: np.random.Generator, k: int, apart: float):
    """Return draws around k groups, memberships of 60 rows, and random relabellings of both.

    Each chain keeps to a labelling of its own, but for one in twenty draws.
    """
    n = CHAINS * DRAWS
    mean = np.arange(k) * apart + rng.normal(scale=0.1, size=(n, k))
    mixture = Mixture(
        np.full(k, 1 / k) + rng.normal(scale=0.01, size=(n, k)),
        Gaussian(mean, 1 + rng.uniform(0, 0.1, size=(n, k))),
    )
    x = np.repeat(np.arange(k) * apart, 60 // k) + rng.normal(size=60 // k * k)
    log_share = -0.5 * (x - mean[:, :, None]) ** 2
    share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    own = np.array([np.roll(np.arange(k), chain) for chain in range(CHAINS)])
    places = np.repeat(own, DRAWS, axis=0)
    strays = rng.random(n) < 0.05
    places[strays] = np.array([rng.permutation(k) for _ in range(strays.sum())])
    switched = np.take_along_axis(share, places[:, :, None], axis=1)
    return mixture, permuted(mixture, places), switched, places, np.ones(len(x))


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("by", ["order", "assignment"])
def test_planted_switching_is_undone_exactly(k, by, rng):
    truth, switched, shares, places, counts = planted(rng(41), k, apart=4.0)
    if by == "order":
        found = align_by_order(switched, shares, counts)
    else:
        found = align_by_assignment(shares, counts, pivot=7)
    # what was planted and what undoes it are one relabelling, the same for every draw
    together = np.take_along_axis(places, found.permutation, axis=1)
    assert (together == together[0]).all()
    aligned = permuted(switched, found.permutation)
    for ours, theirs in zip(
        [aligned.weight, *aligned.theta], [truth.weight, *truth.theta], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs[:, together[0]])
    hats = [worst_of(measured(drawn(one, (CHAINS, DRAWS)))).r_hat for one in (switched, aligned)]
    assert hats[0] > 1.5
    assert hats[1] < 1.01
    assert not found.ambiguous.any()


def test_memberships_that_tell_nothing_are_not_aligned(rng):
    """Negative control: the same assertion on shuffled memberships fails."""
    _, _, shares, places, counts = planted(rng(42), 3, apart=4.0)
    shuffled = rng(42).permuted(shares, axis=1)
    found = align_by_assignment(shuffled, counts, pivot=0)
    together = np.take_along_axis(places, found.permutation, axis=1)
    assert not (together == together[0]).all()


@pytest.mark.parametrize("by", ["order", "assignment"])
def test_groups_that_coincide_are_ambiguous(by, rng):
    _, switched, shares, _, counts = planted(rng(43), 2, apart=0.02)
    found = (
        align_by_order(switched, shares, counts)
        if by == "order"
        else align_by_assignment(shares, counts, pivot=0)
    )
    assert found.ambiguous.mean() > 0.9


def wide_and_narrow(rng, ratio: float):
    """Return draws of two groups with one mean and widths of a ratio, and memberships of 60 rows."""
    n = CHAINS * DRAWS
    mean = rng.normal(scale=0.1, size=(n, 2))
    sd = np.array([1.0, ratio]) * np.exp(rng.normal(scale=0.05, size=(n, 2)))
    mixture = Mixture(np.full((n, 2), 0.5), Gaussian(mean, sd))
    x = rng.normal(size=60) * np.repeat([1.0, ratio], 30)
    log_share = -0.5 * ((x - mean[:, :, None]) / sd[:, :, None]) ** 2 - np.log(sd)[:, :, None]
    share = np.exp(log_share - np.logaddexp.reduce(log_share, axis=1)[:, None])
    return mixture, share, np.ones(60)


def test_widths_identify_what_means_do_not(rng):
    """A gap between labellings is what an alignment needs, whatever it goes by."""
    draws, shares, counts = wide_and_narrow(rng(49), ratio=4)
    sorted_, assigned = (
        align_by_order(draws, shares, counts),
        align_by_assignment(shares, counts, pivot=0),
    )
    assert sorted_.ambiguous.mean() > 0.2
    assert sorted_.gap < CLEAR < assigned.gap
    # of groups with one width, neither alignment leaves a gap
    draws, shares, counts = wide_and_narrow(rng(50), ratio=1)
    assert align_by_order(draws, shares, counts).gap < CLEAR
    assert align_by_assignment(shares, counts, pivot=0).gap < CLEAR
    # and of groups apart both do
    _, switched, shares, _, counts = planted(rng(51), 3, apart=4.0)
    assert align_by_order(switched, shares, counts).gap > CLEAR
    assert align_by_assignment(shares, counts, pivot=0).gap > CLEAR


def test_the_best_exchange_is_the_one_that_brute_force_finds(rng):
    """The margin is the rise of the loss for the cheapest exchange of two labels."""
    _, switched, shares, _, counts = planted(rng(44), 3, apart=1.5)
    found = align_by_order(switched, shares, counts)
    aligned = np.take_along_axis(shares, found.permutation[:, :, None], axis=1)
    mean = aligned.mean(axis=0)

    def loss(draw: np.ndarray) -> float:
        return float((counts * draw * (np.log(draw) - np.log(mean))).sum())

    for place in (0, 100, 1000):
        draw = np.maximum(aligned[place], 1e-12)
        swaps = [[1, 0, 2], [2, 1, 0], [0, 2, 1]]
        brute = min(loss(draw[swap]) for swap in swaps) - loss(draw)
        assert found.margin[place] == pytest.approx(brute, rel=1e-6, abs=1e-9)


def test_realigning_a_posterior_and_back(rng):
    """Alignment keeps every draw's density, and "order" after "assignment" is "order"."""
    row = FAMILIES[1]
    sample = Sample(np.concatenate([rng(45).normal(0, 1, 80), rng(46).normal(5, 1, 40)]))
    tree = bayes.sample(row.family, sample, 2, draws=300, tune=500, seed=8, progress=False)
    assert tree.attrs["labels"] == "order"
    matched = bayes.align(tree, "assignment")
    again = bayes.align(matched, "order")
    assert matched.attrs["labels"] == "assignment"
    for name in tree["posterior"].data_vars:
        np.testing.assert_array_equal(again["posterior"][name], tree["posterior"][name])
    before = tree["diagnostics"].sel(labels="as drawn")["mean"]
    after = again["diagnostics"].sel(labels="as drawn")["mean"]
    np.testing.assert_allclose(before, after)
    with pytest.raises(ValueError, match="by is 'size'"):
        bayes.align(tree, "size")
    with pytest.raises(ValueError, match="no group labels"):
        bayes.align(az.convert_to_datatree({"mean": np.zeros((1, 10))}), "order")


@pytest.mark.slow
def test_chains_that_settle_in_labellings_of_their_own(rng):
    """In several dimensions alignment is not optional."""
    generator = rng(47)
    family = FAMILIES[3].family
    centres = np.array([[0.0, 0, 0], [6, 0, 0], [0, 6, 0]])
    labels = generator.integers(0, 3, 300)
    sample = Sample(centres[labels] + generator.normal(size=(300, 3)))
    tree = bayes.sample(family, sample, 3, draws=1000, tune=500, seed=1, progress=False)
    hats = tree["diagnostics"]["mean"].sel(measure="r_hat").max(("component", "dimension"))
    assert float(hats.sel(labels="as drawn")) > 1.5
    assert float(hats.sel(labels="aligned")) < 1.01
    assert not tree["labels"]["ambiguous"].any()
    mean = tree["posterior"]["mean"].mean(("chain", "draw")).to_numpy()
    assert (mean[:, 0].argsort(kind="stable") == [0, 1, 2]).all()  # named in the family's order


def test_relabelling_moves_every_field_alike(rng):
    generator = rng(48)
    family = FAMILIES[3].family
    theta = rebuilt(family, [generator.normal(size=(5, 3, 2)), generator.normal(size=(5, 3, 2, 2))])
    mixture = Mixture(generator.random((5, 3)), theta)
    places = np.array([generator.permutation(3) for _ in range(5)])
    moved = permuted(mixture, places)
    for draw in range(5):
        for ours, theirs in zip(
            [moved.weight, *entries(moved.theta).values()],
            [mixture.weight, *entries(theta).values()],
            strict=True,
        ):
            np.testing.assert_array_equal(ours[draw], theirs[draw][places[draw]])


def test_memberships_are_computed_once_and_without_threads(rng, monkeypatch):
    """Both alignments use them; beside chains a product of matrices waited twenty times as long."""
    seen, usual = [], labels.members_of

    def members(*args):
        seen.append({one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"})
        return usual(*args)

    monkeypatch.setattr(labels, "members_of", members)
    monkeypatch.setattr(labels, "CLEAR", np.inf)  # both alignments are tried
    x = Sample(rng(49).normal(size=40))
    with threadpool_limits(2, user_api="blas"):  # workers of tests have one anyway
        bayes.sample(Gaussian, x, 2, draws=50, tune=50, chains=2, progress=False)
    assert seen == [{1}]


def test_some_draws_settle_the_labels_of_very_many(rng, monkeypatch):
    """They are labelled as they are if all draws settle the average together, in fewer rounds."""
    _, _, shares, _, counts = planted(rng(50), 3, 4.0)
    every = align_by_assignment(shares, counts, pivot=0)
    rounds, usual = [], labels._assigned
    monkeypatch.setattr(labels, "_assigned", lambda loss: rounds.append(len(loss)) or usual(loss))
    monkeypatch.setattr(labels, "ENOUGH", 200)
    some = align_by_assignment(shares, counts, pivot=0)
    assert rounds.count(len(shares)) == 1
    assert set(rounds) == {200, len(shares)}
    assert (some.permutation == every.permutation).mean() > 0.999
    assert some.gap == pytest.approx(every.gap, abs=0.02)
