"""How the rows of a file belong together: in no way, in groups, in time, or in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from comparisons.command.inputs import groups_of, sample_of, sequences_of, table_of
from comparisons.kept.reading import Reading
from models.reading.notation import UNKNOWN
from models.reading.source import Files
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distributed import Client

    from comparisons.command.inputs import Observed
    from models.family import Theta
    from models.reading.columns import Progress
    from models.reading.source import Paths

__all__ = ["Arrangement", "arranged"]


class Arrangement(NamedTuple):
    """How rows belong together; in no way by default.

    in_order: rows follow each other in time.
    sequence, group: the column that names the sequence, or the group, of each row.
    initial: how sequences begin.
    table: the file is a table of counts, a row a group and a column a category.

    >>> Arrangement(group="village").option
    '--group'
    """

    in_order: bool = False
    sequence: str | None = None
    initial: str | None = None
    group: str | None = None
    table: bool = False

    @property
    def option(self) -> str:
        """The option that puts rows in groups; empty if none does."""
        return "--table" if self.table else "--group" if self.group is not None else ""

    def refuse_beside(
        self, columns: Mapping[str, object], *, drop_missing: bool, workers: bool
    ) -> None:
        """Refuse other options that make no sense with rows like these.

        columns: what is given for the options that name columns, by option.
        workers: whether the rows shall be read by several processes.

        >>> Arrangement(table=True).refuse_beside(
        ...     {"--column": [], "--counts": "n"}, drop_missing=False, workers=False
        ... )
        Traceback (most recent call last):
        models.refusal.Refusal: --table takes the first column for the groups and counts from ...
        """
        given = [option for option, value in columns.items() if value]
        if self.table and given:
            raise Refusal(
                "--table takes the first column for the groups and counts from all others; leave "
                f"out {', '.join(given)}"
            )
        if self.in_order and drop_missing:
            raise Refusal(
                "--drop-missing is not needed with rows in order: a blank row counts as not seen "
                "and keeps its place; leave it out"
            )
        if workers and (self.in_order or self.option):
            kept = "order" if self.in_order else "groups"
            raise Refusal(f"--workers and --cluster are for rows in no {kept}; leave them out")

    def observed(
        self,
        family: type[Theta],
        file: Paths,
        columns: Sequence[str],
        heads: str | None,
        trials: str | None,
        counts: str | None,
        *,
        drop_missing: bool,
        progress: Progress | None = None,
        client: Client | None = None,
    ) -> Observed:
        r"""Return what a file says was observed; `sample_of` explains the arguments.

        >>> from pathlib import Path
        >>> from models import Poisson
        >>> _ = Path("goals.csv").write_text("club,goals\nA,2\nA,0\nB,2\n")
        >>> asked = Poisson, "goals.csv", ["goals"], None, None, None
        >>> Arrangement(group="club").observed(*asked, drop_missing=False).data
        Groups(3 rows in 2 groups, 2 distinct)
        """
        found = self._read(
            (family, file, columns, heads, trials, counts),
            drop_missing=drop_missing,
            progress=progress,
            client=client,
        )
        x = () if self.table else tuple(columns if heads is None else [heads])
        flips = None if trials is None else int(trials) if trials.isdecimal() else trials.strip()
        names = tuple(name.strip() for name in x)
        times = None if counts is None else counts.strip()
        sequence = None if self.sequence is None else self.sequence.strip()
        group = None if self.group is None else self.group.strip()
        marks, sheet = (file.notation, file.sheet) if isinstance(file, Files) else (UNKNOWN, None)
        reading = Reading(
            names, flips, times, sequence, group, self.table, drop_missing, *marks, sheet or ""
        )
        return found._replace(reading=reading)

    def _read(
        self,
        asked: tuple[type[Theta], Paths, Sequence[str], str | None, str | None, str | None],
        *,
        drop_missing: bool,
        progress: Progress | None,
        client: Client | None,
    ) -> Observed:
        family, file = asked[:2]
        if self.table:
            return table_of(family, file, drop_missing=drop_missing, progress=progress)
        if self.group is not None:
            return groups_of(*asked, self.group, drop_missing=drop_missing, progress=progress)
        if self.in_order:
            return sequences_of(*asked, self.sequence, self.initial, progress)
        return sample_of(*asked, drop_missing=drop_missing, progress=progress, client=client)


def arranged(
    *,
    in_order: bool,
    sequence: list[str] | None,
    initial: str | None,
    group: list[str] | None,
    table: bool,
) -> Arrangement:
    """Return how rows belong together, or refuse options that do not go together.

    >>> arranged(in_order=False, sequence=["id"], initial=None, group=None, table=False).in_order
    True
    """
    found = Arrangement(
        in_order or bool(sequence),
        _only("--sequence", "sequence", sequence),
        initial,
        _only("--group", "group", group),
        table,
    )
    if initial is not None and not found.in_order:
        raise Refusal("--initial says how a sequence begins; it needs --in-order or --sequence")
    if table and found.group is not None:
        raise Refusal("--table takes the first column for the groups; leave out --group")
    if found.option and found.in_order:
        other = "--sequence" if found.sequence is not None else "--in-order"
        raise Refusal(
            f"{found.option} puts rows in groups, {other} puts them in time; give one of the two"
        )
    return found


def _only(option: str, what: str, named: list[str] | None) -> str | None:
    """Return the one column that names the sequence or the group of each row, or None."""
    if not named:
        return None
    if len(named) > 1:
        raise Refusal(f"{option} is given twice; one column names the {what} of each row")
    return named[0]
