"""The examples in docstrings say what they print."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import bayes
import em
from comparisons import compare
from models import Poisson, Sample

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "em", "bayes", "comparisons")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>>" in path.read_text()
)


@cache
def calls() -> dict[str, object]:
    """Return the names that examples take for granted, as comparisons/README.md says."""
    counts = np.random.default_rng(1).poisson([1.0] * 60 + [8.0] * 40)
    fit = em.fit(Poisson, Sample(counts), 2, seed=1)
    posterior = bayes.sample(Poisson, Sample(counts), 2, draws=500, seed=1, progress=False)
    return {"fit": fit, "posterior": posterior, "comparison": compare(fit, posterior)}


@pytest.mark.parametrize("module", [*MODULES, "second_opinion"])
def test_examples_print_what_they_show(module: str, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)  # an example may write a file
    known = importlib.import_module(module)
    lines = Path(known.__file__).read_text().splitlines()
    shown = " ".join(line for line in lines if line.lstrip().startswith((">>>", "...")))
    granted = re.search(r"\b(comparison|posterior|fit)\b", shown)
    names = {"np": np} | (calls() if granted else {})
    ran = doctest.testmod(known, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert ran.attempted
    assert not ran.failed


def test_a_wrong_example_fails() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(wrong, out=lambda _: None).failed


def test_no_example_is_missed() -> None:
    """An example that stands in no docstring would never run."""
    for path in (one for package in PACKAGES for one in (ROOT / package).rglob("*.py")):
        source = path.read_text()
        tree = ast.parse(source)
        documented = [
            ast.get_docstring(node) or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        ]
        assert source.count(">>> ") == sum(text.count(">>> ") for text in documented), path
