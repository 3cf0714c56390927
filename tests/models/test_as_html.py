"""What notebooks show: whole HTML of a few kilobytes, escaped, in the colours of the reports."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import em
from models import Categorical, Groups, Poisson, Sample, Sequences
from models.as_html import COLOURS, STYLED, table
from models.refusal import Refusal

ROOT = Path(__file__).parents[2]
KILOBYTES = 6
WAVES = np.tile([1.0, 1.2, 0.9, 5.0, 5.1, 5.3], 8)


class Cells(HTMLParser):
    """The words of the cells of all tables, row by row; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] in (["th"], ["td"]):
            self.rows[-1][-1] += data


SHOWN = {
    "numbers": lambda: Sample([2.5, 1.0, 2.5]),
    "blanks": lambda: Sample([[1, "a"], [2, "b"], [np.nan, None], [3, None]]),
    "heads": lambda: Sample([3, 4], trials=10),
    "sequences": lambda: Sequences(WAVES, sequence=[24, 24]),
    "groups": lambda: Groups(list("aabbab"), [1, 1, 1, 2, 2, 2]),
    "chain": lambda: em.fit("gaussian", Sequences(WAVES), 2, group_names=["<b>low", "high & up"]),
    "admixture": lambda: em.fit(Categorical, Groups(list("aabbcab"), [1, 1, 1, 2, 2, 2, 2]), 2),
    "many": lambda: em.fit(Poisson, Sample(range(40)), 7, starts=2),
}


@pytest.mark.parametrize("name", SHOWN)
def test_observations_and_fits_are_shown_as_whole_html(name):
    shown = SHOWN[name]()._repr_html_()
    rows = Cells(shown).rows
    assert all(len(row) == len(rows[0]) or len(rows) > 2 for row in rows)
    assert len(shown) < 1024 * KILOBYTES
    assert "<script" not in shown
    assert "http" not in shown


def test_what_is_not_html_would_be_found():
    with pytest.raises(AssertionError):
        Cells("<table><tr></table>")


def test_names_are_escaped():
    fit = SHOWN["chain"]()
    heads = Cells(fit._repr_html_()).rows[0]
    assert heads == ["state", "<b>low", "high & up"]
    assert "<b>low" not in fit._repr_html_()
    assert "&lt;b&gt;" in table(["<b>"], [])


def test_a_fit_shows_what_it_prints():
    fit = SHOWN["many"]()
    printed = [line.split() for line in str(fit).splitlines() if line.startswith("  ")]
    shown = [" ".join(row).split() for row in Cells(fit._repr_html_()).rows]
    assert shown == printed


def test_the_columns_of_observations():
    rows = Cells(SHOWN["blanks"]()._repr_html_()).rows
    assert rows[1] == ["column 1", "3", "1", "2", "3"]  # the empty row was dropped
    assert rows[3] == ["column 2", "2", "2", "a (50%)"]
    many = Cells(Sample(np.ones((2, 20)))._repr_html_())
    assert len(many.rows) == 13
    assert "Not shown: 8 more columns." in Sample(np.ones((2, 20)))._repr_html_()


def test_colours_are_those_of_the_reports():
    page = (ROOT / "comparisons" / "pages" / "page.html.j2").read_text()
    light, dark = (
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]+);", part))
        for part in page.partition("@media print")[0].split("@media (prefers-color-scheme: dark)")
    )
    assert {name: (light[name], dark[name]) for name in COLOURS} == COLOURS
    assert all(f"var(--{name})" in STYLED for name in ("card", "text", "soft", "line", "tone"))


def test_rules_touch_nothing_but_what_is_ours():
    for rule in re.findall(r"([^{}]+){", STYLED):
        assert all(".second-opinion" in one or one.startswith("@") for one in rule.split(",")), rule


def test_a_fit_is_shown_without_anything_heavy():
    shown = (
        "import sys, em; from models import Poisson, Sample\n"
        "em.fit(Poisson, Sample([0, 1, 7, 9]), 2)._repr_html_()\n"
        "assert not {'jinja2', 'pandas', 'matplotlib', 'IPython'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", shown], check=True, cwd=ROOT)


def test_a_frame_has_intervals_by_standard_errors():
    fit = SHOWN["chain"]()
    frame = fit.to_frame()
    assert frame.index.tolist()[-2:] == ["sd[0]", "sd[1]"]
    assert frame["mle"]["mean[1]"] == fit.estimate.theta.mean[1]
    assert frame["se"]["mean[1]"] == fit.standard_errors.theta.mean[1]
    half = 1.959963984540054 * frame["se"]
    np.testing.assert_allclose(frame["high"] - frame["mle"], half, rtol=1e-9)
    np.testing.assert_allclose(frame["mle"] - frame["low"], half, rtol=1e-9)
    narrow = fit.to_frame(level=0.5)
    assert ((narrow["high"] - narrow["low"]) < (frame["high"] - frame["low"])).all()
    for bad in (0, 1, 95, "half"):
        with pytest.raises(Refusal, match="level is "):
            fit.to_frame(bad)


def test_a_frame_without_pandas_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas, which is not installed"):
        SHOWN["chain"]().to_frame()


def test_a_single_component_is_number_one_as_anywhere():
    shown = em.fit(Poisson, Sample([1, 2, 4]), 1)._repr_html_()
    assert ">1</th>" in shown
    assert ">0</th>" not in shown
