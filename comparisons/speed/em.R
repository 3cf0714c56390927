# EM's steps by mclust or mixtools, timed around the call alone.
# Arguments: the package, the file of doubles, the file of the answer, n, d, K, and step counts.
# In the file, after the rows: weight (K), mean (K, d), covariance (K, d, d), the last index fastest.
# Answer, in lines: seconds, weight, mean.
given <- commandArgs(trailingOnly = TRUE)
package <- given[1]
size <- as.integer(given[4:6])
n <- size[1]; d <- size[2]; k <- size[3]
values <- readBin(given[2], "double", n * d + k * (1 + d + d * d))
x <- matrix(values[seq_len(n * d)], n, d, byrow = TRUE)
rest <- values[-seq_len(n * d)]
weight <- rest[seq_len(k)]
mean <- matrix(rest[k + seq_len(k * d)], d, k)
cov <- array(rest[k + k * d + seq_len(k * d * d)], c(d, d, k))
suppressMessages(library(package, character.only = TRUE))

by_mclust <- function(steps) {
  variance <- if (d == 1) list(sigmasq = as.vector(cov)) else list(sigma = cov)
  start <- list(pro = weight, mean = if (d == 1) as.vector(mean) else mean, variance = variance)
  if (d > 1) start$variance$cholsigma <- array(apply(cov, 3, chol), c(d, d, k))
  control <- emControl(itmax = steps, tol = 0)
  rows <- if (d == 1) as.vector(x) else x
  model <- if (d == 1) "V" else "VVV"
  begun <- Sys.time()
  found <- em(rows, modelName = model, parameters = start, control = control)
  list(as.numeric(Sys.time() - begun, units = "secs"), found$parameters$pro, found$parameters$mean)
}

by_mixtools <- function(steps) {
  rows <- as.vector(x)
  silent <- file(nullfile(), "w"); sink(silent)
  begun <- Sys.time()
  found <- normalmixEM(
    rows, lambda = weight, mu = as.vector(mean), sigma = sqrt(as.vector(cov)), k = k,
    maxit = steps, epsilon = -1e6  # of -Inf it thinks that it is there before the first step
  )
  took <- as.numeric(Sys.time() - begun, units = "secs")
  sink(); close(silent)
  list(took, found$lambda, found$mu)
}

answer <- file(given[3], "w")
for (steps in as.integer(given[-(1:6)])) {
  gc()
  found <- if (package == "mclust") by_mclust(steps) else by_mixtools(steps)
  writeLines(sprintf("%.17g", c(found[[1]], found[[2]], found[[3]])), answer)
}
close(answer)
