"""Leave-one-out cross-validation, of rows that were compressed to distinct ones or of sequences."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import arviz_stats as az
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from bayes.posterior.older import renewed
from bayes.posterior.pointwise import FOR_ARVIZ, of_units
from models.refusal import Refusal

if TYPE_CHECKING:
    from arviz_stats.utils import ELPDDataLOO

    from models.arrays import Labels

__all__ = ["loo"]


def loo(tree: xr.DataTree) -> ELPDDataLOO:
    """Return the result of ArviZ's `loo` for all observations, repeated ones included.

    It is that of `arviz.loo(tree)` where the tree has a group log_likelihood; this function also
    knows trees whose rows are too many for one, and computes the term of equal rows once (equal
    rows have equal terms; Vehtari, Gelman & Gabry 2017). `arviz.compare` takes the results.

    Of several sequences each is left out as a whole; of a single one the rows depend on each other,
    and nothing can be left out.

    tree: as `sample` returns it.

    >>> import arviz
    >>> found = loo(posterior)
    >>> found.n_data_points, bool(np.isclose(found.elpd, arviz.loo(posterior).elpd))
    (100, True)
    """
    tree = renewed(tree)
    each = of_units(tree)
    of_what, counts = str(each.dims[-1]), each["counts"].to_numpy()
    if of_what == "time":
        raise Refusal(
            "the rows of one sequence depend on each other: the neighbours of a row that is left "
            "out still tell what it was. Compare models by em.fit(...).bic, by "
            'tree["pointwise"]["x"], the log density of each row given the rows before it, or with '
            "several sequences, of which whole ones are left out"
        )
    if counts.dtype.kind == "f":
        raise Refusal(
            "the posterior's rows have weights in place of counts, as bins do, so no single "
            "observation can be left out; sample fewer observations"
        )
    groups = {"posterior": tree["posterior"].to_dataset(), FOR_ARVIZ: each.to_dataset(name="x")}
    distinct: ELPDDataLOO = az.loo(xr.DataTree.from_dict(groups), pointwise=True)
    rows, names = _lines(tree, counts)
    terms = distinct.elpd_i.to_numpy()
    plain = logsumexp(each.to_numpy(), axis=(0, 1)) - np.log(distinct.n_samples)

    def repeated(values: xr.DataArray) -> xr.DataArray:
        own = values.drop_vars([of_what, "counts"], errors="ignore").isel({of_what: rows})
        return own.rename({of_what: names}).assign_coords({names: np.arange(len(rows))})

    return replace(
        distinct,
        elpd=float(counts @ terms),
        se=float(np.sqrt(len(rows) * np.var(terms[rows], ddof=1))),
        p=float(counts @ (plain - terms)),
        n_data_points=len(rows),
        elpd_i=repeated(distinct.elpd_i),
        pareto_k=repeated(distinct.pareto_k),
        log_weights=None,  # type: ignore[arg-type]  # those of distinct rows fit no observations
    )


def _lines(tree: xr.DataTree, counts: Labels) -> tuple[Labels, str]:
    """Return the distinct line of each observation or sequence, (n,), and their dimension."""
    if FOR_ARVIZ in tree.children:
        group = tree[FOR_ARVIZ]
        if "unit" in group.coords:
            return np.unique(group["unit"].to_numpy(), return_inverse=True)[1], "observation"
        return np.arange(len(counts)), "sequence"
    return np.repeat(np.arange(len(counts)), counts), "observation"
