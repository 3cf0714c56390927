"""The report: what it says, that it says it the same way twice, and that nothing gets in."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from markupsafe import escape
from matplotlib.figure import Figure

import bayes
import comparisons
from comparisons import compare, load, second_opinion
from comparisons.finding import Finding
from comparisons.kept.facts import Facts
from comparisons.measures import measure_of
from comparisons.pages import report as module
from comparisons.pages.glossary import TERMS
from comparisons.pages.report import card_of, report
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from models import (
    Binomial,
    Gaussian,
    GaussianPrior,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Prior,
    Sample,
    simulate,
)
from models.refusal import Refusal
from models.structure import Parameter

QUICK = {"draws": 400, "tune": 400, "starts": 4, "progress": False}
TRUTH = Mixture(np.array([0.4, 0.6]), Gaussian(np.array([163.0, 180.0]), np.array([3.0, 4.0])))
EVIL = "<script>alert('x')</script>\"&"
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Reader(HTMLParser):
    """Reads a page, and minds that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.ids, self.tags, self.links = [], [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert len(given) == len(attrs), f"{tag} says something twice"
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[one] for one in ("src", "href", "xlink:href") if one in given]

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.opened == []
    return reader


def text(html: str) -> str:
    """Return what a page says outside of style and pictures, in single spaces."""
    bare = re.sub(r"<(style|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", bare).split())


@pytest.fixture(scope="module")
def heights():
    sample, _ = simulate(TRUTH, 1_500, np.random.default_rng(501))
    return second_opinion(Gaussian, sample, 2, truth=TRUTH, **QUICK)


@pytest.fixture(scope="module")
def wrong(heights):
    theta = Gaussian(np.array([160.0, 184.0]), np.array([6.0, 7.0]))
    return compare(Mixture(np.array([0.5, 0.5]), theta), heights.tree)


@pytest.fixture(scope="module")
def flips():
    sample = Sample(np.array([5, 9, 8, 4, 7]), 10)
    return second_opinion(Binomial, sample, 2, equal_weights=True, **QUICK)


@pytest.fixture
def plain(monkeypatch):
    """Leave the pictures away, which take the time."""
    monkeypatch.setattr(module, "pictures_of", lambda tree: [])


def changed(tree, **attrs):
    """Return a tree with other attributes; None takes one away."""
    found = tree.copy()
    found.attrs = {name: one for name, one in {**tree.attrs, **attrs}.items() if one is not None}
    return found


@pytest.mark.slow
def test_the_same_comparison_gives_the_same_bytes_from_memory_and_from_a_file(heights, tmp_path):
    html = report(heights, "second-opinion heights.csv")
    assert report(heights, "second-opinion heights.csv") == html
    heights.save(tmp_path / "heights.nc")
    assert report(load(tmp_path / "heights.nc"), "second-opinion heights.csv") == html
    assert report(heights, "another command") != html


def test_the_page_is_whole_and_leans_on_nothing_outside_of_it(flips):
    html = report(flips)
    reader = read(html)
    assert reader.tags.count("figure") >= 4
    assert "script" not in reader.tags
    assert len(set(reader.ids)) == len(reader.ids)
    inside = [link[1:] for link in reader.links if link.startswith("#")]
    inside += re.findall(r"url\(#([^)]*)\)", html)
    assert set(inside) <= set(reader.ids)
    assert all(link.startswith(("#", "data:")) for link in reader.links)
    assert html.count("<style") == 1  # those of pictures would speak of the whole page
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    for spoiled in ("<p>", "</p>", "<svg><g></svg></g>"):
        with pytest.raises((AssertionError, IndexError)):
            read(html.replace("</main>", f"{spoiled}</main>"))


def test_pictures_do_not_share_their_ids(flips, monkeypatch):
    def figure() -> Figure:
        found = Figure()
        found.subplots().plot([0, 1])
        return found

    twice = [Picture(name, EVIL, EVIL, figure) for name in ("one", "two")]
    monkeypatch.setattr(module, "pictures_of", lambda tree: twice)
    reader = read(report(flips))
    assert len(set(reader.ids)) == len(reader.ids)
    assert "script" not in reader.tags
    assert any(one.startswith("one-") for one in reader.ids)
    monkeypatch.setattr(module, "pictures_of", lambda tree: twice[:1] * 2)
    assert len(set(read(report(flips)).ids)) < len(reader.ids)  # negative control


def test_what_others_wrote_is_shown_and_never_run(flips, plain):
    finding = {"code": "spike", "severity": "doubt", "value": 1.0, "threshold": 0.0}
    finding |= {"message": EVIL, "remedy": EVIL}
    tree = changed(flips.tree, findings=json.dumps([finding]), inference_library=EVIL)
    tree["em"].attrs = {**tree["em"].attrs, "notes": json.dumps([EVIL]), "source": f"a/{EVIL}"}
    table = tree["comparison"].to_dataset().assign_coords(parameter=[EVIL, "prob[1]"])
    tree["comparison"] = type(tree)(table)
    html = report(Facts(tree), EVIL)
    assert "script" not in read(html).tags
    assert html.count("&lt;script&gt;alert(") >= 7
    assert "<script" not in html
    with pytest.raises(AssertionError):  # negative control: the reader would have seen one
        assert "script" not in read(html.replace("</main>", f"{EVIL[:-2]}</main>")).tags


def test_no_folder_of_this_machine_is_told(heights, tmp_path):
    path = tmp_path / "estimate.json"
    fields = {"weight": TRUTH.weight, **TRUTH.theta._asdict()}
    path.write_text(json.dumps({name: field.tolist() for name, field in fields.items()}))
    tree = compare(path, heights.tree).tree
    html = report(Facts(tree))
    assert "the estimate (estimate.json)" in html
    assert str(tmp_path) not in html
    assert tmp_path.name not in html
    assert tree["em"].attrs["source"] == str(path)  # the tree is left as it was


def test_agreement_is_told_with_the_numbers_that_carry_it(heights, plain):
    assert heights.verdict == "agree"
    said = text(report(heights))
    assert "Measurements: two groups? EM and MCMC compared (n = 1,500)" in said
    assert "Can 1,500 measurements be described by two hidden groups, each a bell curve? " in said
    assert "Both give the same answer, and it describes the data well. " in said
    assert (
        "Verdict: Agree EM and the posterior agree. Found by both, with the posterior\N{RIGHT SINGLE QUOTATION MARK}s 95%"
        in said
    )
    frame, first = heights.to_frame(), said[: said.index("Largest gap")]
    for component in (0, 1):
        share, mean = (frame.loc[f"{name}[{component}]"] for name in ("weight", "mean"))
        assert f"group {component + 1}: {100 * share['mean']:.1f}% of all (" in first
        assert f"mean {module._rounded(mean['mean'], mean['sd'])} (" in first
    assert "more" not in first
    worst = heights.to_frame()["gap_in_sd"].abs()
    name = {row.label: row.title for row in heights.parameters}[worst.idxmax()]
    assert f"estimate: {worst.max():.2g} posterior sd ({name}; up to 1 is ok)" in said
    assert "(expected: 5)" in said
    assert "Few data" not in said
    assert "Truth" in said


def test_the_cause_comes_first_and_consequences_after(wrong, plain):
    assert wrong.verdict == "disagree"
    said = text(report(wrong))
    assert (
        "Verdict: Disagree The estimate and the posterior disagree: one of them is wrong. " in said
    )
    assert "Both give the same answer" not in said
    cause = next(one for one in wrong.findings if one.severity == "fault")
    every = said.index(f"All {len(wrong.findings)} measures")
    assert said.index("Distance of the estimate") < said.index("Deviance of the draws") < every
    assert f"measured {module._short(cause.value)} (ok: at most 0.05)" in said.replace("\xa0", " ")
    assert f"What to do: {escape(cause.remedy)}" in said
    told = [one for one in wrong.findings if one.severity in ("fault", "doubt")]
    assert f"{len(told) - 3} more below" in said
    assert "beyond the threshold" in said
    assert "has no standard error" in said


def test_the_worst_is_told_first_whatever_the_order_it_was_measured_in(wrong, plain):
    order = [("skewness", "note"), ("other_place", "doubt"), ("spike", "doubt"), ("x", "fault")]
    rest = {"value": 1.0, "threshold": 0.5, "remedy": ""}
    findings = [
        {"code": code, "severity": severity, "message": f"About {code}.", **rest}
        for code, severity in order
    ]
    said = text(report(Facts(changed(wrong.tree, findings=json.dumps(findings)))))
    assert "is wrong. About x. Also: About spike. About other_place. " in said
    cards = said[said.index("Causes, and what to do") : said.index("All 4 measures")]
    places = [cards.index(f"About {code}.") for code, _ in reversed(order)]
    assert places[0] < places[1] < places[2] < places[3]


def test_every_measure_is_listed_and_each_that_is_not_ok_has_a_card(flips, plain):
    html = re.sub(r"</?span[^>]*>", "", report(flips))
    for one in flips.findings:
        cards = html.count(f"· <code>{one.code}</code>")
        assert cards == (one.severity != "ok"), one.code
        title = escape(measure_of(one.code).title)
        row = f'role="rowheader">{title}<br><code>{one.code}</code></th>'
        assert html.count(row) == 1, row
    assert {one.severity for one in flips.findings} >= {"ok", "note"}  # both sides were tried


def test_few_flips_are_explained_in_plain_words(flips, plain):
    said = text(report(flips))
    few = "Few data, in plain words. 5 rows of successes out of trials are few for 2 parameters. EM gives"
    assert few in said[: said.index("The numbers side by side")]
    assert "by two hidden groups of equal size, each a " in said
    assert "Truth" not in said


def test_columns_are_called_by_their_names(flips, plain, monkeypatch):
    assert "Rows of successes out of trials: two groups? EM and MCMC compared (n = 5)" in text(
        report(flips)
    )
    named = changed(flips.tree)
    Facts(named).name_columns(["heads"])
    assert Facts(named).columns == ("heads",)
    assert flips.columns == ()
    assert "Can 5 sets of flips (heads) be" in text(report(Facts(named)))
    clicks = changed(flips.tree, columns=json.dumps(["clicks"]))
    said = text(report(Facts(clicks)))
    assert "Can 5 rows of successes out of trials (clicks) be" in said
    assert "each a success rate?" in said
    assert "flips" not in said
    assert "Heads: two groups?" in text(report(Facts(named)))
    assert "# heads and trials: lists or arrays of your observations, 'heads'" in report(
        Facts(named)
    ).replace("&#39;", "'")
    twice = changed(flips.tree, columns=json.dumps([EVIL]))
    assert "script" not in read(report(Facts(twice))).tags


def test_what_a_study_taught_is_on_the_first_screen(flips, plain):
    picture = Picture("own", "Its own picture", "What it shows.", Figure)
    steps = Steps(f"Steps {EVIL}", {"n": "d", EVIL: ".2f"}, [(1, -0.5), (2, None)])
    page = report(flips, None, Story((steps,), "Five sets are few & far.", (picture,)))
    said = text(page)
    assert "Verdict: Inconclusive Five sets are few &amp; far. The question is still open." in said
    assert "Its own picture" not in said  # titles and captions are drawn, once
    places = ("The story", "<title>Its own picture", "The numbers side")
    assert [page.index(one) for one in places] == sorted(page.index(one) for one in places)
    assert "1 \N{MINUS SIGN}0.50" in said
    assert "script" not in read(page).tags
    assert {"#story", "#numbers"} <= set(read(page).links)
    assert "Five sets" not in text(report(flips))
    assert "The story" not in text(report(flips))


def test_agreement_names_the_columns_and_a_few_groups_only(heights, plain):
    tree = changed(heights.tree, components=6)
    assert module._groups(Facts(tree))[-1] == "and 2 more, which the table below lists"
    mean = next(row for row in heights.parameters if row.label == "mean[0]")
    second = mean._replace(parameter=Parameter("mean", ("component", "dimension"), (0, 1)))
    assert module._located(second, ()).startswith("mean of column 2 ")
    assert module._located(second, ["weight in kg", "height"]).startswith("mean of height ")


def test_numbers_are_rounded_as_their_errors_ask():
    cases = [
        ((162.0213, 0.5582), "162.02 ± 0.56"),
        ((6247.1, 898.3), "6,250 ± 900"),
        ((-0.0004, 0.12), "0.00 ± 0.12"),
        ((3.2e-9, 1.17e-11), "3.200 × 10⁻⁹ ± 1.2 × 10⁻¹¹"),
        ((-2.5e9, 1e8), "−2.50 × 10⁹ ± 1.0 × 10⁸"),  # noqa: RUF001
        ((0.995, np.nan), "0.99"),
        ((5.0, 0.0), "5"),
        ((np.nan, 0.1), "– ± 0.10"),
    ]
    for given, wanted in cases:
        assert module._with_error(*given).replace("\xa0", " ") == wanted
    assert module._estimate(0.995, np.nan, 0.0067) == "0.9950"
    assert module._estimate(8e-9, np.nan, 4.6) == "8\xa0×\xa010⁻⁹"
    shown = [(4289.96, "4,290"), (1.00081, "1.001"), (0.0717, "0.072"), (12345.6, "12,346")]
    shown += [(0.0, "0"), (np.inf, "∞"), (-np.inf, "−∞"), (np.nan, "–")]  # noqa: RUF001
    for value, wanted in shown:
        assert module._short(value) == wanted
    assert [module._signed(one) for one in (0.25, -0.001, -1.5)] == ["+0.25", "0.00", "−1.50"]  # noqa: RUF001
    assert module._typeset("by 1.5e+03, from -2e-09 m") == "by 1,500, from −2\xa0×\xa010⁻⁹ m"  # noqa: RUF001


def called(tree, monkeypatch, /, **names):
    """Run the Python that a page shows, and return what it called, with which arguments."""
    calls = {}

    def record(name):
        def take(*args, **kwargs):
            calls[name] = (args, kwargs)

        return take

    for owner, name in [
        (comparisons, "second_opinion"),
        (comparisons, "compare"),
        (bayes, "sample"),
        (bayes, "adopt"),
    ]:
        monkeypatch.setattr(owner, name, record(name), raising=False)
    exec(module._call(Facts(tree)), {"x": [0.0], "heads": [1], "trials": [2], **names})
    return calls


def test_the_python_shown_asks_the_same_question(flips, heights, wrong, monkeypatch):
    args, settings = called(flips.tree, monkeypatch)["second_opinion"]
    assert (args[0], args[2]) == (Binomial, 2)
    assert args[1].trials.tolist() == [2]
    assert settings == {"equal_weights": True, "draws": 400, "tune": 400, "starts": 4, "seed": 0}
    _, settings = called(heights.tree, monkeypatch, truth=TRUTH)["second_opinion"]
    assert settings["truth"] is TRUTH
    assert "equal_weights" not in settings
    auto = changed(heights.tree, gates="met", tune=1_000, seed=7)
    _, settings = called(auto, monkeypatch, truth=TRUTH)["second_opinion"]
    assert settings == {"seed": 7, "starts": 4, "truth": TRUTH}
    assert "# estimate: an em.Fit, a Mixture or the path" in module._call(wrong)
    mine = wrong.tree.copy()
    mine["em"].attrs = {**mine["em"].attrs, "source": "mine.json"}
    assert called(mine, monkeypatch)["compare"] == (("mine.json", None), {})
    assert "# x: a list, an array or a table of your observations" in module._call(heights)
    calls = called(wrong.tree, monkeypatch, estimate="mine")
    assert calls["sample"][0][::2] == (Gaussian, 2)
    assert calls["compare"] == (("mine", None), {})


def test_the_python_shown_says_a_prior_that_is_not_the_usual_one(heights, monkeypatch):
    usual = json.loads(heights.tree.attrs["prior"])
    assert module._prior(heights).startswith("The weak default. ")
    assert json.loads(module._record(heights.question.prior)) == {
        "weight": usual["weight"],
        **usual["theta"],
    }
    own = {"weight": 2.0, "theta": {**usual["theta"], "degrees": 9.0}}
    tree = changed(heights.tree, prior=json.dumps(own))
    assert module._prior(Facts(tree)).startswith("Given. ")
    _, settings = called(tree, monkeypatch, truth=TRUTH)["second_opinion"]
    assert settings["prior"] == Prior(2.0, GaussianPrior(**own["theta"]))


def test_an_adopted_posterior_is_told_as_one(heights, plain, monkeypatch):
    taken = dict.fromkeys(("seed", "tune", "gates", "sampling_seconds"))
    tree = changed(heights.tree, prior="null", inference_library="theirs", **taken)
    said = text(report(Facts(tree)))
    assert "Prior Unknown: the posterior came from elsewhere, without its prior" in said
    assert "Sampler theirs" in said
    assert "Seconds" not in said
    calls = called(tree, monkeypatch, truth=TRUTH, estimate="mine", tree="t", names="n")
    args, settings = calls["adopt"]
    assert (args[0], args[2:], settings) == (Gaussian, ("t", "n"), {})


def test_one_component_is_told_as_one(rng, plain):
    counts = second_opinion(Poisson, Sample(rng(502).poisson(4, 200)), 1, **QUICK)
    said = text(report(counts))
    assert "Counts of events: a single group? EM and MCMC compared (n = 200)" in said
    assert "be described by a single group, a rate of events?" in said
    with pytest.raises(Refusal, match="family 'Zipf', which this version does not know"):
        report(Facts(changed(counts.tree, family="Zipf")))


@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # the runs are short
@pytest.mark.parametrize(
    ("form", "k", "words"),
    [
        ("full", 2, "by two hidden groups, each a bell-shaped cloud?"),
        pytest.param("spherical", 1, "by a single group, a round cloud?", marks=pytest.mark.slow),
    ],
)
def test_several_columns_are_told_by_their_names(form, k, words, rng, plain, monkeypatch):
    family = MultivariateGaussian.with_covariance(form)
    x = rng(503).normal(size=(120, 2)) + 9 * (np.arange(120) % k)[:, None]
    clouds = second_opinion(family, Sample(x), k, **QUICK)
    said = text(report(clouds))
    assert f"Can 120 rows of measurements be described {words}" in said
    assert "then the column. Numbers" in said
    named = changed(clouds.tree, columns=json.dumps(["length", "width"]))
    said = text(report(Facts(named)))
    assert "then the column, where 1 is length, 2 is width. Numbers" in said
    args, _ = called(clouds.tree, monkeypatch)["second_opinion"]
    assert args[0] is family


def test_where_starts_ended_is_told_if_they_ended_apart(heights, plain):
    assert "starts ended</h3>" not in report(heights)
    tree = heights.tree.copy()
    optima = tree["optima"].to_dataset()
    two = {name: ("optimum", np.repeat(one.to_numpy(), 2)) for name, one in optima.items()}
    two["spike"] = ("optimum", [0, 1])
    tree["optima"] = type(tree)(optima.drop_vars(list(two)).assign(two))
    tree["em"].attrs = {**tree["em"].attrs, "notes": json.dumps(["an optimum at 1.2e-09"])}
    html = report(Facts(tree))
    assert "starts ended</h3>" in html
    assert "spike, set aside" in html
    assert "an optimum at 1.2\xa0×\xa010⁻⁹" in html


def test_an_optimum_from_elsewhere_is_told_as_such(heights, plain):
    assert module._higher(heights) == ""
    tree = heights.tree.copy()
    height = tree["em"].attrs["log_likelihood"] + 2.5
    tree["em"].attrs = {**tree["em"].attrs, "log_likelihood": height}
    assert "EM reached it later, from the posterior or other starts" in report(Facts(tree))
    message = "EM's own 4 starts ended 2.5 lower; EM reached the estimate from a draw."
    finding = {"code": "local_optimum", "severity": "note", "value": 2.5, "threshold": 0.01}
    tree.attrs = {
        **tree.attrs,
        "findings": json.dumps([finding | {"message": message, "remedy": ""}]),
    }
    said = text(report(Facts(tree)))
    assert "EM reached it later, from a draw, and its log-likelihood is 2.5 higher." in said


def test_what_a_finding_says_is_no_note_again(heights, plain):
    tree = heights.tree.copy()
    notes = ["sd[0] is 0, at the edge of its possible values: it has no standard error", "Two."]
    tree["em"].attrs = {**tree["em"].attrs, "notes": json.dumps(notes)}
    assert notes[0] in report(Facts(tree))  # negative control: no finding says it
    finding = {"code": "boundary", "severity": "note", "value": 0.0, "threshold": 2.0}
    finding |= {"message": "At the edge of the possible values: sd[0] is 0.", "remedy": ""}
    tree.attrs = {**tree.attrs, "findings": json.dumps([finding])}
    html = report(Facts(tree))
    assert notes[0] not in html
    assert "<li>Two.</li>" in html


def test_the_glossary_has_the_words_of_the_page_and_no_others(heights, wrong, plain):
    for one in (heights, wrong):
        page = report(one)
        words = re.findall(
            r"<dt>([^<]*)</dt>\n<dd>",
            page.replace('<span class="whole-word">', "").replace("</span>", ""),
        )
        before = unescape(text(page[page.index("<body>") : page.index('id="words"')]))
        assert {"Deviance", "R-hat", "E-BFMI", "Newton decrement", "Information"} <= set(words)
        assert not {"LOO", "ICL", "Evidence", "Likeliest path"} & set(words)
        for term in TERMS:
            assert (term.name in words) == bool(re.search(term.used, before)), term.name
    for term in TERMS:  # one sentence each
        assert term.meaning.endswith(".")
        assert not re.search(r"\. [A-Z]", term.meaning)


def test_r_hat_stays_in_one_line(heights, plain):
    html = report(heights)
    body = re.sub(r"<[^>]*>", lambda tag: "" if "whole-word" not in tag[0] else "@", html)
    assert body.count("R-hat") == body.count("@R-hat") > 3


def test_a_number_that_no_sentence_has_says_what_it_is():
    """The misfit of a stretch is not the difference of the two shares that its sentence names."""
    stretch = "The model does not fit: 22% of the observations lie from 1 to 2, 32% are expected."
    away = card_of(Finding("misfit", "doubt", 0.051, 0.03, stretch, ""))
    assert (away.value, away.allowed) == ("5.1%", "at most 3%")
    assert away.what == "between observed and fitted distribution"
    said = card_of(Finding("misfit", "doubt", 0.25, 0.03, "25% need other values.", ""))
    assert (said.value, said.what) == ("25%", "")
    unknown = card_of(Finding("misfit", "note", np.nan, 0.03, "It could not be measured.", ""))
    assert (unknown.value, unknown.what, unknown.shown) == ("", "", False)


def test_a_number_beyond_its_threshold_does_not_read_like_it():
    beyond = Finding("other_predictions", "doubt", 0.05019, 0.05, "Distance: 0.0502.", "")
    assert card_of(beyond).value == "0.0502"
    assert card_of(beyond._replace(value=0.0612, message="0.061.")).value == "0.061"
