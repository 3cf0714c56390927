"""Rows in groups: a step of EM, the climb to the limit, and growth with the cells of a table."""

from __future__ import annotations

import warnings
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.speed.records import Found, Goal, Race, costlier, faster, timed
from em import fit
from models import Admixture, Categorical, Groups

if TYPE_CHECKING:
    from comparisons.speed.records import Say, Scale
    from models.arrays import Array

__all__ = ["Corpus", "Leg", "corpus_of", "measure"]

SEED = 6
FEW = 4  # steps of which only the set-up is wanted
OURS, THEIRS = 150, 12  # steps more that are timed: with 12 of ours set-up hides them
WORDS = 250  # of a document
FEWER = 150  # of the documents, half as many, on which single steps are timed
PATIENCE = 6
LIMIT = 1e-6  # of the log-likelihood: as near as another side has to come
LEG = 50  # steps of another side between two looks at its height
STILL = 1e-8  # of the log-likelihood: a smaller rise in so many steps is none
MOST = 2_000  # steps of another side to the limit


class Corpus(NamedTuple):
    """Documents, their table of counts, and where both sides start.

    >>> corpus = corpus_of(30, 20, 2, np.random.default_rng(0))
    >>> corpus.data.sample.observations, corpus.start.weight.shape
    (7500, (30, 2))
    """

    data: Groups
    table: Any
    start: Admixture[Categorical]


def measure(scale: Scale, say: Say) -> Found:
    """Let all sides take turns."""
    rng = np.random.default_rng(SEED)
    documents = scale.rows // WORDS
    races: list[Race] = []
    for k in (10, 20):
        corpus = corpus_of(documents // 2, 5_000, k, rng, FEWER)
        cells = f"{corpus.table.nnz:,} cells, K = {k}"
        races += raced(f"EM per step in groups, {cells}", corpus, scale.rounds, say)
    corpus = corpus_of(documents, 5_000, 10, rng)
    work = f"EM to the limit in groups, {documents * WORDS:,} words, K = 10"
    races += to_the_limit(work, corpus, scale, say)
    say("admixtures: growth with cells")
    races.append(flatness(scale, rng))
    return Found(tuple(races))


def corpus_of(
    documents: int, words: int, k: int, rng: np.random.Generator, length: int = WORDS
) -> Corpus:
    """Draw documents of some length that mix k topics, with a start that is not the truth.

    >>> corpus_of(20, 30, 2, np.random.default_rng(0)).table.shape[0]
    20
    """
    topics = rng.dirichlet(np.full(words, 0.1), k)
    shares = rng.dirichlet(np.full(k, 0.2), documents)
    edges = np.cumsum(topics, axis=1)
    labels = np.concatenate([rng.choice(k, length, p=share) for share in shares])
    found = np.empty(len(labels), np.int64)
    for topic in range(k):
        own = labels == topic
        found[own] = np.searchsorted(edges[topic, :-1], rng.random(own.sum()), side="right")
    _, codes = np.unique(found, return_inverse=True)
    names = [f"word{code}" for code in range(codes.max() + 1)]
    which = np.repeat(np.arange(documents), length)
    data = Groups(codes, which, categories=names)
    table = data.to_table().astype(np.float64)
    near = rng.dirichlet(np.full(len(names), 10.0), k)
    start = Admixture(rng.dirichlet(np.full(k, 10.0), documents), Categorical(near))
    return Corpus(data, table, start)


def raced(work: str, corpus: Corpus, rounds: int, say: Say) -> list[Race]:
    """Take turns, a step at a time, with scikit-learn's NMF and LatentDirichletAllocation."""
    taken: list[tuple[float, float, float]] = []
    if find_spec("sklearn") is not None:
        check(corpus)
        for turn in range(rounds):
            say(f"{work}, round {turn + 1} of {rounds}")
            sides = (ours, factors, topics)
            taken.append(tuple(step(side, corpus) for side in sides))  # type: ignore[arg-type]
    return [
        faster(
            work, "scikit-learn's NMF (Kullback-Leibler)", [(a, b) for a, b, _ in taken], Goal(8)
        ),
        faster(
            work,
            "scikit-learn's LatentDirichletAllocation (batch)",
            [(a, c) for a, _, c in taken],
            Goal(100),
        ),
    ]


def ours(corpus: Corpus, steps: int) -> tuple[Admixture[Any], float]:
    """Take plain steps; return where they lead and the seconds."""
    settings: dict[str, Any] = {"accelerate": False, "tolerance": 0, "max_steps": steps}
    found, took = timed(
        lambda: fit(
            Categorical, corpus.data, corpus.start.weight.shape[1], start=corpus.start, **settings
        )
    )
    return found.estimate, took


def factors(
    corpus: Corpus, steps: int, start: Admixture[Any] | None = None
) -> tuple[Admixture[Any], float]:
    """Let NMF take steps, by default from the same start; shares are scaled by groups' sizes."""
    from sklearn.decomposition import NMF

    weight, theta = corpus.start if start is None else start
    model = NMF(
        weight.shape[1],
        init="custom",
        solver="mu",
        beta_loss="kullback-leibler",
        max_iter=steps,
        tol=0.0,
    )
    own = weight * corpus.data.totals[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        parts, took = timed(
            lambda: model.fit_transform(corpus.table, W=own.copy(), H=theta.prob.copy())
        )
    total = model.components_.sum(axis=1)
    shares = parts * total
    shares /= shares.sum(axis=1, keepdims=True)
    return Admixture(shares, Categorical(model.components_ / total[:, None])), took


def topics(corpus: Corpus, steps: int) -> tuple[None, float]:
    """Let LatentDirichletAllocation take batch steps, whose start it draws by itself."""
    from sklearn.decomposition import LatentDirichletAllocation

    k = corpus.start.weight.shape[1]
    model = LatentDirichletAllocation(k, learning_method="batch", max_iter=steps, random_state=0)
    _, took = timed(lambda: model.fit(corpus.table))
    return None, took


def check(corpus: Corpus) -> None:
    """Raise AssertionError unless NMF climbs the same likelihood.

    It updates components after shares, so that a step of it is not one of EM, and leads higher.

    >>> check(corpus_of(20, 30, 2, np.random.default_rng(0)))
    """
    begun, (mine, _), (theirs, _) = corpus.start, ours(corpus, FEW), factors(corpus, FEW)
    first, one, other = (height(corpus, each) for each in (begun, mine, theirs))
    assert first < one
    assert first < other
    assert abs(one - other) < 0.5 * (one - first), (first, one, other)


def height(corpus: Corpus, estimate: Admixture[Any]) -> float:
    """Return the log-likelihood, by the formula.

    >>> corpus = corpus_of(20, 30, 2, np.random.default_rng(0))
    >>> height(corpus, corpus.start) < 0
    True
    """
    weight, theta = estimate
    rows, prob = corpus.data.whose, np.ascontiguousarray(np.asarray(theta.prob).T)
    codes = corpus.table.indices
    inner: Array = np.einsum("ck,ck->c", np.asarray(weight)[rows], prob[codes])
    return float(corpus.table.data @ np.log(inner))


def step(side: Any, corpus: Corpus) -> float:
    """Return the seconds of one step: of many steps less those of few, which cancels set-up.

    >>> step(ours, corpus_of(20, 30, 2, np.random.default_rng(0))) > 0
    True
    """
    more = OURS if side is ours else THEIRS
    for _ in range(PATIENCE):
        few, most = side(corpus, FEW)[1], side(corpus, FEW + more)[1]
        if most > few:
            return float((most - few) / more)
        more *= 2
    raise RuntimeError("the machine is too busy to time a step")


def to_the_limit(work: str, corpus: Corpus, scale: Scale, say: Say) -> list[Race]:
    """Climb to the lower one of both sides' ends, to within LIMIT of its log-likelihood.

    Both climb on to their own ends first, which are not always the same optimum.
    """
    rounds: list[tuple[float, float]] = []
    peer = "scikit-learn's NMF, to the same log-likelihood"
    if find_spec("sklearn") is not None:
        k = corpus.start.weight.shape[1]
        climbed = partial(fit, Categorical, corpus.data, k, start=corpus.start)
        trace = climbed().trace
        theirs = _legs(corpus, trace[-1], say)
        end = min(trace[-1], theirs[-1].height)
        enough = end * (1 + LIMIT)
        leg = next(one for one in theirs if one.height >= enough)
        steps = int(np.argmax(trace >= enough))
        for _ in range(min(scale.rounds, 2)):
            say(work)
            rounds.append((timed(partial(climbed, max_steps=steps))[1], leg.took))
        peer = (
            f"scikit-learn's NMF: {steps} steps and {leg.steps} to within {-LIMIT * end:.1f} of "
            f"{end:,.0f}; their ends lie {trace[-1] - theirs[-1].height:+.1f} apart"
        )
    return [faster(work, peer, rounds, Goal(8))]


class Leg(NamedTuple):
    """Where another side is after some steps and seconds.

    >>> Leg(50, 1.5, -3000.0).steps
    50
    """

    steps: int
    took: float
    height: float


def _legs(corpus: Corpus, top: float, say: Say) -> list[Leg]:
    """Let NMF climb until it passes our end or hardly rises; looks at its height take no time."""
    found, reached = [Leg(0, 0.0, height(corpus, corpus.start))], corpus.start
    while len(found) < 2 or found[-1].height - found[-2].height > STILL * abs(top):
        if found[-1].steps >= MOST or found[-1].height >= top:
            break
        steps, took, _ = found[-1]
        reached, more = factors(corpus, LEG, reached)
        found.append(Leg(steps + LEG, took + more, height(corpus, reached)))
        say(f"NMF after {steps + LEG} steps: {found[-1].height - top:.1f} from our end")
    return found


def flatness(scale: Scale, rng: np.random.Generator) -> Race:
    """Compare the time a cell and step where it is longest with where it is shortest."""
    most = min(10 * scale.rows, 10_000_000)
    sizes = [max(n, 10 * WORDS) for n in (most // 100, most // 10, most)]
    every = [corpus_of(n // WORDS, 5_000, 10, rng) for n in sizes]
    rounds = []
    for _ in range(scale.rounds):
        each = [step(ours, one) / one.table.nnz for one in every]
        rounds.append((max(each), min(each)))
    work = (
        f"admixtures: longest time per cell and step, {sizes[0]:,} to {sizes[-1]:,} words, K = 10"
    )
    return costlier(work, "the shortest", rounds, Goal(1.3, at_most=True))
