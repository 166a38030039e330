"""MQTT 3.1.1, 5.0 and MQIsdp without I/O: bytes and times in, bytes and values out."""
