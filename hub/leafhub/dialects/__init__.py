"""The vendors' ways of using MQTT, one module each: pure translation behind ``interface``."""
