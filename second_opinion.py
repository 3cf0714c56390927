"""Second Opinion in one import, `import second_opinion as so`; run with `-m` it is the command.

`second_opinion` fits a model by EM and by MCMC and compares them, `choose` finds the number of
groups, `EMMixture` is EM with scikit-learn's methods, and `load` reads a saved comparison. `fit` is
EM alone, `sample` MCMC alone. A name is loaded when it is first used, so the import takes no time.
If a file or folder of yours hides one of our packages, the error names it.

>>> import second_opinion as so
>>> so.fit("poisson", so.Sample([0, 1, 7, 9]), 2).estimate.theta.rate.round(2)
array([0.5 , 7.97])
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from bayes import adopt, sample
    from comparisons import (
        Choice,
        Comparison,
        EMMixture,
        Finding,
        choose,
        compare,
        load,
        second_opinion,
    )
    from em import Fit, fit
    from models import (
        Admixture,
        Binomial,
        BinomialPrior,
        Categorical,
        CategoricalPrior,
        Gamma,
        GammaPrior,
        Gaussian,
        GaussianPrior,
        Groups,
        HiddenMarkov,
        Independent,
        IndependentPrior,
        LogNormal,
        LogNormalPrior,
        Mixture,
        MultivariateGaussian,
        MultivariateGaussianPrior,
        NegativeBinomial,
        NegativeBinomialPrior,
        Poisson,
        PoissonPrior,
        Prior,
        Sample,
        Sequences,
        StudentT,
        StudentTPrior,
        ZeroInflated,
        ZeroInflatedPrior,
        simulate,
        weak_prior,
    )
    from models.refusal import Refusal, Stopped

__all__ = [
    "Admixture",
    "Binomial",
    "BinomialPrior",
    "Categorical",
    "CategoricalPrior",
    "Choice",
    "Comparison",
    "EMMixture",
    "Finding",
    "Fit",
    "Gamma",
    "GammaPrior",
    "Gaussian",
    "GaussianPrior",
    "Groups",
    "HiddenMarkov",
    "Independent",
    "IndependentPrior",
    "LogNormal",
    "LogNormalPrior",
    "Mixture",
    "MultivariateGaussian",
    "MultivariateGaussianPrior",
    "NegativeBinomial",
    "NegativeBinomialPrior",
    "Poisson",
    "PoissonPrior",
    "Prior",
    "Refusal",
    "Sample",
    "Sequences",
    "Stopped",
    "StudentT",
    "StudentTPrior",
    "ZeroInflated",
    "ZeroInflatedPrior",
    "adopt",
    "choose",
    "compare",
    "fit",
    "load",
    "sample",
    "second_opinion",
    "simulate",
    "weak_prior",
]

PACKAGES = ("models", "em", "bayes", "comparisons")
HOMES = {
    **dict.fromkeys(("Fit", "fit"), "em"),
    **dict.fromkeys(("adopt", "sample"), "bayes"),
    **dict.fromkeys(("Choice", "Comparison", "EMMixture", "Finding", "choose"), "comparisons"),
    **dict.fromkeys(("compare", "load", "second_opinion"), "comparisons"),
    **dict.fromkeys(("Refusal", "Stopped"), "models.refusal"),
}
"""The package of each name; that of all others is `models`."""

BAD_INPUT = 2  # the exit status, as of anything else that the user can mend


def main() -> None:
    """Run the command line, or say what hides it.

    >>> main.__module__
    'second_opinion'
    """
    try:
        _refuse_others()
    except ImportError as problem:
        sys.stderr.write(f"second-opinion: {problem}\n")
        sys.exit(BAD_INPUT)
    from comparisons.command.main import main as command

    command()


@cache
def _refuse_others() -> None:
    """Raise ImportError if a package with a name of ours would be imported in its place."""
    for name in PACKAGES:
        other = _place(sys.modules.get(name), name)
        ours = Path(__file__).parent / name
        if other is None:
            raise ImportError(f"the package {ours} is missing; install second-opinion anew")
        if other.resolve() != ours.resolve():
            kind = "folder" if other.is_dir() else "file"
            raise ImportError(
                f"{other} hides the package {name} of Second Opinion, which is in {ours.parent}; "
                f"rename that {kind}, or run Python in another folder"
            )


def _place(loaded: ModuleType | None, name: str) -> Path | None:
    """Return the folder of a package, or the file of a module, that has the name."""
    spec: ModuleSpec | None = find_spec(name) if loaded is None else loaded.__spec__
    if spec is None:
        file = getattr(loaded, "__file__", None)
        return None if file is None else Path(file)
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return None if spec.origin is None else Path(spec.origin)


def __getattr__(name: str) -> object:
    """Import what has the name: PyMC and ArviZ take seconds, and not everybody needs them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _refuse_others()
    found: object = getattr(import_module(HOMES.get(name, "models")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__


if __name__ == "__main__":
    main()
