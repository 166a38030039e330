"""The hub beside mosquitto on this machine: ``python -m leafhub_tools.bench``, ``make bench``."""
