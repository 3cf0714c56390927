"""What is estimated: families, samples, priors, simulation."""

from models.binomial import Binomial, BinomialPrior
from models.gaussian import Gaussian, GaussianPrior
from models.mixture import Mixture, Prior, ordered, simulate, weak_prior
from models.multivariate import FORMS, MultivariateGaussian, MultivariateGaussianPrior
from models.names import register
from models.poisson import Poisson, PoissonPrior
from models.sample import Sample

register("binomial", Binomial)
register("gaussian", Gaussian)
register("multivariate", MultivariateGaussian, FORMS)
register("poisson", Poisson)

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
