"""Exosite Murano; the dialect itself is in ``dialect.py``."""
