"""Pictures as parts of a page: what is left out, and the colours that they take at night."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from comparisons.pages.embedded import embedded
from comparisons.pictures.style import COMPONENTS, EM, NIGHT, POSTERIOR, svg

PLAIN = 3.0  # WCAG 2.1, 1.4.11: contrast of what has to be seen


def drawn() -> str:
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([0.0, 0.5, 2.0], [1.0, 10.0, 0.25], color=EM)
    axes.bar([1.0], [3.0], color=POSTERIOR)
    axes.text(1.0, 1.0, "on the bar", color="white")
    axes.text(1.0, 2.0, "beside it", color="#123456")
    axes.imshow(np.zeros((2, 2)), gid="photo-0")
    return svg(figure)


def light(colour: str) -> float:
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    lower, higher = sorted((light(one), light(other)))
    return (higher + 0.05) / (lower + 0.05)


def test_colours_with_a_night_of_their_own_become_variables():
    page = embedded(drawn(), "own", "Title", "Words.")
    assert f"stroke: var(--{EM.lower()[1:]},{EM.lower()})" in page
    assert "fill: var(--ffffff,#ffffff)" in page  # paper
    assert re.search(r"<text[^>]*fill: #fff[;\"]", page)  # white on a bar stays white
    assert not re.search(r"<text[^>]*ffffff", page)


def test_a_page_keeps_the_places_of_a_picture_in_less_room():
    written = drawn()
    page = embedded(written, "own", "Title", "Words.")

    def numbers(text: str) -> list[list[float]]:
        paths = re.findall(r' d="([^"]*)"', text)
        return [[float(one) for one in re.findall(r"-?[\d.]+(?:e-?\d+)?", path)] for path in paths]

    assert numbers(page) == numbers(written)
    assert numbers(page.replace("L", "L1", 1)) != numbers(written)  # negative control
    assert len(page) < 0.8 * len(written)
    assert "DejaVu" not in page
    assert "<!--" not in page
    ids = re.findall(r' id="([^"]*)"', page)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]*)', page))
    assert used <= set(ids)
    assert {one for one in ids if one not in used} == {"own-photo-0"}


@pytest.mark.parametrize("day", NIGHT)
def test_every_colour_is_seen_at_night_as_well_as_by_day(day):
    night = NIGHT["#FFFFFF"]
    if day == "#FFFFFF":
        assert contrast(NIGHT[day], "#FFFFFF") > 10
    else:
        assert contrast(NIGHT[day], night) >= min(contrast(day, "#FFFFFF"), PLAIN)
    assert contrast("#332288", night) < PLAIN  # negative control: as it is by day


def test_groups_have_colours_apart_at_night_too():
    """Colours that differ by day differ at night, by half as much at least."""

    def apart(colours: list[str]) -> float:
        each = [np.array(to_rgb(one)) for one in colours]
        return min(float(np.abs(one - other).sum()) for one, other in combinations(each, 2))

    day = [EM, POSTERIOR, *COMPONENTS]
    assert apart([NIGHT[one] for one in day]) > apart(day) / 2
    assert apart([NIGHT[one] for one in day] + [NIGHT[EM]]) == 0  # negative control
