"""Rows that are not in memory: on disk, or on the workers of a dask cluster."""
