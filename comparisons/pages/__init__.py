"""What is written: the report, the terminal, JSON, a folder."""
