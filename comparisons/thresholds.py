"""Where each measure stops being ok: every constant once, with the reason for it."""

from __future__ import annotations

__all__ = [
    "AMBIGUOUS",
    "AROUND",
    "DEVIANCE_SHIFT",
    "EDGE",
    "FEW",
    "FORMAT",
    "GAP",
    "HELLINGER",
    "LEVEL",
    "MEMBERSHIPS",
    "MISSED",
    "MODES",
    "NOISE",
    "QUESTION",
    "SPREAD",
    "STOPPED",
    "SWITCHED",
]

QUESTION = 1e-9
STOPPED = 0.05
MISSED = 0.01
DEVIANCE_SHIFT = 0.5
GAP = 0.5
SPREAD = 1.5
HELLINGER = 0.05
MEMBERSHIPS = 0.1
NOISE = 0.1
AMBIGUOUS = 0.05
MODES = 0.1
EDGE = 2.0
FEW = 10.0
LEVEL = 0.95
SWITCHED = 1.1
AROUND = 0.05
FORMAT = 1  # of files and of JSON; it grows when a reader of the old one would stumble
