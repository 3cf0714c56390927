"""A model compiled once for a structure and family: all samples, K and dimensions share it.

The graph that PyMC derives (log density and gradient) reads all data, the number of components
and the dimension from `pm.Data`. Another sample swaps pointers and compiles nothing.

nutpie's `compile_pymc_model(freeze_model=False)` swaps rows too. But it fixes the number of
parameters, compiles the stored variables as well, and does not keep on disk what it calls.
bayes/README.md has the times of both.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.graph.replace import clone_replace, vectorize_graph
from pytensor.graph.rewriting.basic import in2out
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS, compile_numba_function_src
from pytensor.tensor.rewriting.basic import local_view_op

from bayes.component import component_of
from bayes.model import assemble, data_of
from bayes.sampling.light_imports import CompiledPyMCModel, address_as_void_pointer
from bayes.standardise import standard_of
from bayes.structure import CONCENTRATION, grouping_of
from models.family import axes
from models.structure import axes_of, from_fields, shares_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pymc as pm
    from numba.core.ccallback import CFunc

    from bayes.component import Component
    from bayes.structure import Grouping
    from bayes.symbols import Tensor
    from models.arrays import Array, Labels
    from models.question import Question
    from models.sample import Sample
    from models.structure import Structure

__all__ = ["Engine", "engine_of", "is_compiled", "machine_code"]

DOUBLES = ctypes.POINTER(ctypes.c_double)
DOUBLE = numba.types.CPointer(numba.types.double)
WHOLE = numba.types.uint64
DENSITY = numba.types.int64(WHOLE, DOUBLE, DOUBLE, DOUBLE, numba.types.voidptr)
EXPAND = numba.types.int64(WHOLE, WHOLE, DOUBLE, DOUBLE, numba.types.voidptr)
AT_ONCE = 1 << 20  # doubles of log densities held at once, 8 MB


class Variable(NamedTuple):
    """A random variable: its name and how many dimensions it has."""

    name: str
    ndim: int


@dataclass(frozen=True, eq=False)
class Engine:
    """The compiled functions of a structure and a family.

    variables: in the order in which they are packed into a position.
    component, grouping: what PyMC needs of the family and of the structure.
    model: the model of both.
    forward: unconstrained values from the variables' own, each with a leading axis.
    natural: the fields of shares and theta from explored coordinates, with a leading axis.
    densities: log p (n, K, m) from explored coordinates with a leading axis; if the grouping
        `joins`, with the log weights added.
    log_prior: log density (n,) of the random variables, likewise.

    >>> from bayes.posterior.tree import posterior_of
    >>> engine = engine_of(posterior_of(posterior).question)
    >>> engine.sizes(k=3, d=1, sizes={})
    {'rate': (3,), 'weight': (2,)}
    """

    variables: tuple[Variable, ...]
    component: Component[Any, Any]
    grouping: Grouping
    model: pm.Model
    forward: Callable[..., list[Array]]
    natural: Callable[..., list[Array]]
    densities: Callable[..., Array]
    log_prior: Callable[..., Array]

    def pack(self, question: Question[Any, Any], structures: Structure) -> Array:
        """Return positions (n, p) of structures with a leading axis, in the data's units."""
        return self._pack(question, standard_of(question).inside(structures), _data(question))

    def _pack(
        self, question: Question[Any, Any], structures: Structure, data: Mapping[str, Array]
    ) -> Array:
        """Return positions of structures in the units of some data."""
        own = {**shares_of(structures), **self.component.values(structures.theta)}
        given = [np.asarray(own[variable.name], np.float64) for variable in self.variables]
        values = self.forward(*given, *data.values())
        names = [variable.name for variable in self.variables]
        found = dict(zip(names, values, strict=True))
        weights = self.grouping.weights_of(question, structures)
        explored = self.component.explored(found, weights)
        return np.concatenate([explored[name].reshape(len(given[0]), -1) for name in names], axis=1)

    def unpack(self, question: Question[Any, Any], positions: Array) -> list[Array]:
        """Return the explored coordinates, (n, ...) each, of positions (n, p)."""
        sizes = self.sizes(question.k, question.width, question.data.sizes)
        shapes = [sizes[variable.name] for variable in self.variables]
        cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        parts = np.split(positions, cuts, axis=1)
        return [part.reshape(len(part), *shape) for part, shape in zip(parts, shapes, strict=True)]

    def sizes(self, k: int, d: int, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the unconstrained shape of each variable; lengths may be symbolic.

        sizes: of the axes of shares that are not of components.
        """
        found = dict(self.component.sizes(k, d))
        axes = self.grouping.structure.axes()
        for name, _ in self.variables:
            if name in axes:
                lengths = [k if one.startswith("component") else sizes[one] for one in axes[name]]
                found[name] = (*lengths[:-1], k - 1)
        return found

    def structures(self, question: Question[Any, Any], positions: Array) -> Structure:
        """Return the structures, with a leading axis, of positions (n, p), in the data's units."""
        return standard_of(question).outside(self.working(question, positions))

    def working(self, question: Question[Any, Any], positions: Array) -> Structure:
        """Return the same in working coordinates, without the rounding of the way out."""
        values = self.unpack(question, positions)
        return self._structures(question, values, _data(question))

    def _structures(
        self, question: Question[Any, Any], values: list[Array], data: Mapping[str, Array]
    ) -> Structure:
        fields = self.natural(*values, *data.values())
        names = axes_of(question.structure, question.family)
        n = len(values[0])
        # fixed shares do not depend on the position and do not have its axis
        held = {
            name: np.broadcast_to(one, (n, *one.shape[-len(names[name]) :]))
            for name, one in zip(names, fields, strict=True)
        }
        found: Structure = from_fields(question.structure, question.family, held)
        return found

    def by_block(
        self,
        question: Question[Any, Any],
        positions: Array,
        look: Callable[[Structure, Array], Array],
        sample: Sample | None = None,
    ) -> Array:
        """Return the results of `look` at structures and densities of positions (n, p), by blocks.

        sample: rows at which densities are evaluated, in place of the question's.
        """
        rows = question.rows if sample is None else sample
        data = _data(question, sample)
        inner = rows.dimension**2  # products of columns
        wide = max(rows.distinct * inner, len(question.units.unit_rows))
        block = max(1, AT_ONCE // (question.k * wide))
        parts = []
        for begin in range(0, len(positions), block):
            values = self.unpack(question, positions[begin : begin + block])
            structures = self._structures(question, values, data)
            parts.append(look(structures, self.densities(*values, *data.values())))
        return np.concatenate(parts)

    def pointwise(
        self, question: Question[Any, Any], positions: Array, begins: Labels | None = None
    ) -> Array:
        """Return the log-likelihood of each unit of the data, (n, u), of positions (n, p).

        begins: the units from each of which to the next one log-likelihoods are summed.
        """

        def look(structures: Structure, log_density: Array) -> Array:
            found = self.grouping.pointwise(question, shares_of(structures), log_density)
            if not standard.plain:
                found = found - standard.log_volume * seen
            return found if begins is None else np.add.reduceat(found, begins, axis=1)

        standard, seen = standard_of(question), question.units.unit_counts > 0
        return self.by_block(question, positions, look)

    def members(
        self, question: Question[Any, Any], positions: Array, units: Labels | None = None
    ) -> Array:
        """Return the probability of each component at each unit, (n, K, u), of positions (n, p).

        units: those that are asked for; by default all.
        """

        def look(structures: Structure, log_density: Array) -> Array:
            found = self.grouping.members(question, shares_of(structures), log_density)
            return found if units is None else found[..., units]

        return self.by_block(question, positions, look)

    def log_likelihoods(self, question: Question[Any, Any], positions: Array) -> Array:
        """Return the log-likelihoods (n,) of positions (n, p)."""
        counts = question.units.unit_counts

        def look(structures: Structure, log_density: Array) -> Array:
            found = self.grouping.pointwise(question, shares_of(structures), log_density) @ counts
            return found if standard.plain else found - standard.log_volume * counts.sum()

        standard = standard_of(question)
        return self.by_block(question, positions, look)

    def log_marginals(
        self, question: Question[Any, Any], positions: Array, sample: Sample
    ) -> Array:
        """Return the marginal log density of other rows, (n, m)."""

        def look(structures: Structure, log_density: Array) -> Array:
            if not self.grouping.joins:
                with np.errstate(divide="ignore"):  # of a state that is never visited
                    log_share = np.log(structures.overall(question.data))
                log_density = log_density + log_share[:, :, None]
            found = log_sum(log_density)
            return found if standard.plain else found - standard.log_volume_of(sample.x)

        standard = standard_of(question)
        return self.by_block(question, positions, look, sample)

    def log_components(
        self, question: Question[Any, Any], positions: Array, sample: Sample
    ) -> Array:
        """Return log p of other rows under each component, (n, K, m); not if the grouping joins."""
        standard = standard_of(question)
        moved = 0.0 if standard.plain else standard.log_volume
        return self.by_block(question, positions, lambda _, found: found - moved, sample)

    def log_priors(self, question: Question[Any, Any], positions: Array) -> Array:
        """Return log prior densities, on the natural scale, of positions (..., p)."""
        flat = positions.reshape(-1, positions.shape[-1])
        found = self._log_priors(question, flat, _data(question))
        if not standard_of(question).plain:  # another unit changes the density by a constant
            raw = data_of(question)
            same = self._pack(question, self.structures(question, flat[:1]), raw)
            found = found + self._log_priors(question, same, raw) - found[:1]
        return found.reshape(positions.shape[:-1])

    def _log_priors(
        self, question: Question[Any, Any], positions: Array, data: Mapping[str, Array]
    ) -> Array:
        """Return log prior densities (n,) in the units of some data."""
        return self.log_prior(*self.unpack(question, positions), *data.values())

    def slopes(self, question: Question[Any, Any], positions: Array) -> Array:
        """Return the gradients (n, p) of the log density that chains explore, at (n, p)."""
        return self._explored(question, positions)[1]

    def explored(self, question: Question[Any, Any], positions: Array) -> Array:
        """Return the log density (n,) that chains explore, at (n, p)."""
        return self._explored(question, positions)[0]

    def _explored(self, question: Question[Any, Any], positions: Array) -> tuple[Array, Array]:
        """Return the log density (n,) that chains explore and its gradients, NaN if undefined."""
        density = self.density(question)
        found = [density(position) for position in positions]
        heights, slopes = zip(*found, strict=True)
        return np.array(heights), np.array(slopes)

    def density(self, question: Question[Any, Any]) -> Callable[[Array], tuple[float, Array]]:
        """Return a function from a position (p,) to the log density that chains explore there.

        It returns the gradient (p,) as well, and NaN for both where they are undefined.
        """
        model = self.nutpie_model(question, lambda _: np.empty(0))
        call = model.compiled_logp_func.ctypes
        value = np.empty(1)
        data, height = model.user_data.ctypes.data_as(ctypes.c_void_p), value.ctypes

        def at(position: Array) -> tuple[float, Array]:
            assert model.user_data is not None  # its memory lives as long as this function
            place, slope = np.ascontiguousarray(position), np.empty(len(position))
            pointers = (place.ctypes.data_as(DOUBLES), slope.ctypes.data_as(DOUBLES))
            if call(len(place), *pointers, height.data_as(DOUBLES), data):
                return np.nan, np.full(len(place), np.nan)
            return float(value[0]), slope

        return at

    def nutpie_model(
        self, question: Question[Any, Any], start: Callable[[int], Array]
    ) -> CompiledPyMCModel:
        """Return the model in nutpie's form, its data swapped for the question's.

        start: from a seed to a position.
        """
        reads, density = machine_code(self)
        data = _data(question)
        used = [data[name] for name in reads]
        addresses = [array.ctypes.data for array in used]
        shapes = [length for array in used for length in array.shape]
        sizes = self.sizes(question.k, question.width, question.data.sizes)
        p = sum(int(np.prod(sizes[variable.name])) for variable in self.variables)
        return CompiledPyMCModel(
            dims={},
            compiled_logp_func=density,
            compiled_expand_func=_nothing_to_expand(),
            initial_point_func=start,
            shared_data=data,  # keeps the arrays behind the addresses alive
            shared_var_keys={},
            user_data=np.array([*addresses, *shapes, 0], np.uint64),
            n_expanded=p,
            shape_info=(["position"], [slice(0, p)], [(p,)]),
            logp_func=None,
            expand_func=None,
            _n_dim=p,
            _shapes={"position": (p,)},
            _coords={},
        )


def log_sum(joint: Array) -> Array:
    """Return log sum_k exp(joint), (n, K, m) to (n, m)."""
    peak = joint.max(axis=1, keepdims=True)
    peak[np.isneginf(peak)] = 0
    with np.errstate(divide="ignore"):  # a row that no component can have made
        found: Array = np.log(np.exp(joint - peak).sum(axis=1))
    return found + peak[:, 0]


def _data(question: Question[Any, Any], sample: Sample | None = None) -> dict[str, Array]:
    """Return everything that the model reads, in the sampler's working coordinates."""
    found, standard = data_of(question, sample), standard_of(question)
    if standard.plain:
        return found
    record = component_of(question.family).record(standard.prior(question.prior.theta))
    moved = {"x": standard.rows(found["x"]), **record}
    return found | {name: np.array(one, np.float64, order="C") for name, one in moved.items()}


ENGINES: dict[tuple[type, type, frozenset[str]], Engine] = {}
"""By structure, family, and which shares are held."""

READY: set[Engine] = set()
"""Those with machine code."""


def engine_of(question: Question[Any, Any]) -> Engine:
    """Return the engine of a question; questions of one kind share one engine.

    >>> from bayes.posterior.tree import posterior_of
    >>> question = posterior_of(posterior).question
    >>> engine_of(question) is engine_of(question)
    True
    """
    kind = (question.structure, question.family, question.held)
    if kind not in ENGINES:
        ENGINES[kind] = _derived(question)
    return ENGINES[kind]


def is_compiled(question: Question[Any, Any]) -> bool:
    """Return whether this process has the machine code of a question.

    >>> from bayes.posterior.tree import posterior_of
    >>> is_compiled(posterior_of(posterior).question)  # it was sampled
    True
    """
    return ENGINES.get((question.structure, question.family, question.held)) in READY


def _derived(question: Question[Any, Any]) -> Engine:
    """Derive everything from the model of one question of its kind."""
    family = question.family
    component, grouping = component_of(family), grouping_of(question.structure)
    model, shares, log_density = assemble(question)
    data = {name: model[name] for name in data_of(question)}
    variables = tuple(Variable(variable.name, variable.ndim) for variable in model.free_RVs)
    given = [pt.tensor(f"given_{name}", shape=shared.type.shape) for name, shared in data.items()]
    swap = dict(zip(data.values(), given, strict=True))

    def python(inputs: list[Tensor], outputs: Any) -> Callable[..., Any]:
        """Return a function of a few large arrays, for which compilation does not pay."""
        mode = Mode(linker="py", optimizer="fast_compile")
        with pytensor.config.change_flags(cxx=""):  # inner functions would compile by themselves
            function = pytensor.function(
                [*inputs, *given], outputs, givens=swap, mode=mode, on_unused_input="ignore"
            )
        alone = Lock()  # the function stores intermediate results, and chains are threads

        def called(*arguments: Array) -> object:
            with alone:
                return function(*arguments)

        return called

    explored, swapped, _ = _explored(component, grouping, model)
    many = [pt.tensor(f"{one.name}s", shape=(None, *one.type.shape)) for one in explored]
    theta = [model[name] for name in axes(family)]
    if grouping.joins:
        weights = grouping.weights(shares, {one.name: one for one in model.data_vars})
        log_density = pt.log(weights)[:, None] + log_density
    out: Any = model.replace_rvs_by_values([*shares.values(), *theta, log_density])
    out.append(model.logp(vars=model.free_RVs, jacobian=False))
    out = clone_replace(out, swapped)
    # names are copies, which would be mapped over draws one by one
    out = rewrite_graph(out, include=[], custom_rewrite=in2out(local_view_op))
    *naturals, terms, priors = vectorize_graph(out, dict(zip(explored, many, strict=True)))
    own = [pt.tensor(name, shape=(None,) * (1 + ndim)) for name, ndim in variables]
    return Engine(
        variables,
        component,
        grouping,
        model,
        forward=python(own, _forward(model, own)),
        natural=python(many, naturals),
        densities=python(many, terms),
        log_prior=python(many, priors),
    )


def _forward(model: pm.Model, own: list[Tensor]) -> list[Tensor]:
    """Return the unconstrained values of the variables' own, with a leading axis."""
    found = []
    for variable, value in zip(model.free_RVs, own, strict=True):
        transform = model.rvs_to_transforms[variable]
        inputs = variable.owner.inputs
        found.append(value if transform is None else transform.forward(value, *inputs))
    return found


def _explored(
    component: Component[Any, Any], grouping: Grouping, model: pm.Model
) -> tuple[list[Tensor], dict[Any, Any], Tensor | float]:
    """Return explored coordinates, the model's values as they follow from them, log Jacobian."""
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    explored = [value.type(f"explored_{value.name}") for value in values]
    swap = dict(zip(values, explored, strict=True))
    names = list(grouping.structure.axes())
    found = model.replace_rvs_by_values([model[name] for name in names])
    shares = dict(zip(names, clone_replace(found, swap) if found else [], strict=True))
    data = {one.name: one for one in model.data_vars}
    pieces = {one.name: piece for one, piece in zip(model.free_RVs, explored, strict=True)}
    # the shape of something with draws' axis would be mapped over draws, one by one
    k = model[CONCENTRATION].shape[0]
    back, log_jacobian = component.unconstrained(pieces, grouping.weights(shares, data), k)
    names = [variable.name for variable in model.free_RVs]
    follow = {value: back[name] for name, value in zip(names, values, strict=True)}
    return explored, follow, log_jacobian


@cache
def machine_code(engine: Engine) -> tuple[tuple[str, ...], CFunc]:
    """Compile log density and gradient at a position; return the data that they read first.

    >>> from bayes.posterior.tree import posterior_of
    >>> sorted(machine_code(engine_of(posterior_of(posterior).question))[0])[:2]
    ['counts', 'log_factorial']
    """
    model = engine.model
    explored, swapped, log_jacobian = _explored(engine.component, engine.grouping, model)
    plain: Any = clone_replace(model.logp(), swapped)
    log_density: Any = rewrite_graph(
        plain + log_jacobian, include=["canonicalize", "stabilize", "local_remove_check_parameter"]
    )
    gradient: Any = pt.grad(log_density, explored)
    slopes = pt.concatenate([slope.ravel() for slope in gradient])
    position = pt.vector("position")
    data = {one.name: one for one in model.data_vars}
    d: Any = engine.component.width(data)
    lengths: Any = engine.grouping.sizes(data)  # symbols, as the other two are
    sizes = engine.sizes(model[CONCENTRATION].shape[0], d, lengths)
    begin = 0
    parts: dict[Any, Tensor] = {}
    for variable, piece in zip(engine.variables, explored, strict=True):
        shape = sizes[variable.name]
        length = prod(shape)
        part = position[begin : begin + length]
        parts[piece] = part if len(shape) == 1 else part.reshape(shape)
        begin = begin + length
    outputs = clone_replace([log_density, slopes], parts)
    # fast arithmetic may be reordered otherwise by the run that compiles than by those that load
    with pytensor.config.change_flags(numba__fastmath=False):
        function = pytensor.function([position], outputs, mode="NUMBA", trust_input=True)
        shared = function.get_shared()
        callback = _callback(function.vm.jit_fn, [variable.ndim for variable in shared])
    READY.add(engine)
    return tuple(variable.name for variable in shared), callback


def _callback(function: Any, ndims: list[int]) -> CFunc:
    """Return the C function that nutpie calls, kept on disk beside PyTensor's own.

    function: (position, *data) to log density and gradient.
    ndims: of the data; their addresses come first behind the pointer, then their shapes, then a
        word that, once it is not 0, ends every path at its next step.
    """
    at, arrays = len(ndims), []
    for index, ndim in enumerate(ndims):
        shape = "".join(f"where[{at + axis}], " for axis in range(ndim))
        arrays.append(f"carray(pointer(where[{index}]), ({shape}), double)")
        at += ndim
    source = f"""
def density(length, position, slope, value, data):
    where = carray(data, ({at + 1},), whole)
    if where[{at}] != 0:
        return 3
    height, slopes = function(carray(position, (length,)), {", ".join(arrays)})
    value[0] = height[()]
    bad = not isfinite(height[()])
    for i in range(length):
        slope[i] = slopes[i]
        bad = bad or not isfinite(slopes[i])
    return 3 if bad else 0
"""
    names = {
        "__name__": __name__,
        "carray": numba.carray,
        "pointer": address_as_void_pointer,
        "function": function,
        "double": np.float64,
        "whole": np.uint64,
        "isfinite": np.isfinite,
    }
    key = CACHED_SRC_FUNCTIONS.get(function.py_func)
    # what is kept on disk names this module, which a later version may have moved
    wrapped = sha256(f"{__name__}\n{source}".encode()).hexdigest()
    written = compile_numba_function_src(
        source, "density", names, cache_key=None if key is None else f"{wrapped}_{key}"
    )
    callback: CFunc = numba.cfunc(DENSITY, cache=key is not None)(written)
    return callback


@cache
def _nothing_to_expand() -> CFunc:
    """Return the C function that stores a position as it is."""

    def expand(length: int, expanded: int, position: Array, out: Array, data: int) -> int:
        for i in range(length):
            out[i] = position[i]
        return 0

    return numba.cfunc(EXPAND)(expand)
