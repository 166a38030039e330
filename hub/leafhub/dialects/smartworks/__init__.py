"""Altair SmartWorks Edge; the dialect itself is in ``dialect.py``."""
