"""The commands that measure this program's own error rates."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from comparisons.command.complete import families
from comparisons.command.options import (
    MODEL,
    Covariance,
    Df,
    Initial,
    Jobs,
    Json,
    Kept,
    Seed,
    Structure,
    Zeros,
)
from comparisons.progress import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

    from comparisons.pages.steps import Steps
    from comparisons.replicates import Record
    from comparisons.trust.calibration import Design
    from models.family import Theta

__all__ = ["alarms", "calibrate"]

MIXTURE = "mixture"  # the structure by default


def calibrate(
    family: Annotated[
        str,
        typer.Argument(metavar="FAMILY", help="One of FAMILIES.", autocompletion=families),
    ],
    *,
    components: Annotated[
        int,
        typer.Option(
            "-k",
            "--components",
            min=1,
            metavar="N",
            help="Number of groups.",
            rich_help_panel=MODEL,
        ),
    ] = 2,
    replicates: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of data sets.")
    ] = 1_000,
    observations: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="N",
            help="Rows of each data set. Default: 500; of binomial 100, each of ten flips; in "
            "time 300.",
        ),
    ] = None,
    structure: Structure = MIXTURE,
    initial: Initial = None,
    covariance: Covariance = None,
    df: Df = None,
    zeros: Zeros = False,
    replicate: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Show the comparison of one data set only, by its number from 0, and the truth.",
        ),
    ] = None,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Kept = None,
    as_json: Json = False,
) -> None:
    """Simulate data, fit them both ways, and check: do intervals cover what they promise?

    Example: second-opinion calibrate binomial

    Every data set is drawn with true parameters from the prior. If all is right,
    the rank of the truth among the draws of the posterior is uniform, and 95%
    intervals contain it in 95% of the data sets.

    A thousand data sets of a mixture take some minutes, of other structures an
    hour or two. Progress is saved in --out, by default
    second-opinion-calibrate-FAMILY; run the command again to resume.

    Exit status: 0 ranks are uniform, 1 they are not (a chance below one in a
    million), 2 bad input or usage, 70 a bug of this program, 130 interrupted.
    \f

    >>> calibrate("poisson", components=3, observations=2)
    Traceback (most recent call last):
    models.refusal.Refusal: --observations is 2; give at least 3, as -k is 3
    """  # noqa: D301 (what follows \f is not for -h)
    from comparisons.command.inputs import family_of, known_family
    from models.refusal import Refusal

    families = _families(structure)
    family = known_family(family, families)
    family_of(family, covariance, df, zeros=zeros)
    _begins(structure, initial)
    from comparisons.trust.layouts import LAYOUTS

    usual = LAYOUTS[structure].usual(families[family])
    n = usual if observations is None else observations
    if n < components:
        raise Refusal(f"--observations is {n}; give at least {components}, as -k is {components}")
    folder = None
    if replicate is None:
        folder = _folder(out, _named("calibrate", structure, family), as_json=as_json)
        _refuse_others(folder)
    with waiting("loading PyMC"):
        from comparisons.trust import calibration
        from comparisons.trust.drawings import coverage, ranks
        from comparisons.trust.summary import summary
        from comparisons.trust.tables import json_of, sentence, tables_of

    design = calibration.Design(
        family,
        components,
        n,
        seed,
        covariance,
        df=df,
        zeros=zeros,
        structure=structure,
        initial=initial,
    )
    if replicate is not None:
        _alone(design, replicate, as_json=as_json)
        return
    records = _run(partial(calibration.replicate, design), replicates, jobs, folder, design)
    found = summary(records, design.kind())
    shown = found.called(calibration.titles_of(design))
    value = json_of(design, found)
    title = f"{kind_of(design)}, {n:,} observations, {found.replicates:,} replicates"
    figures = {
        "ranks": partial(ranks, shown, f"Ranks of the truth: {title}"),
        "coverage": partial(coverage, shown, f"Coverage: {title}"),
    }
    _show(tables_of(shown), sentence(shown), value, as_json=as_json)
    _save(folder, value, figures, as_json=as_json)
    raise typer.Exit(int(not found.uniform))


def kind_of(design: Design) -> str:
    """Return what is fitted, in words."""
    more = [] if design.structure == MIXTURE else [design.structure]
    more += [] if design.initial is None else [f"first state {design.initial}"]
    more += [design.covariance or "", "" if design.df is None else f"df {design.df:g}"]
    more.append("zeros in excess" if design.zeros else "")
    said = ", ".join(filter(None, more))
    return f"{design.family}{f' ({said})' if said else ''}, K = {design.k}"


def _families(structure: str) -> dict[str, type[Theta]]:
    """Return the families whose components data of a structure can tell apart, by name."""
    from comparisons.command.inputs import one_of
    from comparisons.trust.layouts import LAYOUTS
    from models.names import FAMILIES, identified_alone

    one_of("--structure", structure, LAYOUTS)
    return identified_alone() if structure == MIXTURE else dict(FAMILIES)


def _begins(structure: str, initial: str | None) -> None:
    """Refuse a first state of rows that are not in time, and one of no known kind."""
    if initial is None:
        return
    from comparisons.command.inputs import one_of
    from models.refusal import Refusal
    from models.sequences import INITIALS

    one_of("--initial", initial, INITIALS)
    if structure != "hidden-markov":
        raise Refusal("--initial says how a sequence begins; it needs --structure hidden-markov")


def _named(*words: str) -> str:
    """Return the usual folder of a run; mixtures are not mentioned."""
    return "-".join(["second-opinion", *(one for one in words if one != MIXTURE)])


def alarms(
    families: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FAMILY",
            help="Families to try, such as poisson gamma. Default: all.",
            autocompletion=families,
        ),
    ] = None,
    *,
    weak: Annotated[
        bool,
        typer.Option("--weak", help="Simulate groups that hardly differ instead."),
    ] = False,
    replicates: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Data sets of each family, by default 1,000; with --weak of each distance and "
            "number of observations, by default 100.",
        ),
    ] = None,
    structure: Structure = MIXTURE,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Kept = None,
    as_json: Json = False,
) -> None:
    """Count false alarms: how often is the verdict wrong on problem-free data?

    Example: second-opinion alarms poisson --replicates 100

    Data of each family are simulated with 2 and 3 groups, 2.5 to 4 sd apart, and
    500 observations or more. In time, a state stays with a probability of 0.8 to
    0.95. With --weak: Gaussians in two groups, 0 to 2 sd apart, and 50 to 1,000
    observations.

    It takes from ten minutes to hours. Progress is saved; run the command again
    to resume.

    Exit status: 0 done, 2 bad input or usage, 70 a bug of this program,
    130 interrupted.
    \f

    >>> alarms(["poisson"], weak=True)
    Traceback (most recent call last):
    models.refusal.Refusal: --weak simulates Gaussians alone; leave out the families, or --weak
    """  # noqa: D301 (what follows \f is not for -h)
    from comparisons.command.inputs import known_family
    from models.refusal import Refusal

    if weak and families:
        raise Refusal("--weak simulates Gaussians alone; leave out the families, or --weak")
    several = _families(structure)
    if weak and structure != MIXTURE:
        raise Refusal("--weak simulates mixtures alone; leave out --structure, or --weak")
    chosen = [known_family(name, several) for name in families or several]
    usual = _named("weak" if weak else "alarms", structure)
    folder = _folder(out, usual, as_json=as_json)
    _refuse_others(folder) if weak else _refuse_strangers(folder)
    with waiting("loading PyMC"):
        from comparisons.trust import alarms as trust

    if weak:
        count, cells = len(trust.GRID) * (replicates or 100), trust.Weak(seed)
        told = trust.told_weak(_run(partial(trust.weak, cells), count, jobs, folder, cells))
    else:
        found = {}
        for name in chosen:
            design = trust.Regular(name, seed, structure)
            own = None if folder is None else folder / name
            task = partial(trust.regular, design)
            found[name] = _run(task, replicates or 1_000, jobs, own, design, name)
        told = trust.told_regular(found)
    _show(told.tables, told.sentence, told.value, as_json=as_json)
    _save(folder, told.value, told.figures, as_json=as_json)


def _folder(out: Path | None, usual: str, *, as_json: bool) -> Path | None:
    """Return the folder to keep replicates in; with --json alone there is none."""
    if out is None:
        return None if as_json else Path(usual)
    from comparisons.kept.atomic import refuse_name

    refuse_name(out)
    if not out.parent.is_dir():
        from models.refusal import Refusal

        raise Refusal(f"--out {out}: there is no folder {out.parent}; make it first")
    return out


def _refuse_others(folder: Path | None) -> None:
    """Refuse a folder with files that no run of ours has made."""
    from comparisons.replicates import refuse_without_replicates

    if folder is not None:
        refuse_without_replicates(folder)


def _refuse_strangers(folder: Path | None) -> None:
    """Refuse the same of a folder with a folder for each family."""
    from comparisons.replicates import KEPT
    from models.names import FAMILIES
    from models.refusal import Refusal

    there = {one.name for one in folder.iterdir()} if folder and folder.is_dir() else set()
    ours = {name for name in FAMILIES if folder and (folder / name / KEPT).exists()}
    if there and not (ours and there <= {*ours, "summary.json", "figures"}):
        raise Refusal(
            f"--out {folder} exists already, with other files than replicates; give another name"
        )


def _run(
    task: partial[Record],
    replicates: int,
    jobs: int | None,
    folder: Path | None,
    design: tuple[object, ...],
    name: str = "replicates",
) -> list[Record]:
    from comparisons.replicates import of_this_code, run
    from em.data.threads import available

    settings = of_this_code(
        {"design": type(design).__name__, **design._asdict()}  # type: ignore[attr-defined]
    )
    if folder is not None:
        folder.parent.mkdir(exist_ok=True)
    return run(
        task, replicates, jobs=jobs or available(), folder=folder, settings=settings, name=name
    )


def _alone(design: Design, number: int, *, as_json: bool) -> None:
    """Show one replicate's comparison, and the truth."""
    from comparisons.json_values import json_text
    from comparisons.pages.json import of_comparison
    from comparisons.pages.terminal import printed, said, told
    from comparisons.trust.calibration import opinion_on, problem, ranked

    drawn = problem(design, number)
    comparison = opinion_on(design, drawn)
    if as_json:
        printed(json_text(of_comparison(comparison)))
        return
    told(comparison)
    truth = ", ".join(f"{one.title} {float(one.of(drawn.truth)):.4g}" for one in ranked(drawn))
    said(f"True values: {truth}.")


def _show(tables: tuple[Steps, ...], sentence: str, value: object, *, as_json: bool) -> None:
    from comparisons.json_values import json_text
    from comparisons.pages.terminal import printed, said, stepped

    if as_json:
        printed(json_text(value))
    else:
        stepped(tables)
        said(sentence)


def _save(
    folder: Path | None,
    value: object,
    figures: Mapping[str, Callable[[], Figure]],
    *,
    as_json: bool,
) -> None:
    """Write summary.json and the pictures beside the replicates."""
    if folder is None:
        return
    from comparisons.json_values import json_text
    from comparisons.kept.atomic import written
    from comparisons.pages.folder import save_figure

    def draw(target: Path) -> None:
        target.mkdir()
        for name, figure in figures.items():
            save_figure(figure(), target, name)

    text = json_text(value) + "\n"
    written(folder / "summary.json", lambda target: target.write_text(text, encoding="utf-8"))
    if figures:
        written(folder / "figures", draw)
    typer.echo(f"summary and replicates: {folder}", err=as_json)
