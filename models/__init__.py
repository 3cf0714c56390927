"""What is estimated: families, samples, priors, simulation."""

from models.admixture import Admixture
from models.binomial import Binomial, BinomialPrior, unidentified
from models.categorical import Categorical, CategoricalPrior, single_rows_unidentified
from models.digits import refuse_lost_digits
from models.gamma import Gamma, GammaPrior
from models.gaussian import Gaussian, GaussianPrior
from models.groups import Groups
from models.hidden_markov import HiddenMarkov
from models.independent import MADE_OF_COLUMNS, Independent, IndependentPrior
from models.independent import estimable as columns_estimable
from models.independent import unidentified as columns_unidentified
from models.lognormal import LogNormal, LogNormalPrior
from models.mixture import Mixture
from models.multivariate import (
    FORMS,
    MultivariateGaussian,
    MultivariateGaussianPrior,
    estimable,
    improper,
)
from models.multivariate_blanks import never_together, partly_seen_gaussian
from models.names import register, register_made
from models.negative_binomial import NegativeBinomial, NegativeBinomialPrior
from models.observations import OutOfCore
from models.poisson import Poisson, PoissonPrior
from models.positive import refuse_narrow
from models.prior import Prior
from models.question import weak_prior
from models.sample import Sample
from models.sequences import Sequences
from models.simulation import simulate
from models.structure import STRUCTURES, ordered
from models.student_t import StudentT, StudentTPrior
from models.student_t_given import MADE_WITH_DF
from models.zero_inflated import MADE_WITH_ZEROS, PARTS, ZeroInflated, ZeroInflatedPrior
from models.zero_inflated import estimable as estimable_with_zeros
from models.zero_inflated import unidentified as unidentified_beside_zeros

register("binomial", Binomial, BinomialPrior, unidentified=unidentified)
register(
    "gaussian",
    Gaussian,
    GaussianPrior,
    binned=True,
    estimable=lambda _, sample, names: refuse_lost_digits(sample, names),
    mends={"left skewness": ["gamma", "lognormal"]},
)
register(
    "multivariate",
    MultivariateGaussian,
    MultivariateGaussianPrior,
    FORMS,
    estimable=estimable,
    partly_seen=partly_seen_gaussian,
    unidentified=never_together,
    improper=improper,
)
register(
    "lognormal",
    LogNormal,
    LogNormalPrior,
    estimable=refuse_narrow,
    mends={"right skewness": ["gaussian", "student-t", "gamma"]},
)
register(
    "gamma",
    Gamma,
    GammaPrior,
    estimable=refuse_narrow,
    mends={"right skewness": ["gaussian", "student-t"], "left skewness": ["lognormal"]},
)
register("poisson", Poisson, PoissonPrior)
register(
    "negative-binomial", NegativeBinomial, NegativeBinomialPrior, mends={"spread": ["poisson"]}
)
register("student-t", StudentT, StudentTPrior, mends={"tails": ["gaussian", "student-t"]})
register_made("student-t", MADE_WITH_DF)
register("categorical", Categorical, CategoricalPrior, unidentified=single_rows_unidentified)
register_made(
    "zero-inflated",
    MADE_WITH_ZEROS,
    estimable=estimable_with_zeros,
    unidentified=unidentified_beside_zeros,
)
PARTS |= {"poisson": True, "negative-binomial": True, "binomial": True}
PARTS |= {"lognormal": False, "gamma": False}

register_made(
    "independent",
    MADE_OF_COLUMNS,
    estimable=columns_estimable,
    unidentified=columns_unidentified,
    partly_seen=lambda family: family,  # a blank has no term in the sum
)

STRUCTURES[Sample] = Mixture
STRUCTURES[OutOfCore] = Mixture
STRUCTURES[Sequences] = HiddenMarkov
STRUCTURES[Groups] = Admixture

__all__ = [
    "Admixture",
    "Binomial",
    "BinomialPrior",
    "Categorical",
    "CategoricalPrior",
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
    "Sample",
    "Sequences",
    "StudentT",
    "StudentTPrior",
    "ZeroInflated",
    "ZeroInflatedPrior",
    "ordered",
    "simulate",
    "weak_prior",
]
