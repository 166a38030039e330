"""Drogue Cloud; the dialect itself is in ``dialect.py``."""
