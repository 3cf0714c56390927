"""One run of everything: measure part after part, print the tables, write JSON and the picture."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bayes import ChainsWarning
from comparisons.json_values import json_text
from comparisons.kept.atomic import written
from comparisons.pages.folder import save_figure
from comparisons.pages.terminal import printed, said, stepped
from comparisons.speed import (
    PARTS,
    admixtures,
    chains,
    compression,
    coordinates,
    growth,
    posterior,
    races,
    small,
    start_up,
)
from comparisons.speed.drawing import over_n
from comparisons.speed.peers import PEERS
from comparisons.speed.records import Found, Scale, joined
from comparisons.speed.samplers import NUMPYRO, STAN
from comparisons.speed.tables import GAP, json_of, machine, tables_of
from models.bar import bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from comparisons.speed.records import Say
    from comparisons.speed.tables import Speed

__all__ = ["FULL", "QUICK", "apart", "main", "measured", "missing", "save", "saying"]

FULL = Scale(
    rounds=5,
    rows=1_000_000,
    clouds=200_000,
    limit=100_000,
    whole=10_000_000,
    file=100_000_000,
    group=1_000_000,
    sizes=(10_000, 100_000, 1_000_000, 10_000_000, 100_000_000),
    flat=100_000,
    crowd=1_000_000,
    heights=10_000,
    people=200,
    small=500,
    replicates=(20, 120),
    duels=(2, 5),
    draws=1_000,
    thorough=True,
)
QUICK = Scale(
    rounds=1,
    rows=30_000,
    clouds=10_000,
    limit=2_000,
    whole=100_000,
    file=1_000_000,
    group=100_000,
    sizes=(10_000, 100_000),
    flat=10_000,
    crowd=20_000,
    heights=1_000,
    people=200,
    small=100,
    replicates=(2, 6),
    duels=(1, 1),
    draws=300,
    thorough=False,
)
MEASURES = {
    "em": races.measure,
    "small": small.measure,
    "compression": compression.measure,
    "growth": growth.measure,
    "start-up": start_up.measure,
    "posterior": posterior.measure,
    "chains": chains.measure,
    "admixtures": admixtures.measure,
    "coordinates": coordinates.measure,
}


def main(parts: Sequence[str], *, quick: bool, folder: Path | None, as_json: bool) -> bool:
    """Measure the parts, show them, write them down, and return whether samplers agree.

    parts: of PARTS.
    folder: a new one for speed.json and the picture; None for none.
    as_json: print the object and nothing else on standard output.

    >>> main([], quick=True, folder=None, as_json=True)
    {
    ...
      "parts": [],
    ...
    True
    """
    left_out = missing()
    for one in left_out:
        _told(f"left out: {one}")
    with saying() as say:
        found = measured(QUICK if quick else FULL, parts, say)
    value = json_of(found, parts, left_out, quick=quick)
    if as_json:
        printed(json_text(value))
    else:
        said(described())
        stepped(tables_of(found))
        if quick:
            said("Measured with --quick: small sizes, few rounds, no Stan. Not for quoting.")
    if folder is not None:
        written(folder, lambda target: save(target, value, found), replace=False)
        (_told if as_json else printed)(f"written: {folder}")
    if strangers := apart(found):
        _told(f"not the same posterior as ours: {'; '.join(strangers)}")
    return not strangers


def _told(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def apart(found: Found) -> list[str]:
    """Return whose chains have means that chance does not put so far from ours.

    >>> apart(Found())
    []
    """
    return [
        f"{one.who} on {one.data}, {one.gap:.1f} Monte Carlo errors from ours"
        for one in found.chains
        if one.gap is not None and one.gap > GAP
    ]


def missing() -> list[str]:
    """Return the peers that are not there, and what brings them.

    >>> all("it needs" in one for one in missing())
    True
    """
    return [
        f"{peer.name} is not found; it needs: {peer.brought}"
        for peer in (*PEERS, NUMPYRO, STAN)
        if not peer.found()
    ]


def measured(scale: Scale, parts: Sequence[str], say: Say) -> Found:
    """Measure some parts; the tables say how the chains fared, so that warnings need not.

    >>> measured(QUICK, [], print) == Found()
    True
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChainsWarning)
        return joined([MEASURES[part](scale, say) for part in PARTS if part in parts])


def described() -> str:
    """Say what was measured on."""
    on = machine()
    versions = ", ".join(f"{name} {found}" for name, found in {**on.packages, **on.r}.items())
    return (
        f"{on.processor}, {on.processors} processors, {on.memory / 2**30:.0f} GB; "
        f"{on.system}; Python {on.python}, {versions}"
    )


def save(target: Path, value: Speed, found: Found) -> None:
    """Write speed.json and, where n grew, the picture.

    >>> from pathlib import Path
    >>> save(Path("speed"), json_of(Found(), [], [], quick=True), Found())
    >>> [one.name for one in Path("speed").iterdir()]
    ['speed.json']
    """
    target.mkdir()
    (target / "speed.json").write_text(json_text(value) + "\n", encoding="utf-8")
    if found.curves:
        on = machine()
        figure = over_n(found.curves, f"{on.processor}, {on.processors} processors")
        save_figure(figure, target, "speed")


@contextmanager
def saying() -> Iterator[Say]:
    """Yield what reports each piece of work: a spinner on a terminal, lines elsewhere.

    >>> from contextlib import redirect_stderr
    >>> with redirect_stderr(sys.stdout), saying() as say:
    ...     say("start-up: imports")
    start-up: imports
    """
    with bar() as bars:
        task = bars.add_task("")

        def say(what: str) -> None:
            bars.update(task, description=what)
            if not bars.console.is_terminal:
                _told(what)

        yield say
