"""Columns of numbers, read from CSV and Parquet files of any length."""
