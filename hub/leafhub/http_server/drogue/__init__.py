"""The HTTP faces that applications written for Drogue Cloud know."""
