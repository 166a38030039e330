"""Asking HTTP endpoints, and what waits for their answers."""
