"""One page that tells the whole comparison, for a browser, a phone, a printer, a colleague."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bayes.posterior.diagnose import worst_of
from bayes.posterior.tree import question_of
from comparisons.finding import DOUBT, FAULT, Finding, Verdict
from comparisons.kept.facts import among, columns_of, distinct_of
from comparisons.pages.terminal import by_importance, meaning
from comparisons.pictures.catalogue import pictures_of
from comparisons.pictures.style import svg
from comparisons.thresholds import GAP, LEVEL
from models import MultivariateGaussian
from models.family import entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr

    from bayes.mixture import Question
    from comparisons.pages.story import Story
    from comparisons.pictures.catalogue import Picture
    from models import Prior

__all__ = ["report"]

SHOWN = 4  # groups, and columns of each, that the first sentence names
FIXED = (1e-4, 1e7)  # numbers outside are written with a power of ten
UNKNOWN = "–"
STARTS = 20  # the default of second_opinion
# what a component is, and what was observed; a family that is not here goes by its name
PLAIN = {
    "Binomial": ("a coin with its own chance of heads", "sets of flips"),
    "Gaussian": ("a bell curve", "measurements"),
    "Poisson": ("a rate of events", "counts of events"),
    "MultivariateGaussian": ("a bell-shaped cloud", "rows of measurements"),
    "TiedGaussian": ("a bell-shaped cloud, all of one shape", "rows of measurements"),
    "DiagonalGaussian": ("a bell-shaped cloud along the axes", "rows of measurements"),
    "SphericalGaussian": ("a round cloud", "rows of measurements"),
    "TiedSphericalGaussian": ("a round cloud, all of one size", "rows of measurements"),
}
NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def report(
    tree: xr.DataTree,
    command: str | None = None,
    story: Story | None = None,
    pictures: Sequence[Picture] | None = None,
) -> str:
    """Return a comparison as one HTML page that needs nothing else: no network, no script.

    tree: of a Comparison. command: by which it was made, to be shown. story: of a study.
    pictures: of the comparison, by default `pictures_of`.
    """
    tree = _without_folder(tree)
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = files("comparisons").joinpath("report.html.j2").read_text("utf-8")
    found = [Finding(**one) for one in json.loads(tree.attrs["findings"])]
    verdict: Verdict = tree.attrs["verdict"]
    causes = by_importance(found)
    return environment.from_string(template).render(
        verdict=verdict,
        lead=meaning(tree),
        story=story,
        groups=_groups(tree) if verdict == "agree" else [],
        why=_why(tree, verdict, causes),
        title=f"{tree.attrs['family']}, K = {tree.attrs['components']}",
        question=_question(tree),
        table=_table(tree),
        causes=[_card(one) for one in causes],
        measures=[_card(one) for one in found],
        few=_few(tree, causes),
        steps=_steps(story),
        drawn=_drawn(story.pictures if story else []),
        pictures=_drawn(pictures_of(tree) if pictures is None else pictures),
        em=_of_em(tree),
        optima=_optima(tree),
        notes=[_typeset(one) for one in json.loads(tree["em"].attrs["notes"])],
        chains=_of_chains(tree),
        command=command,
        call=_call(tree),
        prior=_prior(tree),
        versions=json.loads(tree.attrs["versions"]),
        level=f"{LEVEL:.0%}",
        names=columns_of(tree),
        columns=bool(tree["comparison"]["dimension"].str.len().any()),
        errorless=not bool(np.isfinite(tree["comparison"]["se"]).all()),
        limit=GAP,
    )


class Row(NamedTuple):
    """A line of both tables, its numbers in words.

    far: whether the gap is beyond its threshold.
    truth: None where it is unknown.
    more: the columns of the second table.
    """

    label: str
    estimate: str
    posterior: str
    interval: str
    gap: str
    far: bool
    truth: str | None
    more: tuple[str, ...]


class Card(NamedTuple):
    """A finding, its numbers in words."""

    severity: str
    code: str
    title: str
    value: str
    threshold: str
    message: str
    remedy: str


def _without_folder(tree: xr.DataTree) -> xr.DataTree:
    """Return the tree, the file that an estimate came from named without its folder."""
    found, attrs = tree.copy(), tree["em"].attrs
    found["em"].attrs = {**attrs, "source": PurePath(attrs["source"]).name}
    return found


def _question(tree: xr.DataTree) -> str:
    """Ask, in one sentence, what the page answers."""
    attrs, source = tree.attrs, tree["em"].attrs["source"]
    k, n, m = int(attrs["components"]), attrs["observations"], distinct_of(tree)
    family = attrs["family"]
    component, observed = PLAIN.get(family, (f"of family {family}", "observations"))
    who = "EM" if source == "EM" else f"the estimate ({source})"
    each = "each " * (k > 1)
    equal = " and of equal share" * bool(attrs["equal_weights"] and k > 1)
    names = columns_of(tree)
    of = f" ({', '.join(names)})" if names else ""
    distinct = f", {m:,} of them distinct" if m < n else ""
    return (
        f"Do {who} and MCMC find the same {_numeral(k)} component{'s' * (k > 1)}, "
        f"{each}{component} ({family}){equal}, behind {n:,} {observed}{among(tree)}{of}{distinct}?"
    )


def _numeral(k: int) -> str:
    return NUMERALS[k] if k < len(NUMERALS) else f"{k:,}"


def _why(tree: xr.DataTree, verdict: Verdict, causes: list[Finding]) -> list[str]:
    """Return what carries the verdict, most important first, in sentences."""
    if verdict != "agree":
        return [_typeset(one.message) for one in causes if one.severity in (FAULT, DOUBT)]
    table, attrs = tree["comparison"].to_dataset(), tree.attrs
    gaps = np.abs(table["gap_in_sd"].to_numpy())
    worst = int(np.nan_to_num(gaps).argmax())
    sentence = (
        f"The largest gap between posterior mean and estimate is {_short(gaps[worst])} "
        f"posterior sd ({table['parameter'].to_numpy()[worst]}), the draws' mean "
        f"deviance from the estimate is {_short(attrs['deviance_mean'])} where "
        f"{attrs['deviance_df']} is expected, and the densities that the two predict are a "
        f"Hellinger distance of {_short(attrs['hellinger'])} apart (0 is none, 1 is all)."
    )
    return [sentence]


def _groups(tree: xr.DataTree) -> list[str]:
    """Return what was found of each component: its share, and where it lies."""
    frame = tree["comparison"].to_dataset().to_dataframe()
    first = next((name for name in frame["name"] if name != "weight"), "weight")
    k, names, found = int(tree.attrs["components"]), columns_of(tree), []
    for component in range(min(k, SHOWN)):
        own = frame[frame["component"].isin([component, -1])]
        parts = [
            f"{_percent(row['mean'], row['sd'])} of all ({_percent(row['low'], row['sd'])} to "
            f"{_percent(row['high'], row['sd'])})"
            for row in own[own["name"] == "weight"].to_dict("records")
        ]
        parts += [
            f"{_of_column(first, row['dimension'], names)} {_rounded(row['mean'], row['sd'])} "
            f"({_rounded(row['low'], row['sd'])} to {_rounded(row['high'], row['sd'])})"
            for row in own[own["name"] == first].head(SHOWN).to_dict("records")
        ]
        found.append(f"component {component}: {', '.join(parts)}")
    if k > SHOWN:
        found.append(f"and {k - SHOWN:,} more, which the table below lists")
    return found


def _percent(share: float, error: float) -> str:
    """Return a share in percent."""
    return f"{_rounded(100 * share, 100 * error)}%"


def _of_column(field: str, dimension: str, names: list[str]) -> str:
    """Return what a field is called, of which column where there are several."""
    if not dimension:
        return field
    column = int(dimension.partition(",")[0])
    return f"{field} of {names[column] if names else f'column {column}'}"


def _table(tree: xr.DataTree) -> list[Row]:
    """Return the rows of the tables."""
    frame = tree["comparison"].to_dataset().to_dataframe()
    return [_row(str(label), line) for label, line in frame.to_dict("index").items()]


def _row(label: str, line: dict[str, float]) -> Row:
    """Return a parameter's numbers, each to the digits that its error makes sense of."""
    sd = line["sd"]
    return Row(
        label,
        _estimate(line["mle"], line["se"], sd),
        _with_error(line["mean"], sd),
        f"{_rounded(line['low'], sd)} to {_rounded(line['high'], sd)}",
        _signed(line["gap_in_sd"]),
        bool(abs(line["gap_in_sd"]) > GAP),
        _rounded(line["truth"], sd) if "truth" in line else None,
        (
            _signed(line["prior_pull"]),
            _signed(line["skew"]),
            _short(line["noise"]),
            _short(line["sd_ratio"]),
            _short(line["percentile"]),
            _fixed(line["r_hat"], 3),
            _short(np.floor(line["ess_bulk"])),
            _short(np.floor(line["ess_tail"])),
        ),
    )


def _estimate(value: float, error: float, sd: float) -> str:
    """Return an estimate with its error; without one to the digits of the posterior's sd."""
    if 0 < error < np.inf or abs(value) < sd / 100:  # of which those digits would leave nothing
        return _with_error(value, error)
    return _rounded(value, sd)


def _with_error(value: float, error: float) -> str:
    """Return value ± error; the value alone where there is no error."""
    if not 0 < error < np.inf:
        return _short(value)
    return f"{_rounded(value, error)} ± {_rounded(error, error)}"


def _rounded(value: float, error: float) -> str:
    """Return a number to the second digit of its error."""
    if not 0 < error < np.inf or not np.isfinite(value):
        return _short(value)
    least, most = FIXED
    place = int(np.floor(np.log10(error)))
    if error >= least and max(abs(value), error) < most:
        return _minus(f"{round(value, 1 - place):z,.{max(1 - place, 0)}f}")
    digits = int(np.floor(np.log10(abs(value)))) - place + 1 if value else 0
    return _scientific(value, max(digits, 0))


def _short(value: float) -> str:
    """Return a number that has no error: four digits from 1 up, two below."""
    if np.isnan(value):
        return UNKNOWN
    if np.isinf(value):
        return _minus(f"{value:.0f}".replace("inf", "∞"))
    size, (least, most) = abs(value), FIXED
    if value and not least <= size < most:
        return _scientific(value, 1).replace(".0", "")
    digits = 4 if size >= 1 else 2
    rounded = float(f"{value:.{digits}g}")
    return _minus(f"{rounded:,.10g}" if size < 1e4 else f"{value:,.0f}")


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    space = "\N{NO-BREAK SPACE}"
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{_minus(mantissa)}{space}×{space}10{power}"


def _signed(value: float) -> str:
    text = _fixed(value, 2)
    return "+" * (value > 0 and text != "0.00") + text


def _fixed(value: float, places: int) -> str:
    """Return a number to so many places after the point."""
    if not np.isfinite(value) or abs(value) >= FIXED[1]:
        return _short(value)
    return _minus(f"{value:z,.{places}f}")  # z: no minus before 0.00


def _minus(text: str) -> str:
    """Write the sign as typographers do."""
    return text.replace("-", "−")  # noqa: RUF001


def _typeset(message: str) -> str:
    """Return a sentence, its powers of ten written for readers: 1,500 for 1.5e+03."""
    return re.sub(r"-?\d+\.?\d*e[-+]\d+", lambda found: _short(float(found[0])), message)


def _card(finding: Finding) -> Card:
    return Card(
        finding.severity,
        finding.code,
        finding.code.replace("_", " ").capitalize(),
        _short(finding.value),
        _short(finding.threshold),
        _typeset(finding.message),
        finding.remedy,
    )


def _few(tree: xr.DataTree, causes: list[Finding]) -> dict[str, str] | None:
    """Return what the paragraph on few data speaks of, or None where there are enough."""
    if not any(one.code == "few_observations" for one in causes):
        return None
    n, p = tree.attrs["observations"], int(tree.attrs["deviance_df"])
    observed = PLAIN.get(tree.attrs["family"], ("", "observations"))[1]
    return {"n": f"{n:,}", "observed": observed, "p": f"{p:,} parameter{'s' * (p > 1)}"}


def _steps(story: Story | None) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, heads and rows of each of a study's tables."""
    if story is None:
        return []
    return [
        (one.title, list(one.columns), [[_cell(cell) for cell in row] for row in one.words()])
        for one in story.steps
    ]


def _cell(word: str) -> str:
    """Return a cell, the minus sign of a number as typographers write it."""
    return _minus(word[:1]) + word[1:] if word[1:2].isdigit() else word


def _drawn(pictures: Iterable[Picture]) -> list[tuple[str, str, Markup]]:
    """Return title, words and SVG of each picture."""
    return [(one.title, one.alt, _inlined(one)) for one in pictures]


def _inlined(picture: Picture) -> Markup:
    """Return a picture as an SVG that can stand beside others in one page."""
    # its style speaks of every element of the page; the template gives pictures theirs
    body = re.sub(r"<(style|metadata)\b.*?</\1>", "", svg(picture.figure()), flags=re.DOTALL)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{picture.name}-", body)
    opening = re.search(r'<svg\b[^>]*\bviewBox="([^"]*)"[^>]*>', body)
    assert opening is not None
    label = Markup('<svg viewBox="{}" role="img" aria-label="{}"><title>{}</title>')
    return label.format(opening[1], picture.alt, picture.title) + Markup(body[opening.end() :])  # noqa: S704


def _of_em(tree: xr.DataTree) -> dict[str, str]:
    """Return how EM went."""
    attrs = tree["em"].attrs
    found = {
        "Estimate by": attrs["source"],
        "Starts": f"{attrs['starts']:,}",
        "Distinct optima": f"{attrs['optima']:,}",
        "Steps of the best start": f"{attrs['steps']:,}",
        "Converged": "yes" if attrs["converged"] else "no",
        "Log-likelihood of the estimate": _minus(f"{attrs['log_likelihood']:,.3f}"),
        "Newton decrement (standard errors to go)": _short(attrs["decrement"]),
        "BIC": _minus(f"{attrs['bic']:,.1f}"),
    }
    if 0 <= attrs["missing"] <= 1:  # beyond, the estimate is no maximum
        found["Information lost to hidden labels"] = f"{attrs['missing']:.1%}"
    return found


def _optima(tree: xr.DataTree) -> list[tuple[str, ...]]:
    """Return where starts ended: log-likelihood, starts, and what is wrong with the place."""
    table = tree["optima"].to_dataset()
    columns = [table[name].to_numpy() for name in ("log_likelihood", "starts", "spike", "empty")]
    return [
        (
            _minus(f"{height:,.3f}"),
            f"{starts:,}",
            "spike, set aside" if spike else "empty component" if empty else "proper",
        )
        for height, starts, spike, empty in zip(*columns, strict=True)
    ]


def _of_chains(tree: xr.DataTree) -> dict[str, str]:
    """Return how the chains went."""
    attrs, sizes = tree.attrs, tree["posterior"].sizes
    both = tree["diagnostics"].to_dataset()
    worst, before = (worst_of(both.sel(labels=name)) for name in ("aligned", "as drawn"))
    found = {
        "Sampler": str(attrs["inference_library"]),
        "Chains": f"{sizes['chain']:,}",
        "Draws a chain": f"{sizes['draw']:,}",
    }
    if "tune" in attrs:
        found["Draws a chain to tune"] = f"{attrs['tune']:,}"
    found |= {
        "Largest R-hat": _fixed(worst.r_hat, 3),
        "Largest R-hat before labels were aligned": _fixed(before.r_hat, 3),
        "Least bulk ESS": _short(np.floor(worst.ess_bulk)),
        "Least tail ESS": _short(np.floor(worst.ess_tail)),
    }
    if "diverging" in tree["sample_stats"]:
        found["Divergences"] = f"{int(tree['sample_stats']['diverging'].sum()):,}"
    if np.isfinite(attrs.get("sampling_seconds", np.nan)):
        found["Seconds"] = _short(attrs["sampling_seconds"])
    return found


def _prior(tree: xr.DataTree) -> str:
    """Return the prior as Python writes it."""
    question = question_of(tree)
    if json.loads(tree.attrs["prior"]) is None:
        return "unknown: the posterior was adopted without its prior"
    weak = question.usual_prior()
    return _prior_call(question.prior) + " (the weak default)" * weak


def _prior_call(prior: Prior) -> str:
    fields = ", ".join(
        f"{name}={np.asarray(value).tolist()}" for name, value in entries(prior.theta).items()
    )
    return f"Prior({prior.weight}, {type(prior.theta).__name__}({fields}))"


def _call(tree: xr.DataTree) -> str:
    """Return the Python that makes such a comparison, what is left at its default left out."""
    question, made_here = question_of(tree), "seed" in tree.attrs
    family, prior = question.component.family, question.prior
    name, names = family.__name__, [family.__name__, "Sample"]
    if issubclass(family, MultivariateGaussian) and family is not MultivariateGaussian:
        name = f'MultivariateGaussian.with_covariance("{family.form().name}")'
        names[0] = "MultivariateGaussian"
    asked = f"{name}, Sample({'x' if question.sample.trials is None else 'heads, trials'})"
    settings = _settings(tree, question)
    before = []
    if "prior=prior" in settings:
        names += ["Prior", type(prior.theta).__name__]
        before = [f"prior = {_prior_call(prior)}"]
    truth = ", truth=truth" * ("truth" in tree["comparison"])
    judged = not (made_here and tree["em"].attrs["source"] == "EM")
    before = [*_placeholders(tree, question, judged=judged), *before]
    if not judged:
        starts = int(tree["em"].attrs["starts"])
        settings += [f"starts={starts}"] * (starts != STARTS)
        head, first = ["from comparisons import second_opinion"], "comparison = second_opinion"
        body = [_spread(first, f"{asked}, {question.k}", ", ".join(settings) + truth)]
    else:
        head = ["import bayes", "from comparisons import compare"]
        first, rest = ("sample", str(question.k)) if made_here else ("adopt", "tree, names")
        body = [
            _spread(f"posterior = bayes.{first}", f"{asked}, {rest}", ", ".join(settings)),
            f"comparison = compare(estimate, posterior{truth})",
        ]
    head += [f"from models import {', '.join(sorted(names))}", ""]
    return "\n".join([*head, *before, *body])


def _placeholders(tree: xr.DataTree, question: Question, *, judged: bool) -> list[str]:
    """Return what whoever pastes the Python has to put in, and comments that say so."""
    names = columns_of(tree)
    of = f", {', '.join(map(repr, names))}" if names else ""
    flips = question.sample.trials is not None
    what = "heads and trials: lists or arrays" if flips else "x: a list, an array or a table"
    found = [f"# {what} of your observations{of}"]
    source = str(tree["em"].attrs["source"])
    if judged and source.endswith(".json"):
        found.append(f"estimate = {source!r}")
    elif judged:
        found.append("# estimate: an em.Fit, a Mixture or the path of a JSON file")
    if "seed" not in tree.attrs:
        found.append("# tree, names: the posterior, and what it calls our parameters")
    if "truth" in tree["comparison"]:
        found.append("# truth: the Mixture that the observations were drawn from")
    return [*found, ""]


def _settings(tree: xr.DataTree, question: Question) -> list[str]:
    """Return the keyword arguments of a posterior that are not the usual ones, and its seed."""
    attrs, usual = tree.attrs, {"tune": 1_000, "chains": 4}
    settings = []
    if json.loads(attrs["prior"]) is not None and not question.usual_prior():
        settings.append("prior=prior")
    if question.equal_weights:
        settings.append("equal_weights=True")
    if "seed" not in attrs:  # of another sampler
        return settings
    if "gates" not in attrs:  # which a number of draws that was asked for need not meet
        settings.append(f"draws={attrs['draws']}")
    settings += [f"{name}={attrs[name]}" for name, value in usual.items() if attrs[name] != value]
    return [*settings, f"seed={attrs['seed']}"]


def _spread(function: str, asked: str, settings: str) -> str:
    """Return a call over some lines."""
    lines = [f"{function}(", f"    {asked},", f"    {settings},", ")"]
    return "\n".join(line for line in lines if line.strip() != ",")
