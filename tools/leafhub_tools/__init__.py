"""The tools: what runs on a computer beside the hub, for boards and for leaves without a board."""
