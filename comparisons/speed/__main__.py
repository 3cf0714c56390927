"""`python -m comparisons.speed` is `second-opinion speed`."""

import sys

from comparisons.cli import main

sys.argv[1:1] = ["speed"]
main()
