"""EM's side of several columns that are independent within a component: sums over columns."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

import numpy as np

from em.by_rows import ByRows, Setting
from em.emission import emission_of
from em.newton import Height
from em.parts import part_believed, part_best, part_density, part_height
from models.family import components, entries, rebuilt, width_of
from models.independent import IndependentColumns, parts_of, parts_of_prior
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from em.emission import Emission
    from models.arrays import Array, Labels
    from models.family import Theta

__all__ = ["ColumnsEmission", "Pack"]

KEPT = 256  # blocks of rows whose cells are kept
CELLS = 1 << 12  # of a table that a processor keeps at hand, for every component


class Pack(NamedTuple):
    """Columns of few values, whose combinations are the cells of a small table.

    Rows then look up one number for all of the columns together, and are counted once.

    places: of the columns; sizes: how many values each has, which are 0, 1, ...
    spare: 1 where cells may be blank, which is one value more.

    >>> Pack((0, 1), (2, 3)).cells(np.array([[1.0, 2.0], [0.0, 1.0]]))
    array([5, 1])
    """

    places: tuple[int, ...]
    sizes: tuple[int, ...]
    spare: int = 0

    @property
    def table(self) -> int:
        """How many cells there are."""
        return prod(size + self.spare for size in self.sizes)

    def columns(self) -> Iterator[tuple[int, Array]]:
        """Yield the place and the values of each column."""
        for at, size in zip(self.places, self.sizes, strict=True):
            yield at, np.arange(float(size))

    def cells(self, x: Array) -> Labels:
        """Return the cell of each row, (B,)."""
        found = np.zeros(len(x))
        for at, size in zip(self.places, self.sizes, strict=True):
            found *= size + self.spare
            found += np.where(np.isnan(x[:, at]), size, x[:, at]) if self.spare else x[:, at]
        return found.astype(np.intp)

    def sums(self, occupancy: Array, cells: Labels) -> Iterator[Array]:
        """Yield the occupancies (K, size) of the values of each column, given each row's cell."""
        each = np.stack([np.bincount(cells, row, minlength=self.table) for row in occupancy])
        whole = each.reshape(len(each), *(size + self.spare for size in self.sizes))
        for axis, size in enumerate(self.sizes, 1):
            others = tuple(other for other in range(1, whole.ndim) if other != axis)
            yield whole.sum(axis=others)[:, :size]


class ColumnsEmission(ByRows[IndependentColumns]):
    """log p = sum_j log p_j: each column's M-step takes the same occupancies.

    The coordinates are those of all columns, one after the other, and derivatives of different
    columns do not mix.

    >>> from models import Independent, Poisson
    >>> emission = emission_of(Independent(Poisson, Poisson))
    >>> theta, x = emission.family(np.array([1.0]), np.array([2.0])), np.array([[0.0, 4.0]])
    >>> emission.height(theta, np.ones((1, 1)), x, None).slope
    array([[-1.,  1.]])
    """

    def __init__(self, family: type[IndependentColumns]) -> None:
        super().__init__(family)
        self.parts = [emission_of(one) for one in family.families]
        self.known: dict[object, tuple[ref[Any], Any]] = {}

    @property
    def located(self) -> bool:  # type: ignore[override]
        """Whether any column has a location."""
        return any(part.located for part in self.parts)

    @property
    def floor(self) -> Array:  # type: ignore[override]
        """The least width of each column, (d,)."""
        return np.array([part.floor for part in self.parts])

    def placed(self, d: int) -> NDArray[np.bool_]:
        """Each column's own."""
        return np.array([part.located for part in self.parts])

    def scaled(self, d: int) -> NDArray[np.bool_]:
        """Each column's own."""
        return np.array([part.relative for part in self.parts])

    def outlying(self, d: int) -> NDArray[np.bool_]:
        """Each column's own."""
        return np.array([part.heavy for part in self.parts])

    def slack(self, wide: Any) -> float:
        """The sum over columns."""
        return sum(part.slack(one) for part, one in zip(self.parts, wide, strict=True))

    def base(self, x: Array, trials: Array | None) -> Array:
        """The sum over columns."""
        found: Array = np.zeros(len(x))
        for at, part in enumerate(self.parts):
            column, blank = _filled(x[:, at])
            found = found + np.where(blank, 0, part.base(column, _flips(part, x)))
        return found

    def place(self, x: Array, trials: Array | None) -> Array:
        """The places in each column, side by side."""
        each = enumerate(self.parts)
        return np.column_stack(
            [part.place(_filled(x[:, at])[0], _flips(part, x)) for at, part in each]
        )

    def log_density(self, theta: IndependentColumns, x: Array, trials: Array | None) -> Array:
        """The sum over columns."""
        found, parts = np.zeros((components(theta), len(x))), parts_of(theta)
        packs, others = self._packed(width_of(theta), x)
        for pack in packs:
            table = np.zeros((len(found), 1))
            for at, values in pack.columns():
                each = part_density(self.parts[at], parts[at], values, self._flips(at, values))
                each = np.pad(each, ((0, 0), (0, pack.spare)))  # a blank says nothing
                table = (table[:, :, None] + each[:, None, :]).reshape(len(found), -1)
            found += table.take(self._cells(pack, x), axis=1)
        for at in others:
            column, blank = _filled(x[:, at])
            each = part_density(self.parts[at], parts[at], column, self._flips(at, column))
            found += np.where(blank, 0, each) if blank.any() else each
        return found

    def height(
        self, theta: IndependentColumns, occupancy: Array, x: Array, trials: Array | None
    ) -> Height:
        """Each column's own."""
        parts, found = parts_of(theta), []
        for at, (share, column) in enumerate(self._gathered(width_of(theta), occupancy, x)):
            flips = self._flips(at, column)
            with np.errstate(divide="ignore", invalid="ignore"):  # on an edge there is no slope
                found.append(part_height(self.parts[at], parts[at], share, column, flips))
        return _side_by_side(found)

    def believed(self, theta: IndependentColumns, prior: Any, k: int) -> Height:
        """Each column's own."""
        each = zip(self.parts, parts_of(theta), parts_of_prior(prior), strict=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _side_by_side([part_believed(part, own, seen, k) for part, own, seen in each])

    def best(
        self,
        occupancy: Array,
        rows: Part,
        setting: Setting,
        near: IndependentColumns | None = None,
        height: Callable[[IndependentColumns], Height] | None = None,
    ) -> IndependentColumns:
        """Each column's own."""
        d, prior = len(self.parts), setting.prior
        priors = [None] * d if prior is None else parts_of_prior(prior)
        begun = [None] * d if near is None else parts_of(near)
        floors = _floors(np.asarray(setting.floor), d)
        found = []
        for at, (share, column) in enumerate(self._gathered(setting.wide, occupancy, rows.x)):
            own = Setting(floors[at], setting.k, setting.wide[at], priors[at])
            some = Part(column, self._flips(at, column), None)
            found.append(part_best(self.parts[at], share, some, own, begun[at]))
        return self._joined(found)

    def looked_at(self, theta: IndependentColumns) -> IndependentColumns:
        """Each column's own, of those that are looked at in a range."""
        pairs = zip(self.parts, parts_of(theta), strict=True)
        return self._joined(
            [part.looked_at(own) if isinstance(part, ByRows) else own for part, own in pairs]
        )

    def log_measure(self, theta: IndependentColumns) -> Array:
        """The sum over columns."""
        pairs = zip(self.parts, parts_of(theta), strict=True)
        return np.sum([part.log_measure(own) for part, own in pairs], axis=0)

    def chart(self, theta: IndependentColumns) -> Array:
        """Those of the columns along the diagonal."""
        pairs = zip(self.parts, parts_of(theta), strict=True)
        whole: Array = _diagonal([part.chart(own)[None] for part, own in pairs])[0]
        return whole

    def width(self, theta: IndependentColumns, floor: Array) -> Array:
        """The narrowest of the columns'."""
        each = zip(self.parts, parts_of(theta), _floors(floor, len(self.parts)), strict=True)
        widths = np.stack([part.width(own, least) for part, own, least in each])
        narrowest: Array = widths.min(axis=0)
        return narrowest

    def on_floor(self, theta: IndependentColumns, floor: Array) -> NDArray[np.bool_]:
        """Whether any column is."""
        each = zip(self.parts, parts_of(theta), _floors(floor, len(self.parts)), strict=True)
        touching = [part.on_floor(own, least) for part, own, least in each]
        found: NDArray[np.bool_] = np.any(touching, axis=0)
        return found

    def widen(self, theta: IndependentColumns, floor: Array) -> IndependentColumns:
        """Each column's own."""
        each = zip(self.parts, parts_of(theta), _floors(floor, len(self.parts)), strict=True)
        return self._joined([part.widen(own, least) for part, own, least in each])

    def edges(self, theta: IndependentColumns) -> NDArray[np.bool_]:
        """Each column's own."""
        pairs = zip(self.parts, parts_of(theta), strict=True)
        return np.hstack([part.edges(own) for part, own in pairs])

    def _packed(self, wide: tuple[int, ...], x: Array) -> tuple[list[Pack], list[int]]:
        """Return the columns of few values in packs of few cells, and the other columns."""
        packs: list[Pack] = []
        spare = int(self._kept("blank", x, lambda: np.isnan(x).any()))
        others = []
        for at, part in enumerate(self.parts):
            kind = part.family.takes()
            size = wide[at] if kind == "labels" else 2
            if kind not in ("labels", "heads") or size > CELLS:
                others.append(at)
            elif packs and packs[-1].table * (size + spare) <= CELLS:
                last = packs.pop()
                packs.append(Pack((*last.places, at), (*last.sizes, size), spare))
            else:
                packs.append(Pack((at,), (size,), spare))
        return packs, others

    def _gathered(
        self, wide: tuple[int, ...], occupancy: Array, x: Array
    ) -> list[tuple[Array, Array]]:
        """Return occupancies and values of each column; of few values only the distinct ones."""
        packs, others = self._packed(wide, x)
        found = {}
        for at in others:
            column, blank = _filled(x[:, at])
            found[at] = np.where(blank, 0, occupancy) if blank.any() else occupancy, column
        for pack in packs:
            for (at, values), share in zip(
                pack.columns(), pack.sums(occupancy, self._cells(pack, x)), strict=True
            ):
                found[at] = share, values
        return [found[at] for at in range(len(self.parts))]

    def _cells(self, pack: Pack, x: Array) -> Labels:
        """Return the cell of each row."""
        found: Labels = self._kept(pack, x, lambda: pack.cells(x))
        return found

    def _kept(self, what: object, x: Array, make: Callable[[], Any]) -> Any:
        """Return what is made of rows, kept from step to step as long as the rows are there."""
        owner = x if x.base is None else x.base
        key = what, x.__array_interface__["data"][0], x.shape, x.strides
        kept = self.known.get(key)
        if kept is None or kept[0]() is not owner:
            if len(self.known) > KEPT:
                self.known.clear()
            kept = self.known[key] = ref(owner), make()
        return kept[1]

    def _flips(self, at: int, values: Array) -> Array | None:
        """Return one flip for each value if the column counts heads."""
        return _flips(self.parts[at], values)

    def _joined(self, parts: Sequence[Theta]) -> IndependentColumns:
        """Return the parameters of all columns."""
        return rebuilt(self.family, [field for one in parts for field in entries(one).values()])


def _flips(part: Emission[Any], rows: Array) -> Array | None:
    """Return one flip for each row if the part counts heads."""
    return np.ones(len(rows)) if part.family.takes() == "heads" else None


def _filled(column: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return a column with a value of its own in place of blanks, and where these are."""
    blank = np.isnan(column)
    if not blank.any():
        return column, blank
    seen = column[~blank]
    return np.where(blank, seen[0] if len(seen) else 1.0, column), blank


def _floors(floor: Array, d: int) -> Array:
    """Return the least width of each column, (d, 1), from a number or the diagonal (d, d)."""
    found: Array = np.broadcast_to(np.diagonal(floor) if floor.ndim == 2 else floor, (d,))
    return found[:, None]


def _side_by_side(each: Sequence[Height]) -> Height:
    """Return the sum of functions of different coordinates, with its derivatives."""
    values, slopes, curvatures = zip(*each, strict=True)
    return Height(np.sum(values, axis=0), np.hstack(slopes), _diagonal(curvatures))


def _diagonal(blocks: Sequence[Array]) -> Array:
    """Return matrices (K, a, b) along the diagonal of one, (K, sum a, sum b)."""
    rows, columns = (np.cumsum([0, *(one.shape[axis] for one in blocks)]) for axis in (1, 2))
    found = np.zeros((len(blocks[0]), rows[-1], columns[-1]))
    for at, one in enumerate(blocks):
        found[:, rows[at] : rows[at + 1], columns[at] : columns[at + 1]] = one
    return found
