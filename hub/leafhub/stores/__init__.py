"""What the hub keeps on disk: the seam in ``base``, a module for each database, their schema."""
