"""Functions of PyTensor's graphs as they are, where only their values matter: nothing compiles."""

from __future__ import annotations

import pytensor
from pytensor.compile.mode import Mode

PLAIN = Mode(linker="py", optimizer=None)


def function(inputs, outputs, **options):
    """Return a function of NumPy arrays; inner functions ask no C compiler either."""
    with pytensor.config.change_flags(cxx=""):
        return pytensor.function(inputs, outputs, mode=PLAIN, **options)
