"""Columns of numbers, read from CSV and Parquet files."""

from models.reading import InputError

__all__ = ["InputError"]
