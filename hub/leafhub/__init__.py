"""Leafhub's hub: an MQTT endpoint that speaks four vendors' dialects and loses nothing."""
