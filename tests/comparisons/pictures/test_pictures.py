"""Pictures: all of them draw, can be read, and carry the right numbers."""

from __future__ import annotations

import warnings
from functools import cache
from itertools import combinations
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator
from scipy.stats import chi2, norm

import bayes
import comparisons
from comparisons.kept.facts import Facts, Rows
from comparisons.pictures import catalogue as pictures
from comparisons.pictures import misfit as misfit_pictures
from comparisons.pictures.data import bars_of, frame_of
from comparisons.pictures.likelihood import reached
from comparisons.pictures.style import (
    COMPONENTS,
    EM,
    PHONE,
    POSTERIOR,
    TRUTH,
    WIDTH,
    blank,
    for_phones,
    framed,
    line,
    side_by_side,
)
from models import (
    Binomial,
    Gaussian,
    HiddenMarkov,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Sample,
    Sequences,
    simulate,
)
from models.hidden_markov import stationary

DEATHS = [162, 267, 271, 185, 111, 61, 27, 8, 3, 1]
COLUMN = ["data", "misfit", "posterior", "memberships", "deviance", "ascent", "pairs"]
TABLE = ["plane", "columns", "misfit", "posterior", "memberships", "deviance", "ascent", "pairs"]
EXPECTED = {
    "heights": COLUMN,
    "coins": COLUMN,
    "unequal coins": COLUMN,
    "deaths": COLUMN,
    "spike": COLUMN,
    "two columns": TABLE,
    "three columns": TABLE,
    "one component": ["data", "misfit", "posterior", "deviance", "pairs"],
    "one parameter": ["data", "misfit", "posterior", "deviance"],
    "in order": [
        *("series", "data", "misfit", "posterior", "dwell", "residuals", "deviance", "ascent"),
        "pairs",
    ],
}
EVERY = [(case, name) for case, names in EXPECTED.items() for name in names]
SMALLEST = 8.5  # points: as many pixels of a phone, at the least
LARGEST = 400_000  # characters of an SVG


def heights():
    truth = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([163.0, 178.0]), np.array([6.0, 7.0])))
    sample, _ = simulate(truth, 300, np.random.default_rng(1))
    return Gaussian, Sample(sample.x.round(1), counts=sample.counts), 2, {"truth": truth}


def coins():
    return Binomial, Sample([5, 9, 8, 4, 7], 10), 2, {"equal_weights": True}


def unequal_coins():
    truth = Mixture(np.array([0.4, 0.6]), Binomial(np.array([0.3, 0.7])))
    rng = np.random.default_rng(2)
    return Binomial, simulate(truth, 60, rng, rng.integers(5, 40, 60))[0], 2, {"truth": truth}


def deaths():
    return Poisson, Sample(range(10), counts=DEATHS), 2, {}


def spike():
    rng = np.random.default_rng(3)
    return Gaussian, Sample([57.0, *rng.normal(170, 8, 100).round()]), 2, {}


def columns(d, k, n):
    centres = 4.0 * np.eye(k, d) + np.arange(k)[:, None]
    truth = Mixture(np.full(k, 1 / k), MultivariateGaussian(centres, np.array([np.eye(d)] * k)))
    sample, _ = simulate(truth, n, np.random.default_rng(4))
    return MultivariateGaussian, sample, k, {"truth": truth}


def one_component():
    return Gaussian, Sample(np.random.default_rng(5).normal(1e6, 1e-3, 60)), 1, {}


def one_parameter():
    return Poisson, Sample(np.random.default_rng(6).poisson(900, 60)), 1, {}


def in_order():
    """Two sequences of counts, some rows not seen."""
    moves = np.array([[0.9, 0.1], [0.2, 0.8]])
    truth = HiddenMarkov(stationary(moves), moves, Poisson(np.array([3.0, 12.0])))
    data, _ = simulate(truth, 160, np.random.default_rng(7))
    x = data.sample.x[data.unit_rows].copy()
    x[20:24] = np.nan
    return Poisson, Sequences(x, sequence=[100, 60]), 2, {}


CASES = {
    "in order": in_order,
    "heights": heights,
    "coins": coins,
    "unequal coins": unequal_coins,
    "deaths": deaths,
    "spike": spike,
    "two columns": lambda: columns(2, 2, 200),
    "three columns": lambda: columns(3, 3, 200),
    "one component": one_component,
    "one parameter": one_parameter,
}


@cache
def comparison_of(case: str):
    family, sample, k, options = CASES[case]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)
        return comparisons.second_opinion(
            family, sample, k, draws=200, tune=300, chains=2, starts=6, progress=False, **options
        )


def tree_of(case: str) -> xr.DataTree:
    return comparison_of(case).tree


def changed(tree: xr.DataTree, group: str, **variables) -> xr.DataTree:
    """Return the tree with some variables of a group replaced, dimensions kept."""
    kept = tree[group].to_dataset()
    found = tree.copy()
    found[group] = xr.DataTree(
        kept.assign({name: (kept[name].dims, value) for name, value in variables.items()})
    )
    return found


def texts_of(figure: Figure) -> list:
    """Return everything written on a figure that a reader sees."""
    figure.draw_without_rendering()
    (legend,) = figure.legends
    seen = [legend.get_title(), *legend.get_texts(), figure._supxlabel]
    for axes in figure.axes:
        seen += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = axis.get_major_ticks()
            seen += [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]
            seen.append(axis.get_offset_text())
    return [one for one in seen if one.get_visible() and one.get_text()]


def assert_readable(figure: Figure) -> None:
    """No two texts overlap, and none sticks out."""
    FigureCanvasAgg(figure)
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts_of(figure)]
    for (one, box), (other, beside) in combinations(boxes, 2):
        apart = box.x1 < beside.x0 + 1 or beside.x1 < box.x0 + 1
        apart |= box.y1 < beside.y0 + 1 or beside.y1 < box.y0 + 1
        assert apart, f"{one!r} lies over {other!r}"
    frame = figure.bbox
    for one, box in boxes:
        wide = -1 <= box.x0 < box.x1 <= frame.x1 + 1
        high = -1 <= box.y0 < box.y1 <= frame.y1 + 1
        assert wide & high, f"{one!r} sticks out"


def lines_of(axes, shade: str) -> list:
    return [line for line in axes.lines if to_hex(line.get_color()).upper() == shade.upper()]


def caption_of(figure: Figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def entries_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def picture(case: str, name: str) -> pictures.Picture:
    (found,) = [one for one in pictures.pictures_of(Facts(tree_of(case))) if one.name == name]
    return found


@pytest.mark.parametrize("case", EXPECTED)
def test_those_that_apply_are_offered_and_the_others_say_why_not(case):
    tree = tree_of(case)
    offered = pictures.pictures_of(Facts(tree))
    assert [one.name for one in offered] == EXPECTED[case]
    for one in offered:
        assert one.title
        assert one.alt.endswith(".")
        assert any(letter.isdigit() for letter in one.alt)
        assert "nan" not in one.alt
    for name in set(pictures.KINDS) - set(EXPECTED[case]):
        with pytest.raises(ValueError, match=r"; see the|nothing to draw|no climb") as caught:
            getattr(pictures, name)(Facts(tree))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("case", "name"), EVERY)
def test_every_picture_can_be_read(case, name):
    figure = picture(case, name).figure()
    assert_readable(figure)
    assert figure.legends[0].get_title().get_text()
    assert entries_of(figure)
    assert all(entries_of(figure))
    assert any(axes.get_xlabel() or axes.get_title() for axes in figure.axes)
    assert any(axes.get_ylabel() for axes in figure.axes)
    if name not in (
        "pairs",
        "plane",
        "columns",
        "memberships",
        "series",
        "dwell",
    ):  # which label the outer panels
        assert all(axes.get_xlabel() for axes in figure.axes)
    written = pictures.svg(figure)
    assert len(written) < LARGEST
    assert "<text" in written


@pytest.mark.parametrize(("case", "name"), EVERY)
def test_every_picture_can_be_read_on_a_phone(case, name):
    with for_phones():
        figure = picture(case, name).figure()
    assert figure.get_size_inches()[0] == PHONE
    assert_readable(figure)
    assert min(one.get_fontsize() for one in texts_of(figure)) >= SMALLEST


def test_a_picture_for_phones_has_the_words_of_the_usual_one_in_more_lines():
    def drawn() -> Figure:
        figure = blank(3.0)
        for axes in side_by_side(figure, 2, width_ratios=(2, 1)):
            axes.set_xlabel("how often each of them occurred in all of the samples drawn here")
        return framed(
            figure, "A title of so many words " * 3, [line({}, "a line " * 9)], "So. " * 30
        )

    usual = drawn()
    with for_phones():
        narrow = drawn()
    assert [usual.get_size_inches()[0], narrow.get_size_inches()[0]] == [WIDTH, PHONE]
    words = [
        [one.get_text().split() for one in texts_of(figure) if one.get_text()[0].isalpha()]
        for figure in (usual, narrow)
    ]
    assert words[0] == words[1]
    assert_readable(narrow)
    narrow.set_size_inches(PHONE, usual.get_size_inches()[1])  # negative control: not made higher
    with pytest.raises(UserWarning, match="collapsed to zero"):
        assert_readable(narrow)
    assert drawn().get_size_inches()[0] == WIDTH


def test_readability_is_noticed_when_it_is_missing():
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    figure.legend(handles=axes.plot([0, 1], label="a line"), title="Fine")
    figure.supxlabel("nothing wrong")
    axes.xaxis.set_major_locator(FixedLocator([0.5]))
    assert_readable(figure)
    axes.xaxis.set_major_locator(FixedLocator([0.5, 0.51]))
    with pytest.raises(AssertionError, match="lies over"):
        assert_readable(figure)
    axes.xaxis.set_major_locator(FixedLocator([0.5]))
    axes.text(0.9, 0.5, "a remark that is far too long to stay within the figure")
    with pytest.raises(AssertionError, match="sticks out"):
        assert_readable(figure)


@pytest.mark.parametrize(
    "case",
    ["coins", *(pytest.param(case, marks=pytest.mark.slow) for case in ("heights", "two columns"))],
)
def test_a_file_gives_the_same_pictures(case, tmp_path):
    comparison = comparison_of(case)
    comparison.save(tmp_path / "kept.nc")
    again = comparisons.load(tmp_path / "kept.nc").tree
    pairs = zip(pictures.pictures_of(comparison), pictures.pictures_of(Facts(again)), strict=True)
    for one, other in pairs:
        assert one[:3] == other[:3]
        assert pictures.svg(one.figure()) == pictures.svg(other.figure())


def test_the_users_settings_are_neither_changed_nor_followed():
    plain = pictures.svg(picture("heights", "data").figure())
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30, "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        styled = pictures.svg(picture("heights", "data").figure())
        assert dict(mpl.rcParams) == before
    assert styled == plain


@pytest.mark.parametrize("case", EXPECTED)
def test_posterior_lines_stand_where_the_numbers_are(case):
    tree = tree_of(case)
    table, figure = tree["comparison"].to_dataset(), pictures.posterior(Facts(tree))
    titles = [row.title for row in Facts(tree).parameters]
    for number, axes in enumerate(figure.axes):
        row = table.isel(parameter=number)
        mle, se = float(row["mle"]), float(row["se"])
        assert axes.get_xlabel().split("\n")[0] == titles[number]
        *curve, upright = lines_of(axes, EM)
        np.testing.assert_array_equal(upright.get_xdata(), mle)
        low, high = axes.get_xlim()
        assert low < mle < high
        if np.isfinite(se):
            x, y = curve[0].get_data()
            np.testing.assert_allclose(y, norm.pdf(x, mle, se))
        else:
            assert not curve
        (drawn,) = lines_of(axes, POSTERIOR)
        x, y = drawn.get_data()
        # the bulk: all draws but far tails, give or take the kernel's smoothing
        assert 0.9 < np.trapezoid(y, x) < 1.02
        if "truth" in row:
            (true,) = lines_of(axes, TRUTH)
            np.testing.assert_array_equal(true.get_xdata(), float(row["truth"]))


def test_posterior_of_many_parameters_names_those_left_out():
    tree = tree_of("three columns")
    labels = [row.title for row in Facts(tree).parameters]
    figure = pictures.posterior(Facts(tree))
    assert [axes.get_xlabel() for axes in figure.axes] == labels[:24]
    assert all(label in caption_of(figure) for label in labels[24:])
    assert labels[23] not in caption_of(figure)


def test_posterior_of_a_constant_shows_lines_only():
    tree = tree_of("heights")
    mean, table = tree["posterior"]["mean"].to_numpy().copy(), tree["comparison"]
    mean[..., 0] = 165.0
    row = list(table["parameter"].to_numpy()).index("mean[0]")
    numbers = {name: table[name].to_numpy().copy() for name in ("se", "sd", "low", "high")}
    for name, values in numbers.items():
        values[row] = 0.0 if name in ("se", "sd") else 165.0
    still = changed(changed(tree, "posterior", mean=mean), "comparison", **numbers)
    axes = pictures.posterior(Facts(still)).axes[row]
    assert len(lines_of(axes, EM)) == 1
    np.testing.assert_array_equal(lines_of(axes, POSTERIOR)[0].get_xdata(), 165.0)
    assert "mean[1]" not in "".join(one.get_ylabel() for one in pictures.pairs(Facts(still)).axes)
    assert len(lines_of(pictures.posterior(Facts(tree)).axes[row], EM)) == 2


def test_no_standard_errors_are_said_to_be_none():
    assert any(
        "no standard errors" in entry
        for entry in entries_of(pictures.posterior(Facts(tree_of("spike"))))
    )
    assert any(
        "no standard errors" in entry
        for entry in entries_of(pictures.pairs(Facts(tree_of("spike"))))
    )
    for draw in (pictures.posterior, pictures.pairs):
        assert not any(
            "no standard" in entry for entry in entries_of(draw(Facts(tree_of("heights"))))
        )


def test_bars_hold_every_observation_by_its_count():
    flat = (np.arange(12.0), np.full(12, 0.1))
    x, counts = np.arange(10.0), np.array(DEATHS)
    bars = bars_of(x, counts, flat, whole=True)
    np.testing.assert_allclose(bars.edges, np.arange(-0.5, 10))
    np.testing.assert_allclose(bars.heights, counts / counts.sum())
    tenths = np.arange(1500, 1900) / 10
    slope = (np.array([150.0, 170, 190]), np.array([0.0, 0.05, 0.0]))
    bars = bars_of(tenths, np.full(400, 7), slope, whole=False)
    assert bars.width / 0.1 == pytest.approx(round(bars.width / 0.1))
    np.testing.assert_allclose((bars.heights * bars.width).sum(), 1)
    np.testing.assert_allclose(bars.heights[:-1], 1 / 40)  # of a level sample, level
    alone = bars_of(np.array([3.0]), np.array([5]), (np.array([2.0, 4]), np.ones(2)), whole=False)
    np.testing.assert_allclose(alone.heights, [1])


@pytest.mark.parametrize("case", ["heights", "coins", "unequal coins", "deaths", "one parameter"])
def test_data_curves_are_densities(case):
    (axes,) = pictures.data(Facts(tree_of(case))).axes
    density = tree_of(case)["density"]
    for shade, name in ((EM, "plug_in"), (POSTERIOR, "predictive")):
        (line,) = lines_of(axes, shade)
        x, y = line.get_data()
        np.testing.assert_array_equal(y, density[name])
        total = np.trapezoid(y, x) if case == "heights" else y.sum()
        # a grid over the data's range leaves out the tails beyond
        assert 0.95 < total < 1.005
    parts = [lines_of(axes, shade) for shade in COMPONENTS[:2]]
    if density.sizes["component"] == 2:
        both = sum(line.get_ydata() for (line,) in parts)
        np.testing.assert_allclose(both, density["plug_in"])
    area = sum(bar.get_height() for bar in axes.patches)
    if case == "coins":
        assert area == pytest.approx(1)
        assert sorted(
            bar.get_x() + bar.get_width() / 2 for bar in axes.patches if bar.get_height()
        ) == [4, 5, 7, 8, 9]


def test_a_spike_does_not_squash_the_data():
    tree = tree_of("spike")
    figure = pictures.data(Facts(tree))
    (axes,) = figure.axes
    highest = max(bar.get_height() for bar in axes.patches)
    assert float(tree["density"]["plug_in"].max()) > 100 * highest
    assert highest < axes.get_ylim()[1] < 2 * highest
    assert "outside the frame" in caption_of(figure)
    assert "beyond the frame" not in caption_of(pictures.data(Facts(tree_of("heights"))))


def gross(tree: xr.DataTree, value: float) -> xr.DataTree:
    """Return the tree with the largest observation written with a slip of the decimal point."""
    found = tree
    for group in ("constant_data", "memberships"):
        x = tree[group]["x"].to_numpy().copy()
        x[x.argmax()] = value
        found = changed(found, group, x=x)
    return found


def test_a_gross_outlier_does_not_squash_the_data():
    tree = tree_of("heights")
    x = tree["constant_data"]["x"].to_numpy()
    far = gross(tree, 17_000)
    for draw in (pictures.data, pictures.memberships):
        figure = draw(Facts(far))
        assert_readable(figure)
        for axes in figure.axes:
            low, high = axes.get_xlim()
            assert x.min() - 20 < low < high < x.max() + 20
        assert "Outside the frame: 1 observation at 17,000." in caption_of(figure)
        assert "Outside" not in caption_of(draw(Facts(tree)))
    (axes,) = pictures.data(Facts(far)).axes
    (arrow,) = axes.texts
    assert arrow.get_text() == "1 observation\nat 17,000"
    n = int(tree.attrs["observations"])
    area = sum(bar.get_height() * bar.get_width() for bar in axes.patches[:-1])
    assert area == pytest.approx((n - 1) / n, abs=0.02)
    (alt,) = [one.alt for one in pictures.pictures_of(Facts(far)) if one.name == "data"]
    assert "to 17,000, " in alt
    below = caption_of(pictures.data(Facts(gross(tree, -9_999.5))))
    assert "1 observation at \N{MINUS SIGN}9,999.5." in below


def test_a_frame_shows_all_unless_most_of_it_is_empty():
    once = np.ones(100, int)
    x = np.linspace(160, 190, 100)
    assert frame_of(x, once) == (160, 190)
    assert frame_of(np.append(x, 17_000), np.ones(101, int)) == (160, 190)
    assert frame_of(np.append(x, 300), np.ones(101, int)) == (160, 300)
    assert frame_of(np.append(x, 17_000), np.append(once, 50)) == (160, 17_000)  # a group
    assert frame_of(np.array([3.0]), np.array([7])) == (3, 3)
    assert frame_of(np.array([3.0, 9.0]), np.array([99, 1])) == (3, 9)


def test_axes_are_called_by_the_columns_names():
    for case, names, draw in (
        ("heights", ["height in cm"], pictures.data),
        ("heights", ["height in cm"], pictures.memberships),
        ("two columns", ["length", "width"], pictures.plane),
    ):
        tree = tree_of(case).copy()
        Facts(tree).name_columns(names)
        figure = draw(Facts(tree))
        assert_readable(figure)
        shown = {axes.get_xlabel() for axes in figure.axes}
        shown |= {axes.get_ylabel() for axes in figure.axes}
        assert set(names) <= shown
        assert not set(names) & {axes.get_xlabel() for axes in draw(Facts(tree_of(case))).axes}


def test_end_ticks_of_neighbours_keep_apart():
    figure = pictures.posterior(Facts(tree_of("three columns")))
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    frames = sorted({axes.get_window_extent().x0 for axes in figure.axes})
    ends = [axes.get_window_extent() for axes in figure.axes]
    gaps = [left - box.x1 for box in ends for left in frames if left > box.x1]
    assert min(gaps) > 0.2 * figure.dpi


def test_an_estimate_without_a_likelihood_has_no_density():
    tree = tree_of("heights")
    density = tree["density"]
    without = changed(
        tree,
        "density",
        plug_in=np.zeros(density.sizes["x"]),
        components=np.zeros((2, density.sizes["x"])),
    )
    figure = pictures.data(Facts(without))
    assert not lines_of(figure.axes[0], EM)
    assert "probability 0" in caption_of(figure)
    infinite = changed(tree, "deviance", deviance=np.full((2, 200), -np.inf))
    assert "deviance" not in [one.name for one in pictures.pictures_of(Facts(infinite))]
    with pytest.raises(ValueError, match="not finite"):
        pictures.deviance(Facts(infinite))


@pytest.mark.parametrize(
    ("case", "shift"), [("heights", 0), ("heights", 400), ("spike", -300), ("one parameter", 0)]
)
def test_deviance_stands_beside_its_expectation(case, shift):
    kept = tree_of(case)["deviance"]["deviance"].to_numpy()
    tree = changed(tree_of(case), "deviance", deviance=kept + shift)
    figure = pictures.deviance(Facts(tree))
    assert_readable(figure)
    (axes,) = figure.axes
    curve, upright = lines_of(axes, EM)
    p = int(tree.attrs["deviance_df"])
    x, y = curve.get_data()
    np.testing.assert_allclose(y, chi2.pdf(x, p))
    np.testing.assert_array_equal(upright.get_xdata(), p)
    (mean,) = lines_of(axes, POSTERIOR)
    np.testing.assert_allclose(mean.get_xdata(), (kept + shift).mean())
    low, high = axes.get_xlim()
    assert low < min(0, np.median(kept + shift))
    assert high > max(p, np.median(kept + shift))
    (bars,) = [one for one in axes.patches if hasattr(one, "get_data")]
    heights, edges, _ = bars.get_data()
    assert 0.99 < (heights * np.diff(edges)).sum() <= 1 + 1e-9
    better = int((kept + shift < -0.02).sum())
    assert caption_of(figure).startswith(f"{better:,} of" if better else "No draw")
    title = figure.legends[0].get_title().get_text()
    side = "below or above" if 0 < better < kept.size else "above" if better else "below"
    assert f"the draws lie {side} " in title.replace("\n", " ")


def climbs(tree: xr.DataTree, heights: list[list[float]], optima: list[tuple[float, int, int]]):
    """Return the tree with other climbs, and other optima (height, starts, spike)."""
    longest = max(map(len, heights))
    filled = [row + [np.nan] * (longest - len(row)) for row in heights]
    found = tree.copy()
    found["ascent"] = xr.DataTree(xr.Dataset({"height": (("start", "step"), np.array(filled))}))
    high, starts, spikes = map(np.array, zip(*optima, strict=True))
    found["optima"] = xr.DataTree(
        xr.Dataset(
            {
                "log_likelihood": ("optimum", high.astype(float)),
                "starts": ("optimum", starts),
                "spike": ("optimum", spikes),
                "empty": ("optimum", 0 * spikes),
            }
        )
    )
    return changed_height(found, high[0])


def changed_height(tree: xr.DataTree, height: float) -> xr.DataTree:
    found = tree.copy()
    kept = found["em"].to_dataset()
    kept.attrs = kept.attrs | {"log_likelihood": height}
    found["em"] = xr.DataTree(kept)
    return found


def test_ascent_tells_optima_spikes_and_lost_starts_apart():
    tree = climbs(
        tree_of("heights"),
        [[-130, -101, -100.0], [-120, -100.0009], [-125, -103.0], [-110, -80.0], [-140, -135.0]],
        [(-100, 2, 0), (-103, 1, 0), (-80, 1, 1)],
    )
    np.testing.assert_array_equal(reached(Facts(tree)), [0, 0, 1, 2, -1])
    figure = pictures.ascent(Facts(tree))
    assert_readable(figure)
    assert entries_of(figure) == [
        "best optimum of these starts: 2 starts",
        "optimum at \N{MINUS SIGN}3: 1 start",
        "1 spike, set aside: 1 start",
        "abandoned, or at no optimum: 1 start",
    ]
    tree["ascent"].attrs["starts"] = 25  # of very many observations not all starts are drawn
    assert entries_of(pictures.ascent(Facts(tree)))[-1] == "abandoned, or at no optimum: 21 starts"
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["spike"]
    best = max(lines_of(axes, EM), key=lambda line: line.get_linewidth())
    np.testing.assert_array_equal(best.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(best.get_ydata(), [-30, -1, 0])
    low, high = axes.get_ylim()
    assert low < -40
    assert high > 20
    assert all(place == round(place) for place in axes.get_xticks())


def test_several_spikes_are_named_by_the_legend_alone():
    tree = climbs(
        tree_of("heights"),
        [[-130, -101, -100.0], [-125, -80.0], [-110, -80.5]],
        [(-100, 1, 0), (-80, 1, 1), (-80.5, 1, 1)],
    )
    figure = pictures.ascent(Facts(tree))
    assert_readable(figure)
    assert "2 spikes, set aside: 2 starts" in entries_of(figure)
    (axes,) = figure.axes
    assert not axes.texts
    assert sum(line.get_marker() == "^" for line in axes.lines) == 2


def test_optima_of_one_height_are_not_told_apart():
    tree = climbs(
        tree_of("heights"), [[-5, -3.0], [-9, -8.0]], [(-3, 1, 0), (-3.0001, 1, 0), (-8, 1, 0)]
    )
    np.testing.assert_array_equal(reached(Facts(tree)), [-1, 2])
    assert_readable(pictures.ascent(Facts(tree)))


def test_another_estimate_is_marked_on_the_ascent():
    tree = tree_of("heights")
    best = float(tree["optima"]["log_likelihood"][0])
    (axes,) = pictures.ascent(Facts(changed_height(tree, best - 50))).axes
    level = [line for line in axes.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(level[0].get_ydata(), -50)
    assert not [
        line for line in pictures.ascent(Facts(tree)).axes[0].lines if line.get_linestyle() == ":"
    ]


def test_a_flat_climb_is_drawn():
    tree = climbs(tree_of("heights"), [[-7.0]], [(-7, 1, 0)])
    assert_readable(pictures.ascent(Facts(tree)))


@pytest.mark.parametrize("case", ["heights", "coins", "deaths"])
def test_membership_curves_are_both_answers(case):
    both, figure = tree_of(case)["memberships"], pictures.memberships(Facts(tree_of(case)))
    assert len(figure.axes) == both.sizes["component"]
    for component, axes in enumerate(figure.axes):
        for shade, name in ((EM, "em"), (POSTERIOR, "posterior")):
            (line,) = lines_of(axes, shade)
            np.testing.assert_array_equal(line.get_xdata(), both["x"])
            np.testing.assert_array_equal(line.get_ydata(), both[name][:, component])


@pytest.mark.parametrize("case", ["unequal coins", "two columns"])
def test_memberships_without_one_x_are_a_cloud(case):
    both, figure = tree_of(case)["memberships"], pictures.memberships(Facts(tree_of(case)))
    (axes,) = figure.axes
    for component, cloud in enumerate(axes.collections):
        x, y = np.asarray(cloud.get_offsets()).T
        np.testing.assert_array_equal(x, both["em"][:, component])
        np.testing.assert_array_equal(y, both["posterior"][:, component])


def mahalanobis(patch: PathPatch, centre: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return how many standard deviations from a centre an ellipse runs."""
    along = np.linspace(0, 1, 9)
    arcs = [arc(along) for arc, code in patch.get_path().iter_bezier() if code == Path.CURVE4]
    apart = np.vstack(arcs) - centre
    return np.sqrt((apart @ np.linalg.inv(covariance) * apart).sum(axis=1))


def test_pairs_are_free_and_their_ellipses_are_the_standard_errors():
    tree = tree_of("heights")
    figure = pictures.pairs(Facts(tree))
    assert len(figure.axes) == 10  # of five: the last share is no parameter of its own
    corner = figure.axes[0]
    table, known = tree["comparison"], tree["em"]["covariance"]
    names = ["weight[0]", "mean[0]"]
    centre = table["mle"].sel(parameter=names).to_numpy()
    covariance = known.sel(parameter=names, parameter_bis=names).to_numpy()
    one, two = [patch for patch in corner.patches if isinstance(patch, PathPatch)]
    np.testing.assert_allclose(mahalanobis(one, centre, covariance), 1, rtol=1e-3)
    np.testing.assert_allclose(mahalanobis(two, centre, covariance), 2, rtol=1e-3)
    wrong = centre + np.sqrt(np.diagonal(covariance)) / 10
    assert np.ptp(mahalanobis(one, wrong, covariance)) > 0.1
    cross, star = corner.lines[-2:]
    np.testing.assert_allclose(np.ravel(cross.get_data()), centre)
    np.testing.assert_allclose(np.ravel(star.get_data()), table["truth"].sel(parameter=names))
    assert len(corner.collections[0].get_offsets()) == 400


def test_pairs_of_many_parameters_say_so():
    figure = pictures.pairs(Facts(tree_of("three columns")))
    assert len(figure.axes) == 15
    assert "first 6 of 29 free parameters" in caption_of(figure)
    assert "free parameters" not in caption_of(pictures.pairs(Facts(tree_of("heights"))))


def test_plane_holds_rows_and_ellipses():
    tree = tree_of("two columns")
    (axes,) = pictures.plane(Facts(tree)).axes
    points, thin = axes.collections
    both = tree["memberships"]
    np.testing.assert_array_equal(points.get_offsets(), both["x"])
    likeliest = both["em"].to_numpy().argmax(axis=1)
    shades = [to_hex(one).upper() for one in points.get_facecolors()]
    assert shades == [COMPONENTS[one] for one in likeliest]
    assert len(thin.get_paths()) == 2 * 40
    em = tree["em"]
    dashed = [one for one in axes.patches if to_hex(one.get_edgecolor()).upper() == EM]
    for patch, (component, radius) in zip(dashed, [(0, 1), (0, 2), (1, 1), (1, 2)], strict=True):
        centre, cov = em["mean"].to_numpy()[component], em["cov"].to_numpy()[component]
        np.testing.assert_allclose(mahalanobis(patch, centre, cov), radius, rtol=1e-3)
    assert len(pictures.plane(Facts(tree_of("three columns"))).axes) == 3


def test_large_tables_are_thinned():
    tree = tree_of("two columns")
    both = tree["memberships"].to_dataset().isel(row=np.arange(9_000) % 200)
    large = tree.copy()
    large["memberships"] = xr.DataTree(both)
    for draw in (pictures.plane, pictures.memberships):
        figure = draw(Facts(large))
        assert max(len(one.get_offsets()) for one in figure.axes[0].collections) == 2_000
        assert len(pictures.svg(figure)) < LARGEST


@pytest.mark.slow
def test_an_estimate_of_somebody_elses_is_not_called_em():
    estimate = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([1.6, 1.8]), np.array([0.1, 0.1])))
    tree = comparisons.compare(estimate, tree_of("heights")).tree  # heights in metres, by mistake
    for one in pictures.pictures_of(Facts(tree)):
        figure = one.figure()
        assert_readable(figure)
        if one.name != "ascent":
            assert not any("EM" in entry for entry in entries_of(figure))
            assert "EM's" not in one.alt


def test_the_band_of_a_table_with_blanks_is_as_wide_as_the_column_seen_least_asks_for():
    x = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 6.0]])
    facts = SimpleNamespace(rows=Rows(x, np.array([2, 1, 1]), None), observations=4)
    assert misfit_pictures._seen(facts) == 2
    facts.rows = Rows(np.nan_to_num(x), np.array([2, 1, 1]), None)
    assert misfit_pictures._seen(facts) == 4  # negative control: nothing is blank
