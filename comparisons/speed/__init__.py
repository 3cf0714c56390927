"""How fast is it? All that this README.md claims, measured side by side in one run.

    uv run second-opinion speed

Ours and every peer that is found take turns on the same data from the same start, and each round
gives a ratio: on a noisy machine ratios hold where seconds do not. All must do the same work,
which is checked before it is timed.
"""

__all__ = ["PARTS"]

PARTS = {
    "em": "EM per step, to the limit, and whole fits",
    "small": "small data: whole fits, the bootstrap test, calibration, opinions",
    "compression": "a Parquet file to distinct values with counts",
    "growth": "EM per step as n, K and d grow, and its memory",
    "start-up": "imports, commands and compilation",
    "posterior": "effective draws a second",
    "chains": "rows in order: EM, value and gradient, the posterior",
    "admixtures": "rows in groups: EM per step, to the limit, growth with cells",
    "coordinates": "the coordinates that the sampler could move in",
}
