"""Names in all scripts: a font that has the letters, or numbers, and never boxes."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import matplotlib.font_manager as fonts
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from comparisons.command.finish import _tell_letters
from comparisons.pictures import letters
from comparisons.pictures.letters import drawable, families, undrawable
from comparisons.pictures.style import blank, framed, styled

HILL = chr(0x5C71)
UNKNOWN = chr(0x16FE4)  # a letter that hardly any font has
NAME = "Second Opinion Hill"


def square():
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 800), (900, 800), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


@pytest.fixture
def alone(monkeypatch):
    """Leave only the fonts that come with matplotlib."""
    own = [one for one in fonts.fontManager.ttflist if "matplotlib" in one.fname]
    monkeypatch.setattr(fonts.fontManager, "ttflist", own)
    monkeypatch.setattr(letters, "findSystemFonts", list)
    letters._look_again.cache_clear()
    letters._chosen.cache_clear()
    yield
    letters._chosen.cache_clear()
    letters._look_again.cache_clear()


@pytest.fixture
def installed(alone, monkeypatch, tmp_path):
    """Install a font of one Chinese character."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "hill"])
    builder.setupCharacterMap({ord(HILL): "hill"})
    builder.setupGlyf({".notdef": square(), "hill": square()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "hill": (1000, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": NAME, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(tmp_path / "hill.ttf")
    monkeypatch.setattr(fonts.fontManager, "ttflist", list(fonts.fontManager.ttflist))
    return tmp_path / "hill.ttf"


@pytest.fixture
def hill(installed):
    """Let matplotlib know of it."""
    fonts.fontManager.addfont(installed)


def drawn(name):
    @styled
    def picture():
        figure = blank(3.0)
        axes = figure.add_subplot()
        axes.yaxis.set_ticks([0, 1], ["well", name])
        axes.set_xlabel(name)
        return framed(figure, "Names", [], "A caption.")

    return picture()


def test_without_a_font_names_are_numbers_and_the_script_is_told(alone):
    names = ["well", HILL, "Straße"]
    assert drawable(names) == ("well", "no. 2", "Straße")
    said = undrawable(names)
    assert said.count("No installed font has Chinese characters") == 1
    assert families("".join(names)) == (letters.USUAL,)
    assert undrawable(["well", "Straße"]) == ""  # negative control
    assert "letters" in undrawable([chr(0x0939), chr(0x3042)])


def test_with_a_font_names_are_drawn_in_it(hill, recwarn):
    names = ["well", HILL]
    assert drawable(names) == tuple(names)
    assert undrawable(names) == ""
    assert families("".join(names)) == (letters.USUAL, NAME)
    figure = drawn(HILL)
    figure.savefig(BytesIO(), format="png")
    assert not [one for one in recwarn if "missing from font" in str(one.message)]
    (axes,) = figure.axes
    assert NAME in axes.xaxis.label.get_fontfamily()
    assert all(NAME in one.get_fontfamily() for one in axes.get_yticklabels())
    other = drawn("plain")  # negative control: other figures keep their fonts
    assert NAME not in other.axes[0].xaxis.label.get_fontfamily()


def test_a_font_that_was_installed_since_is_found(installed, monkeypatch):
    """Matplotlib lists fonts once and keeps the list."""
    assert drawable([HILL]) == ("no. 1",)
    letters._look_again.cache_clear()
    monkeypatch.setattr(letters, "findSystemFonts", lambda: [str(installed)])
    assert drawable([HILL]) == (HILL,)


def test_the_command_says_once_which_letters_have_no_font(alone, capsys):
    def said(*names):
        question = SimpleNamespace(titles=names)
        _tell_letters(SimpleNamespace(named={"category": names}, columns=names, question=question))
        return capsys.readouterr().err

    line = said("well", HILL)
    assert line.count("\n") == 1
    assert line.startswith("pictures: no installed font has Chinese characters; names written in")
    assert said("well", "ill") == ""  # negative control


def test_what_is_quoted_without_a_font_is_no_box(alone, recwarn):
    @styled
    def picture():
        figure = blank(3.0)
        figure.add_subplot().set_xlabel(f"of {HILL}")
        return framed(figure, f"{HILL}.csv", [], "A caption.")

    figure = picture()
    figure.savefig(BytesIO(), format="png")
    assert figure.axes[0].get_xlabel() == "of ?"
    assert not [one for one in recwarn if "missing from font" in str(one.message)]


def test_boxes_would_be_noticed(alone):
    """Matplotlib warns of a letter that it draws as a box."""
    with pytest.warns(UserWarning, match="missing from font"):
        drawn(HILL).savefig(BytesIO(), format="png")


@pytest.mark.parametrize(
    "name",
    ["\u0440\u043e\u0441\u0442", "\u03cd\u03c8\u03bf\u03c2", "\u0637\u0648\u0644", "Gr\xf6\xdfe"],
)
def test_russian_greek_and_arabic_names_need_no_other_font(name, alone, recwarn):
    assert drawable([name]) == (name,)
    drawn(name).savefig(BytesIO(), format="png")
    assert not [one for one in recwarn if "missing from font" in str(one.message)]
