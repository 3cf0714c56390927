"""How the posterior is drawn: the same families as PyMC models."""

from bayes import binomial, gaussian, multivariate, poisson
from bayes.mixture import DENSITIES, log_likelihood
from models import Binomial, Gaussian, MultivariateGaussian, Poisson

DENSITIES[Binomial] = binomial.log_density
DENSITIES[Gaussian] = gaussian.log_density
DENSITIES[MultivariateGaussian] = multivariate.log_density
DENSITIES[Poisson] = poisson.log_density

__all__ = ["log_likelihood"]
