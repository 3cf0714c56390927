"""A notebook shows comparisons, findings and choices with all that they print."""

from __future__ import annotations

import pickle
from html.parser import HTMLParser

import numpy as np
import pytest

import em
from comparisons import second_opinion
from comparisons.choice.choose import Choice
from comparisons.choice.rows import Row
from comparisons.finding import Finding, Findings
from models import Poisson, Sample

SPIKE = Finding("spike", "doubt", 1.0, 0.0, "An <estimate> is a spike.", "Give a prior.")
COUNTS = np.random.default_rng(1).poisson([1.0] * 60 + [8.0] * 40)


class Words(HTMLParser):
    """All words that are shown; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.said = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.said.append(data)


def words(shown):
    return " ".join(Words(shown).said)


@pytest.fixture(scope="module")
def opinion():
    return second_opinion(
        Poisson,
        Sample(COUNTS),
        2,
        group_names=["<quiet>", "busy"],
        draws=500,
        seed=1,
        progress=False,
    )


def test_findings_are_a_tuple_that_shows_the_worst_first():
    fault = SPIKE._replace(code="local_optimum", severity="fault", remedy="")
    fine = SPIKE._replace(code="saddle", severity="ok", value=float("nan"))
    every = Findings([fine, SPIKE, fault])
    assert every == (fine, SPIKE, fault)
    assert pickle.loads(pickle.dumps(every[1:])) == every[1:]
    assert type(pickle.loads(pickle.dumps(every))) is Findings
    shown = words(every._repr_html_())
    assert (
        shown.index("Height of the")
        < shown.index("Climbs that ended")
        < shown.index("1 of 3 checks passed")
    )
    assert shown.count("What to do: Give a prior.") == 1
    assert shown.count("Saddle") == 1  # in the table, and on no card
    assert "Saddle saddle ok –" in shown
    assert "An &lt;estimate&gt; is a spike." in SPIKE._repr_html_()


def test_a_comparison_shows_verdict_numbers_and_what_is_not_ok(opinion):
    assert isinstance(opinion.findings, Findings)
    shown = words(opinion._repr_html_())
    assert shown.startswith("Agree : EM and the posterior agree. Poisson, 2 groups, 100 obs")
    for row in opinion.parameters:
        assert f" {row.title} " in shown
    assert "rate[&lt;quiet&gt;]" in opinion._repr_html_()
    for one in opinion.findings:
        assert (one.message in shown) == (one.severity != "ok"), one.code
    assert len(opinion._repr_html_()) < 8 * 1024


def test_a_fit_has_the_rows_of_a_comparison_and_its_numbers(opinion):
    theirs, ours = opinion.to_frame(), em.fit(Poisson, Sample(COUNTS), 2).to_frame()
    assert ours.index.equals(theirs.index)
    assert ours.index.name == theirs.index.name
    same = ["name", "component", "dimension"]
    assert ours[same].equals(theirs[same])
    np.testing.assert_allclose(ours[["mle", "se"]], theirs[["mle", "se"]], rtol=1e-6)
    # negative control: intervals are each answer's own
    assert (ours["low"] - theirs["low"]).abs().min() > 1e-4


def test_a_choice_shows_its_table_and_what_it_says():
    fits = [em.fit(Poisson, Sample(COUNTS), k) for k in (1, 2)]
    choice = Choice(tuple(Row(Poisson, fit.question.k, fit) for fit in fits), interrupted=True)
    html = choice._repr_html_()
    shown = words(html)
    assert f"{fits[1].bic:.1f}*" in shown
    assert html.count('<tr class="best"><th scope="row">2</th>') == 1
    assert choice.legend in shown
    assert all(sentence in shown for sentence in choice.sentences)
    assert shown.endswith("Interrupted: the table has what was finished.")
