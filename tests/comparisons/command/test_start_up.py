"""What a command loads: the quick ones must not pay for PyMC, ArviZ or pictures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LIBRARIES = {
    *("arviz", "arviz_base", "arviz_plots", "arviz_stats", "matplotlib", "numba", "numpy"),
    *("nutpie", "pandas", "pyarrow", "pymc", "pytensor", "scipy", "sklearn", "xarray"),
}
READING = {"numpy", "pyarrow", "scipy"}
PROGRAM = """
import json, sys
from comparisons.command.main import main
try:
    main()
finally:
    tops = {name.partition(".")[0] for name in sys.modules}
    print(json.dumps(sorted(tops)), file=sys.stderr)
"""


@pytest.fixture
def loaded(tmp_path):
    """Return what runs a command, and says which of the libraries it has loaded."""
    rows = [f"{height},{'abcd'[height % 4]}" for height in range(150, 190)]
    (tmp_path / "people.csv").write_text("\n".join(["height,village", *rows]))

    def called(*words):
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        assert found.stdout
        return LIBRARIES & set(json.loads(found.stderr.splitlines()[-1]))

    return called


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("study",), ("study", "-h")])
def test_what_computes_nothing_loads_no_library(words, loaded):
    assert loaded(*words) == set()


@pytest.mark.parametrize("command", ["fit", "calibrate"])
def test_help_that_names_the_families_loads_what_em_needs(command, loaded):
    found = loaded(command, "--help")
    assert "numpy" in found
    assert found <= READING


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["printed", "json"])
@pytest.mark.parametrize("rows", [(), ("--in-order",), ("--group", "village")], ids=str)
def test_em_alone_loads_what_it_reads_and_climbs_with(rows, form, loaded):
    found = loaded(
        *("fit", "people.csv", "--family", "gaussian", "--column", "height", "-k", "2"),
        *("--only", "em", *rows, *form),
    )
    assert found - {"numba"} == READING
    assert "numba" not in found or rows  # the sums over paths, and over cells of a table


def test_em_leaves_what_only_some_fits_need():
    check = "import sys, models, em; print([one for one in sys.modules if one.count('.') == 1])"
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert "scipy.special" in found.stdout
    for part in ("optimize", "cluster", "spatial", "sparse", "stats"):
        assert f"'scipy.{part}'" not in found.stdout


@pytest.mark.slow
def test_the_posterior_leaves_jax_alone_and_nutpie_what_it_calls():
    check = (
        "import sys\n"
        "from bayes.sampling.light_imports import nutpie\n"
        "import bayes.sampling.compiled, bayes.sampling.nuts, arviz_base\n"
        "print({'jax', 'numpyro'} & set(sys.modules))\n"
        "print(nutpie.sample.__globals__['arviz'].from_dict is arviz_base.from_dict)"
    )
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert found.stdout.splitlines() == ["set()", "True"], found.stderr
