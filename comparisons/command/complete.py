"""What a shell offers on Tab for an option: families, forms, columns of the file, and the like.

Every function takes what is typed so far and returns all that may be meant; typer keeps what begins
with it. A shell waits for the answer, so each loads as little as it can.
"""

from __future__ import annotations

from contextlib import suppress

import typer

__all__ = [
    "beginnings",
    "columns",
    "draws",
    "families",
    "forms",
    "forms_or_all",
    "halves",
    "parts",
    "structures",
    "studies",
]

UNSAFE = frozenset(" \"'`$&|;<>()*?[]{}\\!#~:=")  # characters by which a shell divides words


def families(incomplete: str) -> list[str]:
    """Return the families; behind a comma those for another one.

    >>> "poisson" in families("p"), "gamma,poisson" in families("gamma,p")
    (True, True)
    """
    from models.names import FAMILIES

    before = incomplete[: incomplete.rfind(",") + 1]
    return [f"{before}{name}" for name in FAMILIES]


def forms(incomplete: str) -> list[str]:
    """Return the forms of covariances.

    >>> forms("")[0]
    'full'
    """
    from comparisons.command.inputs import forms as known

    return known()


def forms_or_all(incomplete: str) -> list[str]:
    """Return the forms of covariances, and `all`.

    >>> forms_or_all("")[-1]
    'all'
    """
    return [*forms(incomplete), "all"]


def beginnings(incomplete: str) -> list[str]:
    """Return how a sequence may begin.

    >>> beginnings("")
    ['stationary', 'free', 'uniform']
    """
    from models.sequences import INITIALS

    return list(INITIALS)


def structures(incomplete: str) -> list[str]:
    """Return the structures of which data can be simulated.

    >>> structures("")
    ['mixture', 'hidden-markov', 'admixture']
    """
    from comparisons.trust.layouts import LAYOUTS

    return list(LAYOUTS)


def draws(incomplete: str) -> list[str]:
    """Return what is no number of draws.

    >>> draws("")
    ['auto']
    """
    return ["auto"]


def halves(incomplete: str) -> list[str]:
    """Return what can be run by itself.

    >>> halves("")
    ['em']
    """
    return ["em"]


def studies(incomplete: str) -> list[tuple[str, str]]:
    """Return the studies and their questions.

    >>> "heights" in dict(studies("h"))
    True
    """
    from comparisons.studies import STUDIES

    return list(STUDIES.items())


def parts(incomplete: str) -> list[str]:
    """Return what can be measured by itself.

    >>> "growth" in parts("g")
    True
    """
    from comparisons.speed import PARTS

    return list(PARTS)


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the columns of the file that was typed, of a pattern those of its first file.

    Nothing is offered for a pipe, for a file that cannot be read, and for names that a shell would
    take apart.
    """
    # an option that waits for its value leaves the arguments as they are
    file = str(ctx.params.get("file") or next(iter(ctx.args), "-"))
    if file == "-":
        return []
    with suppress(OSError, ValueError):
        from models.reading.files import column_names, sources_at

        names = column_names(sources_at(file)[0])
        return [one for one in names if one.isprintable() and not UNSAFE & set(one)]
    return []
