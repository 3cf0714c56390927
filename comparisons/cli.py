"""The command line."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated

import typer

__all__ = ["main"]

app = typer.Typer(
    help="Fit a mixture twice, by EM and by MCMC, and learn whether to believe it.",
    no_args_is_help=True,
    add_completion=False,
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
    """Fit a mixture twice, by EM and by MCMC, and learn whether to believe it."""


@app.command()
def speed(
    *,
    posterior: Annotated[
        bool,
        typer.Option("--posterior", help="Measure the posterior's instead, with stock PyMC's."),
    ] = False,
) -> None:
    """Measure EM's speed side by side with scikit-learn's (it takes some minutes)."""
    if posterior:
        from comparisons import posterior_speed

        posterior_speed.main()
        return
    if find_spec("sklearn") is None:
        typer.echo("scikit-learn is missing; install it with: uv sync --group speed", err=True)
        raise typer.Exit(2)
    from comparisons import speed as benchmark

    benchmark.main()


def main() -> None:
    """Run the command line."""
    app()
