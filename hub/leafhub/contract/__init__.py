"""What the hub shares with dashboards and tools: the operator API and the live feed."""
