"""The facts of a comparison: the only module that reads its tree."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from bayes.posterior.diagnose import Worst, worst_of
from bayes.posterior.older import HEIGHTS
from bayes.posterior.tree import posterior_of
from comparisons.binned.posterior import histogram_of
from comparisons.finding import Finding, Findings, Verdict
from comparisons.kept.reading import reading_from
from comparisons.verdict.rows import Table
from models.family import width_of
from models.names import family_called
from models.structure import Parameter, axes_of, from_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from comparisons.kept.reading import Reading
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.question import Question
    from models.structure import Structure

NO_SHARE = 1e-8  # a share without an error that is smaller is 0

__all__ = [
    "Ascent",
    "Density",
    "Estimate",
    "Facts",
    "Memberships",
    "Modes",
    "Optima",
    "Row",
    "Rows",
    "Sampling",
    "Solutions",
    "States",
]


class Row(NamedTuple):
    """A row of the table.

    label: such as mean[0].
    numbers: by the names of the table's columns; `truth` only where it is known.
    title: its name for people, such as rate[1] or mean[tall, height].

    >>> row = comparison.parameters[2]
    >>> row.label, round(row.numbers["mle"], 2)
    ('rate[0]', 1.09)
    """

    label: str
    parameter: Parameter
    numbers: Mapping[str, float]
    title: str

    @property
    def estimate(self) -> float:
        """The estimate; a share that is 0 but for rounding is 0."""
        value = self.numbers["mle"]
        return 0.0 if abs(value) < NO_SHARE and np.isnan(self.numbers["se"]) else value


class Estimate(NamedTuple):
    """The facts of the estimate, except its values.

    source: EM, or another origin.
    decrement: standard errors to go to the maximum.
    missing: share of the information that hidden labels cost.
    steps, starts, optima: of the given em.Fit, or else of EM's own search.
    """

    source: str
    log_likelihood: float
    decrement: float
    missing: float
    bic: float
    steps: int
    converged: bool
    starts: int
    optima: int
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The source; a file is named without its folder.

        >>> Estimate("/home/me/mine.json", -1.0, 0.0, 0.1, 2.0, 5, True, 1, 1, ()).name
        'mine.json'
        """
        return PurePath(self.source).name


class Sampling(NamedTuple):
    """How the posterior was drawn.

    draws: of each chain.
    tune, seed: None for another sampler's draws.
    gated: whether chains went on until their diagnostics were good enough.
    divergences: in all chains; None where the sampler does not count them.
    seconds: NaN if unknown.

    >>> comparison.sampling.chains, comparison.sampling.draws, comparison.sampling.gated
    (4, 500, False)
    """

    library: str
    chains: int
    draws: int
    tune: int | None
    seed: int | None
    gated: bool
    divergences: int | None
    seconds: float


class Ascent(NamedTuple):
    """EM's climbs: heights (starts, steps), NaN after the last step; begun: how many there were.

    With very many observations some starts climb on a part of them only, and have no heights.

    >>> comparison.ascent.begun, len(comparison.ascent.heights)
    (20, 20)
    """

    heights: Array
    begun: int


class Optima(NamedTuple):
    """Where EM's starts ended, best first: each field (optima,).

    >>> comparison.optima.spike.any()
    np.False_
    """

    log_likelihood: Array
    starts: Labels
    spike: Labels
    empty: Labels


class Modes(NamedTuple):
    """Modes of the posterior: heights, and shares of the draws in their basins, (modes,).

    >>> comparison.modes.share
    array([1.])
    """

    log_posterior: Array
    share: Array


class Fitted(NamedTuple):
    """The fit of the model to the data.

    probability: (p,) from 0 to 1.
    curve: (d, p) the share of the transforms of each column up to it.
    chance: a p-value of uniform transforms.
    size: their largest distance from uniform ones; plugged: the same under the estimate.

    >>> comparison.fitted.curve.shape, comparison.fitted.size < 0.05
    ((1, 201), True)
    """

    probability: Array
    curve: Array
    chance: float
    size: float
    plugged: float


class Solutions(NamedTuple):
    """The ends of every parameter, by name, among solutions that fit exactly as well.

    exact: whether they are the ends of all solutions, or of those that were visited.

    >>> comparison.solutions is None  # the data identify Poisson components
    True
    """

    low: Mapping[str, Array]
    high: Mapping[str, Array]
    exact: bool


class States(NamedTuple):
    """The states of rows in time.

    path: (n,) the likeliest states by the estimate.
    goes_on: (n,) whether a row follows the one before; seen: (n,) whether it was seen.
    residual: (d, n) normal scores of each row given all before, NaN where it was not seen.

    >>> bits = np.array([False, True, True])
    >>> States(np.array([0, 0, 1]), bits, bits, np.zeros((1, 3))).stays
    [(0, 2), (1, 1)]
    """

    path: Labels
    goes_on: Labels
    seen: Labels
    residual: Array

    @property
    def stays(self) -> list[tuple[int, int]]:
        """The state and the length of each stretch of the path in one state."""
        new = np.flatnonzero(~self.goes_on | (np.diff(self.path, prepend=-1) != 0))
        lengths = np.diff(np.append(new, len(self.path)))
        return list(zip(self.path[new].tolist(), lengths.tolist(), strict=True))


class Rows(NamedTuple):
    """Distinct rows (m,) or (m, d), how often each occurred, and their trials if there are any.

    >>> comparison.rows.x[:3], int(comparison.rows.counts.sum())
    (array([0., 1., 2.]), 100)
    """

    x: Array
    counts: Array
    trials: Array | None = None


class Memberships(NamedTuple):
    """Probabilities (m, K) of the components for distinct rows, and how often each occurred.

    low, high: the posterior's 95% interval.

    >>> comparison.memberships.at(np.array([0])).em.round(2)
    array([[1., 0.]])
    """

    x: Array
    counts: Array
    em: Array
    posterior: Array
    low: Array
    high: Array

    def at(self, places: Labels) -> Memberships:
        """Return some of the rows."""
        return Memberships(*(field[places] for field in self))

    @property
    def ascending(self) -> Memberships:
        """The rows of one column, sorted by x."""
        return self.at(np.argsort(self.x, kind="stable"))


class Density(NamedTuple):
    """Densities of one column over places (p,): the estimate's, and the posterior predictive one.

    components: (K, p), which add up to plug_in.
    low, high: 95% interval of the density at each place.

    >>> density = comparison.density.at(np.array([0, 1]))
    >>> density.x, bool(np.allclose(density.components.sum(axis=0), density.plug_in))
    (array([0., 1.]), True)
    """

    x: Array
    plug_in: Array
    components: Array
    predictive: Array
    low: Array
    high: Array

    def at(self, places: Labels) -> Density:
        """Return the densities at some of the places."""
        return Density(*(field[..., places] for field in self))


def placed(
    name: str, axes: tuple[str, ...], component: int | None, dimension: str, part: int = 0
) -> Parameter:
    """Return the parameter of a row of the table.

    dimension: its indices on the axes other than the components', such as "0,2".
    part: the column that its field is of, as `Field` has it.

    >>> placed("cov", ("component", "dimension", "dimension_bis"), 1, "0,2").label
    'cov[1,0,2]'
    """
    at: list[int | None] = [int(place) for place in dimension.split(",") if place]
    at.insert(axes.index("component"), component)
    return Parameter(name, axes, tuple(at), part)


@dataclass(frozen=True, eq=False, repr=False)
class Facts:
    """A comparison as typed values.

    >>> facts = Facts(comparison.tree)
    >>> facts.title, facts.k, facts.noun
    ('Poisson', 2, 'group')
    """

    tree: xr.DataTree

    # the question

    @property
    def title(self) -> str:
        """The family's name, such as Poisson.

        >>> comparison.title
        'Poisson'
        """
        return str(self.tree.attrs["family"])

    @property
    def family(self) -> type[Theta]:
        """The family.

        >>> comparison.family.__name__
        'Poisson'
        """
        return family_called(self.title)

    @cached_property
    def question(self) -> Question[Any, Any]:
        """What was asked of the posterior.

        >>> comparison.question.k
        2
        """
        return posterior_of(self.tree).question

    @property
    def structure(self) -> type[Structure]:
        """Where hidden components come from.

        >>> comparison.structure.__name__
        'Mixture'
        """
        return self.question.structure

    @property
    def noun(self) -> str:
        """What a component is called: of rows in order, a state.

        >>> comparison.noun
        'group'
        """
        return self.question.noun

    def called(self, component: int) -> str:
        """Return what a component is called: its name, or its number from 1.

        >>> comparison.called(0)
        'group 1'
        """
        return self.question.called(component)

    def with_titles(self, titles: Sequence[str]) -> Self:
        """Return the same comparison, whose components are called otherwise.

        titles: of the components, in the order of their labels.

        >>> comparison.with_titles(["quiet", "busy"]).parameters[3].title
        'rate[busy]'
        """
        other = replace(self)
        vars(other)["question"] = self.question.with_titles(titles)  # not what the tree says
        return other

    @property
    def prior_known(self) -> bool:
        """Whether the posterior's prior is known; an adopted one's may not be.

        >>> comparison.prior_known
        True
        """
        return json.loads(self.tree.attrs["prior"]) is not None

    @property
    def k(self) -> int:
        """The number of components.

        >>> comparison.k
        2
        """
        return int(self.tree.attrs["components"])

    @property
    def equal_weights(self) -> bool:
        """Whether all shares were held at 1 / k.

        >>> comparison.equal_weights
        False
        """
        return bool(self.tree.attrs["equal_weights"])

    # what was observed

    @property
    def observations(self) -> int:
        """How many observations there are.

        >>> comparison.observations
        100
        """
        return int(self.tree.attrs["observations"])

    @property
    def distinct(self) -> int:
        """The number of distinct observations; a posterior of bins did not see these rows.

        >>> comparison.distinct
        13
        """
        return int(self.tree.attrs.get("distinct", self.tree["constant_data"].sizes["row"]))

    @property
    def whole(self) -> int | None:
        """The size of the data from which a subsample was drawn; None if it is no subsample.

        >>> comparison.whole  # all rows: None
        """
        found = json.loads(self.tree.attrs.get("whole", "{}")).get("observations")
        return None if found is None else int(found)

    @property
    def bins(self) -> int | None:
        """How many bins the posterior saw; None if it saw the rows themselves.

        >>> comparison.bins  # no bins: None
        """
        return int(self.tree.attrs["bins"]) if "bins" in self.tree.attrs else None

    @property
    def shift(self) -> float:
        """By how many of its sds bins can have moved a posterior mean; 0 without bins.

        >>> comparison.shift
        0.0
        """
        return float(self.tree.attrs.get("shift", 0.0))

    @property
    def dimension(self) -> int:
        """The number of columns of x.

        >>> comparison.dimension
        1
        """
        return int(self.tree["constant_data"].sizes.get("dimension", 1))

    @property
    def width(self) -> Any:
        """The length of a component's own axes, as `models.family.width` has it.

        >>> comparison.width
        1
        """
        return width_of(from_fields(self.structure, self.family, self.fields).theta)

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories of x, or their codes; none if x is numbers.

        >>> comparison.categories
        ()
        """
        if self.family.takes() != "labels":
            return ()
        data = self.tree["constant_data"]
        if "categories" in data:
            return tuple(map(str, data["categories"].to_numpy()))
        return tuple(map(str, range(self.width)))

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """What people call the places along axes: columns, categories, groups, components.

        >>> comparison.named
        {}
        """
        return self.question.names

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of x; none where they are not known.

        >>> comparison.columns
        ()
        """
        kept = tuple(map(str, json.loads(self.tree.attrs.get("columns", "[]"))))
        return kept or self.question.sample.columns

    @property
    def data_columns(self) -> tuple[str, ...]:
        """The names of the columns in the data, without units.

        >>> comparison.data_columns
        ()
        """
        return self.question.sample.columns or self.columns

    def name_columns(self, names: Sequence[str]) -> None:
        """Call the columns of x by other names, such as "height in cm", in pictures and pages.

        >>> other = Facts(comparison.tree.copy())
        >>> other.name_columns(["clicks a day"])
        >>> other.columns
        ('clicks a day',)
        """
        self.tree.attrs["columns"] = json.dumps(list(names))

    @property
    def reading(self) -> Reading | None:
        """How its rows were read from files; None if they were not.

        >>> comparison.reading  # not from files: None
        """
        text = self.tree.attrs.get("reading")
        return None if text is None else reading_from(str(text))

    def keep_reading(self, reading: Reading) -> None:
        """Keep how the rows were read from files.

        >>> from comparisons.kept.reading import Reading
        >>> other = Facts(comparison.tree.copy())
        >>> other.keep_reading(Reading(("clicks",)))
        >>> other.reading.columns
        ('clicks',)
        """
        self.tree.attrs["reading"] = reading.text

    @property
    def out_of(self) -> str:
        """Of how many the heads are, to stand behind their name; empty where that is not known.

        >>> from comparisons.kept.reading import Reading
        >>> other = Facts(comparison.tree.copy())
        >>> other.keep_reading(Reading(("clicks",), "views"))
        >>> other.out_of, comparison.out_of
        (' out of views', '')
        """
        trials = None if self.reading is None else self.reading.trials
        return "" if trials is None else f" out of {trials}"

    @property
    def rows(self) -> Rows:
        """The distinct rows that the posterior saw.

        >>> comparison.rows.x[:3]
        array([0., 1., 2.])
        """
        data = self.tree["constant_data"]
        trials = data["trials"].to_numpy() if "trials" in data else None
        return Rows(data["x"].to_numpy(), data["counts"].to_numpy(), trials)

    @property
    def histogram(self) -> Rows:
        """One column to look at: bins finer than the posterior's, if it was of bins.

        >>> int(comparison.histogram.counts.sum())
        100
        """
        bins = histogram_of(self.tree)
        return self.rows if bins is None else Rows(bins.x, bins.counts)

    # the two answers

    @property
    def estimate(self) -> Estimate:
        """What is known about the estimate; its values are `fields`.

        >>> comparison.estimate.source, comparison.estimate.converged
        ('EM', True)
        """
        attrs = self.tree["em"].attrs
        return Estimate(
            str(attrs["source"]),
            float(attrs["log_likelihood"]),
            float(attrs["decrement"]),
            float(attrs["missing"]),
            float(attrs["bic"]),
            int(attrs["steps"]),
            bool(attrs["converged"]),
            int(attrs["starts"]),
            int(attrs["optima"]),
            tuple(json.loads(attrs["notes"])),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields, the shares' first: such as weight, mean, sd.

        >>> comparison.names
        ('weight', 'rate')
        """
        return tuple(map(str, self.tree["posterior"].data_vars))

    @property
    def shares(self) -> tuple[str, ...]:
        """The names of the fields that are shares, and not the family's.

        >>> comparison.shares
        ('weight',)
        """
        return tuple(self.structure.axes())

    @property
    def fields(self) -> dict[str, Array]:
        """The estimate by name, each (K, ...).

        >>> comparison.fields["rate"].round(2)
        array([1.09, 7.34])
        """
        return {name: self.tree["em"][name].to_numpy() for name in self.names}

    @property
    def overall(self) -> Array:
        """The estimate's share of each component among all observations, (K,).

        >>> comparison.overall.round(2)
        array([0.58, 0.42])
        """
        structure: Structure = from_fields(self.structure, self.family, self.fields)
        return structure.overall(self.question.data)

    @property
    def errors(self) -> dict[str, Array]:
        """The estimate's standard errors by name, each (K, ...).

        >>> comparison.errors["rate"].round(2)
        array([0.17, 0.49])
        """
        return {name: self.tree["em"][f"{name}_se"].to_numpy() for name in self.names}

    @property
    def truth(self) -> dict[str, Array]:
        """The truth by name, each (K, ...); empty where it is not known.

        >>> comparison.truth
        {}
        """
        if "truth" not in self.tree.children:
            return {}
        return {name: self.tree["truth"][name].to_numpy() for name in self.names}

    @property
    def draws(self) -> dict[str, Array]:
        """The posterior's draws by name, labels aligned, each (chains * draws, K, ...).

        >>> comparison.draws["rate"].shape
        (2000, 2)
        """
        drawn = {name: self.tree["posterior"][name].to_numpy() for name in self.names}
        return {name: field.reshape(-1, *field.shape[2:]) for name, field in drawn.items()}

    @property
    def sampling(self) -> Sampling:
        """How the posterior was drawn.

        >>> comparison.sampling.draws
        500
        """
        attrs, sizes = self.tree.attrs, self.tree["posterior"].sizes
        statistics = self.tree["sample_stats"]
        counted = "diverging" in statistics
        return Sampling(
            str(attrs["inference_library"]),
            int(sizes["chain"]),
            int(sizes["draw"]),
            int(attrs["tune"]) if "tune" in attrs else None,
            int(attrs["seed"]) if "seed" in attrs else None,
            "gates" in attrs,
            int(statistics["diverging"].sum()) if counted else None,
            float(attrs.get("sampling_seconds", np.nan)),
        )

    @property
    def heights(self) -> Array:
        """PyMC's log-likelihood of every draw, (chains, draws).

        >>> comparison.heights.shape
        (4, 500)
        """
        found: Array = self.tree["sample_stats"][HEIGHTS].to_numpy()
        return found

    @property
    def worst(self) -> Worst:
        """R-hat and effective sizes of the worst parameter, labels aligned.

        >>> comparison.worst.r_hat < 1.01
        True
        """
        return worst_of(posterior_of(self.tree).measured("aligned"))

    @property
    def worst_as_drawn(self) -> Worst:
        """The same before labels were aligned.

        >>> comparison.worst_as_drawn.r_hat > 0.99
        True
        """
        return worst_of(posterior_of(self.tree).measured("as drawn"))

    @property
    def assigned(self) -> bool:
        """Whether labels were aligned by assignment, and not by an order of the parameters.

        >>> comparison.assigned
        False
        """
        return bool(self.tree.attrs["labels"] == "assignment")

    # side by side

    @property
    def verdict(self) -> Verdict:
        """Agree, disagree or inconclusive.

        >>> comparison.verdict
        'agree'
        """
        found: Verdict = self.tree.attrs["verdict"]
        return found

    @property
    def findings(self) -> Findings:
        """All that was measured, in the order of the nine measures.

        >>> comparison.findings[0].code, comparison.findings[0].severity
        ('different_question', 'ok')
        """
        return Findings(Finding(**one) for one in json.loads(self.tree.attrs["findings"]))

    @property
    def table(self) -> Table:
        """One row for each parameter, as a Dataset; `.to_frame()` makes it a data frame.

        >>> comparison.table["mle"].to_numpy().round(2)
        array([0.58, 0.42, 1.09, 7.34])
        """
        kept = self.tree["comparison"].to_dataset()
        return Table(kept.data_vars, kept.coords, kept.attrs)

    @property
    def parameters(self) -> tuple[Row, ...]:
        """The rows of the table.

        >>> [row.title for row in comparison.parameters]
        ['weight[1]', 'weight[2]', 'rate[1]', 'rate[2]']
        """
        table = self.tree["comparison"].to_dataset()
        axes = axes_of(self.structure, self.family)
        parts = {name: field.part for name, field in self.family.layout().items()}
        numbers = {str(name): one.to_numpy().tolist() for name, one in table.data_vars.items()}
        coords, named = ("parameter", "name", "component", "dimension"), self.named
        each = zip(*(table[name].to_numpy().tolist() for name in coords), strict=True)
        return tuple(
            Row(
                label,
                parameter,
                {column: values[at] for column, values in numbers.items()},
                parameter.titled(named),
            )
            for at, (label, name, component, dimension) in enumerate(each)
            for parameter in [
                placed(
                    name,
                    axes[name],
                    None if component < 0 else component,
                    dimension,
                    parts.get(name, 0),
                )
            ]
        )

    @property
    def free(self) -> tuple[Row, ...]:
        """The rows of free parameters: without the last entry of each simplex.

        >>> [row.label for row in comparison.free]
        ['weight[0]', 'rate[0]', 'rate[1]']
        """
        layout, fields = self.family.layout(), self.fields

        def last(one: Parameter) -> bool:
            simplex = one.name in self.shares or layout[one.name].simplex
            return simplex and one.at[-1] == fields[one.name].shape[-1] - 1

        return tuple(row for row in self.parameters if not last(row.parameter))

    @property
    def interval(self) -> str:
        """The kind of the table's intervals, such as 95% equal-tailed.

        >>> comparison.interval
        '95% equal-tailed'
        """
        return str(self.tree["comparison"].attrs["interval"])

    def covariance(self, labels: Sequence[str]) -> Array:
        """Return the covariance of the estimates of some rows: the inverse information.

        >>> comparison.covariance(["rate[0]", "rate[1]"]).shape
        (2, 2)
        """
        known = self.tree["em"]["covariance"]
        names = known["parameter"].to_numpy().tolist()
        at = [names.index(label) for label in labels]
        found: Array = known.to_numpy()[np.ix_(at, at)]
        return found

    @property
    def deviance(self) -> Array:
        """2 (l(estimate) - l(draw)) of every draw, (chains, draws).

        >>> comparison.deviance.shape
        (4, 500)
        """
        found: Array = self.tree["deviance"]["deviance"].to_numpy()
        return found

    @property
    def deviance_mean(self) -> float:
        """The mean of `deviance`.

        >>> 2 < comparison.deviance_mean < 4
        True
        """
        return float(self.tree.attrs["deviance_mean"])

    @property
    def deviance_df(self) -> int:
        """How many parameters are free, which is what the mean should be.

        >>> comparison.deviance_df
        3
        """
        return int(self.tree.attrs["deviance_df"])

    @property
    def deviance_expected(self) -> float:
        """The expected mean: above the number of parameters if some are on an edge.

        >>> comparison.deviance_expected
        3.0
        """
        return float(self.tree.attrs.get("deviance_expected", self.deviance_df))

    @property
    def hellinger(self) -> float:
        """The Hellinger distance between the two predictive densities.

        >>> comparison.hellinger < 0.1
        True
        """
        return float(self.tree.attrs["hellinger"])

    @property
    def fitted(self) -> Fitted | None:
        """The fit of the model; None where it was not measured, as in older files.

        >>> comparison.fitted.size < 0.1
        True
        """
        if "misfit" not in self.tree.children or np.isnan(self.tree["misfit"].attrs["size"]):
            return None
        group = self.tree["misfit"]
        numbers = (float(group.attrs[name]) for name in ("chance", "size", "plugged"))
        return Fitted(group["probability"].to_numpy(), group["curve"].to_numpy(), *numbers)

    @property
    def solutions(self) -> Solutions | None:
        """The ends of solutions that fit as well; None where the data leave no direction open.

        >>> comparison.solutions  # no direction is open: None
        """
        if "solutions" not in self.tree.children:
            return None
        group = self.tree["solutions"]
        low, high = (
            {name: group[f"{name}_{end}"].to_numpy() for name in self.names}
            for end in ("low", "high")
        )
        return Solutions(low, high, bool(group.attrs["exact"]))

    @property
    def gaps(self) -> dict[str, float]:
        """Gaps in sd of what the judge compares, by name: parameters, or cells if some are open.

        >>> max(map(abs, comparison.gaps.values())) < 0.3
        True
        """
        if "fitted" not in self.tree.children:
            return {row.title: row.numbers["gap_in_sd"] for row in self.parameters}
        found = self.tree["fitted"]["gap_in_sd"]
        names = map(str, found["parameter"].to_numpy())
        return dict(zip(names, map(float, found.to_numpy()), strict=True))

    @property
    def states(self) -> States | None:
        """The states of rows in time; None if rows have no order.

        >>> comparison.states  # rows have no order: None
        """
        if "states" not in self.tree.children:
            return None
        group = self.tree["states"]
        goes_on, seen = (group[name].to_numpy().astype(bool) for name in ("goes_on", "seen"))
        residual = group["residual"].to_numpy() if "residual" in group else np.empty((0, 0))
        return States(group["path"].to_numpy(), goes_on, seen, residual)

    @property
    def memberships(self) -> Memberships:
        """Memberships by both; a single component has all the members.

        >>> comparison.memberships.em.shape
        (13, 2)
        """
        if "memberships" not in self.tree.children:
            rows, every = self.rows, np.ones((self.tree["constant_data"].sizes["row"], 1))
            return Memberships(rows.x, rows.counts, every, every, every, every)
        group = self.tree["memberships"]
        return Memberships(*(group[name].to_numpy() for name in Memberships._fields))

    @property
    def density(self) -> Density | None:
        """Densities by both; None of several columns.

        >>> comparison.density.x[:3]
        array([0., 1., 2.])
        """
        if "density" not in self.tree.children:
            return None
        group = self.tree["density"]
        return Density(*(group[name].to_numpy() for name in Density._fields))

    @property
    def marginals(self) -> tuple[Density, ...]:
        """Densities by both of each of several columns alone; none in older files.

        Of very many columns only the first ones were kept, and of many labels the most frequent.

        >>> comparison.marginals
        ()
        """
        if "columns" not in self.tree.children:
            return ()
        group = self.tree["columns"]
        every = Density(*(group[name].to_numpy() for name in Density._fields))
        column = group["column"].to_numpy()
        return tuple(every.at(np.flatnonzero(column == at)) for at in np.unique(column))

    # the climbs

    @property
    def ascent(self) -> Ascent:
        """How EM climbed from its own starts.

        >>> comparison.ascent.begun
        20
        """
        group = self.tree["ascent"]
        heights = group["height"].to_numpy()
        return Ascent(heights, int(group.attrs.get("starts", len(heights))))

    @property
    def optima(self) -> Optima:
        """Where EM's own starts ended.

        >>> comparison.optima.spike
        array([0])
        """
        return Optima(*(self.tree["optima"][name].to_numpy() for name in Optima._fields))

    @property
    def modes(self) -> Modes:
        """The modes of the posterior that were found.

        >>> comparison.modes.share
        array([1.])
        """
        return Modes(*(self.tree["modes"][name].to_numpy() for name in Modes._fields))

    # where it came from

    @property
    def versions(self) -> dict[str, str]:
        """The packages that made it.

        >>> "pymc" in comparison.versions
        True
        """
        found: dict[str, str] = json.loads(self.tree.attrs["versions"])
        return found
