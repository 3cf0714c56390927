"""How the optimum is found: the hand-written EM."""

from em.admixture import AdmixtureGrouping
from em.ahead import ahead, log_components, unit_densities
from em.binomial import BinomialEmission
from em.categorical import CategoricalEmission
from em.climb.basins import Basin, basins
from em.climb.loop import DescentError, climb
from em.data.subsample import subsample
from em.emission import EMISSIONS
from em.errors.coordinates import coordinates_of, displaced, log_prior
from em.errors.log_likelihood import log_likelihood
from em.errors.rounding import rounding
from em.fit import fit, fitted, fitted_at, out_of_reach, refuse_few_rows
from em.gamma import GammaEmission
from em.gaussian import GaussianEmission
from em.hidden_markov import MarkovGrouping, StationaryGrouping, UniformGrouping
from em.highest import highest
from em.independent import ColumnsEmission
from em.lognormal import LogNormalEmission
from em.mixture import MixtureGrouping
from em.multivariate import MultivariateEmission
from em.multivariate_blanks import PartlySeenEmission
from em.negative_binomial import NegativeBinomialEmission
from em.poisson import PoissonEmission
from em.result import Fit, Optimum
from em.step import Step
from em.structure import GROUPINGS
from em.student_t import StudentTEmission
from em.student_t_given import StudentTGivenEmission
from em.uncorrelated import UncorrelatedEmission
from em.zero_inflated import ZeroInflatedEmission
from models import (
    Admixture,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    HiddenMarkov,
    LogNormal,
    Mixture,
    MultivariateGaussian,
    NegativeBinomial,
    Poisson,
    StudentT,
    ZeroInflated,
)
from models.hidden_markov import StationaryHiddenMarkov, UniformHiddenMarkov
from models.independent import IndependentColumns
from models.multivariate import DiagonalGaussian, SphericalGaussian, TiedSphericalGaussian
from models.multivariate_blanks import PartlySeen
from models.student_t_given import StudentTGiven

EMISSIONS[Binomial] = BinomialEmission
EMISSIONS[Categorical] = CategoricalEmission
EMISSIONS[IndependentColumns] = ColumnsEmission
EMISSIONS[DiagonalGaussian] = UncorrelatedEmission
EMISSIONS[Gamma] = GammaEmission
EMISSIONS[Gaussian] = GaussianEmission
EMISSIONS[LogNormal] = LogNormalEmission
EMISSIONS[MultivariateGaussian] = MultivariateEmission
EMISSIONS[NegativeBinomial] = NegativeBinomialEmission
EMISSIONS[PartlySeen] = PartlySeenEmission
EMISSIONS[Poisson] = PoissonEmission
EMISSIONS[SphericalGaussian] = UncorrelatedEmission
EMISSIONS[StudentT] = StudentTEmission
EMISSIONS[StudentTGiven] = StudentTGivenEmission
EMISSIONS[TiedSphericalGaussian] = UncorrelatedEmission
EMISSIONS[ZeroInflated] = ZeroInflatedEmission

GROUPINGS[Admixture] = AdmixtureGrouping
GROUPINGS[HiddenMarkov] = MarkovGrouping
GROUPINGS[Mixture] = MixtureGrouping
GROUPINGS[StationaryHiddenMarkov] = StationaryGrouping
GROUPINGS[UniformHiddenMarkov] = UniformGrouping

__all__ = [
    "Basin",
    "DescentError",
    "Fit",
    "Optimum",
    "Step",
    "ahead",
    "basins",
    "climb",
    "coordinates_of",
    "displaced",
    "fit",
    "fitted",
    "fitted_at",
    "highest",
    "log_components",
    "log_likelihood",
    "log_prior",
    "out_of_reach",
    "refuse_few_rows",
    "rounding",
    "subsample",
    "unit_densities",
]
