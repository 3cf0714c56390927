# Compile mixture.stan, or draw from it by a model that has been compiled.
# Arguments: "compile", the Stan file, the compiled file; or
# "draw", the compiled file, the file of doubles, the file of the answer, N, K, chains, tune, draws,
# processors, seed.
# In the file, after the rows: the prior's mean, n, squares and degrees, and the K means of the start.
# Answer, in doubles: each chain's seconds by Stan's own clock, then whether it diverged, then
# weight, mean and sd (mu and sigma there: their names are Stan's own), each (chains, draws[, K]), the last index fastest.
suppressMessages(library(rstan))
given <- commandArgs(trailingOnly = TRUE)
if (given[1] == "compile") {
  # Debian keeps Boost among the system's headers, where rstan does not look
  if (!file.exists(rstan_options("boost_lib"))) rstan_options(boost_lib = "/usr/include")
  saveRDS(stan_model(given[2]), given[3])
  quit("no")
}
model <- readRDS(given[2])
size <- as.integer(given[5:11])
n <- size[1]; k <- size[2]; chains <- size[3]; tune <- size[4]; draws <- size[5]
values <- readBin(given[3], "double", n + 4 + k)
prior <- values[n + 1:4]
data <- list(
  N = n, K = k, x = values[seq_len(n)], prior_mean = prior[1], prior_n = prior[2],
  prior_squares = prior[3], prior_degrees = prior[4]
)
start <- function(...) list(mu = values[n + 4 + seq_len(k)])
fit <- sampling(
  model, data, chains = chains, warmup = tune, iter = tune + draws, cores = size[6],
  seed = size[7], init = start, refresh = 0
)
drawn <- extract(fit, c("weight", "mu", "sigma"), permuted = FALSE)  # draw, chain, parameter
diverging <- sapply(get_sampler_params(fit, inc_warmup = FALSE), function(x) x[, "divergent__"])
answer <- file(given[4], "wb")
writeBin(as.vector(rowSums(get_elapsed_time(fit))), answer)
writeBin(as.vector(diverging), answer)
for (one in c("weight", "mu", "sigma")) {
  own <- drawn[, , paste0(one, "[", seq_len(k), "]"), drop = FALSE]
  writeBin(as.vector(aperm(own, c(3, 1, 2))), answer)
}
close(answer)
