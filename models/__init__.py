"""What is estimated: families, samples, priors, simulation."""

from models.binomial import Binomial, BinomialPrior
from models.gaussian import Gaussian, GaussianPrior
from models.mixture import Mixture, Prior, ordered, simulate, weak_prior
from models.multivariate import MultivariateGaussian, MultivariateGaussianPrior
from models.poisson import Poisson, PoissonPrior
from models.sample import Sample

__all__ = [
    "Binomial",
    "BinomialPrior",
    "Gaussian",
    "GaussianPrior",
    "Mixture",
    "MultivariateGaussian",
    "MultivariateGaussianPrior",
    "Poisson",
    "PoissonPrior",
    "Prior",
    "Sample",
    "ordered",
    "simulate",
    "weak_prior",
]
