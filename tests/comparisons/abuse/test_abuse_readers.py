"""Broken files of every kind: columns of numbers, or one line that says what is wrong."""

from __future__ import annotations

import gzip

import numpy as np
from garbage import (
    NAMES,
    STRANGE,
    Written,
    broken,
    csv_files,
    json_files,
    mutated,
    parquet_files,
    priors,
)
from hypothesis import strategies as st
from reading_files import read_columns
from running import in_time

from comparisons.command.inputs import prior_of
from comparisons.verdict.estimates import estimate_of
from models import Sample
from models.names import FAMILIES
from models.question import asked
from models.refusal import Refusal

PLAIN = b"x,y\n1.5,2\n3,4\n5,nan\n-7e3,8\n" * 20
SEEDS = (
    *(PLAIN, PLAIN.replace(b",", b";"), b'"x";"y"\r\n"1,5";"2"\r\n' * 9, b"\xef\xbb\xbf" + PLAIN),
    *(gzip.compress(PLAIN, mtime=0), gzip.compress(gzip.compress(PLAIN, mtime=0), mtime=0)),
)
names = st.lists(st.sampled_from(NAMES * 4 + STRANGE), min_size=1, max_size=3)
seeds = st.sampled_from(SEEDS).flatmap(mutated).map(lambda raw: Written(".csv", raw))
files = broken(csv_files()) | broken(parquet_files()) | parquet_files() | seeds


def said(problem):
    """Return what an error says, which is one line for people."""
    text = str(problem)
    assert text
    assert "Traceback" not in text
    assert "\n" not in text.strip()
    return text


def test_a_broken_table_is_read_or_refused(tmp_path, on_each):
    def check(case):
        file, wanted, drop = case
        path = tmp_path / f"table{file.suffix}"
        path.write_bytes(file.content)
        with in_time():
            try:
                found = read_columns(path, wanted, drop_missing=drop)
            except Refusal as problem:
                said(problem)
                return
        lengths = {len(values) for values in found.values.values()}
        assert len(lengths) == 1
        for values in found.values.values():
            assert values.dtype == np.float64
            assert np.isfinite(values).all()
        assert found.where(0)

    on_each(0.2, st.tuples(files, names, st.booleans()), check)


def test_a_broken_json_file_is_read_or_refused(tmp_path, on_each):
    column, table = Sample([1.0, 2, 3, 4]), Sample([[1.0, 2], [3, 5], [4, 4]])
    coins = Sample([1, 2, 3], trials=5)
    samples = {"binomial": coins, "multivariate": table}

    def check(case):
        file, name, typed = case
        path, family = tmp_path / f"record{file.suffix}", FAMILIES[name]
        sample = samples.get(name, column)
        path.write_bytes(file.content)
        for read in (
            lambda: estimate_of(str(path), asked(family, sample, 2)),
            lambda: prior_of(str(path), family, sample),
            lambda: prior_of(typed, family, sample),
        ):
            with in_time():
                try:
                    read()
                except ValueError as problem:  # Refusal is one
                    said(problem)

    family = st.sampled_from(list(FAMILIES))
    cases = family.flatmap(lambda name: st.tuples(json_files(), st.just(name), priors(name)))
    on_each(0.08, cases, check)
