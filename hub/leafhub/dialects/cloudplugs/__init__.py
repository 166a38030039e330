"""CloudPlugs IoT; the dialect itself is in ``dialect.py``."""
