"""The shapes that the hub shares with dashboards and tools: the operator's HTTP API and the live feed."""
