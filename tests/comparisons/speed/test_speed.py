"""The benchmark's sides do the same work, and a run gives the tables, the JSON and the picture."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

from comparisons.command.main import app
from comparisons.command.speed import speed
from comparisons.json_values import json_text
from comparisons.speed import PARTS, compression, growth, peers, races, small
from comparisons.speed.problems import clouds, heights
from comparisons.speed.records import Chains, Found, Goal, Measure, Race, costlier, faster, richer
from comparisons.speed.run import QUICK, apart, main, measured, save
from comparisons.speed.start_up import run
from comparisons.speed.tables import GAP, json_of, tables_of
from em import fit
from models import Gaussian, Sample
from models.refusal import Refusal

TINY = QUICK._replace(
    rounds=1,
    rows=10_000,  # 20 documents: as many as the topics that are raced
    clouds=5_000,
    limit=1_000,
    whole=5_000,
    file=20_000,
    group=5_000,
    sizes=(1_000, 10_000),
    flat=1_000,
    crowd=20_000,
    heights=300,
    people=200,
    draws=100,
)
THERE = [peer for peer in peers.PEERS if peer.found()]  # R and torch are not everywhere
PROBLEMS = {
    "one dimension": lambda rng: heights(2_000, 2, rng),
    "three dimensions": lambda rng: clouds(2_000, 3, 4, rng),
}


def quiet(_):
    """Say nothing of what is at work."""


def named(peer):
    return peer.name


def test_scikit_learn_and_stepmix_are_among_the_peers_that_are_there():
    assert {peers.SCIKIT_LEARN, peers.STEPMIX} <= set(THERE)


@pytest.mark.parametrize("peer", THERE, ids=named)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_peers_do_the_same_work(peer, problem, rng):
    given = PROBLEMS[problem](rng(81))
    if not peer.exact:
        given = PROBLEMS["one dimension"](rng(81))
    peers.check(peer, given)

    def elsewhere(problem, counts):  # negative control: from another start
        theta = problem.start.theta._replace(mean=problem.start.theta.mean + 0.1)
        start = problem.start._replace(theta=theta)
        return peer.climb(problem._replace(start=start), counts)

    def lazy(problem, counts):  # or without a step
        return [peers.Run(0.0, problem.start.weight, problem.means) for _ in counts]

    for other in (elsewhere, lazy):
        with pytest.raises(AssertionError):
            peers.check(peer._replace(climb=other), given)


@pytest.mark.parametrize("peer", [peer for peer in THERE if peer.exact], ids=named)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_peers_take_as_many_steps_as_they_are_asked_for(peer, problem, rng):
    given = PROBLEMS[problem](rng(82))
    for count, mine, theirs in zip(
        (1, 5), peers.OURS.climb(given, (1, 5)), peer.climb(given, (1, 5)), strict=True
    ):
        scale = np.abs(mine.mean).max()
        tolerance = {"rtol": peer.rtol, "atol": peer.rtol * scale}
        order = np.lexsort(theirs.mean.T[::-1])
        np.testing.assert_allclose(theirs.mean[order], mine.mean, **tolerance)
        # negative control: one step more is somewhere else
        (more,) = peers.OURS.climb(given, [count + 1])
        assert not np.allclose(more.mean, theirs.mean[order], **tolerance)


def test_a_step_is_what_many_take_less_what_few_take(rng):
    given = heights(1_000, 2, rng(83))
    run = peers.Run(0.0, given.start.weight, given.means)

    def climb(_, counts):
        return [run._replace(seconds=10 + 0.5 * count) for count in counts]

    assert peers.step(peers.OURS._replace(climb=climb), given) == pytest.approx(0.5)

    def hidden(_, counts):  # by something else that the machine does, unless there are many
        return [run._replace(seconds=max(40.0, 0.5 * count)) for count in counts]

    slow = peers.OURS._replace(climb=hidden, volume=0)
    assert 0 < peers.step(slow, given) <= 0.5
    with pytest.raises(RuntimeError, match="too busy"):
        peers.step(slow._replace(climb=lambda _, counts: [run for _ in counts]), given)


def test_plain_steps_are_counted_to_the_first_that_is_as_high(rng):
    given = heights(1_000, 2, rng(84))
    top = races.fit(races.Gaussian, given.sample, 2, start=given.start, tolerance=1e-6)
    height = top.log_likelihood - 1e-6
    steps = races.needed(given, height)
    before, there = (
        races.fit(
            races.Gaussian,
            given.sample,
            2,
            start=given.start,
            accelerate=False,
            tolerance=0,
            max_steps=count,
        ).log_likelihood
        for count in (steps - 1, steps)
    )
    assert before < height <= there


def test_counts_of_a_parquet_file_are_checked(tmp_path):
    path, other = tmp_path / "heights.parquet", tmp_path / "others.parquet"
    compression.write(path, 5_000, 2_000)
    assert pq.ParquetFile(path).num_row_groups == 3
    sample, column = compression.counted(path), pq.read_table(path)[compression.COLUMN]
    compression.check(sample, column)
    compression.write(other, 4_999, 2_000)
    with pytest.raises(AssertionError):
        compression.check(sample, pq.read_table(other)[compression.COLUMN])


def test_ratios_and_goals_point_the_right_way():
    assert faster("", "", [(1, 40), (2, 40)], Goal(25)).ratios == (40, 20)
    assert faster("", "", [(1, 40), (2, 40)], Goal(25)).reached
    assert not faster("", "", [(1, 40), (2, 40)], Goal(31)).reached
    assert richer("", "", [(40, 1)], Goal(40)).reached
    assert costlier("", "", [(3, 2)], Goal(2, at_most=True)).reached
    assert not costlier("", "", [(3, 2)], Goal(1.4, at_most=True)).reached
    assert faster("", "", [], Goal(8)).reached is None
    assert Measure("", "s", (1.0, 2.0, 9.0), Goal(2, at_most=True)).reached
    assert not Measure("", "s", (1.0, 3.0, 9.0), Goal(2, at_most=True)).reached


def test_what_a_peer_needs_to_get_as_high_is_found(rng):
    x = rng(86).normal(165, 7, 60)
    best = fit(Gaussian, Sample(x), 2, starts=small.STARTS).log_likelihood
    power, lacks = small.as_high(x, best)
    assert small.climbed(x, power) == best - lacks
    assert lacks <= small.LACKING
    # negative control: with a looser tolerance it ends lower
    assert power > small.LOOSEST
    assert best - small.climbed(x, power - 1) > small.LACKING


def test_processor_time_is_that_of_all_threads_and_commands():
    def busy():
        return sum(one * one for one in range(1_000_000))

    own = small.worked(busy)
    assert own > 0
    assert small.worked(lambda: run([sys.executable, "-c", "sum(range(5_000_000))"])) > 0
    assert small.worked(lambda: time.sleep(0.2)) < 0.2  # negative control: waiting is no work


def test_growth_is_flat_where_time_is_proportional():
    flat = growth.flatness([{10: 5.0, 100: 1.0, 1_000: 10.0}], 100)
    assert flat.ratios == pytest.approx([1])
    assert flat.reached
    # negative control: with the small size, whose time is mostly overhead, it is not
    assert not growth.flatness([{10: 5.0, 100: 1.0, 1_000: 10.0}], 10).reached


def test_a_peer_that_is_not_there_keeps_its_row(rng):
    absent = peers.MCLUST._replace(found=lambda: False)
    (race,) = races.raced("work", heights(1_000, 2, rng(85)), {absent: Goal(8)}, 1, quiet)
    (table,) = tables_of(Found(races=(race,)))
    assert table.words() == [["work", "mclust", "not found", "–", "–", "at least 8", "–"]]


def test_chains_of_another_posterior_are_told():
    chains = Chains("data", "peer", (1.0,), 1.0, 0.0, GAP + 1)
    assert apart(
        Found(chains=(chains, replace(chains, gap=GAP - 1), replace(chains, gap=None)))
    ) == ["peer on data, 6.0 Monte Carlo errors from ours"]


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_small_run_goes_from_end_to_end(part, tmp_path):
    found = measured(TINY, [part], quiet)
    value = json.loads(json_text(json_of(found, [part], [], quick=True)))
    assert set(value) == {
        *("format", "machine", "quick", "parts", "left_out"),
        *("races", "measures", "curves", "chains"),
    }
    assert value["machine"]["processors"] >= 1
    assert value["machine"]["packages"]["scikit-learn"]
    for race in value["races"]:
        assert set(race) == {*Race.__struct_fields__, "ratio", "reached"}
        assert len(race["ours"]) == len(race["theirs"]) == len(race["ratios"])
        assert race["peer"] in ("mclust", "mixtools", "pomegranate", "NumPyro") or race["ratios"]
        assert min(race["ours"] + race["theirs"], default=1) > 0
    goals = {
        "em": [30, 8, 20, 10, 100, 100],
        "compression": [2],
        "growth": [1.3],
        "posterior": [150, 3],
        "small": [100, 1, 1, 5],
        "start-up": [],
        "chains": [15, 6, 8, 15, 1.3, 15, 2, 15, 2, 3],
        "coordinates": [],
        "admixtures": [8, 100, 8, 100, 8, 1.3],
    }
    bounds = [race["goal"]["bound"] for race in value["races"] if race["goal"]]
    assert bounds == goals[part]
    save(tmp_path / "speed", value, found)
    written = {one.name for one in (tmp_path / "speed").iterdir()}
    pictures = {"speed.png", "speed.svg"} if part == "growth" else set()
    assert written == {"speed.json"} | pictures
    assert not apart(found)


def command(*arguments):
    own = typer.Typer()
    own.command()(speed)
    return CliRunner().invoke(own, arguments)


def test_command_refuses_parts_that_it_does_not_have(tmp_path):
    bad = command("--only", "emm").exception
    assert isinstance(bad, Refusal)
    assert "did you mean" in str(bad) or "there are em" in str(bad)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    taken = command("--only", "em", "--out", str(tmp_path / "there")).exception
    assert isinstance(taken, Refusal)
    assert "exists already" in str(taken)


def test_main_prints_tables_or_json_and_writes_the_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules[main.__module__], "QUICK", TINY)
    main(["compression"], quick=True, folder=tmp_path / "out", as_json=False)
    printed = capsys.readouterr()
    assert "Races with a goal" in printed.out
    assert "--quick" in printed.out
    kept = json.loads((tmp_path / "out" / "speed.json").read_text())
    main(["compression"], quick=True, folder=None, as_json=True)
    again = json.loads(capsys.readouterr().out)
    assert set(again) == set(kept)
    assert [one["work"] for one in again["races"]] == [one["work"] for one in kept["races"]]


def test_command_line_answers():
    run = CliRunner().invoke
    assert "speed" in run(app, ["--help"]).output
    assert run(app, ["-h"]).exit_code == 0
    assert run(app, ["--version"]).output.startswith("second-opinion ")
    assert run(app, ["sped"]).exit_code == 2
