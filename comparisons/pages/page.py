"""A page from a template: one self-contained HTML file, whose pictures are part of it."""

from __future__ import annotations

import re
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from comparisons.pictures.style import NIGHT

__all__ = ["rendered"]

HYPHENED = re.compile(r"(<[^>]*>)|R-hat")  # no line ends within it
WHOLE = '<span class="whole-word">{}</span>'
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
    night = {day.lower()[1:]: dark for day, dark in NIGHT.items()}
    page = environment.get_template(template).render(night=night, **names)
    return HYPHENED.sub(lambda found: found[1] or WHOLE.format(found[0]), page)
