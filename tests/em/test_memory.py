"""Nothing of the size of the data is held beyond the data."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from em import fit
from models import Gaussian, MultivariateGaussian, Sample


def peak(family: type, sample: Sample, k: int) -> float:
    """Return the megabytes that a fit takes beyond its data."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fit(family, sample, k, starts=6, max_steps=5)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (most - before) / 1e6


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_data(rng):
    """50 MB is less than one column of these data, and a third of one (K, n) array."""
    column = Sample(rng(71).normal(size=8_000_000))
    assert column.x.nbytes > 60e6
    assert peak(Gaussian, column, 2) < 50
    table = Sample(rng(72).normal(size=(400_000, 8)))
    assert peak(MultivariateGaussian, table, 8) < 50
    # negative control: the measure sees an array of the size of the data
    tracemalloc.start()
    held = np.ones_like(column.x)
    assert tracemalloc.get_traced_memory()[1] / 1e6 > 60
    tracemalloc.stop()
    del held
