"""The heart: takes what dialects understood, stores it, acknowledges it, and passes it on."""
