"""The examples in docstrings say what they print."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "em", "bayes", "comparisons")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>>" in path.read_text()
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_show(module: str, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)  # an example may write a file
    ran = doctest.testmod(
        importlib.import_module(module), extraglobs={"np": np}, optionflags=doctest.ELLIPSIS
    )
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
