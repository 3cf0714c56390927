"""A model compiled once for a family: every sample, number of components and dimension shares it.

The graph that PyMC derives (log density and gradient) reads all data, the number of components
and the dimension from `pm.Data`, so a replicate swaps pointers and compiles nothing. nutpie's own
compilation bakes shapes in and cannot be kept on disk; the few lines of `_callback` can, and so
the second process starts in a second.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

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

from bayes.mixture import Question, assemble
from bayes.sampling.light_imports import CompiledPyMCModel, address_as_void_pointer
from models import Mixture
from models.family import Theta, rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pymc as pm
    from numba.core.ccallback import CFunc
    from pytensor.tensor import TensorVariable

    from bayes.component import Component
    from models.arrays import Array

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
    """What a family's model compiles to.

    variables: in the order in which they are packed into a position.
    component, model: the family's side, and the model that it makes.
    sizes: the unconstrained shape of each variable, by k and d.
    forward: unconstrained values from the variables' own, each with a leading axis.
    natural: weight and the fields of Theta from explored coordinates, with a leading axis.
    joint: log weight + log p (n, K, m) from explored coordinates with a leading axis.
    log_prior: log density (n,) of the random variables, likewise.
    """

    variables: tuple[Variable, ...]
    component: Component
    model: pm.Model
    sizes: Callable[[int, int], dict[str, tuple[int, ...]]]
    forward: Callable[..., list[Array]]
    natural: Callable[..., list[Array]]
    joint: Callable[..., Array]
    log_prior: Callable[..., Array]

    def pack[T: Theta](self, question: Question[T], mixture: Mixture[T]) -> Array:
        """Return positions (n, p) of mixtures with a leading axis."""
        own = {"weight": mixture.weight, **question.component.values(mixture.theta)}
        given = [np.asarray(own[variable.name], np.float64) for variable in self.variables]
        values = self.forward(*given, *question.data().values())
        names = [variable.name for variable in self.variables]
        found = dict(zip(names, values, strict=True))
        explored = question.component.explored(found, mixture.weight)
        return np.concatenate([explored[name].reshape(len(given[0]), -1) for name in names], axis=1)

    def unpack[T: Theta](self, question: Question[T], positions: Array) -> list[Array]:
        """Return the explored coordinates, (n, ...) each, of positions (n, p)."""
        sizes = self.sizes(question.k, question.sample.dimension)
        shapes = [sizes[variable.name] for variable in self.variables]
        cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        parts = np.split(positions, cuts, axis=1)
        return [part.reshape(len(part), *shape) for part, shape in zip(parts, shapes, strict=True)]

    def mixtures[T: Theta](self, question: Question[T], positions: Array) -> Mixture[T]:
        """Return the mixtures, with a leading axis, of positions (n, p)."""
        values = self.unpack(question, positions)
        weight, *fields = self.natural(*values, *question.data().values())
        weight = np.broadcast_to(weight, (len(positions), question.k))
        return Mixture(weight, rebuilt(question.component.family, fields))

    def log_joint[T: Theta](
        self, question: Question[T], positions: Array, reduce: Callable[[Array], Array]
    ) -> Array:
        """Return what is made, by block, of log weight + log p, (n, K, m), of positions (n, p)."""
        data = question.data()
        inner = question.sample.dimension**2  # products of columns
        block = max(1, AT_ONCE // (question.k * question.sample.distinct * inner))
        parts = []
        for begin in range(0, len(positions), block):
            values = self.unpack(question, positions[begin : begin + block])
            parts.append(reduce(self.joint(*values, *data.values())))
        return np.concatenate(parts)

    def log_rows[T: Theta](self, question: Question[T], positions: Array) -> Array:
        """Return log p of every distinct row, (n, m), of positions (n, p)."""
        return self.log_joint(question, positions, log_sum)

    def log_likelihoods[T: Theta](self, question: Question[T], positions: Array) -> Array:
        """Return the log-likelihoods (n,) of positions (n, p)."""
        counts = question.sample.counts
        return self.log_joint(question, positions, lambda joint: log_sum(joint) @ counts)

    def log_priors[T: Theta](self, question: Question[T], positions: Array) -> Array:
        """Return log prior densities, on the natural scale, of positions (..., p)."""
        values = self.unpack(question, positions.reshape(-1, positions.shape[-1]))
        return self.log_prior(*values, *question.data().values()).reshape(positions.shape[:-1])

    def slopes[T: Theta](self, question: Question[T], positions: Array) -> Array:
        """Return the gradients (n, p) of the log density that chains explore, at (n, p)."""
        model = self.nutpie_model(question, lambda _: positions[0])
        density = model.compiled_logp_func.ctypes
        found, value = np.empty_like(positions), np.empty(1)
        data = model.user_data.ctypes.data_as(ctypes.c_void_p)
        height, size = value.ctypes.data_as(DOUBLES), positions.shape[1]
        positions = np.ascontiguousarray(positions)
        places = zip(_rows(positions), _rows(found), strict=True)
        for row, (position, slope) in enumerate(places):
            if density(size, position, slope, height, data):
                found[row] = np.nan
        return found

    def nutpie_model[T: Theta](
        self, question: Question[T], start: Callable[[int], Array]
    ) -> CompiledPyMCModel:
        """Return the model in nutpie's form, its data swapped for the question's.

        start: from a seed to a position.
        """
        reads, density = machine_code(self)
        data = question.data()
        used = [data[name] for name in reads]
        addresses = [array.ctypes.data for array in used]
        shapes = [length for array in used for length in array.shape]
        sizes = self.sizes(question.k, question.sample.dimension)
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


def engine_of[T: Theta](question: Question[T]) -> Engine:
    """Return the engine that answers a question."""
    return _engine(question.component.family, question.equal_weights, Asked(question))


READY: set[tuple[type, bool]] = set()


def is_compiled[T: Theta](question: Question[T]) -> bool:
    """Return whether this process has the machine code that answers a question."""
    return (question.component.family, question.equal_weights) in READY


class Asked(NamedTuple):
    """A question as an example of its kind: all of a kind share one engine."""

    question: Question

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asked)


@cache
def _engine(family: type, equal_weights: bool, example: Asked) -> Engine:
    """Derive everything from the model of any question of a family."""
    question = example.question
    component = question.component
    model, joint = assemble(question)
    data = {name: model[name] for name in question.data()}
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    variables = tuple(Variable(variable.name, variable.ndim) for variable in model.free_RVs)
    given = [pt.tensor(f"given_{name}", shape=shared.type.shape) for name, shared in data.items()]
    swap = dict(zip(data.values(), given, strict=True))

    def python(inputs: list[TensorVariable], outputs: object) -> Callable:
        """Return a function of a few large arrays, for which nothing is worth compiling."""
        mode = Mode(linker="py", optimizer="fast_compile")
        with pytensor.config.change_flags(cxx=""):  # inner functions would compile by themselves
            function = pytensor.function(
                [*inputs, *given], outputs, givens=swap, mode=mode, on_unused_input="ignore"
            )
        alone = Lock()  # it keeps intermediate results of its own, and chains are threads

        def called(*arguments: Array) -> object:
            with alone:
                return function(*arguments)

        return called

    explored = [value.type(f"explored_{value.name}") for value in values]
    many = [pt.tensor(f"{value.name}s", shape=(None, *value.type.shape)) for value in values]
    fields = ["weight", *entries_of(family)]
    out = model.replace_rvs_by_values([joint, *(model[name] for name in fields)])
    out.append(model.logp(vars=model.free_RVs, jacobian=False))
    out = clone_replace(out, _unconstrained(component, model, explored)[0])
    # names are copies, which would be mapped over draws one by one
    out = rewrite_graph(out, include=[], custom_rewrite=in2out(local_view_op))
    joints, *naturals, priors = vectorize_graph(out, dict(zip(explored, many, strict=True)))
    own = [pt.tensor(name, shape=(None,) * (1 + ndim)) for name, ndim in variables]
    return Engine(
        variables,
        component,
        model,
        lambda k, d: {**({} if equal_weights else {"weight": (k - 1,)}), **component.sizes(k, d)},
        forward=python(own, _forward(model, own)),
        natural=python(many, naturals),
        joint=python(many, joints),
        log_prior=python(many, priors),
    )


def _rows(table: Array) -> Iterator[ctypes._Pointer[ctypes.c_double]]:
    """Yield where each row begins, as C has it."""
    for address in range(table.ctypes.data, table.ctypes.data + table.nbytes, table.strides[0]):
        yield ctypes.cast(address, DOUBLES)


def entries_of(family: type) -> tuple[str, ...]:
    """Return the names of a family's fields."""
    names: tuple[str, ...] = family._fields
    return names


def _forward(model: pm.Model, own: list[TensorVariable]) -> list[TensorVariable]:
    """Return the unconstrained values of the variables' own, with a leading axis."""
    found = []
    for variable, value in zip(model.free_RVs, own, strict=True):
        transform = model.rvs_to_transforms[variable]
        inputs = variable.owner.inputs
        found.append(value if transform is None else transform.forward(value, *inputs))
    return found


def _unconstrained(
    component: Component, model: pm.Model, explored: list[TensorVariable]
) -> tuple[dict[TensorVariable, TensorVariable], TensorVariable | float]:
    """Return the model's value variables as they follow from explored ones, and log Jacobian."""
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    swap = dict(zip(values, explored, strict=True))
    (weight,) = clone_replace(model.replace_rvs_by_values([model["weight"]]), swap)
    names = [variable.name for variable in model.free_RVs]
    pieces = dict(zip(names, explored, strict=True))
    # the shape of something with draws' axis would be mapped over draws, one by one
    k = model["shares"].shape[0]
    found, log_jacobian = component.unconstrained(pieces, weight, k)
    return {value: found[name] for name, value in zip(names, values, strict=True)}, log_jacobian


@cache
def machine_code(engine: Engine) -> tuple[tuple[str, ...], CFunc]:
    """Compile log density and gradient at a position; return the data that they read first."""
    model = engine.model
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    explored = [value.type(f"explored_{value.name}") for value in values]
    swap, log_jacobian = _unconstrained(engine.component, model, explored)
    log_density = clone_replace(model.logp(), swap) + log_jacobian
    log_density = rewrite_graph(
        log_density, include=["canonicalize", "stabilize", "local_remove_check_parameter"]
    )
    slopes = pt.concatenate([slope.ravel() for slope in pt.grad(log_density, explored)])
    position = pt.vector("position")
    d = model["x"].shape[0] if model["x"].ndim == 2 else 1
    sizes = engine.sizes(model["shares"].shape[0], d)
    begin, parts = 0, {}
    for variable, piece in zip(engine.variables, explored, strict=True):
        shape = sizes[variable.name]
        length = shape[0] if len(shape) == 1 else shape[0] * shape[1]
        part = position[begin : begin + length]
        parts[piece] = part if len(shape) == 1 else part.reshape(shape)
        begin = begin + length
    outputs = clone_replace([log_density, slopes], parts)
    # fast arithmetic may be reordered otherwise by the run that compiles than by those that load
    with pytensor.config.change_flags(numba__fastmath=False):
        function = pytensor.function([position], outputs, mode="NUMBA", trust_input=True)
        shared = function.get_shared()
        callback = _callback(function.vm.jit_fn, [variable.ndim for variable in shared])
    READY.add((engine.component.family, "weight" not in sizes))
    return tuple(variable.name for variable in shared), callback


def _callback(function: Callable, ndims: list[int]) -> CFunc:
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
