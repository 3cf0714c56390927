"""A picture as part of a page: small, apart from its neighbours, and in the page's colours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from comparisons.pictures.style import for_phones, svg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comparisons.pictures.catalogue import Picture

__all__ = ["embedded", "inlined"]

ASIDE = re.compile(r"<!--.*?-->|<(style|metadata)\b.*?</\1>", re.DOTALL)
COLOUR = re.compile(r'((?:fill|stroke): |(?:fill|stroke)=")(#[0-9a-f]{6})')
FONTS = re.compile(r"font-family: 'DejaVu Sans', 'Bitstream[^;\"]*(?:; )?")  # the page has its own
ID = re.compile(r' id="([^"]*)"')
LINK = re.compile(r'(?:url\(#|href="#)([^")]*)')
PATH = re.compile(r' d="[^"]*"')
TEXT = re.compile(r"<text\b[^>]*>")
PHOTO = "photo"  # begins ids of pictures that stay as they are at night
WHITE = "fill: #ffffff"  # a label on a bar stays white at night, when paper is dark


def inlined(pictures: Iterable[Picture]) -> list[Markup]:
    """Return the SVG of each picture: for a desk, and where it differs for a phone.

    Its title and caption are drawn. Its words are read to those who do not see it.

    >>> from comparisons.pictures.catalogue import Picture
    >>> from comparisons.pictures.style import blank
    >>> picture = Picture("empty", "Nothing", "An empty picture.", lambda: blank(2.0))
    >>> inlined([picture])[0].startswith("<svg")
    True
    """
    return [_drawn(one) for one in pictures]


def _drawn(picture: Picture) -> Markup:
    name, title, alt, figure = picture
    usual = svg(figure())
    with for_phones():
        narrow = svg(figure())
    if narrow == usual:
        return embedded(usual, name, title, alt)
    desk = embedded(usual, name, title, alt, "desk")
    return desk + embedded(narrow, f"{name}-phone", title, alt, "phone")


def embedded(written: str, name: str, title: str, alt: str, screen: str = "") -> Markup:
    """Return an SVG as an element of a page.

    Its colours are variables, which the page sets anew for the night: `var(--d55e00,#d55e00)`.

    name: goes before its ids, which have to differ from those of other pictures.
    title, alt: what it is called, and what it shows, for those who do not see it.
    screen: its class, where it is for some screens only.

    >>> from comparisons.pictures.style import blank
    >>> str(embedded(svg(blank(1.0)), "one", "Nothing", "Empty.")).partition("<defs>")[0]
    '<svg viewBox="0 0 648 72" role="img" aria-label="Empty."><title>Nothing</title>'
    """
    body = _tidied(ASIDE.sub("", written))
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    body = TEXT.sub(lambda found: found[0].replace(WHITE, "fill: #fff"), body)
    body = COLOUR.sub(lambda found: f"{found[1]}var(--{found[2][1:]},{found[2]})", body)
    opening = re.search(r'<svg\b[^>]*\bviewBox="([^"]*)"[^>]*>', body)
    assert opening is not None
    of = Markup(' class="{}"').format(screen) if screen else ""
    label = Markup('<svg{} viewBox="{}" role="img" aria-label="{}"><title>{}</title>')
    return label.format(of, opening[1], alt, title) + Markup(body[opening.end() :])  # noqa: S704


def _tidied(body: str) -> str:
    """Return an SVG without what nobody sees: blanks, names of fonts and ids without use."""
    used = {*LINK.findall(body)}
    body = ID.sub(
        lambda found: found[0] if found[1] in used or found[1].startswith(PHOTO) else "", body
    )
    body = PATH.sub(_closer, FONTS.sub("", body))
    return re.sub(r">\s+<", "><", body)


def _closer(path: re.Match[str]) -> str:
    """Return a path without blanks around its letters, and without ending zeros."""
    within = re.sub(r"(\.\d*?)0+(?!\d)", r"\1", path[0][4:-1])
    within = re.sub(r"\.(?!\d)", "", within)
    return f' d="{re.sub(r"\s*([A-Za-z])\s*", r"\1", within).strip()}"'
