// Gaussians with their means in order, the groups summed out, as the Stan User's Guide has them.
data {
  int<lower=1> K;
  int<lower=1> N;
  vector[N] x;
  real prior_mean;
  real prior_n;
  real prior_squares;
  real prior_degrees;
}
parameters {
  simplex[K] weight;
  ordered[K] mu;
  vector<lower=0>[K] sigma_squared;
}
transformed parameters {
  vector[K] sigma = sqrt(sigma_squared);
}
model {
  vector[K] log_weight = log(weight);
  sigma_squared ~ inv_gamma(prior_degrees / 2, prior_squares / 2);
  mu ~ normal(prior_mean, sigma / sqrt(prior_n));
  for (n in 1:N) {
    vector[K] each = log_weight;
    for (k in 1:K) each[k] += normal_lpdf(x[n] | mu[k], sigma[k]);
    target += log_sum_exp(each);
  }
}
