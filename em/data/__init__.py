"""The rows as EM works on them: standardised, in blocks, on threads or on dask workers."""
