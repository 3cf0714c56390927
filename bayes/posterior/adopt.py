"""Posteriors drawn elsewhere, by PyMC, Stan or NumPyro, in the layout of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from bayes.component import component_of
from bayes.posterior.labels import best_alignment_of
from bayes.posterior.tree import tree_of
from bayes.sampling.compiled import engine_of
from bayes.sampling.nuts import STATISTICS, Chains
from models.question import asked
from models.refusal import Refusal
from models.structure import (
    axes_of,
    checked,
    drawn_at,
    fields_of,
    from_fields,
    structure_for,
    uniform,
)

if TYPE_CHECKING:
    from bayes.sampling.compiled import Engine
    from models.arrays import Array
    from models.family import Theta
    from models.prior import Prior
    from models.question import Question
    from models.structure import Structure, Units

__all__ = ["adopt"]

type Name = str | Callable[[xr.Dataset], xr.DataArray]

ROUNDING = (
    1e-5  # what Stan's files of six digits, and NumPyro's single precision, leave of a double
)
EXACT = 1e-12  # what sums of doubles leave
TYPES = {"diverging": np.bool_, "reached_max_treedepth": np.bool_} | dict.fromkeys(
    ("tree_depth", "n_steps"), np.int64
)
STAN = {
    "divergent__": "diverging",
    "energy__": "energy",
    "treedepth__": "tree_depth",
    "n_leapfrog__": "n_steps",
    "stepsize__": "step_size",
    "accept_stat__": "acceptance_rate",
    "lp__": "lp",
}


class Draws(NamedTuple):
    """Draws of another program.

    posterior: their variables, along chain and draw among others.
    statistics: of the sampler, by the other program's names.
    attributes: of the tree and its posterior.
    """

    posterior: xr.Dataset
    statistics: xr.Dataset
    attributes: dict[str, object]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many chains, and draws of each."""
        return self.posterior.sizes["chain"], self.posterior.sizes["draw"]


def adopt[T: Theta](
    family: type[T],
    sample: Units,
    posterior: xr.DataTree | xr.Dataset,
    names: Mapping[str, Name] | None = None,
    *,
    prior: Prior | None = None,
    equal_weights: bool = False,
) -> xr.DataTree:
    """Return another program's draws as if `bayes.sample` had made them, labels aligned.

    posterior: a DataTree with a group posterior, or that group; dimensions chain (if there are
        several) and draw, and others by any name. Each variable's first other dimension, or the one
        called component, is that of the components.
    names: from our names (weight and the family's fields) to what they call it, or to a function of
        their posterior, such as {"sd": lambda p: p["tau"] ** -0.5} or
        {"weight": lambda p: xr.concat([p["w"], 1 - p["w"]], "component")}.
    prior: under which they drew; if it is unknown, the groups prior and log_prior are left out.
    equal_weights: they held all shares at 1 / K; weight may then be left out.

    >>> from models import Poisson
    >>> theirs = posterior["posterior"].to_dataset().rename(rate="lambda")
    >>> found = adopt(Poisson, fit.question.sample, theirs, {"rate": "lambda"})
    >>> found.attrs["made_by"], found.attrs["components"]
    ('bayes.adopt', 2)
    """
    component_of(family)  # refuses what is none
    draws = _draws(posterior)
    structure = structure_for(sample)
    fields = _fields(structure, family, draws, dict(names or {}), sample.sizes, equal_weights)
    k = fields[next(iter(family.layout()))].shape[2]
    question = asked(family, sample, k, prior=prior, equal_weights=equal_weights)
    structures = _checked(question, fields)
    engine = engine_of(question)
    positions = _positions(engine, question, structures, draws.sizes)
    statistics = _statistics(draws)
    flat = positions.reshape(-1, positions.shape[2])
    known = "lp" in statistics
    height = statistics["lp"].ravel() if known else engine.log_likelihoods(question, flat)
    by, alignment = best_alignment_of(engine, question, flat, structures, height)
    settings = _settings(draws) | {"labels": by, "made_by": "bayes.adopt"}
    return tree_of(
        engine,
        question,
        Chains(positions, statistics, float("nan")),
        structures,
        alignment,
        settings,
        prior_known=prior is not None,
    )


def _draws(given: xr.DataTree | xr.Dataset) -> Draws:
    """Return the draws, with an axis of chains even if there is only one chain."""
    if isinstance(given, xr.DataTree) and "posterior" in given.children:
        posterior = given["posterior"].to_dataset()
        there = "sample_stats" in given.children
        statistics = given["sample_stats"].to_dataset() if there else xr.Dataset()
        attributes = {**given.attrs, **posterior.attrs}
    elif isinstance(given, xr.Dataset):
        posterior, statistics, attributes = given, xr.Dataset(), dict(given.attrs)
    elif isinstance(given, xr.DataTree):
        groups = ", ".join(given.children) or "none"
        raise Refusal(
            f"the tree has no group posterior (it has {groups}); give the tree of a sampler"
        )
    else:
        raise Refusal(
            f"posterior is a {type(given).__name__}; give an xarray DataTree or Dataset, such as "
            "arviz.from_dict makes"
        )
    if "draw" not in posterior.dims:
        dims = ", ".join(map(str, posterior.dims)) or "none"
        raise Refusal(f"posterior has no dimension draw (it has {dims}); rename that of the draws")
    posterior, statistics = (
        one if "chain" in one.dims else one.drop_vars("chain", errors="ignore").expand_dims("chain")
        for one in (posterior, statistics)
    )
    return Draws(posterior, statistics, attributes)


def _fields(
    structure: type[Structure],
    family: type[Theta],
    draws: Draws,
    names: dict[str, Name],
    sizes: Mapping[str, int],
    equal_weights: bool,
) -> dict[str, Array]:
    """Return the fields of shares and theta, (chains, draws, ...) each."""
    every = axes_of(structure, family)
    for name in names:
        if name not in every:
            raise Refusal(
                f"names has {name!r}, which is no parameter of {family.__name__}; "
                f"give names of {', '.join(every)}"
            )
    fields = {
        name: _field(draws, name, names.get(name, name), every[name]) for name in family.layout()
    }
    k = next(iter(fields.values())).shape[2]
    shares = {}
    for name, held in uniform(structure, k, sizes).items():
        if (equal_weights or k == 1) and (
            name not in names and name not in draws.posterior.data_vars
        ):
            shares[name] = np.full((*draws.sizes, *held.shape), 1 / k)
            continue
        shares[name] = _field(draws, name, names.get(name, name), every[name], share=True)
        if equal_weights and np.abs(shares[name] * k - 1).max() > ROUNDING:
            raise Refusal(f"{name} varies, but equal_weights is set; leave one of the two out")
    return shares | fields


def _field(
    draws: Draws, ours: str, theirs: Name, axes: tuple[str, ...], *, share: bool = False
) -> Array:
    """Return a variable of theirs as (chains, draws, ...), its axes in our order if it names them.

    axes: ours; if theirs have other names, the component axis alone is moved, to the front.
    share: whether it is one of the shares.
    """
    posterior = draws.posterior
    listed = ", ".join(map(str, posterior.data_vars)) or "none"
    if isinstance(theirs, str):
        if theirs not in posterior.data_vars:
            hint = ", or equal_weights=True" * (share and "component_next" not in axes)
            raise Refusal(
                f"the posterior has no variable {theirs!r} for {ours}; it has {listed}: "
                f"give names={{{ours!r}: ...}}{hint}"
            )
        found = posterior[theirs]
    else:
        try:
            found = theirs(posterior)
        except KeyError as problem:
            reason = " ".join(str(problem.args[0]).split())
            raise Refusal(f"names[{ours!r}] fails: {reason}; the posterior has {listed}") from None
        if not isinstance(found, xr.DataArray):
            kind = type(found).__name__
            raise Refusal(f"names[{ours!r}] returned a {kind}; return a DataArray of draws")
    rest = [dim for dim in found.dims if dim not in ("chain", "draw")]
    if len(rest) != found.ndim - 2:
        dims = ", ".join(map(str, found.dims)) or "none"
        raise Refusal(f"{ours} has dimensions {dims}; give one with chain and draw")
    if not rest:
        raise Refusal(
            f"{ours} has no dimension of components; if all share it, repeat it K times, such as "
            f'names={{{ours!r}: lambda p: xr.concat([p["{ours}"]] * K, "component")}}'
        )
    if set(axes) == set(rest):
        rest = list(axes)
    else:
        rest.sort(key=lambda dim: dim != "component")  # a stable sort
    given = found.transpose("chain", "draw", *rest).to_numpy()
    if given.dtype.kind not in "fiub":
        raise Refusal(f"{ours} is of type {given.dtype}; give numbers")
    values = given.astype(np.float64)
    if values.shape[:2] != draws.sizes:
        raise Refusal(
            f"{ours} has chains and draws {values.shape[:2]}; give {draws.sizes}, as others do"
        )
    return _symmetric(values)


def _symmetric(values: Array) -> Array:
    """Return matrices without the asymmetry that rounding left in them."""
    if values.ndim < 5 or values.shape[-1] != values.shape[-2]:
        return values
    turned = np.swapaxes(values, -1, -2)
    scale = np.sqrt(np.abs(np.diagonal(values, axis1=-2, axis2=-1)))
    unit = scale[..., None] * scale[..., None, :]
    close = np.abs(values - turned) <= ROUNDING * unit
    return (values + turned) / 2 if close.all() else values


def _checked(question: Question[Any, Any], fields: dict[str, Array]) -> Structure:
    """Return every draw, each field (n, ...), or raise Refusal for a bad one."""
    kind, family, d = question.structure, question.family, question.width
    draws = next(iter(fields.values())).shape[1]
    flat = {name: field.reshape(-1, *field.shape[2:]) for name, field in fields.items()}
    for name in kind.axes():
        total = flat[name].sum(axis=-1, keepdims=True)
        # shares as good as a double's stay as they are, or draws that repeat would not be equal
        off = np.abs(total - 1)
        flat[name] = flat[name] / np.where((off > EXACT) & (off <= ROUNDING), total, 1)
    structures: Structure = from_fields(kind, family, flat)
    for at in range(len(next(iter(flat.values())))):
        try:
            checked(drawn_at(structures, at), kind, family, d, question.data.sizes)
        except ValueError as problem:
            chain, draw = divmod(at, draws)
            raise Refusal(f"chain {chain}, draw {draw} (counted from 0): {problem}") from None
    return structures


def _positions(
    engine: Engine, question: Question[Any, Any], structures: Structure, sizes: tuple[int, int]
) -> Array:
    """Return where the draws are among our unconstrained coordinates, (chains, draws, p)."""
    with np.errstate(all="ignore"):  # of draws at an edge, which are refused
        positions = engine.pack(question, structures)
    bad = ~np.isfinite(positions).all(axis=1)
    if bad.any():
        at = int(np.argmax(bad))
        chain, draw = divmod(at, sizes[1])
        values = fields_of(structures)
        told = ", ".join(f"{name} {field[at].tolist()}" for name, field in values.items())
        raise Refusal(
            f"chain {chain}, draw {draw} (counted from 0) is at the edge of the parameter space "
            f"({told}); leave such draws out"
        )
    return positions.reshape(*sizes, -1)


def _statistics(draws: Draws) -> dict[str, np.ndarray]:
    """Return the statistics that our sampler has as well, (chains, draws) each."""
    known = {name: name for name in STATISTICS.values()}
    # a parameter may be called energy, so among those only Stan's own names count
    places = [(draws.statistics, known | STATISTICS | STAN), (draws.posterior, STAN)]
    found = {}
    for group, names in places:
        for theirs, ours in names.items():
            if theirs not in group.data_vars or ours in found:
                continue
            if set(group[theirs].dims) != {"chain", "draw"}:
                continue
            values = group[theirs].transpose("chain", "draw").to_numpy()
            if values.shape != draws.sizes:
                raise Refusal(
                    f"{theirs} has chains and draws {values.shape}, the posterior {draws.sizes}; "
                    "leave warm-up out of both"
                )
            if not np.isfinite(values).all():
                raise Refusal(
                    f"{theirs} is not finite everywhere; leave such draws out, or all of it"
                )
            found[ours] = values.astype(TYPES.get(ours, np.float64))
    return {name: found[name] for name in known if name in found}


def _settings(draws: Draws) -> dict[str, object]:
    """Return the known settings of the other sampler."""
    chains, length = draws.sizes
    theirs = draws.attributes
    settings: dict[str, object] = {"draws": length, "chains": chains}
    for name in ("tune", "tuning_steps"):
        if name in theirs:
            settings["tune"] = int(theirs[name])  # type: ignore[call-overload]
    for name in ("sampling_seconds", "sampling_time"):
        if name in theirs:
            settings["sampling_seconds"] = float(theirs[name])  # type: ignore[arg-type]
    settings["inference_library"] = str(theirs.get("inference_library", "unknown"))
    if "inference_library_version" in theirs:
        settings["inference_library_version"] = str(theirs["inference_library_version"])
    return settings
