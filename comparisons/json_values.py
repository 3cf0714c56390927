"""What JSON can say."""

from __future__ import annotations

__all__ = ["Json"]

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
