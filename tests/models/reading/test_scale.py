"""Ten million rows, or as many as `--rows` says: the same answer, in less than a gigabyte."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from em import fit
from models import Gaussian, Mixture, MultivariateGaussian, Sample

CEILING = 1e9  # bytes, for any number of rows
GROUP = 1_000_000  # rows written at once
IN_MEMORY = 10_000_000  # rows up to which the same is computed in memory too
PEAK = """
import re, sys
def peak_memory():  # of this program alone: getrusage would start from its parent's
    with open("/proc/self/status") as status:
        return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
"""
FIT = (
    PEAK
    + """
import json
from em import fit
from models import (Gaussian, Mixture, MultivariateGaussian, Sample)
from models.reading.scan import scan
path, columns, steps = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3])
sample = scan(path, columns=columns)
d = len(columns)
if d == 1:
    family, theta = Gaussian, Gaussian([150.0, 180.0], [9.0, 9.0])
else:
    eye = [[81.0, 0], [0, 81.0]]
    family, theta = MultivariateGaussian, MultivariateGaussian([[150.0, 50], [180, 80]], [eye, eye])
options = {"start": Mixture([0.5, 0.5], theta), "max_steps": steps, "tolerance": 0}
found = fit(family, sample, 2, accelerate=False, **options)
peak = peak_memory()
flat = [x for field in found.mixture.theta for x in field.ravel().tolist()]
numbers = [found.log_likelihood, *found.mixture.weight, *flat]
print(json.dumps([type(sample).__name__, sample.observations, sample.distinct, peak, numbers]))
"""
)
STEPS = 5


def heights(n: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    men = generator.random(n) < 0.4
    x = np.where(men, generator.normal(175, 7, n), generator.normal(163, 6, n))
    y = np.where(men, generator.normal(80, 9, n), generator.normal(65, 8, n))
    return {"height": x, "weight": y, "rounded": np.round(x, 1)}


@pytest.fixture(scope="module")
def people(tmp_path_factory, pytestconfig):
    """A file of many rows, written a group at a time, and how many there are."""
    rows = pytestconfig.getoption("--rows")
    path = tmp_path_factory.mktemp("scale") / "people.parquet"
    generator = np.random.default_rng(931)
    schema = pa.schema([(name, pa.float64()) for name in ("height", "weight", "rounded")])
    with parquet.ParquetWriter(path, schema) as writer:
        for begin in range(0, rows, GROUP):
            writer.write_table(pa.table(heights(min(GROUP, rows - begin), generator)))
    return path, rows


def in_a_process(path, columns):
    """Fit in a process of its own, whose memory is its own."""
    command = [sys.executable, "-c", FIT, str(path), columns, str(STEPS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def in_memory(path, columns):
    table = np.column_stack([parquet.read_table(path, columns=[one])[one] for one in columns])
    if len(columns) == 1:
        sample, theta = Sample(table[:, 0]), Gaussian([150.0, 180.0], [9.0, 9.0])
    else:
        eye = 81.0 * np.eye(2)
        sample = Sample(table)
        theta = MultivariateGaussian([[150.0, 50], [180, 80]], [eye, eye])
    plain = {"start": Mixture([0.5, 0.5], theta), "max_steps": STEPS, "tolerance": 0}
    found = fit(type(theta), sample, 2, accelerate=False, **plain)
    flat = [x for field in found.mixture.theta for x in np.ravel(field).tolist()]
    return [found.log_likelihood, *found.mixture.weight, *flat]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "kind"),
    [("rounded", "Sample"), ("height", "Stream"), ("height,weight", "Stream")],
)
def test_many_rows_in_little_memory(people, columns, kind):
    path, rows = people
    made, observations, distinct, peak, numbers = in_a_process(path, columns)
    assert (made, observations) == (kind, rows)
    assert (distinct < 2_000) == (kind == "Sample")
    assert peak < CEILING
    if rows <= IN_MEMORY:
        np.testing.assert_allclose(numbers, in_memory(path, columns.split(",")), rtol=1e-10)


@pytest.mark.slow
def test_the_ceiling_can_be_broken(people):
    """Negative control: to hold the rows in memory takes more, where they are this many."""
    path, rows = people
    code = (
        PEAK + "import numpy as np\nfrom pyarrow import parquet\nfrom models import Sample\n"
        "sample = Sample(np.column_stack([c.to_numpy() for c in parquet.read_table(sys.argv[1])]))\n"
        "print(peak_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    assert rows < IN_MEMORY or float(done.stdout) > CEILING
