"""Fixtures: every seed is literal and goes through here."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
from sharing import Sharing, place

if TYPE_CHECKING:
    from collections.abc import Callable

# Some machines forbid it: then every process, also each that a test starts, compiles all packages.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Two processes share two cores: a second thread of BLAS would wait in a loop, not work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("steady")


@pytest.fixture
def rng() -> Callable[[int], np.random.Generator]:
    """Return a generator for a seed that the test states."""
    return np.random.default_rng


def pytest_addoption(parser):
    parser.addoption("--rows", type=int, default=10_000_000, help="of the tests of scale")


def pytest_collection_modifyitems(items):
    """Begin with what compiles: the others find its machine code on disk."""
    items.sort(key=lambda item: place(item.nodeid))


def pytest_collection_finish():
    """Keep what is loaded by now: full collections of garbage need not look through it again."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Share the tests between processes by groups, unless another way is asked for."""
    return Sharing(config, log) if config.getvalue("dist") == "load" else None
