"""A cluster of separate processes gives the answer of one machine, also when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from time import monotonic

import dask
import numpy as np
import pyarrow as pa
import pytest
from distributed import LocalCluster
from pyarrow import parquet

import models.reading.on_dask
import models.reading.parquet
from em import fit
from models import Gaussian, Mixture, MultivariateGaussian, Sample, weak_prior
from models.reading.on_dask import connected
from models.reading.scan import scan
from models.refusal import Refusal
from models.storage.on_dask import Scattered

ROWS = 30_000
PIECE = 5_000  # rows that a worker reads at once
FEW = 1 << 12  # numbers that may be gathered, whether they compress or not


@pytest.fixture(scope="module")
def client():
    with connected(workers=2) as found:
        yield found


@pytest.fixture
def short(monkeypatch):
    """Let small files be cut, and be many rows."""
    monkeypatch.setattr(models.reading.parquet, "PIECE", PIECE)
    monkeypatch.setattr(models.reading.on_dask, "MAX_IN_MEMORY", FEW)
    monkeypatch.setattr("models.reading.scan.MAX_IN_MEMORY", FEW)


@pytest.fixture
def people(tmp_path, rng):
    generator = rng(921)
    men = generator.random(ROWS) < 0.4
    x = np.where(men, generator.normal(175, 7, ROWS), generator.normal(160, 6, ROWS))
    columns = {
        "height": np.round(x, 1),
        "exact": x,
        "weight": np.where(men, generator.normal(80, 9, ROWS), generator.normal(65, 8, ROWS)),
        "times": generator.integers(1, 4, ROWS),
    }
    for part in range(2):
        half = {name: column[part::2] for name, column in columns.items()}
        parquet.write_table(pa.table(half), tmp_path / f"{part}.parquet", row_group_size=2_000)
    in_order = {name: np.r_[column[::2], column[1::2]] for name, column in columns.items()}
    return str(tmp_path / "*.parquet"), in_order


def test_rounded_numbers_are_counted_by_the_workers(client, short, people):
    path, columns = people
    found = scan(path, "height", client=client)
    expected = Sample(columns["height"])
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.counts, expected.counts)
    weighted = scan(path, "height", counts="times", client=client)
    assert weighted.observations == columns["times"].sum()


def close(ours, theirs, rel):
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, rel=rel)
    for one, other in zip(ours.mixture.theta, theirs.mixture.theta, strict=True):
        np.testing.assert_allclose(one, other, rtol=rel, atol=rel * np.abs(other).max())


@pytest.mark.slow
def test_em_on_the_workers_is_em_on_one_machine(client, short, people):
    path, columns = people
    table = np.column_stack([columns["exact"], columns["weight"]])
    for family, scattered, sample in (
        (Gaussian, scan(path, "exact", client=client), Sample(columns["exact"])),
        (
            Gaussian,
            scan(path, "exact", counts="times", client=client),
            Sample(columns["exact"], counts=columns["times"]),
        ),
        (
            MultivariateGaussian,
            scan(path, columns=["exact", "weight"], client=client),
            Sample(table),
        ),
    ):
        assert isinstance(scattered, Scattered)
        assert len(scattered.pieces) > 4
        begin = fit(family, sample, 2).mixture._replace(weight=np.array([0.5, 0.5]))
        plain = {"start": begin, "max_steps": 20, "tolerance": 0, "accelerate": False}
        ours, theirs = fit(family, scattered, 2, **plain), fit(family, sample, 2, **plain)
        close(ours, theirs, 1e-10)
        np.testing.assert_allclose(
            ours.standard_errors.weight, theirs.standard_errors.weight, rtol=1e-8
        )
        prior, expected = weak_prior(family, scattered, 2), weak_prior(family, sample, 2)
        for one, other in zip(prior.theta, expected.theta, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10)
        # negative control: without one row another answer comes out
        fewer = fit(family, Sample(sample.x[1:], counts=sample.counts[1:]), 2, **plain)
        with pytest.raises(AssertionError):
            close(ours, fewer, 1e-10)


def test_the_starts_are_drawn_from_all_workers(client, short, people):
    path, columns = people
    found = fit(Gaussian, scan(path, "exact", client=client), 2, starts=5)
    alone = fit(Gaussian, Sample(columns["exact"]), 2, starts=5)
    assert found.converged
    assert found.log_likelihood == pytest.approx(alone.log_likelihood, rel=1e-9)


def refused(run) -> str:
    begun = monotonic()
    with pytest.raises(Refusal) as caught:
        run()
    assert monotonic() - begun < 30
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_bad_row_is_named_from_afar(client, short, people, tmp_path):
    path, columns = people
    bad = columns["exact"].copy()
    bad[12_345] = np.inf
    parquet.write_table(pa.table({"exact": bad}), tmp_path / "2.parquet", row_group_size=2_000)
    message = refused(lambda: scan(path, "exact", client=client))
    assert message.startswith(f"exact: {tmp_path}/2.parquet, row 12,346 is inf")


def connect(address: str) -> None:
    with connected(address):
        pass


@pytest.mark.slow
def test_addresses_that_are_no_use(monkeypatch):
    monkeypatch.setattr(models.reading.on_dask, "PATIENCE", 2)
    assert "no scheduler answers at tcp://127.0.0.1:9" in refused(
        lambda: connect("tcp://127.0.0.1:9")
    )
    assert "nowhere is no address of a scheduler" in refused(lambda: connect("nowhere"))
    assert "the address of the scheduler is empty" in refused(lambda: connect(""))
    assert dask.config.get("scheduler", None) is None  # which xarray would look for
    with LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty:
        address = empty.scheduler_address
        assert "has no workers; start some" in refused(lambda: connect(address))
        stranger = (
            "import importlib.metadata as known\n"
            "true = known.version\n"
            "def version(name):\n"
            "    if name == 'second-opinion':\n"
            "        raise known.PackageNotFoundError(name)\n"
            "    return true(name)\n"
            "known.version = version\n"
            "from distributed.cli.dask_worker import main\n"
            f"main(['{address}', '--no-nanny', '--no-dashboard'])\n"
        )
        worker = subprocess.Popen(
            [sys.executable, "-c", stranger], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        monkeypatch.setattr(models.reading.on_dask, "PATIENCE", 25)
        try:
            assert "has no second-opinion; install it there" in refused(lambda: connect(address))
        finally:
            worker.kill()
            worker.wait()


def test_a_cluster_needs_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "uv sync --extra cluster" in refused(lambda: connect("tcp://127.0.0.1:9"))


def test_a_worker_that_dies_in_the_middle_changes_nothing(client, short, people):
    """The last of those that share a cluster."""
    path, columns = people
    start = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([150.0, 180.0]), np.array([9.0, 9.0])))
    plain = {"start": start, "max_steps": 12, "tolerance": 0, "accelerate": False}
    expected = fit(Gaussian, Sample(columns["exact"]), 2, **plain)
    scattered = scan(path, "exact", client=client)
    before = client.run(os.getpid)
    holder = next(iter(client.who_has(scattered.pieces[:1]).values()))[0]

    def kill(step) -> None:
        if step.step == 4:
            os.kill(before[holder], signal.SIGKILL)

    found = fit(Gaussian, scattered, 2, on_step=kill, **plain)
    after = client.run(os.getpid)
    assert before[holder] not in after.values()  # it did die
    close(found, expected, 1e-10)
    np.testing.assert_allclose(found.trace, expected.trace, rtol=1e-10)
