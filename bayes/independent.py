"""Several columns in PyMC, each with a family of its own, independent within a component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pymc as pm

from bayes.component import Component, component_of
from models.family import entries
from models.independent import ColumnsPrior, IndependentColumns, parts_of, parts_of_prior

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels
    from models.family import ConjugatePrior

__all__ = ["ColumnsComponent"]

SHARED = "component"  # the axis that all columns have


class ColumnsComponent(Component[IndependentColumns, list[Any]]):
    """log p = sum_j log p_j, each from the column's own model.

    Variables, data and axes have the number of their column behind the name, counted from 1.

    >>> from models import Gaussian, Independent, Poisson
    >>> ColumnsComponent(Independent(Gaussian, Poisson)).sizes(k=2, d=(1, 1))
    {'variance_1': (2,), 'mean_1': (2,), 'rate_2': (2,)}
    """

    def __init__(self, family: type[IndependentColumns]) -> None:
        super().__init__(family)
        self.parts = [component_of(one) for one in family.families]

    @property
    def located(self) -> bool:  # type: ignore[override]
        """Whether any column has a location."""
        return any(self.moved)

    @property
    def moved(self) -> tuple[bool, ...]:
        """Which columns have a location."""
        return tuple(part.located for part in self.parts)

    def rows(self, sample: Sample) -> dict[str, Array]:
        """x is (d, m), seen is 0 for blanks; what else columns read, such as log x!, is theirs."""
        each = [part.rows(_column(sample, at, part)) for at, part in enumerate(self.parts)]
        found = {"x": np.stack([one.pop("x") for one in each])}
        return found | {"seen": (~np.isnan(sample.x.T)).astype(np.float64)} | _numbered(each)

    def record(self, prior: ConjugatePrior) -> dict[str, Array]:
        """The parameters of each column's prior."""
        priors = parts_of_prior(cast("ColumnsPrior", prior))
        pairs = zip(self.parts, priors, strict=True)
        return _numbered([part.record(own) for part, own in pairs])

    def unknowns(self, data: Mapping[str, Tensor]) -> list[Any]:
        """Those of each column, declared under names with its number."""
        found = []
        for at, part in enumerate(self.parts, 1):
            with Numbered(at):
                found.append(part.unknowns(_own(data, at)))
        return found

    def log_density(self, theta: list[Any], data: Mapping[str, Tensor]) -> Tensor:
        """The sum over columns that were seen."""
        pairs = enumerate(zip(self.parts, theta, strict=True), 1)
        each = [
            data["seen"][at - 1] * part.log_density(own, _own(data, at))
            for at, (part, own) in pairs
        ]
        total: Tensor = sum(each[1:], each[0])
        return total

    def values(self, theta: IndependentColumns) -> dict[str, Array]:
        """Those of each column."""
        pairs = zip(self.parts, parts_of(theta), strict=True)
        return _numbered([part.values(own) for part, own in pairs])

    def sizes(self, k: int, d: Any) -> dict[str, tuple[int, ...]]:
        """Those of each column, of which d has the widths."""
        pairs = zip(self.parts, d, strict=True)
        return _numbered([part.sizes(k, wide) for part, wide in pairs])

    def explored(self, values: dict[str, Array], overall: Array) -> dict[str, Array]:
        """Each column's own coordinates."""
        found = dict(values)
        for at, part in enumerate(self.parts, 1):
            own = _only(values, at)
            found |= _called(part.explored(own, overall), at)
        return found

    def unconstrained(
        self, explored: dict[str, Tensor], overall: Tensor, k: Tensor
    ) -> tuple[dict[str, Tensor], Tensor | float]:
        """Each column's own; the logarithms of their Jacobians add up."""
        found, total = dict(explored), cast("Tensor | float", 0.0)
        for at, part in enumerate(self.parts, 1):
            values, log_jacobian = part.unconstrained(_only(explored, at), overall, k)
            found |= _called(values, at)
            total = total + log_jacobian
        return found, total

    def left_out(self, k: int) -> float:
        """The sum over columns."""
        return sum(part.left_out(k) for part in self.parts)

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: Any
    ) -> IndependentColumns:
        """Each column's own about the same rows."""
        found = [
            part.start(_column(sample, at, part), rows, rng, wide[at])
            for at, part in enumerate(self.parts)
        ]
        family: Any = self.family
        made: IndependentColumns = family(
            *(field for theta in found for field in entries(theta).values())
        )
        return made

    def width(self, data: Mapping[str, Tensor]) -> Any:
        """The symbolic width of each column."""
        return tuple(part.width(_own(data, at)) for at, part in enumerate(self.parts, 1))


class Numbered(pm.Model):  # type: ignore[misc]  # PyMC has no types
    """A part of a model whose names and axes have the number of its column behind them.

    >>> with pm.Model() as whole, Numbered(3):
    ...     _ = pm.Normal("mean")
    >>> whole.free_RVs
    [mean_3]
    """

    def __init__(self, at: int) -> None:
        self._behind = f"_{at}"
        super().__init__(check_bounds=False)

    def name_for(self, name: str) -> str:
        """Return the name with the number, once."""
        return name if name.endswith(self._behind) else name + self._behind

    def add_coord(self, name: str, values: Any = None, *, length: Any = None) -> None:
        """Add an axis of this column."""
        super().add_coord(self._axis(name), values, length=length)

    @property
    def dim_lengths(self) -> dict[str, Any]:
        """The lengths of the axes, by the names without the number."""
        whole: dict[str, Any] = super().dim_lengths
        return whole | {name.removesuffix(self._behind): one for name, one in whole.items()}

    def register_rv(self, rv_var: Any, name: str, *, dims: Any = None, **options: Any) -> Any:
        """Register a random variable along axes of this column."""
        return super().register_rv(rv_var, name, dims=self._axes(dims), **options)

    def add_named_variable(self, var: Any, dims: Any = None) -> None:
        """Add a variable along axes of this column."""
        super().add_named_variable(var, self._axes(dims))

    def _axis(self, name: str) -> str:
        return name if name == SHARED or name.endswith(self._behind) else name + self._behind

    def _axes(self, dims: Any) -> Any:
        if dims is None:
            return None
        return tuple(self._axis(one) for one in ((dims,) if isinstance(dims, str) else dims))


def _column(sample: Sample, at: int, part: Component[Any, Any]) -> Sample:
    """Return a column, a row for each distinct row of the table; heads are of one flip.

    In place of a blank is a value that was seen, which counts for nothing.
    """
    x = sample.x[:, at]
    seen = x[~np.isnan(x)]
    some = seen[len(seen) // 2] if len(seen) else 1.0
    arrays: dict[str, Any] = {"x": np.where(np.isnan(x), some, x), "counts": sample.counts}
    if part.family.takes() == "heads":
        arrays["trials"] = np.ones(sample.distinct)
    return type(sample).from_arrays(arrays)


def _own(data: Mapping[str, Tensor], at: int) -> dict[str, Tensor]:
    """Return the data of a column by the names that its family gives them."""
    found: dict[str, Tensor] = {**data, **_only(data, at)}
    return found | {"x": data["x"][at - 1]}


def _only[V](named: Mapping[str, V], at: int) -> dict[str, V]:
    """Return what belongs to a column, without its number."""
    behind = f"_{at}"
    return {name.removesuffix(behind): one for name, one in named.items() if name.endswith(behind)}


def _called[V](named: Mapping[str, V], at: int) -> dict[str, V]:
    """Return the same with the number of the column."""
    return {f"{name}_{at}": one for name, one in named.items()}


def _numbered[V](each: list[dict[str, V]]) -> dict[str, V]:
    """Return what belongs to all columns, with their numbers."""
    return {name: one for at, own in enumerate(each, 1) for name, one in _called(own, at).items()}
