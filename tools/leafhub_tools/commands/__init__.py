"""The tools' commands of the ``leafhub`` command line."""
