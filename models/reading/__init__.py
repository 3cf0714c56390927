"""Columns of numbers, read from CSV and Parquet files some rows at a time."""

from models.reading.named import titled
from models.reading.refusal import InputError, said_of_the_file
from models.reading.table import Batch, Blanks, Reading, opened

__all__ = ["Batch", "Blanks", "InputError", "Reading", "opened", "said_of_the_file", "titled"]
