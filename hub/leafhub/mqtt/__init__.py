"""MQTT 3.1.1 and 5.0 (and MQIsdp, its forerunner) without I/O: bytes and times in, bytes and values out."""
