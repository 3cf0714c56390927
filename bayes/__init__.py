"""How the posterior is drawn: the same families as PyMC models."""

from bayes.adopt import adopt
from bayes.binomial import BinomialComponent
from bayes.component import COMPONENTS
from bayes.diagnose import Check, Diagnosis, diagnose
from bayes.gaussian import GaussianComponent
from bayes.loo import loo
from bayes.mixture import build
from bayes.multivariate import multivariate
from bayes.poisson import PoissonComponent
from bayes.sample import ChainsWarning, align, log_likelihood, sample
from bayes.sampler import SamplerError
from bayes.target import Target, target
from models import Binomial, Gaussian, MultivariateGaussian, Poisson

COMPONENTS[Binomial] = BinomialComponent
COMPONENTS[Gaussian] = GaussianComponent
COMPONENTS[MultivariateGaussian] = multivariate
COMPONENTS[Poisson] = PoissonComponent

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
    "target",
]
