"""Import nutpie and parts of ArviZ without modules that are not used here.

nutpie imports all of ArviZ, and so Matplotlib's pyplot, for a conversion that is not used here.
ArviZ's base leaves a lazy JAX module behind, which is imported at the first attribute access. SciPy
and Matplotlib access it to test whether an array is JAX's. That costs a second of every run if JAX
is installed.
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

LOOKED_AT = ("jax", "numpyro")  # lazy modules that ArviZ's base leaves behind


class Later(ModuleType):
    """A module that is imported when one of its attributes is read."""

    def __getattr__(self, name: str) -> object:
        """Return an attribute of the module."""
        if name.startswith("__"):  # which the import system asks for
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


@contextmanager
def _put_off(name: str) -> Iterator[None]:
    """Replace a module by a lazy one during the imports within."""
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
    """Remove modules that the imports within leave behind."""
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
