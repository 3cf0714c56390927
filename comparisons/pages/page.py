"""A page from a template: one self-contained HTML file, whose pictures are part of it."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from comparisons.pictures.style import svg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comparisons.pictures.catalogue import Picture

__all__ = ["inlined", "rendered"]

HOME = "comparisons.pages"  # of the templates that all pages share


def rendered(template: str, home: str = HOME, **names: object) -> str:
    """Return a template filled in.

    home: the package of the template; what it extends may lie beside this file.

    >>> "Second Opinion" in rendered("page.html.j2")
    True
    """

    def source(name: str) -> str | None:
        found = (files(package).joinpath(name) for package in (home, HOME))
        return next((one.read_text("utf-8") for one in found if one.is_file()), None)

    environment = Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(source),
    )
    return environment.get_template(template).render(**names)


def inlined(pictures: Iterable[Picture]) -> list[tuple[str, str, Markup]]:
    """Return title, words and SVG of each picture.

    >>> from comparisons.pictures.catalogue import Picture
    >>> from comparisons.pictures.style import blank
    >>> picture = Picture("empty", "Nothing", "An empty picture.", lambda: blank(2.0))
    >>> inlined([picture])[0][2].startswith("<svg")
    True
    """
    return [(one.title, one.alt, _inlined(one)) for one in pictures]


def _inlined(picture: Picture) -> Markup:
    """Return a picture as an SVG that can share a page with others."""
    # its style would apply to the whole page; the template has one for pictures
    body = re.sub(r"<(style|metadata)\b.*?</\1>", "", svg(picture.figure()), flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{picture.name}-", body)
    opening = re.search(r'<svg\b[^>]*\bviewBox="([^"]*)"[^>]*>', body)
    assert opening is not None
    label = Markup('<svg viewBox="{}" role="img" aria-label="{}"><title>{}</title>')
    return label.format(opening[1], picture.alt, picture.title) + Markup(body[opening.end() :])  # noqa: S704
