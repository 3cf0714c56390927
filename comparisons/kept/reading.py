"""How the rows of a comparison were read from files, so that others can be read alike."""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["Reading", "reading_from"]


class Reading(NamedTuple):
    """The columns of files, as they were asked for.

    columns: of what was measured; none if the file is a table of counts.
    trials: the column of flips behind each number of heads, or one number of flips for all rows.
    counts: the column that says how often each row occurred.
    sequence, group: the column that names the sequence, or the group, of each row.
    table: whether the file is a table of counts, a row a group and a column a category.
    drop_missing: whether rows with blanks were dropped.
    decimal, thousands: the marks of numbers, as far as they were given.
    sheet: of a workbook, if one was given.

    >>> reading_from(Reading(("height",), group="village").text).group
    'village'
    """

    columns: tuple[str, ...]
    trials: str | int | None = None
    counts: str | None = None
    sequence: str | None = None
    group: str | None = None
    table: bool = False
    drop_missing: bool = False
    decimal: str = ""
    thousands: str = ""
    sheet: str = ""

    @property
    def text(self) -> str:
        """The same as JSON; without a sheet, versions that knew of none can read it."""
        kept = self._asdict()
        if not self.sheet:
            del kept["sheet"]
        return json.dumps(kept)


def reading_from(text: str) -> Reading:
    """Return what was written as JSON.

    >>> reading_from('{"columns": ["height"]}').columns
    ('height',)
    """
    found = json.loads(text)
    return Reading(**{**found, "columns": tuple(found["columns"])})
