"""The command line."""

from __future__ import annotations

import gc
import sys
import warnings
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from traceback import print_exc
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from comparisons.command.choose import choose, fit_chosen
from comparisons.command.complete import halves, studies
from comparisons.command.finish import (
    INTERRUPTED,
    finish,
    print_json,
    recount,
    refuse_out,
    shown,
    tell_dropped,
)
from comparisons.command.misuse import misuse
from comparisons.command.options import (
    MACHINES,
    MODEL,
    SIDES,
    AsTable,
    Chains,
    Columns,
    Command,
    Commands,
    Counts,
    Covariance,
    Decimal,
    Df,
    Draws,
    DropMissing,
    EqualWeights,
    Family,
    File,
    Force,
    Group,
    Heads,
    Initial,
    InOrder,
    Json,
    Names,
    Out,
    Overwrite,
    PriorText,
    Seed,
    Sequence,
    Sheet,
    Starts,
    Thousands,
    Trials,
    UnitsText,
    Zeros,
)
from comparisons.command.predict import predict
from comparisons.command.speed import speed
from comparisons.command.trust import alarms, calibrate
from comparisons.progress import (
    announce,
    lasting,
    loaded,
    rows_bar,
    saying_what_compiles,
    waiting,
)
from comparisons.studies import NEEDS, OPTIONS, STUDIES, Setting, study_named
from comparisons.thresholds import FORMAT, WITHIN

if TYPE_CHECKING:
    from distributed import Client
    from typer._click.exceptions import UsageError

    from comparisons.pages.story import Story
    from comparisons.verdict.search import Search
    from models.question import Question

__all__ = ["main"]

BAD_INPUT = 2
KEPT = 100_000  # new objects before the next garbage collection: a command makes little garbage
BROKEN = 70  # EX_SOFTWARE of sysexits.h: a bug must not look like a verdict
ONLY = ("em",)
Misused = cast("type[UsageError]", typer.BadParameter.__mro__[1])  # it has no public name
FIRST = "By EM alone; the posterior and the verdict follow."

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"second-opinion {version('second-opinion')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fit a model with hidden groups twice, by EM and by MCMC, and learn whether
    to believe the answer.

    Exit status: 0 agree, 1 disagree, 3 inconclusive, 2 bad input or usage,
    70 a bug of this program, 130 interrupted. Each command's help lists its own.
    """


def study(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            help="Name of the study. Without a name the studies are listed.",
            autocompletion=studies,
        ),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run all studies.")] = False,
    people: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="Only for the study heights: number of people."),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Only for the study image: the picture to use, PNG or JPEG."
        ),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Run a study that answers a question about EM. Without a name, list the studies.

    Example: second-opinion study heights

    Without --out and --json a new folder is made here, such as
    second-opinion-heights.

    Exit status: that of the verdict, 0 agree, 1 disagree, 3 inconclusive; 0 for
    the list, for --all and for a study without a verdict; 2 bad input or usage,
    70 a bug of this program, 130 interrupted.
    """
    if name is None and not every:
        width = max(map(len, STUDIES))
        for one, question in STUDIES.items():
            typer.echo(f"{one:<{width}}  {question}")
        return
    from comparisons.command.inputs import known
    from comparisons.kept.atomic import free
    from models.refusal import Refusal

    if name is not None and every:
        raise Refusal(f"--all runs all studies; leave out {name} or --all")
    if name is not None:
        known("study", name, STUDIES)
    setting = Setting(people, image, seed)
    for option, takers in OPTIONS.items():
        if getattr(setting, option) is not None and name not in takers:
            where = "--all" if name is None else f"the study {name}"
            raise Refusal(f"{where} has no --{option}; only {', '.join(takers)} does")
    made = out is None and not as_json
    usual = f"second-opinion-{name or 'studies'}"
    folder = out if not made else Path(usual) if overwrite else free(usual)
    refuse_out(folder, overwrite=overwrite)
    if image is not None:
        from comparisons.studies.calculations.photograph import read_photograph

        read_photograph(image)  # refused, if it is, before PyMC is loaded
    if name is None:
        _tell_all(setting, folder, as_json=as_json, overwrite=overwrite)
        return
    if reason := _missing(name):
        raise Refusal(reason)
    story = _tell(name, setting)
    finish(
        story.comparison,
        folder,
        as_json=as_json,
        overwrite=overwrite,
        study=(name, story),
        made=made,
    )


def _missing(name: str) -> str:
    """Return why a study cannot run here, if a package is missing."""
    package = NEEDS.get(name)
    if package is None or find_spec(package):
        return ""
    return f"the study {name} needs {package}; install it with: uv sync --extra datasets"


def _tell(name: str, setting: Setting) -> Story:
    """Run a study."""
    with waiting("loading"):
        loaded(f"comparisons.studies.{name}")
        chosen = study_named(name)
    announce(f"study {name}")
    with saying_what_compiles():
        return chosen.tell(setting)


def _tell_all(setting: Setting, folder: Path | None, *, as_json: bool, overwrite: bool) -> None:
    """Run all studies, each in its own folder; skip those whose package is missing."""
    from comparisons.kept.atomic import written
    from comparisons.pages.folder import save_folder
    from comparisons.pages.json import of_story

    told: dict[str, Story] = {}
    for at, name in enumerate(STUDIES, 1):
        if reason := _missing(name):
            typer.echo(f"left out: {reason}", err=True)
            continue
        shown(f"{at} of {len(STUDIES)}, {name}: {STUDIES[name]}\n", err=as_json)
        story = _tell(name, setting)
        told[name] = story
        if not as_json:
            recount(story)
            shown("")
    if as_json:
        found = {name: of_story(name, story) for name, story in told.items()}
        print_json({"format": FORMAT, "studies": found})
    if folder is None:
        return

    def save(target: Path) -> None:
        target.mkdir()
        for name, story in told.items():
            command = f"second-opinion study {name} --seed {setting.seed}"
            save_folder(story.comparison, target / name, command, story)

    with waiting("pictures and reports"):
        written(folder, save, replace=overwrite)
    shown(f"studies: {folder}", err=as_json)


def fit(
    file: File,
    *,
    family: Family = None,
    column: Columns = None,
    components: Annotated[
        int | None,
        typer.Option(
            "-k",
            "--components",
            min=1,
            metavar="N",
            help="Number of groups. Default: try 1 to 6 and choose one.",
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
    covariance: Covariance = None,
    df: Df = None,
    zeros: Zeros = False,
    names: Names = None,
    units: UnitsText = None,
    equal_weights: EqualWeights = False,
    estimate: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Judge your own estimate in place of EM's: a JSON file such as "
            '{"weight": [0.4, 0.6], "rate": [1, 7]}.',
            rich_help_panel=SIDES,
        ),
    ] = None,
    within: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="An estimate counts as right if it is at most so many standard errors from the "
            "maximum.",
            rich_help_panel=SIDES,
        ),
    ] = WITHIN,
    prior: PriorText = None,
    draws: Draws = "auto",
    chains: Chains = 4,
    starts: Starts = None,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    some: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="N",
            help="For large files: use N random rows for the opinion, such as --some 20000 (with "
            "--group whole villages or documents). EM of all rows is checked against them.",
            rich_help_panel=SIDES,
        ),
    ] = None,
    accept_misfit: Annotated[
        bool,
        typer.Option(
            "--accept-misfit",
            help="Let the verdict be agree even if the model does not fit the data. A note says "
            "so.",
            rich_help_panel=SIDES,
        ),
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="em",
            help="em: run EM alone, without posterior and verdict.",
            rich_help_panel=SIDES,
            autocompletion=halves,
        ),
    ] = None,
    drop_missing: DropMissing = False,
    decimal: Decimal = None,
    thousands: Thousands = None,
    sheet: Sheet = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Spread the rows over N processes of this machine.",
            rich_help_panel=MACHINES,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Spread the rows over a dask cluster. ADDRESS is that of its scheduler, such as "
            "tcp://10.0.0.1:8786.",
            rich_help_panel=MACHINES,
        ),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Fit a model to columns of a file by EM and by MCMC, and compare the answers.

    Example: second-opinion fit people.csv -f gaussian -c height -k 2

    Without -k, 1 to 6 groups are tried and one number is chosen, as by
    second-opinion choose.

    On a terminal EM's table comes first. The posterior and the verdict follow.
    In a pipe, and with --json, only the final answer is printed; messages of
    progress go to standard error.

    Exit status: 0 agree, 1 disagree, 3 inconclusive; 0 with --only em; 2 bad
    input or usage, 70 a bug of this program, 130 interrupted.
    """
    from comparisons.command.arrangement import arranged
    from comparisons.command.files import files_of
    from comparisons.command.inputs import (
        draws_of,
        kind_of,
        prior_of,
        refuse_components,
        refuse_estimate,
    )
    from comparisons.verdict.distance import refuse_within
    from models.estimable import refuse_inestimable
    from models.question import asked
    from models.refusal import Refusal

    if components is None:
        _refuse_without_k(
            {
                "--names": names,
                "--units": units,
                "--estimate": estimate,
                "--only": only,
                "--some": some,
                "--workers": workers,
                "--cluster": cluster,
                "--accept-misfit": accept_misfit,
                "--within": within != WITHIN,
            }
        )
    if only is not None:
        _refuse_beside_em(only, estimate, out, some)
    if workers is not None and cluster is not None:
        raise Refusal("--workers starts processes here, --cluster takes those that are; give one")
    rows = arranged(in_order=in_order, sequence=sequence, initial=initial, group=group, table=table)
    spread = workers is not None or cluster is not None
    columns = {"--column": column, "--heads": heads, "--trials": trials, "--counts": counts}
    rows.refuse_beside(columns, drop_missing=drop_missing, workers=spread)
    refuse_out(out, overwrite=overwrite)
    refuse_within(within)
    length = draws_of(draws)
    kind, named = kind_of(family, covariance, df, column or [], zeros=zeros)
    files = files_of(file, decimal, thousands, sheet)
    with ExitStack() as held:
        client = _client(held, cluster, workers)
        with rows_bar() as tell:
            observed = rows.observed(
                *(kind, files, named, heads, trials, counts),
                drop_missing=drop_missing,
                progress=tell,
                client=client,
            )
        believed = prior_of(prior, kind, observed.sample)
        tell_dropped(observed.dropped, drop_missing=drop_missing)
        if components is None:
            fit_chosen(
                kind,
                observed,
                out,
                file=files,
                as_json=as_json,
                overwrite=overwrite,
                prior=believed,
                equal_weights=equal_weights,
                draws=length,
                chains=chains,
                starts=starts,
                seed=seed,
                force=force,
            )
            return
        observed = observed.measured_in(units)
        refuse_components(kind, observed, components, weak=believed is None and only is None)
        question = asked(
            kind,
            observed.data,
            components,
            prior=believed,
            equal_weights=equal_weights,
            group_names=() if names is None else names.split(","),
        )
        question = replace(question, measured_in=observed.units)
        refuse_inestimable(question, observed.names, force=force, typed=True)
        if estimate is not None:
            refuse_estimate(estimate, question)
        if only is not None:
            _only_em(
                question,
                observed.titles,
                starts=starts,
                seed=seed,
                as_json=as_json,
            )
            return
        titles = observed.titles if estimate is None and not as_json else None
        first = _first_answer(question, titles, some=some, starts=starts, seed=seed)
        with waiting("loading PyMC"):
            opinions = loaded("comparisons.comparison")
        announce("sampling")
        with saying_what_compiles():
            comparison = opinions.opinion_of(
                question,
                estimate=estimate,
                draws=length,
                chains=chains,
                starts=starts,
                seed=seed,
                some=some,
                force=force,
                accept_misfit=accept_misfit,
                within=within,
                found=first,
            )
    observed.name(comparison)
    finish(comparison, out, as_json=as_json, overwrite=overwrite, file=files)


def _refuse_beside_em(only: str, estimate: str | None, out: Path | None, some: int | None) -> None:
    """Refuse options that need a posterior, or another half than EM."""
    from comparisons.command.inputs import one_of
    from models.refusal import Refusal

    one_of("--only", only, ONLY)
    if estimate is not None or out is not None:
        raise Refusal("--only em makes no comparison; leave out --estimate and --out")
    if some is not None:
        raise Refusal("--only em is of all observations: no --some")


def _refuse_some(question: Question[Any, Any], some: int, seed: int) -> None:
    """Refuse a number of rows of which no opinion can be had, before PyMC is loaded.

    Rows that are not in memory are not drawn twice; what is wrong with them is said later.
    """
    from comparisons.capacity import refuse_many
    from comparisons.verdict.subsample import some_rows
    from em import out_of_reach
    from models.refusal import Refusal

    if some < question.k:
        raise Refusal(f"--some is {some}, fewer than the {question.k} groups of -k; give more rows")
    if not out_of_reach(question) and some < question.sample.observations:
        refuse_many(replace(question, data=some_rows(question, some, seed)))


def _refuse_without_k(given: dict[str, object]) -> None:
    """Refuse options that need a number of groups."""
    for option, value in given.items():
        if value:
            from models.refusal import Refusal

            raise Refusal(f"{option} needs a number of groups; give -k too")


def _client(held: ExitStack, cluster: str | None, workers: int | None) -> Client | None:
    """Return the cluster that reads the rows, if one is wanted; it is released with `held`."""
    if cluster is None and workers is None:
        return None
    from models.reading.on_dask import connected, refuse_no_address

    refuse_no_address(cluster)
    with waiting("calling the workers"):
        return held.enter_context(connected(cluster, workers))


def references(*, as_json: Json = False) -> None:
    """Compute published numbers again, and say which of them are reproduced.

    Exit status: 0 all are, 1 one is not (known errata, and numbers whose data
    are not installed, do not count), 2 bad usage, 70 a bug of this program,
    130 interrupted.
    """
    with waiting("loading PyMC"):
        from comparisons.pages.terminal import said
        from comparisons.trust import references as trust

    found = []
    for case, rows in trust.replayed(trust.CASES):
        found.append((case, rows))
        if not as_json:
            trust.recount(case, rows)
    counted = trust.tally(row for _, rows in found for row in rows)
    if as_json:
        print_json(trust.json_of(found))
    else:
        for line in (*trust.remedies(found), trust.summed(counted)):
            said(line)
    raise typer.Exit(int(counted[trust.FAILED] > 0))


for answering in (fit, choose, predict, study):
    app.command(cls=Command)(answering)
for measuring in (references, calibrate, alarms, speed):
    app.command(cls=Command, rich_help_panel="How far to trust it, and how fast it is")(measuring)


def _only_em(
    question: Question[Any, Any],
    measured: list[str],
    *,
    starts: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Fit by EM and print that.

    measured: what the columns are, with their units.
    """
    from comparisons.verdict.search import search
    from em import refuse_few_rows

    refuse_few_rows(question)
    with lasting("EM"):  # as `fit` does beside PyMC: climbs that are watched do not load numba
        found = search(question, starts=starts, seed=seed).fit
    if as_json:
        from comparisons.pages.json import of_fit

        print_json(of_fit(found))
    else:
        from comparisons.pages.terminal import told_alone

        told_alone(found, measured)


def _first_answer(
    question: Question[Any, Any],
    titles: list[str] | None,
    *,
    some: int | None,
    starts: int | None,
    seed: int,
) -> Search | None:
    """Fit by EM before PyMC is loaded, or refuse more rows than chains can carry.

    some: the number of rows of the opinion if it is not of all: there is no EM of all before it.
    titles: what the columns are, with their units, to print it on a terminal; in a pipe it never
        is.
    """
    from comparisons.capacity import refuse_many
    from comparisons.verdict.search import search

    if some is not None:
        _refuse_some(question, some, seed)
        return None
    refuse_many(question)
    announce("EM")
    found = search(question, starts=starts, seed=seed, progress=True)
    if titles is not None and sys.stdout.isatty():
        from comparisons.pages.terminal import said, told_alone

        said(FIRST)
        told_alone(found.fit, titles)
        shown("")
    return found


def main() -> None:
    """Run the command line; what is wrong with the input is one line and status 2.

    >>> from contextlib import redirect_stderr, suppress
    >>> from unittest.mock import patch
    >>> typed = patch("sys.argv", ["second-opinion", "study", "cion"])
    >>> with typed, redirect_stderr(sys.stdout), suppress(SystemExit):
    ...     main()
    second-opinion: there is no study 'cion'; did you mean coin? there are coin, ...
    """
    gc.set_threshold(KEPT)
    warnings.showwarning = _one_line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # its encoding may not have all letters
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(prog_name="second-opinion", standalone_mode=False) or 0
        if status == INTERRUPTED:
            _said("interrupted")
        sys.exit(status)
    except Misused as problem:
        said = problem.format_message()  # empty where the help has been printed instead
        where = problem.ctx.command_path if problem.ctx else "second-opinion"
        if said:
            _fail(f"{misuse(said, sys.argv[1:])}; see {where} -h")
        sys.exit(BAD_INPUT)
    except Exception as problem:  # noqa: BLE001 (status 1 would say: disagree)
        if not _is_said(problem):
            sys.exit(_broken())
        if isinstance(problem, OSError) and problem.strerror and not problem.filename:
            _fail(f"the answer could not be written: {problem.strerror}")
        _fail(_typed(problem) or type(problem).__name__)


def _typed(problem: Exception) -> str:
    """Return the message, with remedies as they are typed."""
    from models.refusal import Refusal, worded

    return worded(problem.both_ways, typed=True) if isinstance(problem, Refusal) else str(problem)


def _is_said(problem: Exception) -> bool:
    """Whether the exception speaks to the user: ours, or the machine's, and no bug."""
    from models.refusal import Refusal, Stopped

    return isinstance(problem, Refusal | Stopped | OSError | MemoryError)


def _fail(message: str) -> None:
    _said(" ".join(message.split()))
    sys.exit(BAD_INPUT)


def _said(line: str) -> None:
    with suppress(OSError):  # if standard error cannot be written, the status says it alone
        typer.echo(f"second-opinion: {line}", err=True)


def _broken() -> int:
    """Print the traceback of a bug."""
    print_exc()
    return BROKEN


def _one_line(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning in one line, without the place in our code."""
    typer.echo(f"warning: {message}", err=True)
