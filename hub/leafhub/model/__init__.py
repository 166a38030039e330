"""What the hub knows, as frozen values: applications, devices, credentials, events, commands and their registry."""
