"""Files of any length: counted where they compress, on disk where they do not, never rounded."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import models.reading.scan
from em import fit
from models import Binomial, Gaussian, MultivariateGaussian, Poisson, Sample
from models.reading.scan import scan
from models.refusal import Refusal
from models.storage.disk import Stream

FEW = 1 << 12  # numbers held back in these tests, so that small files are long ones


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Let a few thousand rows be many, and a batch be short."""
    monkeypatch.setattr(models.reading.scan, "MAX_IN_MEMORY", FEW)
    monkeypatch.setattr("models.reading.parquet.BATCH", 1 << 10)
    monkeypatch.setattr("models.reading.text.BLOCK", 1 << 14)
    monkeypatch.setattr("models.reading.text.HEAD", 1 << 10)


@pytest.fixture
def stored(tmp_path):
    def write(columns, name: str = "people.parquet", rows: int = 3_000):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(columns)
        if name.endswith("csv"):
            csv.write_csv(table, path)
        else:
            parquet.write_table(table, path, row_group_size=rows)
        return path

    return write


def same(found: Sample, expected: Sample) -> None:
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.counts, expected.counts)
    if expected.trials is None:
        assert found.trials is None
    else:
        np.testing.assert_array_equal(found.trials, expected.trials)


@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_rounded_heights_are_counted_exactly(stored, rng, name):
    heights = np.round(rng(901).normal(170, 9, 20_000), 1)
    same(scan(stored({"height": heights}, name), "height"), Sample(heights))
    # negative control: one row more is seen
    other = scan(stored({"height": np.r_[heights, 170.0]}, name), "height")
    assert other.observations == 20_001


def test_numbers_off_the_lattice_are_counted_too(stored, rng):
    """Rounding noise, far outliers, a second spacing: the grid is only a way to look up."""
    generator = rng(902)
    heights = np.round(generator.normal(170, 9, 20_000), 1)
    heights[generator.integers(0, 20_000, 500)] = np.nextafter(171.3, 200)
    heights[-5:] = [1e9, -1e9, 171.25, 171.125, 1e-30]
    same(scan(stored({"height": heights}), "height"), Sample(heights))


def test_irregular_numbers_that_repeat_are_counted(stored, rng):
    values = np.log1p(rng(903).poisson(40, 20_000))
    same(scan(stored({"x": values}), "x"), Sample(values))


def test_coins_tables_and_counts(stored, rng):
    generator = rng(904)
    flips = generator.integers(5, 40, 20_000)
    heads = generator.binomial(flips, 0.4)
    times = generator.integers(0, 4, 20_000)
    path = stored({"h": heads, "t": flips, "n": times, "g": np.round(flips / 3)})
    same(scan(path, heads="h", trials="t"), Sample(heads, flips))
    same(scan(path, heads="h", trials=40), Sample(heads, 40))
    table = np.column_stack([heads, np.round(flips / 3)])
    same(scan(path, columns=["h", "g"]), Sample(table))
    found = scan(path, "t", counts="n")
    expected = Sample(flips, counts=times)
    seen = expected.counts > 0  # a row that never occurred has no place here
    np.testing.assert_array_equal(found.x, expected.x[seen])
    np.testing.assert_array_equal(found.counts, expected.counts[seen])


def test_a_small_file_is_a_sample_whatever_it_holds(stored, rng):
    values = rng(905).normal(size=3_000)
    same(scan(stored({"x": values}), "x"), Sample(values))


@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_continuous_numbers_wait_on_disk(stored, rng, name):
    generator = rng(906)
    x, y = generator.normal(size=(2, 20_000))
    times = generator.integers(1, 4, 20_000)
    path = stored({"x": x, "y": y, "n": times}, name)
    one = scan(path, "x")
    assert isinstance(one, Stream)
    assert repr(one) == "Stream(20,000 observations, on disk)"
    np.testing.assert_array_equal(np.concatenate([part.x for part in one.parts(777)]), x)
    assert (one.low[0], one.high[0]) == (x.min(), x.max())
    two = scan(path, columns=["x", "y"], counts="n")
    assert two.observations == times.sum()
    rows = np.concatenate([part.x for part in two.parts(999)])
    np.testing.assert_array_equal(rows, np.column_stack([x, y]))
    counted = np.concatenate([part.counts for part in two.parts(999)])
    np.testing.assert_array_equal(counted, times)
    chosen = np.array([5, 5, 19_999])
    np.testing.assert_array_equal(two.at(chosen).x, rows[chosen])


def test_em_on_disk_is_em_in_memory(stored, rng):
    """The same statistics, summed in another order: to 1e-10, and standard errors too."""
    generator = rng(907)
    men = generator.random(20_000) < 0.4
    x = np.where(men, generator.normal(175, 7, 20_000), generator.normal(160, 6, 20_000))
    y = np.where(men, generator.normal(1, 1, 20_000), generator.normal(-1, 2, 20_000))
    times = generator.integers(1, 4, 20_000)
    path = stored({"x": x, "y": y, "n": times})
    pairs = (
        (Gaussian, scan(path, "x"), Sample(x)),
        (Gaussian, scan(path, "x", counts="n"), Sample(x, counts=times)),
        (
            MultivariateGaussian,
            scan(path, columns=["x", "y"]),
            Sample(np.column_stack([x, y])),
        ),
    )
    for family, stream, sample in pairs:
        assert isinstance(stream, Stream)
        first = fit(family, sample, 2)
        begin = first.mixture._replace(weight=np.array([0.5, 0.5]))
        plain = {"start": begin, "max_steps": 20, "tolerance": 0, "accelerate": False}
        theirs, ours = fit(family, sample, 2, **plain), fit(family, stream, 2, **plain)
        assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=1e-10)
        for one, other in zip(ours.mixture.theta, theirs.mixture.theta, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10 * np.abs(other).max())
        np.testing.assert_allclose(
            ours.standard_errors.weight, theirs.standard_errors.weight, rtol=1e-8
        )
        free = fit(family, stream, 2)  # from starts of its own
        assert free.log_likelihood == pytest.approx(first.log_likelihood, rel=1e-10)
        # negative control: a row left out is seen at this tolerance
        fewer = fit(family, Sample(sample.x[1:], counts=sample.counts[1:]), 2, **plain)
        assert fewer.log_likelihood != pytest.approx(theirs.log_likelihood, rel=1e-10)


def test_many_files_are_one(stored, rng, tmp_path):
    parts = [np.round(rng(908 + i).normal(170, 9, 4_000), 1) for i in range(3)]
    for i, (part, ending) in enumerate(zip(parts, ("parquet", "csv", "parquet"), strict=True)):
        stored({"height": part, "other": part}, f"many/part{i}.{ending}")
    found = scan(tmp_path / "many" / "part*", "height")
    same(found, Sample(np.concatenate(parts)))


def test_progress_tells_rows(stored, rng):
    seen = []
    path = stored({"x": np.round(rng(912).normal(size=10_000), 1)})
    scan(path, "x", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (10_000, 10_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def refused(*args, **options) -> str:
    with pytest.raises(Refusal) as caught:
        scan(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_bad_files_are_named(stored, rng, tmp_path):
    good = np.round(rng(913).normal(170, 9, 20_000), 1)
    bad = good.copy()
    bad[12_345] = np.inf
    stored({"height": good}, "many/a.parquet")
    stored({"height": bad}, "many/b.parquet")
    every = str(tmp_path / "many" / "*.parquet")
    assert refused(every, "height").startswith(f"height: {tmp_path}/many/b.parquet, row 12,346 is")
    stored({"height": bad}, "b.csv")
    assert "line 12,347 is inf" in refused(tmp_path / "b.csv", "height")
    stored({"height": [str(x) for x in good[:-1]] + ["tall"]}, "text.csv")
    assert "line 20,001 is 'tall', which is not a number" in refused(
        tmp_path / "text.csv", "height"
    )
    assert "no file matches" in refused(str(tmp_path / "many" / "*.csv"), "height")
    stored({"weight": good}, "many/c.parquet")
    assert "c.parquet has no column 'height'" in refused(every, "height")
    stored({"height": [str(x) for x in good]}, "many/c.parquet")
    message = refused(every, "height")
    assert "height is of type string in" in message
    assert "of type number in" in message
    stored({"weight": good}, "many/c.parquet")
    assert "ask for it by name" in refused(every, "1")
    cut = stored({"height": good}, "many/c.parquet")
    cut.write_bytes(cut.read_bytes()[:-300])
    assert "c.parquet is a broken Parquet file" in refused(every, "height")


def test_numbers_written_in_two_ways_are_refused(tmp_path):
    """A later batch may not change how a column writes its numbers."""
    many = "1,5;x\n" * 5_000
    (tmp_path / "mixed.csv").write_text("a;b\n" + many + "1.5;x\n")
    assert "line 5,002 is '1.5', but other rows have decimal commas" in refused(
        tmp_path / "mixed.csv", "a"
    )
    (tmp_path / "truth.csv").write_text("a,b\n" + "1,x\n" * 9_000 + "true,x\n" * 5_000)
    assert "which is not a number" in refused(tmp_path / "truth.csv", "a")
    # negative control: whole numbers go with either
    (tmp_path / "whole.csv").write_text("a;b\n" + many + "2;x\n" * 5_000 + many)
    assert scan(tmp_path / "whole.csv", "a").counts.tolist() == [10_000, 5_000]


def test_the_first_row_that_a_family_refuses_is_found_again(stored):
    from comparisons.command.inputs import sample_of

    events = np.arange(20_000) % 7
    events[15_000] = -3
    path = str(stored({"n": events}))
    with pytest.raises(Refusal, match=r"n: row 15,001 is -3, which is below 0"):
        sample_of(Poisson, path, ["n"], None, None, None, drop_missing=False)
    heads = np.arange(20_000) % 7
    heads[11_111] = 12
    path = str(stored({"h": heads}))
    with pytest.raises(Refusal, match=r"h: row 11,112 is 12, more than the number of trials, 10"):
        sample_of(Binomial, path, [], "h", "10", None, drop_missing=False)


def test_blanks_are_dropped_or_refused_after_all_is_read(tmp_path):
    rows = "1.5\n" * 9_000 + "NA\n" + "2.5\n" * 9_000
    (tmp_path / "blank.csv").write_text("a\n" + rows)
    assert "a: 1 of 18,001 rows without a value" in refused(tmp_path / "blank.csv", "a")
    found = scan(tmp_path / "blank.csv", "a", drop_missing=True)
    assert found.counts.tolist() == [9_000, 9_000]


def test_what_is_asked_for_is_checked(stored):
    path = stored({"a": [1.0, 2.0]})
    for options in ({}, {"column": "a", "columns": ["a"]}):
        with pytest.raises(ValueError, match="give one of column="):
            scan(path, **options)
    for options, message in (
        ({"heads": "a"}, "heads= and trials= go together"),
        ({"columns": "a"}, "columns is 'a'; give a list"),
        ({"column": 0}, "a column is 0; give names"),
        ({"column": "a", "client": "tcp://x"}, "give distributed.Client"),
        ({"column": "a", "counts": "a"}, "a is asked for twice"),
        ({"columns": ["a", "a"]}, "a is asked for twice"),
    ):
        with pytest.raises(ValueError, match=message):
            scan(path, **options)


def test_no_file_is_read_twice_and_none_is_left_out(stored, tmp_path):
    whole = {"x": np.arange(50.0) % 5}
    first = stored(whole, "deep/er/a.csv")
    (tmp_path / "deep" / "er" / "link.csv").symlink_to(first)
    found = scan(str(tmp_path / "deep" / "**" / "**" / "*.csv"), "x")
    assert found.observations == 50
    assert scan([first, stored(whole, "b.parquet")], "x").observations == 100
    (tmp_path / "deep" / "er" / "c.csv").mkdir()
    assert "but is a folder" in refused(str(tmp_path / "deep" / "er" / "*.csv"), "x")
    assert "list of files is empty" in refused([], "x")


def test_numbers_that_doubles_cannot_hold_and_names_that_are_two(stored, tmp_path):
    from decimal import Decimal

    path = stored({"x": pa.array([Decimal(1), Decimal(2**53 + 1)], pa.decimal128(20, 0))})
    assert "row 2 is 9007199254740993, which a double cannot hold" in refused(path, "x")
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], ["x", "x"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    assert "has 2 columns called 'x'" in refused(tmp_path / "twice.parquet", "1")


def test_the_first_blank_is_named_among_many_files(stored, tmp_path):
    stored({"x": [1.0, 2.0]}, "many/a.parquet")
    stored({"x": [1.0, None, np.nan]}, "many/b.parquet")
    message = refused(str(tmp_path / "many" / "*"), "x")
    assert f"x: 2 of 5 rows without a value (blank, NA or NaN), first in {tmp_path}" in message
    assert "b.parquet, row 2;" in message


def test_rows_that_never_occurred_neither_count_nor_spread(stored, rng):
    values = np.r_[rng(914).normal(size=9_000), 1e6]
    times = np.r_[np.ones(9_000), 0]
    stream = scan(stored({"x": values, "n": times}), "x", counts="n")
    assert isinstance(stream, Stream)
    assert stream.high[0] < 10
    sample = Sample(values, counts=times)
    assert sample.high[0] == stream.high[0]
    assert fit(Gaussian, sample, 1).mixture.theta.sd[0] == pytest.approx(1, abs=0.1)
