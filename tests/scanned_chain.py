"""The log-likelihood of a hidden Markov chain by `pytensor.scan`, which differentiates itself.

It runs from left to right, as textbooks do, and shares nothing with the sums that it is held
against. PyTensor has its Hessian too.
"""

from __future__ import annotations

import pytensor
import pytensor.tensor as pt


def scanned(initial, transition, log_density, places, ends):
    """Return the log-likelihood; places and ends are arrays of numbers, m where nothing was seen."""
    k = log_density.shape[0]
    padded = pt.concatenate([log_density, pt.zeros((k, 1))], axis=1)
    total, begin = 0.0, 0
    for end in ends.astype(int):
        rows = padded[:, places[begin:end].astype(int)].T
        ahead = pt.log(initial) + rows[0]
        if end - begin > 1:
            steps = pytensor.scan(
                lambda row, before, moves: pt.logsumexp(before[:, None] + moves, axis=0) + row,
                sequences=[rows[1:]],
                outputs_info=[ahead],
                non_sequences=[pt.log(transition)],
                return_updates=False,
            )
            ahead = steps[-1]
        total = total + pt.logsumexp(ahead)
        begin = end
    return total
