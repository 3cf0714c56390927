"""Numbers of EM's table: as many digits as the error says, and no powers of ten where none helps."""

from __future__ import annotations

import numpy as np
import pytest

from em.printing import grids, rounded
from models import Gaussian, Mixture


@pytest.mark.parametrize(
    ("value", "error", "wanted"),
    [
        (84921.37, 0.183, "84921.37"),
        (84921.37, 12.6, "84921"),
        (0.80, 0.1015, "0.80"),
        (0.0996, 0.0996, "0.100"),
        (84921.37, np.nan, "84920"),
        (9_999_999.0, np.nan, "10000000"),
        (12_345_678.0, np.nan, "1.235e+07"),
        (0.000123456, np.nan, "0.0001235"),
        (0.0000123456, np.nan, "1.235e-05"),
        (0.0, np.nan, "0"),
        (1.25e-11, 3.1e-13, "1.250e-11"),
        (np.nan, 0.2, "nan"),
        (-3.14159, 0.05, "-3.142"),
    ],
)
def test_a_number_has_the_digits_of_its_error(value, error, wanted):
    found = rounded(value, error)
    assert float(found) == pytest.approx(float(wanted), rel=1e-12, nan_ok=True)
    assert len(found) <= len(wanted)
    if "e" not in wanted:
        assert found == wanted


def test_large_numbers_of_a_table_have_no_power_of_ten():
    one = Mixture(
        np.array([0.5, 0.5]), Gaussian(np.array([84921.37, 61234.5]), np.array([900.0, 8e3]))
    )
    of_it = Mixture(
        np.array([0.02, 0.02]), Gaussian(np.array([41.2, 350.0]), np.array([29.0, 250.0]))
    )
    cells = [cell for grid in grids(one, of_it) for row in grid.rows for cell in row[1:]]
    assert "84921 (41)" in cells
    assert not any("e+" in cell for cell in cells)
