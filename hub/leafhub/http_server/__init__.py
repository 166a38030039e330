"""The shell round HTTP: one file for each face of the hub."""
