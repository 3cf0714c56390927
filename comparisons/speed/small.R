# Processor seconds of one call of mclust on a table of doubles.
# Arguments: what is asked, the file of the table, its rows and columns, groups, model.
suppressMessages(library(mclust))
given <- commandArgs(trailingOnly = TRUE)
size <- as.integer(given[3:5])
values <- readBin(given[2], "double", size[1] * size[2])
rows <- matrix(values, size[1], size[2], byrow = TRUE)[, seq_len(size[2])]
model <- given[6]

asked <- list(
  fit = function(k) Mclust(rows, G = k, modelNames = model, verbose = FALSE),
  fits = function(k) Mclust(rows, G = seq_len(k), modelNames = model, verbose = FALSE),
  bootstrap = function(k) {
    mclustBootstrapLRT(rows, modelName = model, nboot = 999, maxG = k, verbose = FALSE)
  }
)[[given[1]]]

# the clock counts in milliseconds, so that short calls are repeated
seconds <- function(k, times) sum(system.time(for (time in seq_len(times)) asked(k))[1:2]) / times

set.seed(1)
if (given[1] == "bootstrap") {  # tests of fewer groups come first, and are not asked for
  taken <- seconds(size[3], 1) - seconds(size[3] - 1, 1)
} else {
  invisible(asked(1))
  taken <- seconds(size[3], 20)
}
cat(taken, "\n")
