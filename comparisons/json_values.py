"""The type of JSON values, and how they are written."""

from __future__ import annotations

import json

import msgspec
import numpy as np

__all__ = ["Json", "json_text"]

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None


def json_text(value: object) -> str:
    """Return a value as JSON over several lines; NaN and infinities are null.

    value: of plain values, NumPy's numbers and msgspec's structs.

    >>> print(json_text({"value": float("nan"), "steps": [1, 2.0]}))
    {
      "value": null,
      "steps": [
        1,
        2.0
      ]
    }
    """
    plain = msgspec.json.decode(msgspec.json.encode(value, enc_hook=_plain))  # which writes null
    return json.dumps(plain, allow_nan=False, indent=2)


def _plain(value: object) -> object:
    """Return a number of NumPy's as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError
