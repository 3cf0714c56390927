"""How the posterior is drawn: the same models in PyMC."""

import bayes.sampling.light_imports  # noqa: F401 (before anything that loads ArviZ)

# isort: split

from bayes.admixture import AdmixtureGrouping
from bayes.binomial import BinomialComponent
from bayes.categorical import CategoricalComponent
from bayes.component import COMPONENTS
from bayes.gamma import GammaComponent
from bayes.gaussian import GaussianComponent
from bayes.hidden_markov import HiddenMarkovGrouping, StationaryGrouping, UniformGrouping
from bayes.independent import ColumnsComponent
from bayes.lognormal import LogNormalComponent
from bayes.mixture import MixtureGrouping
from bayes.model import build
from bayes.multivariate import multivariate
from bayes.multivariate_blanks import partly_seen
from bayes.negative_binomial import NegativeBinomialComponent
from bayes.poisson import PoissonComponent
from bayes.posterior.adopt import adopt
from bayes.posterior.diagnose import Check, Diagnosis, diagnose
from bayes.posterior.loo import loo
from bayes.posterior.stein import Target, target
from bayes.sample import ChainsWarning, align, log_likelihood, sample, sampled
from bayes.sampling.nuts import SamplerError
from bayes.structure import GROUPINGS
from bayes.student_t import StudentTComponent
from bayes.student_t_given import StudentTGivenComponent
from bayes.zero_inflated import ZeroInflatedComponent
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
from models.multivariate_blanks import PartlySeen
from models.student_t_given import StudentTGiven

COMPONENTS[Binomial] = BinomialComponent
COMPONENTS[Categorical] = CategoricalComponent
COMPONENTS[IndependentColumns] = ColumnsComponent
COMPONENTS[Gamma] = GammaComponent
COMPONENTS[Gaussian] = GaussianComponent
COMPONENTS[LogNormal] = LogNormalComponent
COMPONENTS[MultivariateGaussian] = multivariate
COMPONENTS[NegativeBinomial] = NegativeBinomialComponent
COMPONENTS[PartlySeen] = partly_seen
COMPONENTS[Poisson] = PoissonComponent
COMPONENTS[StudentT] = StudentTComponent
COMPONENTS[StudentTGiven] = StudentTGivenComponent
COMPONENTS[ZeroInflated] = ZeroInflatedComponent

GROUPINGS[Admixture] = AdmixtureGrouping
GROUPINGS[Mixture] = MixtureGrouping
GROUPINGS[HiddenMarkov] = HiddenMarkovGrouping
GROUPINGS[StationaryHiddenMarkov] = StationaryGrouping
GROUPINGS[UniformHiddenMarkov] = UniformGrouping

__all__ = [
    "ChainsWarning",
    "Check",
    "Diagnosis",
    "SamplerError",
    "Target",
    "adopt",
    "align",
    "build",
    "diagnose",
    "log_likelihood",
    "loo",
    "sample",
    "sampled",
    "target",
]
