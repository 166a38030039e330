"""What the hub knows, as frozen values: applications, devices, events, commands, a registry."""
