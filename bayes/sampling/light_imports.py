"""nutpie and ArviZ's parts without what they load on the way that nothing here looks at.

nutpie loads all of ArviZ, and so Matplotlib's pyplot, for a conversion that is not ours. ArviZ's
base leaves a JAX that loads itself at the first look; SciPy and Matplotlib look, to see whether an
array is JAX's, which then costs every run a second wherever JAX happens to be installed.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CompiledPyMCModel", "address_as_void_pointer", "nutpie"]

LOOKED_AT = ("jax", "numpyro")  # modules that ArviZ's base leaves to load themselves


class Later(ModuleType):
    """A module that is imported when something in it is looked at."""

    def __getattr__(self, name: str) -> object:
        """Return what the module calls by a name."""
        if name.startswith("__"):  # which the import system asks for
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


@contextmanager
def _put_off(name: str) -> Iterator[None]:
    """Let a module stand in for one that the imports within do not need yet."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = Later(name)
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _forgotten(names: tuple[str, ...]) -> Iterator[None]:
    """Take modules away that the imports within leave behind."""
    before = set(sys.modules)
    yield
    for name in names:
        if name not in before:
            sys.modules.pop(name, None)


with _forgotten(LOOKED_AT):
    import arviz_base  # noqa: F401 (which whatever else of ArviZ is imported finds there)

with _put_off("arviz"):
    import nutpie
    from nutpie.compile_pymc import CompiledPyMCModel, address_as_void_pointer
