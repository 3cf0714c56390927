"""The command that chooses the number of groups."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from comparisons.command.complete import families, forms_or_all
from comparisons.command.finish import (
    EXIT,
    INTERRUPTED,
    finish,
    print_json,
    refuse_out,
    shown,
    tell_dropped,
    typed,
)
from comparisons.command.options import (
    MODEL,
    SIDES,
    AsTable,
    Chains,
    Columns,
    Counts,
    Decimal,
    Df,
    Draws,
    DropMissing,
    EqualWeights,
    File,
    Force,
    Group,
    Heads,
    Initial,
    InOrder,
    Json,
    OutOfChoice,
    Overwrite,
    PriorText,
    Seed,
    Sequence,
    Sheet,
    Starts,
    Thousands,
    Trials,
    Zeros,
)
from comparisons.progress import loaded, rows_bar, saying_what_compiles, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Several
    from pathlib import Path

    from comparisons.choice.choose import Choice
    from comparisons.command.inputs import Observed
    from models.family import Theta
    from models.reading.source import Files

__all__ = ["choice_of", "choose", "fit_chosen", "numbers_in_range"]

EVERY = "all"  # of --covariance: each form with each number of groups
MANY = 1_000  # numbers in one range, at most: each is a fit and a posterior
USUAL = 6  # groups, at most, where no numbers are given
RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def choose(
    file: File,
    *,
    family: Annotated[
        str | None,
        typer.Option(
            "--family",
            "-f",
            metavar="FAMILY",
            help="Distribution of one group: FAMILIES. Or several with commas between: each is "
            "tried with every number of groups.",
            rich_help_panel=MODEL,
            autocompletion=families,
        ),
    ] = None,
    column: Columns = None,
    components: Annotated[
        str | None,
        typer.Option(
            "-k",
            "--components",
            metavar="NUMBERS",
            help="Numbers of groups to try, such as 1-4 or 1,2,4. Default: 1-6.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    heads: Heads = None,
    trials: Trials = None,
    counts: Counts = None,
    in_order: InOrder = False,
    sequence: Sequence = None,
    initial: Initial = None,
    group: Group = None,
    table: AsTable = False,
    covariance: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="Form of the covariances of multivariate: COVARIANCES. Or all: each is tried "
            "with every number of groups. Default: COVARIANCES[0].",
            rich_help_panel=MODEL,
            autocompletion=forms_or_all,
        ),
    ] = None,
    df: Df = None,
    zeros: Zeros = False,
    equal_weights: EqualWeights = False,
    prior: PriorText = None,
    draws: Draws = "auto",
    chains: Chains = 4,
    starts: Starts = None,
    replicates: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Replicates of each bootstrap test, at most. Clear cases need 20. 0: no tests.",
            rich_help_panel=SIDES,
        ),
    ] = 999,
    seed: Seed = 0,
    out: OutOfChoice = None,
    overwrite: Overwrite = False,
    drop_missing: DropMissing = False,
    decimal: Decimal = None,
    thousands: Thousands = None,
    sheet: Sheet = None,
    force: Force = False,
    estimate: Annotated[str | None, typer.Option(hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Choose the number of groups by AIC, BIC, ICL, bootstrap, LOO and evidence.

    Example: second-opinion choose people.csv -f gaussian -c height -k 1-4

    Every number of groups is fitted by EM and by MCMC. One table compares them.
    After Ctrl-C it shows those that are finished. A terminal that is too narrow
    for all columns shows them in several tables. A star marks what each
    criterion chooses.

    K: the number of groups. par.: the number of free parameters. log-lik.: the
    highest log-likelihood that EM has found.

    AIC, BIC, ICL: lower is better.

    p (K+1): p-value of the bootstrap test of K groups against K + 1.

    LOO (error): log density of left-out rows, with its standard error; higher is
    better. to best (error): how far it is from the best LOO of all.

    log evidence: log marginal likelihood; higher is better. P(K): posterior
    probability of K groups if all K are equally likely beforehand.

    verdict: whether EM and MCMC agree. fits: whether the model fits the data.

    Exit status: that of the verdict on the recommended number, 0 agree,
    1 disagree, 3 inconclusive (or no number is recommended); 2 bad input or
    usage, 70 a bug of this program, 130 interrupted.
    """
    from comparisons.choice.comparable import refuse_incomparable
    from comparisons.command.arrangement import arranged
    from comparisons.command.files import files_of
    from comparisons.command.inputs import draws_of, prior_of, refuse_other_families
    from models.refusal import Refusal

    if estimate is not None:
        raise Refusal("choose fits every number of groups itself: no --estimate; fit judges one")
    ks = None if components is None else numbers_in_range(components)
    rows = arranged(in_order=in_order, sequence=sequence, initial=initial, group=group, table=table)
    columns = {"--column": column, "--heads": heads, "--trials": trials, "--counts": counts}
    rows.refuse_beside(columns, drop_missing=drop_missing, workers=False)
    refuse_out(out, overwrite=overwrite)
    length = draws_of(draws)
    kinds, named = _kinds(family, covariance, df, column or [], zeros=zeros)
    if prior is not None and len(kinds) > 1 and covariance != EVERY:
        raise Refusal("--prior is of one family; leave it out, or give one --family")
    files = files_of(file, decimal, thousands, sheet)
    with rows_bar() as tell:

        def read(kind: type[Theta]) -> Observed:
            asked_for = kind, files, named, heads, trials, counts
            return rows.observed(*asked_for, drop_missing=drop_missing, progress=tell)

        observed = read(kinds[0])
        refuse_incomparable(kinds, observed.sample)
        refuse_other_families(kinds[1:], observed, read)
    tell_dropped(observed.dropped, drop_missing=drop_missing)
    believed = prior_of(prior, kinds[0], observed.sample)
    found = choice_of(
        kinds,
        observed,
        ks,
        prior=believed,
        equal_weights=equal_weights,
        draws=length,
        chains=chains,
        starts=starts,
        replicates=replicates,
        seed=seed,
        force=force,
    )
    _finish(found, out, as_json=as_json, overwrite=overwrite)


def _kinds(
    family: str | None,
    covariance: str | None,
    df: float | None,
    columns: list[str],
    *,
    zeros: bool,
) -> tuple[list[type[Theta]], list[str]]:
    """Return the families to compare, and the columns, or refuse those that cannot be."""
    from comparisons.command.inputs import (
        beside_zeros,
        family_of,
        forms_of,
        kind_of,
        those_with_df,
    )
    from models.names import arguments_of, name_of

    if covariance == EVERY and family is not None:
        forms = forms_of(family)
        return ([beside_zeros(form) for form in forms] if zeros else forms), columns
    names = dict.fromkeys(arguments_of(family or ""))
    if len(names) == 1:
        kind, named = kind_of(family and family.strip(), covariance, df, columns, zeros=zeros)
        return [kind], named
    several = len(columns) > 1
    short = {name: name_of(family_of(name, None, several=several)) for name in names}
    held = [name for name in names if short[name] in those_with_df()] or names  # each refuses --df
    kinds = [
        family_of(*(name, covariance, df if name in held else None), zeros=zeros, several=several)
        for name in names
    ]
    return kinds, columns


def fit_chosen(
    kind: type[Theta],
    observed: Observed,
    out: Path | None,
    *,
    file: Files,
    as_json: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Choose among 1 to 6 groups, print that, and end with the comparison that is recommended.

    file: that was observed.
    options: of `comparisons.choice.choose`.
    """
    from comparisons.choice.printed import chosen

    found = choice_of([kind], observed, None, **options)
    best = found.recommended
    if found.interrupted or best is None or best.comparison is None:
        _finish(found, out, as_json=as_json, overwrite=overwrite)
    assert best is not None
    if not as_json:
        chosen(found)
        shown(f"\nThe number that is recommended, {best.heading}:\n")
    finish(best.comparison, out, as_json=as_json, overwrite=overwrite, choice=found, file=file)


def choice_of(
    kinds: Several[type[Theta]], observed: Observed, ks: Several[int] | None, **options: Any
) -> Choice:
    """Return the choice among families and numbers of groups, columns named.

    ks: the numbers; None for 1 to 6, or as many as there are distinct rows.
    options: of `comparisons.choice.choose`.
    """
    from comparisons.command.inputs import refuse_components

    if ks is None:
        ks = range(1, min(USUAL, observed.sample.distinct) + 1)
    for kind in kinds:
        refuse_components(kind, observed, max(ks), weak=options["prior"] is None)
    _refuse_all(kinds, observed, ks, options)
    with waiting("loading PyMC"):
        chooser = loaded("comparisons.choice.choose")
    with saying_what_compiles():
        found: Choice = chooser.choose(kinds, observed.data, ks, **options)
    for row in found.rows:
        if row.comparison is not None:
            observed.name(row.comparison)
    return found


def _refuse_all(
    kinds: Several[type[Theta]],
    observed: Observed,
    ks: Several[int],
    options: Mapping[str, Any],
) -> None:
    """Refuse data of which no family and number can be fitted, before PyMC is loaded."""
    from comparisons.capacity import refuse_many
    from models.estimable import refuse_inestimable
    from models.question import asked
    from models.refusal import Refusal

    first: Refusal | None = None
    held = {name: options[name] for name in ("prior", "equal_weights")}
    for kind, k in product(kinds, ks):
        question = asked(kind, observed.data, k, **held)
        try:
            refuse_inestimable(question, observed.names, force=options["force"], typed=True)
            refuse_many(question)
        except Refusal as problem:
            first = first or problem
        else:
            return
    if first is not None:
        raise first


def numbers_in_range(text: str) -> list[int]:
    """Return the numbers of groups that -k names.

    >>> numbers_in_range("1-3"), numbers_in_range("2,4-5")
    ([1, 2, 3], [2, 4, 5])
    """
    from models.refusal import Refusal

    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        ends = RANGE.fullmatch(part)
        if ends is None:
            raise Refusal(f"-k is {text!r}; give a range such as 1-6, or numbers such as 1,2,4")
        low, high = int(ends[1]), int(ends[2] or ends[1])
        if low > high:
            raise Refusal(f"-k {part} runs backwards; give {high}-{low}")
        if low < 1:
            raise Refusal(f"-k {part} starts below 1; give at least one group")
        if high - low >= MANY:
            raise Refusal(f"-k {part} asks for {high - low + 1:,} fits; give at most {MANY:,}")
        found.update(range(low, high + 1))
    return sorted(found)


def _finish(found: Choice, out: Path | None, *, as_json: bool, overwrite: bool) -> None:
    """Print a choice, write its folder, and leave with the recommended row's status."""
    from comparisons.choice.json import of_choice
    from comparisons.choice.printed import chosen

    print_json(of_choice(found)) if as_json else chosen(found)
    if out is not None:
        from comparisons.choice.folder import save_choice

        with waiting("pictures and report"):
            save_choice(found, out, typed(), replace=overwrite)
        shown(f"report: {out / 'report.html'}", err=as_json)
    if found.interrupted:
        raise typer.Exit(INTERRUPTED)
    best = found.recommended
    known = None if best is None else best.comparison
    raise typer.Exit(EXIT["inconclusive" if known is None else known.verdict])
